//! How far a client has followed an analysis, so that it can join the stream of its events again.

use std::time::Duration;

use crate::analysis::AnalysisEvent;

/// The header by which an analysis goes on when its connection is lost. Older servers ignore it.
pub const ON_DISCONNECT: (&str, &str) = ("on-disconnect", "continue");

/// How often a stream is joined again without any event: about a minute, as long as a server needs to start again.
const MAX_ATTEMPTS: u32 = 12;
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(8);

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Following {
    analysis_id: Option<String>,
    last_event_id: String,
    is_over: bool,
    attempts: u32,
}

impl Following {
    /// An event has come.
    pub fn received(&mut self, event: &AnalysisEvent) {
        self.attempts = 0;
        match event {
            AnalysisEvent::Started(started) => self.analysis_id = Some(started.analysis_id.clone()),
            AnalysisEvent::Done(_) | AnalysisEvent::Error(_) => self.is_over = true,
            _ => {}
        }
    }

    /// All events up to the one with this id have been received. Empty: the stream has none.
    pub fn seen(&mut self, last_event_id: &str) {
        if !last_event_id.is_empty() {
            last_event_id.clone_into(&mut self.last_event_id);
        }
    }

    /// Whether the last event has come.
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// `None`: it has not begun, or its server lets nobody join.
    pub fn analysis_id(&self) -> Option<&str> {
        self.analysis_id.as_deref()
    }

    pub fn last_event_id(&self) -> Option<&str> {
        Some(self.last_event_id.as_str()).filter(|id| !id.is_empty())
    }

    /// After the connection was lost: how long to wait before the stream is joined again. `None`: give up.
    pub fn next_attempt(&mut self) -> Option<Duration> {
        if self.is_over || self.analysis_id.is_none() || self.attempts == MAX_ATTEMPTS {
            return None;
        }
        let pause = FIRST_PAUSE.saturating_mul(1 << self.attempts.min(10)).min(LONGEST_PAUSE);
        self.attempts += 1;
        Some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Problem;
    use crate::analysis::{Delta, Started};

    #[test]
    fn a_stream_is_joined_again_for_about_a_minute_and_anew_after_each_event() {
        let mut following = Following::default();
        assert_eq!(following.next_attempt(), None, "its server lets nobody join");
        following.received(&AnalysisEvent::Started(Started {
            analysis_id: "a".into(),
            conversation: String::new(),
        }));
        following.seen("1.4");
        following.seen("");
        assert_eq!((following.analysis_id(), following.last_event_id()), (Some("a"), Some("1.4")));
        let pauses: Vec<_> = std::iter::from_fn(|| following.next_attempt()).collect();
        assert_eq!(pauses.len(), 12);
        let all: Duration = pauses.iter().sum();
        assert!((50..90).contains(&all.as_secs()), "{all:?}");
        following.received(&AnalysisEvent::Delta(Delta { text: "x".into() }));
        assert_eq!(following.next_attempt(), Some(FIRST_PAUSE));
        following.received(&AnalysisEvent::Error(Problem::internal()));
        assert!(following.is_over() && following.next_attempt().is_none());
    }
}
