//! How long a model server may take.

use std::time::Duration;

/// Once a server has said that the answer is finished, for so long it may send usage and the stream's end.
const END_GRACE: Duration = Duration::from_secs(2);

#[derive(Debug, Clone, Copy)]
pub(super) struct Timeouts {
    /// From the request to the first piece of the answer. Any byte starts it anew.
    pub first_token: Duration,
    /// Between two pieces of the network after the first word.
    pub idle: Duration,
    /// From the request to the end of the answer.
    pub answer: Duration,
    /// For so long a server that says it is loading or busy is asked again.
    pub load: Duration,
    /// After so long without a first word the user is told that the model may be loading.
    pub slow_notice: Duration,
    pub end_grace: Duration,
}

impl Timeouts {
    pub fn new(first_token: Duration, idle: Duration, answer: Duration, load: Duration) -> Self {
        // 15 seconds by default.
        let slow_notice = first_token / 12;
        Self { first_token, idle, answer, load, slow_notice, end_grace: END_GRACE }
    }
}
