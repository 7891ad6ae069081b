//! Why a request to the server failed, found in the chain of causes that the libraries wrap into each other.

use std::error::Error;

use protocol::Problem;
use protocol::certificate::RejectionReason;
use rustls::{AlertDescription, CertificateError};

use crate::configuration::Server;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    #[error("the connection broke off")]
    Interrupted,
    /// The server ended the TLS handshake because of this machine's certificate.
    #[error("the server refused this machine's certificate ({0})")]
    CertificateRefused(CertificateAlert),
    #[error("the address is not on the configured server")]
    ForeignOrigin,
    /// The server's own certificate could not be verified.
    #[error("the server's certificate is not trusted: {0}")]
    ServerUntrusted(&'static str),
    #[error("the server did not answer in time")]
    TimedOut,
    #[error("the answer is too large")]
    TooLarge,
    #[error("the server cannot be reached")]
    Unreachable,
}

/// An alert that speaks of the client's certificate (RFC 8446 §6.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CertificateAlert(AlertDescription);

impl TransportError {
    pub fn from_reqwest(error: &reqwest::Error) -> Self {
        let tls = causes(error).find_map(|cause| cause.downcast_ref::<rustls::Error>());
        match tls {
            Some(rustls::Error::InvalidCertificate(reason)) => {
                return Self::ServerUntrusted(untrusted(reason));
            }
            Some(rustls::Error::AlertReceived(alert)) => {
                return refused(*alert).map_or(Self::Unreachable, Self::CertificateRefused);
            }
            _ => {}
        }
        match causes(error).find_map(alert_by_its_text).and_then(refused) {
            Some(reason) => Self::CertificateRefused(reason),
            _ if error.is_timeout() => Self::TimedOut,
            _ if error.is_connect() => Self::Unreachable,
            _ => Self::Interrupted,
        }
    }

    /// What the user may know, and what to do.
    pub fn problem(&self, server: &Server) -> Problem {
        let (name, status, title, detail) = match self {
            Self::Interrupted => (
                "interrupted",
                502,
                "The connection to the server broke off",
                format!("{server} began to answer and stopped. Try again."),
            ),
            Self::CertificateRefused(reason) => (
                "certificate-refused",
                403,
                "The server refused this machine's certificate",
                format!(
                    "{server} says: {reason}. Ask for access again, as for a new machine, or ask your \
                     administrator."
                ),
            ),
            Self::ForeignOrigin => (
                "forbidden",
                403,
                "You may not do this",
                format!("This program talks to {server} and to nothing else."),
            ),
            Self::ServerUntrusted(reason) => (
                "server-untrusted",
                502,
                "The server's certificate is not trusted",
                format!(
                    "{reason}. Nothing was sent. Ask your administrator whether {server} has a new authority. If \
                     so, set this machine up with a new link, or, where it is started with --ca, with the new CA \
                     certificate; if not, somebody may stand between you and the server."
                ),
            ),
            Self::TimedOut => (
                "timed-out",
                504,
                "The server did not answer in time",
                format!("{server} is slow or busy. Try again in a moment."),
            ),
            Self::TooLarge => (
                "answer-too-large",
                502,
                "The server's answer is too large",
                "Tell your administrator which page this was.".to_owned(),
            ),
            Self::Unreachable => (
                "unreachable",
                503,
                "The server cannot be reached",
                format!(
                    "Nothing answers at {server}. Check that this machine is on the right network and \
                     that the server runs, then try again."
                ),
            ),
        };
        Problem::new(name, status, title).detail(detail)
    }
}

/// An error and what caused it. I/O errors hide theirs: `source()` skips the error that they carry.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| {
        let error: &'a (dyn Error + 'static) = *error;
        match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            Some(carried) => Some(carried as &(dyn Error + 'static)),
            None => error.source(),
        }
    })
}

fn untrusted(reason: &CertificateError) -> &'static str {
    match reason {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "It has expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "It is not valid yet; check this machine's clock"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "It belongs to a host with another name"
        }
        CertificateError::Revoked => "It has been revoked",
        // An authority that was created again has the old one's name; then only the signature does not match.
        CertificateError::BadSignature | CertificateError::UnknownIssuer => {
            "It does not come from the authority that this program was told to trust"
        }
        _ => "It is damaged or of an unexpected kind",
    }
}

/// With TLS 1.3 a server refuses a certificate after the handshake has ended for the client. The alert then
/// comes through the HTTP/2 library, which passes on only the error's text.
fn alert_by_its_text(cause: &(dyn Error + 'static)) -> Option<AlertDescription> {
    let words = cause.downcast_ref::<std::io::Error>()?.to_string();
    REFUSALS.into_iter().find(|alert| rustls::Error::AlertReceived(*alert).to_string() == words)
}

/// Alerts that speak of the client's certificate (RFC 8446 §6.2).
const REFUSALS: [AlertDescription; 9] = [
    AlertDescription::AccessDenied,
    AlertDescription::BadCertificate,
    AlertDescription::CertificateExpired,
    AlertDescription::CertificateRequired,
    AlertDescription::CertificateRevoked,
    AlertDescription::CertificateUnknown,
    AlertDescription::DecryptError,
    AlertDescription::UnknownCA,
    AlertDescription::UnsupportedCertificate,
];

fn refused(alert: AlertDescription) -> Option<CertificateAlert> {
    REFUSALS.contains(&alert).then_some(CertificateAlert(alert))
}

impl CertificateAlert {
    /// The reason that the server itself would have given, where the alert says it.
    pub fn reason(self) -> Option<RejectionReason> {
        match self.0 {
            AlertDescription::CertificateExpired => Some(RejectionReason::Expired),
            AlertDescription::CertificateRequired => Some(RejectionReason::Missing),
            AlertDescription::CertificateRevoked => Some(RejectionReason::Revoked),
            // An authority that was created again has the old one's name; then only the signature does not match.
            AlertDescription::DecryptError | AlertDescription::UnknownCA => Some(RejectionReason::Untrusted),
            _ => None,
        }
    }
}

impl std::fmt::Display for CertificateAlert {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.0 {
            AlertDescription::AccessDenied => "access denied",
            AlertDescription::BadCertificate => "the certificate is damaged",
            AlertDescription::CertificateExpired => "the certificate has expired",
            AlertDescription::CertificateRequired => "no certificate was presented",
            AlertDescription::CertificateRevoked => "the certificate has been revoked",
            AlertDescription::DecryptError => "the certificate's signature or key does not fit",
            AlertDescription::UnknownCA => "the certificate comes from another authority",
            _ => "the certificate is not acceptable",
        })
    }
}
