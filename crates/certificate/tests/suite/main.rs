//! The authority against those who read its work: OpenSSL, NSS and a shell. A missing tool is a failure.

#![expect(clippy::panic, clippy::unwrap_used, reason = "helpers of tests are tests")]

mod authority;
mod install_script;
mod judge;
mod lint;
mod packages;
mod page_keys;
mod profiles;
mod requests;
mod revocation;
mod support;
