//! The server's own faults: causes for the log, which no caller sees.

use domain::error::ClassifiedError;

use crate::vault::VaultError;

/// A fault on the server's side.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error("the vault failed")]
    Vault(#[from] VaultError),
    #[error("the certificate authority (table authority in the database) is not usable")]
    Authority(#[from] ::certificate::AuthorityError),
    #[error(
        "the certificate authority's {part} key does not open with the data key (data.key in the data folder, or \
         database.data_key)"
    )]
    AuthorityKey { part: &'static str, source: VaultError },
    #[error("the certificate authority's roots are not usable")]
    Trust(#[from] ::certificate::TrustError),
    #[error("a certificate could not be issued")]
    Issue(#[from] ::certificate::IssueError),
    #[error("the revocation list could not be made")]
    Crl(#[from] ::certificate::CrlError),
    #[error("a package could not be made")]
    Package(#[from] ::certificate::package::PackageError),
    #[error("a model server is wrongly configured")]
    Provider(#[source] ::analysis::provider::ConnectError),
    #[error("the checkpoints of a run cannot be used")]
    Checkpoints(#[source] workflow::StoreError),
    #[error("a run cannot be read, or gone on with")]
    Run(#[source] Box<workflow::RunError<::analysis::AnalysisError>>),
    #[error("a background task was cut off")]
    Task(#[from] tokio::task::JoinError),
    #[error("{0}")]
    Other(&'static str),
}

impl ClassifiedError for Failure {}

impl ClassifiedError for VaultError {}
