//! What follows a try that gave no whole answer: the one place that decides it.
//!
//! Always holds: once a piece of an answer was sent on, nothing is tried again; a server that says when it wants to be asked
//! again is not asked before.

use std::time::Duration;

use protocol::analysis::NoticeCode;

use super::error::ProviderError;
use super::stream::AnswerStream;

/// Between two tries at a server that loads or is busy, unless it says how long. It doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(8);
/// How often a question is sent once more to the only server, after a failure that may be over in a moment.
const MAX_REPEATS: u32 = 1;

/// Why one try gave no whole answer.
#[derive(Debug)]
pub(super) enum Fault {
    Busy(Busy),
    Failed(ProviderError),
}

impl From<ProviderError> for Fault {
    fn from(error: ProviderError) -> Self {
        Self::Failed(error)
    }
}

/// The server can answer later.
#[derive(Debug)]
pub(super) struct Busy {
    pub loading: bool,
    /// As the server asks for it.
    pub retry_after: Option<Duration>,
    /// What is reported when it is not waited for any longer.
    pub refusal: ProviderError,
}

impl Busy {
    /// The model is being loaded; `load` is how long that is waited for.
    pub fn loading(load: Duration) -> Self {
        Self { loading: true, retry_after: None, refusal: ProviderError::StillLoading(load) }
    }

    /// Of a limit of requests (429) only the server knows when it ends.
    fn may_be_waited_for(&self, left: Duration) -> bool {
        let is_limit =
            matches!(&self.refusal, ProviderError::Refused { status, .. } if status.as_u16() == 429);
        match self.retry_after {
            _ if left.is_zero() => false,
            Some(pause) if is_limit => pause <= left,
            None if is_limit => false,
            _ => true,
        }
    }

    fn notice(&self) -> NoticeCode {
        if self.loading { NoticeCode::ModelLoading } else { NoticeCode::ServerBusy }
    }

    fn into_error(self, load: Duration) -> ProviderError {
        if self.loading { ProviderError::StillLoading(load) } else { self.refusal }
    }
}

/// What a failure says about the server that had it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The server is at fault, for every question.
    Server,
    /// The server is at fault, and may be well again in a moment.
    Transient,
    /// It cannot answer this question; another server perhaps can.
    Elsewhere,
    /// Every server would say the same, or nobody waits for an answer any more.
    Final,
}

impl Kind {
    pub fn of(error: &ProviderError) -> Self {
        match error {
            ProviderError::Broken(_)
            | ProviderError::IdleTimeout(_)
            | ProviderError::NotAnAnswer(_)
            | ProviderError::Redirected(_)
            | ProviderError::Reported(_)
            | ProviderError::StillLoading(_)
            | ProviderError::Unreachable(_) => Self::Server,
            ProviderError::Refused { status, .. } => match status.as_u16() {
                408 | 502 | 504 => Self::Transient,
                401..=403 | 429 | 500..=599 => Self::Server,
                404 => Self::Elsewhere,
                _ => Self::Final,
            },
            ProviderError::ContextExceeded { .. }
            | ProviderError::Empty
            | ProviderError::Filtered
            | ProviderError::NotConfigured
            | ProviderError::OnlyReasoning
            | ProviderError::PicturesRefused(_)
            | ProviderError::ReceiverClosed
            | ProviderError::Timeout(_)
            | ProviderError::TooLong(_)
            | ProviderError::ToolRequested => Self::Final,
        }
    }
}

/// What is done next.
#[derive(Debug)]
pub(super) enum Next {
    /// Another server is asked at once.
    Elsewhere,
    /// All servers count again, after this pause; with what the user is told about it.
    AfterPause(Duration, Option<NoticeCode>),
    GiveUp(ProviderError),
}

/// The pauses and repetitions of one question.
#[derive(Debug)]
pub(super) struct Retries {
    pause: Duration,
    repeats: u32,
    /// One of the servers that were asked since the last pause can answer later.
    busy: Option<Busy>,
}

impl Default for Retries {
    fn default() -> Self {
        Self { pause: FIRST_PAUSE, repeats: 0, busy: None }
    }
}

impl Retries {
    /// `others`: whether there is a server that was not asked yet.
    pub fn next(&mut self, fault: Fault, answer: &AnswerStream<'_>, others: bool) -> Next {
        let load = answer.timeouts().load;
        match fault {
            Fault::Failed(error) if answer.has_begun() => Next::GiveUp(error),
            Fault::Busy(busy) if answer.has_begun() => Next::GiveUp(busy.into_error(load)),
            Fault::Busy(busy) if others => {
                self.busy = Some(busy);
                Next::Elsewhere
            }
            Fault::Busy(busy) => {
                self.wait_for(busy, answer).unwrap_or_else(|busy| Next::GiveUp(busy.into_error(load)))
            }
            Fault::Failed(error) => match (Kind::of(&error), self.busy.take()) {
                (Kind::Final, _) => Next::GiveUp(error),
                (_, busy) if others => {
                    self.busy = busy;
                    Next::Elsewhere
                }
                (_, Some(busy)) => self.wait_for(busy, answer).unwrap_or(Next::GiveUp(error)),
                (Kind::Transient, None) if self.repeats < MAX_REPEATS => {
                    self.repeats += 1;
                    Next::AfterPause(FIRST_PAUSE, None)
                }
                _ => Next::GiveUp(error),
            },
        }
    }

