//! Records an analysis's events while they are streamed to the client.

use protocol::analysis::{AnalysisEvent, Step, StepState, TextEdit};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// What an analysis's record stores of its events, however it ended.
#[derive(Debug, Default)]
pub struct RecordedEvents {
    pub answer: String,
    pub edits: Vec<TextEdit>,
    /// The ends of the steps, in order.
    pub steps: Vec<Step>,
}

/// Forwards events to `listener` and records them. When the listener is dropped, the sender is closed too.
pub fn tee(
    listener: mpsc::Sender<AnalysisEvent>,
) -> (mpsc::Sender<AnalysisEvent>, JoinHandle<RecordedEvents>) {
    let (sender, mut receiver) = mpsc::channel(1);
    let recording = tokio::spawn(async move {
        let mut recorded = RecordedEvents::default();
        loop {
            let event = tokio::select! {
                event = receiver.recv() => event,
                // Notice it between events too: a model may take minutes.
                () = listener.closed() => None,
            };
            let Some(event) = event else { return recorded };
            match &event {
                AnalysisEvent::Delta(delta) => recorded.answer.push_str(&delta.text),
                AnalysisEvent::Edit(edit) => recorded.edits.push(edit.clone()),
                AnalysisEvent::Reasoning(reasoning) if reasoning.retracts => recorded.answer.clear(),
                AnalysisEvent::Step(step) if step.state != StepState::Started => {
                    recorded.steps.push(step.clone());
                }
                _ => {}
            }
            if listener.send(event).await.is_err() {
                return recorded;
            }
        }
    });
    (sender, recording)
}

#[cfg(test)]
mod tests {
    use protocol::analysis::Delta;

    use super::*;

    #[tokio::test]
    async fn events_are_forwarded_and_recorded_until_the_listener_is_dropped() {
        let (listener, mut received) = mpsc::channel(4);
        let (sender, recording) = tee(listener);
        sender.send(AnalysisEvent::Delta(Delta { text: "a".into() })).await.unwrap();
        assert!(received.recv().await.is_some());
        drop(received);
        sender.closed().await;
        assert_eq!(recording.await.unwrap().answer, "a");
    }
}
