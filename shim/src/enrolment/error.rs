//! Why a machine was not enrolled, and what the person in front of it can do.

use http::StatusCode;
use keys::KeyError;
use protocol::Problem;

use crate::configuration::Server;
use crate::enrolled::EnrolledError;
use crate::keystore::KeyStoreError;
use crate::transport::{Failure, SetUpError};

#[derive(Debug, thiserror::Error)]
pub enum EnrolmentError {
    #[error(transparent)]
    Contact(#[from] Failure),
    #[error("the link has expired")]
    Expired,
    #[error(transparent)]
    Keep(#[from] EnrolledError),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error("the server names no authority")]
    NoAuthority,
    #[error("the server names no machines' address over TLS")]
    NoMachines,
    #[error("the server's authority is another one")]
    OtherAuthority,
    #[error("the link renews another program's certificate")]
    Renewal,
    #[error("the server refused: {}", .0.title)]
    Refused(Problem),
    #[error(transparent)]
    SetUp(#[from] SetUpError),
    #[error("the server answered with status {0}")]
    Unexpected(StatusCode),
    #[error("the server's certificate is not trusted: {reason}")]
    Unproven { by: Judge, reason: &'static str },
}

/// Who had the last word on whether the server is the right one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judge {
    /// The authority that the link told.
    Authority,
    /// The authority that the person confirmed, since the link told none.
    Person,
    /// The authority that the link told, and then this system.
    System,
}

/// How far the link went before the enrolment stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkUse {
    NotSent,
    /// A proven server knows it; nothing was asked for with it.
    Shown,
    /// A certificate was asked for. Without an answer nobody here knows whether there is one.
    Asked,
}

/// An enrolment that went no further.
#[derive(Debug, thiserror::Error)]
#[error("{why}")]
pub struct Stopped {
    #[source]
    pub why: EnrolmentError,
    pub link: LinkUse,
}

impl Stopped {
    pub fn problem(&self, server: &Server) -> Problem {
        let link = self.link.words();
        let (title, detail) = match &self.why {
            EnrolmentError::Contact(failure) => return after(failure.problem(server), link),
            EnrolmentError::Refused(problem) => return problem.clone(),
            EnrolmentError::Expired => (
                "This link has expired",
                "Ask for access again; an administrator approves it as before.".to_owned(),
            ),
            EnrolmentError::Keep(EnrolledError::Keys(KeyStoreError::Locked(_))) => (
                "The key store is locked",
                "This machine keeps the key in your system’s key store. Unlock it, then try again: the \
                 link is still good."
                    .to_owned(),
            ),
            EnrolmentError::Keep(error) => (
                "The key cannot be kept",
                format!("{error}. Try again: the link is still good on this machine."),
            ),
            EnrolmentError::Key(_) => (
                "The server’s certificate does not fit",
                format!(
                    "What {server} sent is no certificate for this machine’s key. Tell your administrator."
                ),
            ),
            EnrolmentError::NoAuthority | EnrolmentError::NoMachines | EnrolmentError::Unexpected(_) => (
                "This is not such a server",
                format!(
                    "{server} answers, but not as an AI Workflow Engine of this version. {link}Check the link."
                ),
            ),
            EnrolmentError::OtherAuthority => (
                "This is not the server of your link",
                format!(
                    "{server} names another authority than the one that you confirmed. Somebody may stand \
                     between you and the server. {link}Tell your administrator."
                ),
            ),
            EnrolmentError::Renewal => (
                "This link is for a browser",
                "It renews a certificate in the browser that has it: open it there. To set up this program, ask for access \
                 with it as with a new machine; afterwards it renews its certificate by itself."
                    .to_owned(),
            ),
            EnrolmentError::SetUp(_) => ("This cannot be done here", format!("{}.", self.why)),
            EnrolmentError::Unproven { by, reason } => (
                "The server did not prove itself",
                format!("{reason}. {link}{}", by.advice(server)),
            ),
        };
        Problem::new("enrolment", 502, title).detail(detail)
    }
}

impl LinkUse {
    /// A sentence with a space after it. Nothing is claimed that is not known.
    fn words(self) -> &'static str {
        match self {
            Self::NotSent => "Your link was not sent. ",
            Self::Shown => "",
            Self::Asked => {
                "Whether your link was used is not known; if it was, this machine still gets the same certificate \
                 with it. "
            }
        }
    }
}

impl Judge {
    fn advice(self, server: &Server) -> String {
        match self {
            Self::Authority => {
                format!("Somebody may stand between you and {server}: tell your administrator.")
            }
            Self::Person => format!(
                "Open the link in a browser on this machine, and choose “Open in the desktop program” there: that tells \
                 this program how to recognise {server}."
            ),
            Self::System => format!(
                "This system does not know it either. Somebody may stand between you and {server}: tell your \
                 administrator."
            ),
        }
    }
}

fn after(problem: Problem, words: &str) -> Problem {
    let detail = format!("{} {words}", problem.detail);
    problem.detail(detail.trim())
}
