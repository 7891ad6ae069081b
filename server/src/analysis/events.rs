//! What an analysis told on its way, for its record.

use protocol::analysis::{AnalysisEvent, Step, StepState};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// The part of an analysis' events that its record keeps, however it ended.
#[derive(Debug, Default)]
pub struct Told {
    pub answer: String,
    /// The ends of the steps, in order.
    pub steps: Vec<Step>,
}

/// Passes events on to `listener` and notes them. When the listener has gone, the sender learns of it.
pub fn tee(listener: mpsc::Sender<AnalysisEvent>) -> (mpsc::Sender<AnalysisEvent>, JoinHandle<Told>) {
    let (sender, mut receiver) = mpsc::channel(1);
    let noting = tokio::spawn(async move {
        let mut told = Told::default();
        loop {
            let event = tokio::select! {
                event = receiver.recv() => event,
                // Also while nothing happens: a model may think for minutes.
                () = listener.closed() => None,
            };
            let Some(event) = event else { return told };
            match &event {
                AnalysisEvent::Delta(delta) => told.answer.push_str(&delta.text),
                AnalysisEvent::Step(step) if step.state != StepState::Started => {
                    told.steps.push(step.clone())
                }
                _ => {}
            }
            if listener.send(event).await.is_err() {
                return told;
            }
        }
    });
    (sender, noting)
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::analysis::Delta;

    #[tokio::test]
    async fn events_are_passed_on_and_noted_until_the_listener_leaves() {
        let (listener, mut heard) = mpsc::channel(4);
        let (sender, told) = tee(listener);
        sender.send(AnalysisEvent::Delta(Delta { text: "a".into() })).await.unwrap();
        assert!(heard.recv().await.is_some());
        drop(heard);
        sender.closed().await;
        assert_eq!(told.await.unwrap().answer, "a");
    }
}
