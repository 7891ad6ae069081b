//! The HTTP client of everything that is not itself measured.

use anyhow::{Context, Result};
use reqwest::{Client, redirect};
use rustls::ClientConfig;

/// A client that follows no redirect, takes no proxy and leaves compressed answers as they are.
pub fn http_client(tls: Option<ClientConfig>) -> Result<Client> {
    let mut builder = Client::builder().no_proxy().redirect(redirect::Policy::none());
    if let Some(tls) = tls {
        builder = builder.tls_backend_preconfigured(tls);
    }
    builder.build().context("making an HTTP client")
}
