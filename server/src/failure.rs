//! What can go wrong inside a service: the operator gets the cause in the log, the caller a problem that holds none.

use protocol::Problem;

use crate::vault::VaultError;
use store::StoreError;

/// A failure on the server's side.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error("the store failed")]
    Store(#[from] StoreError),
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
    #[error("a background task was cut off")]
    Task(#[from] tokio::task::JoinError),
    #[error("{0}")]
    Other(&'static str),
}

/// Either an answer that the caller may read, or a failure that only the log tells.
#[derive(Debug)]
pub enum ServiceError {
    Problem(Problem),
    Failure(Failure),
}

impl From<Problem> for ServiceError {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl<E: Into<Failure>> From<E> for ServiceError {
    fn from(error: E) -> Self {
        Self::Failure(error.into())
    }
}

impl From<web::LimitError> for ServiceError {
    fn from(error: web::LimitError) -> Self {
        match error {
            web::LimitError::Busy(problem) => Self::Problem(problem),
            web::LimitError::Join(error) => Self::Failure(Failure::Task(error)),
        }
    }
}

impl From<ServiceError> for Problem {
    /// Logs the failure; its cause does not leave the server.
    fn from(refusal: ServiceError) -> Self {
        match refusal {
            ServiceError::Problem(problem) => problem,
            ServiceError::Failure(Failure::Store(error)) if error.is_overload() => {
                tracing::warn!("no connection to the database was free in time");
                Problem::unavailable("The server has too much to do at the moment.", 10)
            }
            ServiceError::Failure(failure) => {
                tracing::error!(causes = causes(&failure), "an action failed");
                Problem::internal()
            }
        }
    }
}

/// An error and all that caused it, for the log.
pub fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let chain = std::iter::successors(Some(error), |e| e.source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

impl From<ServiceError> for web::ProblemResponse {
    fn from(refusal: ServiceError) -> Self {
        Self(refusal.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overload_passes_and_a_failure_does_not() {
        let told = |error| Problem::from(ServiceError::from(StoreError::Database(error)));
        let overload = told(sqlx::Error::PoolTimedOut);
        assert_eq!((overload.status, overload.retry_after), (503, Some(10)));
        assert_eq!(told(sqlx::Error::WorkerCrashed).status, 500);
    }
}
