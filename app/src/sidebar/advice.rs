//! What the user can do about a problem.

use protocol::Problem;
use protocol::certificate::RejectionReason;
use protocol::problem::TYPE_PREFIX;

/// The next step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Advice {
    /// Ask for a certificate, and say why.
    NewCertificate(RejectionReason),
    /// Change what was entered.
    Correct,
    /// Try again after this many seconds.
    RetryIn(u64),
    SignIn,
}

impl Advice {
    pub fn on(problem: &Problem) -> Self {
        if let Some(reason) = rejection(problem) {
            return Self::NewCertificate(reason);
        }
        match problem.status {
            401 => Self::SignIn,
            400 | 413 | 415 | 422 => Self::Correct,
            _ => Self::RetryIn(problem.retry_after.unwrap_or(0)),
        }
    }

    pub fn words(&self) -> String {
        match self {
            Self::NewCertificate(reason) => {
                format!("{} Ask for a new one to continue.", reason.explanation())
            }
            Self::Correct => "Change it and ask again.".to_owned(),
            Self::RetryIn(0) => "Try again.".to_owned(),
            Self::RetryIn(1) => "Try again in a second.".to_owned(),
            Self::RetryIn(seconds) => format!("Try again in {seconds} seconds."),
            Self::SignIn => "Sign in again.".to_owned(),
        }
    }
}

/// The types of certificate problems end in the reason.
fn rejection(problem: &Problem) -> Option<RejectionReason> {
    if problem.status != 403 {
        return None;
    }
    let name = problem.kind.strip_prefix(TYPE_PREFIX)?;
    RejectionReason::ALL.into_iter().find(|reason| {
        name.strip_suffix(reason.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.ends_with(['-', ':', '/']))
    })
}

/// The problem's message without the advice: the detail, or the title if there is none.
pub fn message(problem: &Problem) -> String {
    match (problem.detail.is_empty(), problem.errors.as_slice()) {
        (_, [only]) => only.message.clone(),
        (true, []) => format!("{}.", problem.title),
        (true, errors) => errors.iter().map(|e| e.message.as_str()).collect::<Vec<_>>().join(" "),
        (false, _) => problem.detail.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_problem_has_its_next_step() {
        let certificate = |name: &str| Advice::on(&Problem::new(name, 403, "No"));
        assert_eq!(certificate("certificate-expired"), Advice::NewCertificate(RejectionReason::Expired));
        assert_eq!(
            certificate("certificate:not-yet-valid"),
            Advice::NewCertificate(RejectionReason::NotYetValid)
        );
        assert_eq!(certificate("revoked"), Advice::NewCertificate(RejectionReason::Revoked));
        assert_eq!(certificate("forbidden"), Advice::RetryIn(0));
        assert_eq!(Advice::on(&Problem::sign_in_required()), Advice::SignIn);
        assert_eq!(Advice::on(&Problem::invalid_input()), Advice::Correct);
        assert_eq!(Advice::on(&Problem::too_many_requests(7)), Advice::RetryIn(7));
        assert_eq!(Advice::on(&Problem::new("unreachable", 0, "x")), Advice::RetryIn(0));
    }

    #[test]
    fn a_single_wrong_field_speaks_for_itself() {
        assert_eq!(message(&Problem::invalid_input().field("image", "Too large.")), "Too large.");
        assert_eq!(message(&Problem::forbidden()), "You may not do this.");
        assert_eq!(message(&Problem::internal()), "See the server’s log for details.");
    }
}
