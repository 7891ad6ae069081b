//! Records an analysis's events while they are streamed to its clients.

use std::sync::Arc;

use protocol::analysis::AnalysisEvent;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::live::LiveRun;

/// Whom a run's events go to beside those who watch it.
#[derive(Debug, Clone)]
pub(super) enum Listener {
    /// The client that asked. The run waits for it, and ends when it is gone.
    Attached(mpsc::Sender<AnalysisEvent>),
    /// The client that asked, as long as it is there. The run goes on without it.
    Following(mpsc::Sender<AnalysisEvent>),
    /// Nobody: the run goes on by itself.
    Detached,
}

impl Listener {
    /// The client, as one that the run does not need any more.
    #[must_use]
    pub fn following(self) -> Self {
        match self {
            Self::Attached(client) => Self::Following(client),
            other => other,
        }
    }

    pub fn client(&self) -> Option<&mpsc::Sender<AnalysisEvent>> {
        match self {
            Self::Attached(client) | Self::Following(client) => Some(client),
            Self::Detached => None,
        }
    }
}

/// Forwards events to `live` and to the listener. When an attached listener is dropped, the sender is closed too.
pub(super) fn tee(
    mut listener: Listener,
    live: Arc<LiveRun>,
) -> (mpsc::Sender<AnalysisEvent>, JoinHandle<()>) {
    let (sender, mut receiver) = mpsc::channel::<AnalysisEvent>(1);
    let recording = tokio::spawn(async move {
        loop {
            let event = match &listener {
                Listener::Detached | Listener::Following(_) => receiver.recv().await,
                Listener::Attached(client) => tokio::select! {
                    event = receiver.recv() => event,
                    // Notice it between events too: a model may take minutes.
                    () = client.closed() => None,
                },
            };
            let Some(event) = event else { return };
            live.push(event.clone());
            let Some(client) = listener.client() else { continue };
            if client.send(event).await.is_err() {
                if matches!(listener, Listener::Attached(_)) {
                    return;
                }
                listener = Listener::Detached;
            }
        }
    });
    (sender, recording)
}

#[cfg(test)]
mod tests {
    use protocol::analysis::Delta;

    use super::*;

    fn live() -> Arc<LiveRun> {
        Arc::new(LiveRun::new("a".parse().unwrap(), "anna".parse().unwrap(), 1))
    }

    fn delta(text: &str) -> AnalysisEvent {
        AnalysisEvent::Delta(Delta { text: text.to_owned() })
    }

    #[tokio::test]
    async fn events_are_forwarded_and_recorded_until_the_listener_is_dropped() {
        let (client, mut received) = mpsc::channel(4);
        let live = live();
        let (sender, recording) = tee(Listener::Attached(client), Arc::clone(&live));
        sender.send(delta("a")).await.unwrap();
        assert!(received.recv().await.is_some());
        drop(received);
        sender.closed().await;
        recording.await.unwrap();
        assert_eq!(live.recorded().answer, "a");
    }

    #[tokio::test]
    async fn a_detached_run_goes_on_without_anybody() {
        let live = live();
        let (sender, recording) = tee(Listener::Detached, Arc::clone(&live));
        for text in ["a", "b", "c"] {
            sender.send(delta(text)).await.unwrap();
        }
        drop(sender);
        recording.await.unwrap();
        assert_eq!(live.recorded().answer, "abc");
    }
}
