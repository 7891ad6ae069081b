//! Server functions of certificates.

use leptos::prelude::*;
use protocol::access::Page;
use protocol::certificate::{AuthorityChange, CertificateReport, CertificateRow};
use serde::{Deserialize, Serialize};

use crate::error::AppError;
#[cfg(feature = "ssr")]
use crate::{
    form,
    request_context::{RequestContext, require_administrator},
    services::{Services, reply},
};

/// The certificate that the visitor's browser presented, and the server's verdict. Shows nobody else's certificate.
#[server(prefix = "/app", endpoint = "certificate/report")]
pub async fn report() -> Result<CertificateReport, AppError> {
    Ok(RequestContext::current()?.certificate)
}

/// What the page of the test is rendered from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateTest {
    pub report: CertificateReport,
    /// Where the test is, if not here: the origin of the machines' host.
    pub elsewhere: Option<String>,
}

#[server(prefix = "/app", endpoint = "certificate/test")]
pub async fn test() -> Result<CertificateTest, AppError> {
    let context = RequestContext::current()?;
    let elsewhere = crate::deployment::machines_elsewhere(&context);
    Ok(CertificateTest { report: context.certificate, elsewhere })
}

#[server(prefix = "/app", endpoint = "certificate/list")]
pub async fn list(search: String, page: u32) -> Result<Page<CertificateRow>, AppError> {
    let admin = require_administrator()?;
    reply(Services::current()?.certificates.list(&admin, &search, page).await)
}

#[server(prefix = "/app", endpoint = "certificate/revoke")]
pub async fn revoke(
    id: String,
    #[server(default)] reason: String,
    #[server(default)] words: String,
) -> Result<(), AppError> {
    let admin = require_administrator()?;
    form::respond_in_panel(Services::current()?.certificates.revoke(&admin, &id, &reason, &words).await)
}

#[server(prefix = "/app", endpoint = "certificate/replacement")]
pub async fn replacement() -> Result<Option<AuthorityChange>, AppError> {
    let admin = require_administrator()?;
    reply(Services::current()?.certificates.replacement(&admin).await)
}