    /// The server is returned if it is not waited for.
    fn wait_for(&mut self, busy: Busy, answer: &AnswerStream<'_>) -> Result<Next, Busy> {
        let left = answer.timeouts().load.saturating_sub(answer.elapsed());
        if !busy.may_be_waited_for(left) {
            return Err(busy);
        }
        self.busy = None;
        let pause = busy.retry_after.map_or(self.pause, |asked_for| asked_for.max(FIRST_PAUSE));
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        Ok(Next::AfterPause(pause.min(left), Some(busy.notice())))
    }
}

#[cfg(test)]
mod tests {
    use reqwest::StatusCode;
    use tokio::sync::mpsc;

    use super::super::timeouts::Timeouts;
    use super::*;

    fn refused(status: u16) -> ProviderError {
        ProviderError::Refused { status: StatusCode::from_u16(status).unwrap(), message: String::new() }
    }

    fn busy(status: u16, retry_after: Option<u64>) -> Fault {
        let retry_after = retry_after.map(Duration::from_secs);
        Fault::Busy(Busy { loading: false, retry_after, refusal: refused(status) })
    }

    /// What follows a fault, as a word and the milliseconds of a pause.
    fn follows(fault: Fault, others: bool) -> (&'static str, u128) {
        let second = Duration::from_secs(1);
        let (sender, _receiver) = mpsc::channel(1);
        let answer = AnswerStream::new(Timeouts::new(second, second, 60 * second, 20 * second), &sender);
        match Retries::default().next(fault, &answer, others) {
            Next::Elsewhere => ("elsewhere", 0),
            Next::AfterPause(pause, _) => ("pause", pause.as_millis()),
            Next::GiveUp(_) => ("give up", 0),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn kind_status_and_retry_after_decide() {
        for (fault, others, expected) in [
            (busy(503, None), false, ("pause", 500)),
            (busy(503, Some(0)), false, ("pause", 500)),
            (busy(503, Some(12)), false, ("pause", 12_000)),
            (busy(503, Some(99)), false, ("pause", 20_000)),
            (busy(503, Some(12)), true, ("elsewhere", 0)),
            (busy(429, None), false, ("give up", 0)),
            (busy(429, Some(12)), false, ("pause", 12_000)),
            (busy(429, Some(21)), false, ("give up", 0)),
            (busy(429, None), true, ("elsewhere", 0)),
            (refused(502).into(), false, ("pause", 500)),
            (refused(500).into(), false, ("give up", 0)),
            (refused(500).into(), true, ("elsewhere", 0)),
            (refused(401).into(), true, ("elsewhere", 0)),
            (refused(404).into(), true, ("elsewhere", 0)),
            (refused(400).into(), true, ("give up", 0)),
            (ProviderError::Filtered.into(), true, ("give up", 0)),
            (ProviderError::Broken(String::new()).into(), true, ("elsewhere", 0)),
            (ProviderError::Broken(String::new()).into(), false, ("give up", 0)),
        ] {
            let described = format!("{fault:?}, others: {others}");
            assert_eq!(follows(fault, others), expected, "{described}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_busy_is_waited_for_though_the_other_has_failed() {
        let second = Duration::from_secs(1);
        let (sender, _receiver) = mpsc::channel(1);
        let answer = AnswerStream::new(Timeouts::new(second, second, 60 * second, 20 * second), &sender);
        let mut retries = Retries::default();
        assert!(matches!(retries.next(busy(503, Some(3)), &answer, true), Next::Elsewhere));
        let next = retries.next(refused(500).into(), &answer, false);
        assert!(matches!(next, Next::AfterPause(pause, Some(NoticeCode::ServerBusy)) if pause == 3 * second));
        assert!(matches!(retries.next(refused(500).into(), &answer, false), Next::GiveUp(_)));
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_tried_again_once_an_answer_has_begun() {
        let second = Duration::from_secs(1);
        let (sender, mut receiver) = mpsc::channel(4);
        let mut answer = AnswerStream::new(Timeouts::new(second, second, 60 * second, 20 * second), &sender);
        answer.reasoning("hm".to_owned()).await.unwrap();
        assert!(receiver.recv().await.is_some());
        for fault in [busy(503, None), refused(502).into(), ProviderError::Broken(String::new()).into()] {
            assert!(matches!(Retries::default().next(fault, &answer, true), Next::GiveUp(_)));
        }
    }
}
