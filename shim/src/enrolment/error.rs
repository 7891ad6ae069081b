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
}

impl EnrolmentError {
    pub fn problem(&self, server: &Server) -> Problem {
        let (title, detail) = match self {
            Self::Contact(failure) => return told(failure, server),
            Self::Refused(problem) => return problem.clone(),
            Self::Expired => (
                "This link has expired",
                "Ask for access again; an administrator approves it as before.".to_owned(),
            ),
            Self::Keep(EnrolledError::Keys(KeyStoreError::Locked(_))) => (
                "The key store is locked",
                "This machine keeps the key in your system’s key store. Unlock it, then try again: the \
                 link is still good."
                    .to_owned(),
            ),
            Self::Keep(error) => (
                "The key cannot be kept",
                format!("{error}. Try again: the link is still good on this machine."),
            ),
            Self::Key(_) => (
                "The server’s certificate does not fit",
                format!(
                    "What {server} sent is no certificate for this machine’s key. Tell your administrator."
                ),
            ),
            Self::NoAuthority | Self::NoMachines | Self::Unexpected(_) => (
                "This is not such a server",
                format!(
                    "{server} answers, but not as an AI Workflow Engine of this version. Your link was not used. \
                     Check the link."
                ),
            ),
            Self::OtherAuthority => (
                "This is not the server of your link",
                format!(
                    "{server} names another authority than the one that your link tells of. Somebody may stand \
                     between you and the server. Your link was not sent. Tell your administrator."
                ),
            ),
            Self::Renewal => (
                "This link is for a browser",
                "It renews a certificate in the browser that has it: open it there. To set up this program, ask for access \
                 with it as with a new machine; afterwards it renews its certificate by itself."
                    .to_owned(),
            ),
            Self::SetUp(_) => ("This cannot be done here", format!("{self}.")),
        };
        Problem::new("enrolment", 502, title).detail(detail)
    }
}

/// Before the enrolment there is no certificate of this program's to speak of.
fn told(failure: &Failure, server: &Server) -> Problem {
    match failure {
        Failure::ServerUntrusted(reason) => Problem::new(
            "server-untrusted",
            502,
            "The server did not prove itself",
        )
        .detail(format!(
            "{reason}, and this system does not know it either. Your link was not sent. Somebody may stand \
                 between you and {server}: tell your administrator."
        )),
        other => other.problem(server),
    }
}
