//! The event stream of an analysis: server-sent events in, typed events out.

use bytes::Bytes;
use futures::{Stream, StreamExt};
use protocol::analysis::AnalysisEvent;
use protocol::event_stream::EventStreamParser;
use protocol::following::Following;
use reqwest::Response;

use crate::transport::TransportError;

/// Passes on the events of a response until the last one.
pub async fn relay(
    response: Response,
    following: &mut Following,
    deliver: impl FnMut(AnalysisEvent) -> bool,
) -> Result<(), TransportError> {
    let bytes =
        response.bytes_stream().map(|chunk| chunk.map_err(|error| TransportError::from_reqwest(&error)));
    relay_bytes(std::pin::pin!(bytes), following, deliver).await
}

/// `done` and `error` end the stream; one that ends without either was interrupted. Events with unknown names are
/// ignored, as a newer server may send them.
async fn relay_bytes(
    mut bytes: impl Stream<Item = Result<Bytes, TransportError>> + Unpin,
    following: &mut Following,
    mut deliver: impl FnMut(AnalysisEvent) -> bool,
) -> Result<(), TransportError> {
    let mut parser = EventStreamParser::default();
    while let Some(chunk) = bytes.next().await {
        parser.push(&chunk?);
        while let Some(event) = parser.next_event() {
            let event = event.map_err(|_| TransportError::Interrupted)?;
            let Some(event) =
                AnalysisEvent::from_sse(&event.name, &event.data).map_err(|_| TransportError::Interrupted)?
            else {
                continue;
            };
            following.received(&event);
            if !deliver(event) || following.is_over() {
                return Ok(());
            }
        }
        following.seen(parser.last_event_id());
    }
    Err(TransportError::Interrupted)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn relayed(chunks: &[&'static str]) -> (Result<(), TransportError>, Vec<AnalysisEvent>) {
        let stream = futures::stream::iter(chunks.iter().map(|c| Ok(Bytes::from_static(c.as_bytes()))));
        let mut events = Vec::new();
        let result = relay_bytes(stream, &mut Following::default(), |event| {
            events.push(event);
            true
        })
        .await;
        (result, events)
    }

    const DONE: &str = "event: done\ndata: {\"analysis_id\":\"a\",\"mode\":\"m\",\"provider\":\"reader\",\
                        \"model\":\"\",\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2},\"ms\":3}\n\n";

    #[tokio::test]
    async fn events_arrive_typed_in_order_and_the_last_one_ends_them() {
        let chunks = [
            "\u{feff}: still thinking\n\nevent: step\ndata: {\"node\":\"read\",\"sta",
            "te\":\"started\"}\n\nevent: tomorrow\ndata: {}\n\n",
            "event: delta\ndata: {\"text\":\"gr\u{fc}n\"}\n\n",
            DONE,
            "event: delta\ndata: {\"text\":\"late\"}\n\n",
        ];
        let (result, events) = relayed(&chunks).await;
        assert_eq!(result, Ok(()));
        assert_eq!(events.iter().map(AnalysisEvent::name).collect::<Vec<_>>(), ["step", "delta", "done"]);
        assert_eq!(
            serde_json::to_value(&events[1]).unwrap(),
            serde_json::json!({"event": "delta", "data": {"text": "grün"}})
        );
    }

    #[tokio::test]
    async fn a_stream_without_its_last_event_was_interrupted() {
        let (result, events) = relayed(&["event: delta\ndata: {\"text\":\"half\"}\n\n"]).await;
        assert_eq!((result, events.len()), (Err(TransportError::Interrupted), 1));
        let (result, _) = relayed(&["event: delta\ndata: {\"text\":\n\n"]).await;
        assert_eq!(result, Err(TransportError::Interrupted));
    }

    #[tokio::test]
    async fn stops_when_nobody_listens() {
        let stream =
            futures::stream::iter([Ok(Bytes::from_static(b"event: delta\ndata: {\"text\":\"a\"}\n\n"))])
                .chain(futures::stream::pending());
        assert_eq!(relay_bytes(Box::pin(stream), &mut Following::default(), |_| false).await, Ok(()));
    }
}
