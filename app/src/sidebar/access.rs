//! The native sign-in as a state machine.
//!
//! Always holds: a wrong address, password or code gives the same message, whatever the server said; an event that does
//! not fit the state changes nothing, so a late response does no harm.

use protocol::Problem;
use protocol::native::Session;

use super::transport::ChallengeInfo;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// The stored session is being checked.
    Checking,
    /// That check failed; it can be repeated.
    Unknown(Problem),
    /// Step 1.
    Password(Entry),
    /// Step 2.
    Code {
        challenge: ChallengeInfo,
        entry: Entry,
    },
    SignedIn(Session),
}

/// The state of one sign-in step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    Open,
    /// Open, with the reason why the person has to sign in (again).
    Notice(Reason),
    /// The last attempt failed.
    Refused(Problem),
    /// An attempt is in progress.
    Waiting,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The second step took too long or too many attempts.
    ChallengeExpired,
    /// The token expired or was revoked.
    SessionEnded,
    /// Signed out here, but the server could not be notified.
    ServerNotNotified,
    SignedOut,
}

#[derive(Debug, Clone)]
pub enum AccessEvent {
    ChallengeExpired,
    CheckFailed(Problem),
    CheckRepeated,
    NobodySignedIn,
    PasswordAccepted(ChallengeInfo),
    Refused(Problem),
    SessionEnded,
    SignedIn(Session),
    SignedOut { server_notified: bool },
    StartedOver,
    Submitted,
}

impl Reason {
    pub fn words(self) -> &'static str {
        match self {
            Self::ChallengeExpired => "That took too long or too many tries. Enter your password again.",
            Self::SessionEnded => {
                "Your session has ended. Sign in again; your question and picture are kept."
            }
            Self::ServerNotNotified => {
                "You are signed out here, but the server could not be told. Its session ends by itself."
            }
            Self::SignedOut => "You are signed out.",
        }
    }
}

impl Access {
    #[must_use]
    #[expect(clippy::match_same_arms, reason = "the transitions are grouped by the state they start from")]
    pub fn after(self, event: AccessEvent) -> Self {
        use AccessEvent as E;
        match (self, event) {
            (Self::Checking, E::CheckFailed(problem)) => Self::Unknown(problem),
            (Self::Checking, E::NobodySignedIn) => Self::Password(Entry::Open),
            (Self::Unknown(_), E::CheckRepeated) => Self::Checking,

            (Self::Password(entry), E::Submitted) if entry != Entry::Waiting => {
                Self::Password(Entry::Waiting)
            }
            (Self::Password(Entry::Waiting), E::PasswordAccepted(challenge)) => {
                Self::Code { challenge, entry: Entry::Open }
            }
            (Self::Password(Entry::Waiting), E::Refused(problem)) => {
                Self::Password(Entry::Refused(uniform(problem)))
            }

            (Self::Code { challenge, entry }, E::Submitted) if entry != Entry::Waiting => {
                Self::Code { challenge, entry: Entry::Waiting }
            }
            (Self::Code { entry: Entry::Waiting, .. }, E::Refused(problem)) if is_expired(&problem) => {
                Self::Password(Entry::Notice(Reason::ChallengeExpired))
            }
            (Self::Code { challenge, entry: Entry::Waiting }, E::Refused(problem)) => {
                Self::Code { challenge, entry: Entry::Refused(uniform(problem)) }
            }
            // While a code is being verified, the server decides whether it was in time.
            (Self::Code { entry, .. }, E::ChallengeExpired) if entry != Entry::Waiting => {
                Self::Password(Entry::Notice(Reason::ChallengeExpired))
            }
            (Self::Code { .. }, E::StartedOver) => Self::Password(Entry::Open),
            (Self::Checking | Self::Code { entry: Entry::Waiting, .. }, E::SignedIn(session)) => {
                Self::SignedIn(session)
            }

            (Self::SignedIn(_), E::SessionEnded) => Self::Password(Entry::Notice(Reason::SessionEnded)),
            (Self::SignedIn(_), E::SignedOut { server_notified }) => {
                let reason = if server_notified { Reason::SignedOut } else { Reason::ServerNotNotified };
                Self::Password(Entry::Notice(reason))
            }
            (unchanged, _) => unchanged,
        }
    }

