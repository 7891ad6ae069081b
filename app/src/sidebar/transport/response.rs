//! HTTP responses: problem documents, and event streams of an analysis.

use eventsource_stream::{EventStreamError, Eventsource};
use futures::{Stream, StreamExt};
use protocol::Problem;
use protocol::analysis::AnalysisEvent;
use protocol::problem::TYPE_PREFIX;
use serde::de::DeserializeOwned;

use super::{unexpected, unreachable};

/// The problem of a failed response. A proxy's own error page becomes a problem with its status.
pub fn problem_of(status: u16, content_type: &str, retry_after: Option<&str>, body: &str) -> Problem {
    let is_json = content_type.split(';').next().is_some_and(|t| t.trim().ends_with("json"));
    let stated = is_json.then(|| serde_json::from_str::<Problem>(body).ok()).flatten();
    let seconds = retry_after.and_then(|seconds| seconds.trim().parse().ok());
    let mut problem = match stated {
        Some(problem) if problem.kind.starts_with(TYPE_PREFIX) => Problem { status, ..problem },
        _ => match status {
            401 => Problem::sign_in_required(),
            413 => Problem::invalid_input().field("image", "The picture is too large. Choose a smaller one."),
            429 => Problem::too_many_requests(seconds.unwrap_or(1)),
            502..=504 => unreachable(),
            _ => unexpected(&format!("status {status}")),
        },
    };
    problem.retry_after = problem.retry_after.or(seconds);
    problem
}

pub fn parse<T: DeserializeOwned>(body: &str) -> Result<T, Problem> {
    serde_json::from_str(body).map_err(|error| unexpected(&error.to_string()))
}

/// Reads the events of an analysis from a response's bytes, however they are chunked. Unknown event names are skipped.
/// Returns at the end of the stream; the caller has to check whether the last event was `done`.
pub async fn read_events<B: AsRef<[u8]>>(
    bytes: impl Stream<Item = Result<B, Problem>>,
    mut on_event: impl FnMut(AnalysisEvent),
) -> Result<(), Problem> {
    let mut events = std::pin::pin!(bytes.eventsource());
    while let Some(event) = events.next().await {
        let event = event.map_err(|error| match error {
            EventStreamError::Transport(problem) => problem,
            EventStreamError::Utf8(_) | EventStreamError::Parser(_) => unexpected("a broken event stream"),
        })?;
        let read = AnalysisEvent::from_sse(&event.event, &event.data);
        if let Some(event) = read.map_err(|error| unexpected(&error.to_string()))? {
            on_event(event);
        }
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
        let ended = block_on(read_events(stream::iter(chunks), |event| events.push(event)));
        (events, ended)
    }

    #[test]
    fn a_problem_document_is_returned_as_it_is() {
        let problem = Problem::too_many_requests(9);
        let body = serde_json::to_string(&problem).unwrap();
        assert_eq!(problem_of(429, "application/problem+json; charset=utf-8", None, &body), problem);
    }

    #[test]
    fn retry_after_comes_from_the_header() {
        let problem = problem_of(503, "application/problem+json", Some("12"), "{}");
        assert_eq!(problem.retry_after, Some(12));
        assert_eq!(problem_of(429, "text/html", Some("soon"), "").retry_after, Some(1));
    }

    #[test]
    fn a_proxys_error_page_is_not_shown() {
        for (status, kind) in [(502, "unreachable"), (404, "unexpected-answer"), (401, "sign-in-required")] {
            let problem = problem_of(status, "text/html", None, "<h1>nginx</h1>");
            assert!(problem.is(kind), "{problem:?}");
            assert!(!problem.to_string().contains("nginx"));
        }
        assert!(problem_of(413, "text/html", None, "").error_of("image").is_some());
    }

    #[test]
    fn another_programs_problem_document_is_not_shown() {
        let body = r#"{"type":"about:blank","title":"<b>x</b>","status":403}"#;
        assert!(problem_of(403, "application/problem+json", None, body).is("unexpected-answer"));
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
        for length in [1, 2, 3, 7, wire.len()] {
            let chunks = wire.as_bytes().chunks(length).map(|chunk| Ok(chunk.to_vec())).collect();
            assert_eq!(read(chunks), (expected.to_vec(), Ok(())), "chunks of {length}");
        }
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
