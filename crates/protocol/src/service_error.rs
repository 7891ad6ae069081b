//! The error of the server's services: a problem for the caller, or a cause for the operator.
//!
//! A conversion never logs. Whoever answers a request calls [`ServiceError::into_problem`], and a job, which answers
//! nobody, [`ServiceError::log`].

use std::error::Error;

use domain::error::{ClassifiedError, ErrorClass, causes};

use crate::Problem;

/// What an overloaded server tells its callers to wait, in seconds.
const OVERLOAD_RETRY_AFTER: u64 = 10;
/// What callers wait for an operator, in seconds.
const STORAGE_RETRY_AFTER: u64 = 30;

/// Why a service did not do what it was asked to.
#[derive(Debug)]
pub enum ServiceError {
    /// A fault of the server. Its cause is for the log alone.
    Internal(Box<dyn Error + Send + Sync>),
    /// Too much at once. It passes by itself.
    Overload(Box<dyn Error + Send + Sync>),
    /// May be shown to the caller.
    Problem(Problem),
    /// Nothing can be stored until an operator makes room.
    StorageFull(Box<dyn Error + Send + Sync>),
    /// What would be stored now would be lost.
    StorageLost(Box<dyn Error + Send + Sync>),
}

impl ServiceError {
    /// What the caller is told. Logs the cause, which the caller must not see.
    pub fn into_problem(self) -> Problem {
        match self {
            Self::Internal(cause) => {
                tracing::error!(causes = causes(&*cause), "an action failed");
                Problem::internal()
            }
            Self::Overload(cause) => {
                tracing::warn!(causes = causes(&*cause), "the server is overloaded");
                Problem::unavailable("The server has too much to do at the moment.", OVERLOAD_RETRY_AFTER)
            }
            Self::Problem(problem) => problem,
            Self::StorageFull(cause) => {
                tracing::error!(causes = causes(&*cause), "the storage is full");
                Problem::unavailable("The server's disk is full: nothing can be saved.", STORAGE_RETRY_AFTER)
            }
            Self::StorageLost(cause) => {
                tracing::error!(causes = causes(&*cause), "the storage is lost");
                Problem::unavailable(
                    "The server's database is gone: nothing can be saved.",
                    STORAGE_RETRY_AFTER,
                )
            }
        }
    }

    /// For work that answers nobody. `action` says what failed.
    pub fn log(&self, action: &'static str) {
        match self {
            Self::Internal(cause) => tracing::error!(action, causes = causes(&**cause), "an action failed"),
            Self::Overload(cause) => {
                tracing::warn!(action, causes = causes(&**cause), "the server is overloaded");
            }
            Self::Problem(problem) => tracing::warn!(action, %problem, "an action failed"),
            Self::StorageFull(cause) => {
                tracing::error!(action, causes = causes(&**cause), "the storage is full");
            }
            Self::StorageLost(cause) => {
                tracing::error!(action, causes = causes(&**cause), "the storage is lost");
            }
        }
    }
}

impl From<Problem> for ServiceError {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl<E: ClassifiedError> From<E> for ServiceError {
    fn from(error: E) -> Self {
        match error.class() {
            ErrorClass::Internal => Self::Internal(Box::new(error)),
            ErrorClass::InvalidText => {
                Self::Problem(Problem::invalid_input().detail("Leave out the NUL character."))
            }
            ErrorClass::Overload => Self::Overload(Box::new(error)),
            ErrorClass::StorageFull => Self::StorageFull(Box::new(error)),
            ErrorClass::StorageLost => Self::StorageLost(Box::new(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Failed(ErrorClass);

    impl std::fmt::Display for Failed {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("secret")
        }
    }

    impl Error for Failed {}

    impl ClassifiedError for Failed {
        fn class(&self) -> ErrorClass {
            self.0
        }
    }

    #[test]
    fn the_caller_learns_what_to_do_and_never_the_cause() {
        let answer = |class| ServiceError::from(Failed(class)).into_problem();
        for (class, status, retry_after) in [
            (ErrorClass::Internal, 500, None),
            (ErrorClass::InvalidText, 422, None),
            (ErrorClass::Overload, 503, Some(10)),
            (ErrorClass::StorageFull, 503, Some(30)),
            (ErrorClass::StorageLost, 503, Some(30)),
        ] {
            let problem = answer(class);
            assert_eq!((problem.status, problem.retry_after), (status, retry_after));
            assert!(!problem.to_string().contains("secret"), "{problem}");
        }
        assert_eq!(ServiceError::from(Problem::not_found()).into_problem(), Problem::not_found());
    }
}
