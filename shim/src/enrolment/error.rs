//! Why a machine was not enrolled, and what the person in front of it can do.

use http::StatusCode;
use keys::KeyError;
use protocol::Problem;

use crate::configuration::Server;
use crate::enrolment_store::EnrolmentStoreError;
use crate::keystore::KeyStoreError;
use crate::transport::{TransportError, TransportSetupError};

#[derive(Debug, thiserror::Error)]
pub enum EnrolmentError {
    #[error(transparent)]
    Contact(#[from] TransportError),
    #[error("the link has expired")]
    Expired,
    #[error(transparent)]
    Store(#[from] EnrolmentStoreError),
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
    SetUp(#[from] TransportSetupError),
    #[error("the server answered with status {0}")]
    Unexpected(StatusCode),
    #[error("the server's certificate is not trusted: {reason}")]
    Unverified { by: TrustSource, reason: &'static str },
}

/// Who decided whether the server is the right one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrustSource {
    /// The authority in the link.
    Authority,
    /// The authority that the person confirmed, since the link has none.
    Person,
    /// The authority in the link, then this system's trust store.
    System,
}

/// How far the link went before the enrolment failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkUse {
    NotSent,
    /// To a verified server; no certificate was requested with it.
    Sent,
    /// Without an answer, whether there is a certificate is not known.
    CertificateRequested,
}

/// An enrolment that failed, and how far the link had gone by then.
#[derive(Debug, thiserror::Error)]
#[error("{cause}")]
pub struct EnrolmentFailed {
    #[source]
    pub cause: EnrolmentError,
    pub link: LinkUse,
}

impl EnrolmentFailed {
    pub fn problem(&self, server: &Server) -> Problem {
        let link = self.link.words();
        let (title, detail) = match &self.cause {
            EnrolmentError::Contact(failure) => return after(failure.problem(server), link),
            EnrolmentError::Refused(problem) => return problem.clone(),
            EnrolmentError::Expired => (
                "This link has expired",
                "Ask for access again; an administrator approves it as before.".to_owned(),
            ),
            EnrolmentError::Store(EnrolmentStoreError::Keys(KeyStoreError::Locked(_))) => (
                "The key store is locked",
                "This machine keeps the key in your system’s key store. Unlock it, then try again: the \
                 link is still good."
                    .to_owned(),
            ),
            EnrolmentError::Store(error) => (
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
            EnrolmentError::SetUp(_) => ("This cannot be done here", format!("{}.", self.cause)),
            EnrolmentError::Unverified { by, reason } => (
                "The server did not prove itself",
                format!("{reason}. {link}{}", by.advice(server)),
            ),
        };
        Problem::new("enrolment", 502, title).detail(detail)
    }
}

impl LinkUse {
    /// A sentence with a space after it. Says only what is known.
    fn words(self) -> &'static str {
        match self {
            Self::NotSent => "Your link was not sent. ",
            Self::Sent => "",
            Self::CertificateRequested => {
                "Whether your link was used is not known; if it was, this machine still gets the same certificate \
                 with it. "
            }
        }
    }
}

impl TrustSource {
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