    pub fn session(&self) -> Option<&Session> {
        match self {
            Self::SignedIn(session) => Some(session),
            _ => None,
        }
    }

    pub fn entry(&self) -> Option<&Entry> {
        match self {
            Self::Password(entry) | Self::Code { entry, .. } => Some(entry),
            _ => None,
        }
    }

    pub fn is_waiting(&self) -> bool {
        self.entry() == Some(&Entry::Waiting)
    }
}

/// One message for everything that the person may have typed wrong.
fn uniform(problem: Problem) -> Problem {
    match problem.status {
        400 | 401 | 404 | 422 => Problem::wrong_credentials(),
        _ => problem,
    }
}

fn is_expired(problem: &Problem) -> bool {
    problem.status == 410 || problem.is("challenge-expired")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session() -> Session {
        Session { email: "a@example.org".into(), device_name: "Laptop".into(), expires_at: 1 }
    }

    fn challenge() -> ChallengeInfo {
        ChallengeInfo { methods: vec!["totp".into()], expires_in: 300 }
    }

    fn run(start: Access, events: impl IntoIterator<Item = AccessEvent>) -> Access {
        events.into_iter().fold(start, Access::after)
    }

    fn at_the_code() -> Access {
        let events = [AccessEvent::NobodySignedIn, AccessEvent::Submitted];
        let accepted = AccessEvent::PasswordAccepted(challenge());
        run(Access::Checking, events).after(accepted)
    }

    #[test]
    fn password_and_code_sign_in() {
        assert!(matches!(at_the_code(), Access::Code { entry: Entry::Open, .. }));
        let inside = run(at_the_code(), [AccessEvent::Submitted, AccessEvent::SignedIn(session())]);
        assert_eq!(inside.session(), Some(&session()));
    }

    #[test]
    fn no_step_can_be_skipped() {
        let password = Access::Password(Entry::Waiting);
        assert_eq!(password.clone().after(AccessEvent::SignedIn(session())), password);
        assert_eq!(at_the_code().after(AccessEvent::SignedIn(session())), at_the_code());
        let open = Access::Password(Entry::Open);
        assert_eq!(open.clone().after(AccessEvent::PasswordAccepted(challenge())), open);
    }

    #[test]
    fn all_wrong_input_gives_the_same_message() {
        let refused = [
            Problem::wrong_credentials().detail("no such account"),
            Problem::invalid_input().field("username", "unknown"),
            Problem::not_found(),
        ]
        .map(|problem| run(Access::Password(Entry::Waiting), [AccessEvent::Refused(problem)]));
        assert!(refused.iter().all(|a| *a == Access::Password(Entry::Refused(Problem::wrong_credentials()))));
        let code = run(at_the_code(), [AccessEvent::Submitted, AccessEvent::Refused(Problem::not_found())]);
        assert_eq!(code.entry(), Some(&Entry::Refused(Problem::wrong_credentials())));
    }

    #[test]
    fn a_lockout_is_shown_as_it_is() {
        let problem = Problem::too_many_requests(30);
        let refused = Access::Password(Entry::Waiting).after(AccessEvent::Refused(problem.clone()));
        assert_eq!(refused, Access::Password(Entry::Refused(problem)));
    }

    #[test]
    fn an_expired_challenge_leads_back_with_a_reason() {
        let back = Access::Password(Entry::Notice(Reason::ChallengeExpired));
        assert_eq!(at_the_code().after(AccessEvent::ChallengeExpired), back);
        let gone = Problem::gone("");
        assert_eq!(run(at_the_code(), [AccessEvent::Submitted, AccessEvent::Refused(gone)]), back);
        let waiting = at_the_code().after(AccessEvent::Submitted);
        assert_eq!(waiting.clone().after(AccessEvent::ChallengeExpired), waiting);
    }

    #[test]
    fn a_second_submit_while_waiting_changes_nothing() {
        let waiting = Access::Password(Entry::Waiting);
        assert_eq!(waiting.clone().after(AccessEvent::Submitted), waiting);
    }

    #[test]
    fn an_ended_session_leads_to_the_sign_in() {
        let ended = Access::SignedIn(session()).after(AccessEvent::SessionEnded);
        assert_eq!(ended, Access::Password(Entry::Notice(Reason::SessionEnded)));
        assert_eq!(ended.clone().after(AccessEvent::SessionEnded), ended);
    }
}
