//! The event stream of an analysis.

use futures::{Stream, StreamExt};
use protocol::Problem;
use protocol::analysis::AnalysisEvent;
use protocol::event_stream::EventStreamParser;
use protocol::following::Following;

use crate::response::unexpected;

/// Reads the events of an analysis from a response's bytes, however they are chunked. Unknown event names are skipped.
/// Returns at the end of the stream; `following` says whether the last event has come.
pub async fn read_events<B: AsRef<[u8]>>(
    bytes: impl Stream<Item = Result<B, Problem>>,
    following: &mut Following,
    mut on_event: impl FnMut(AnalysisEvent),
) -> Result<(), Problem> {
    let mut bytes = std::pin::pin!(bytes);
    let mut parser = EventStreamParser::default();
    while let Some(chunk) = bytes.next().await {
        parser.push(chunk?.as_ref());
        while let Some(event) = parser.next_event() {
            let event = event.map_err(|error| unexpected(&error.to_string()))?;
            let read = AnalysisEvent::from_sse(&event.name, &event.data);
            if let Some(event) = read.map_err(|error| unexpected(&error.to_string()))? {
                following.received(&event);
                on_event(event);
            }
        }
        following.seen(parser.last_event_id());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use futures::stream;
    use protocol::analysis::{Delta, Step, StepState};

    use super::*;
    use crate::sidebar::run::interrupted;

    fn read(chunks: Vec<Result<Vec<u8>, Problem>>) -> (Vec<AnalysisEvent>, Result<(), Problem>) {
        let mut events = Vec::new();
        let mut following = Following::default();
        let ended = block_on(read_events(stream::iter(chunks), &mut following, |event| events.push(event)));
        (events, ended)
    }

    #[test]
    fn events_are_read_however_the_bytes_are_chunked() {
        let wire = "event: step\ndata: {\"node\":\"read\",\"state\":\"started\"}\n\n: still here\n\n\
                    event: tomorrow\ndata: 1\n\nevent: delta\r\ndata: {\"text\":\"größer\"}\r\n\r\n";
        let expected = [
            AnalysisEvent::Step(Step {
                node: "read".into(),
                state: StepState::Started,
                ms: None,
                note: None,
            }),
            AnalysisEvent::Delta(Delta { text: "größer".into() }),
        ];
        for wire in [wire.to_owned(), format!("\u{FEFF}{wire}")] {
            for length in [1, 2, 3, 7, wire.len()] {
                let chunks = wire.as_bytes().chunks(length).map(|chunk| Ok(chunk.to_vec())).collect();
                assert_eq!(read(chunks), (expected.to_vec(), Ok(())), "chunks of {length}");
            }
        }
    }

    #[test]
    fn a_line_without_end_is_a_problem() {
        let chunks = (0..3_000).map(|_| Ok(vec![b'x'; 1_000])).collect();
        assert!(read(chunks).1.unwrap_err().is("unexpected-answer"));
    }

    #[test]
    fn events_before_a_lost_connection_are_passed_on() {
        let first = b"event: delta\ndata: {\"text\":\"a\"}\n\nevent: delta\ndata: {\"te".to_vec();
        let (events, ended) = read(vec![Ok(first), Err(interrupted())]);
        assert_eq!(events.len(), 1);
        assert_eq!(ended, Err(interrupted()));
    }

    #[test]
    fn nonsense_in_a_known_event_is_a_problem() {
        let (_, ended) = read(vec![Ok(b"event: done\ndata: {}\n\n".to_vec())]);
        assert!(ended.unwrap_err().is("unexpected-answer"));
    }
}
