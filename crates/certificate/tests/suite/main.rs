//! The authority's certificates as OpenSSL, NSS and a shell read them. A missing tool is a failure.

#![expect(clippy::panic, clippy::unwrap_used, reason = "helpers of tests are tests")]

mod authority;
mod install_script;
mod lint;
mod packages;
mod page_keys;
mod profiles;
mod requests;
mod revocation;
mod support;
mod verify;
