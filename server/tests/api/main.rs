//! The whole server behind its router: a real database (SQLite and PostgreSQL), a test clock, and mail to memory. Only TLS
//! is left out; `edge` has tests of its own.

#![expect(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod access;
mod accounts;
mod admission;
mod analysis;
mod audit;
mod checkpoints;
mod conversations;
mod crl;
mod decisions;
mod description;
mod expiry_reminders;
mod fleet;
mod ledger;
mod links;
mod modes;
mod native;
mod notices;
mod outbox;
mod pages;
mod people;
mod providers;
mod queue;
mod renewal;
mod review;
mod rotation;
mod runs;
mod search;
mod sign_in;
mod smtp;
mod storage;
mod stored_screenshots;
mod support;
mod suppressed;
mod workflows;
mod wrong_input;

/// Declares a test that runs on SQLite and on PostgreSQL.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(crate::support::TestServer::sqlite().await).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(crate::support::TestServer::postgres().await).await;
            })*
        }
    };
}

pub(crate) use on_both;
