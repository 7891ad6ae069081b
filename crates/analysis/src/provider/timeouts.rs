//! How long a model server may take.

use std::time::Duration;

#[derive(Debug, Clone, Copy)]
pub(super) struct Timeouts {
    /// From the request to the first piece of the answer.
    pub first_token: Duration,
    /// Between two pieces.
    pub idle: Duration,
    /// From the request to the end of the answer.
    pub answer: Duration,
}
