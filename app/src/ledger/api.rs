//! Server functions of the ledger.

use leptos::prelude::*;
use protocol::access::Page;
use protocol::ledger::{LedgerRow, UseRow};
use serde::{Deserialize, Serialize};

use crate::error::AppError;
use crate::form::RejectedForm;
#[cfg(feature = "ssr")]
use crate::{
    form::{FormValues, flash, respond, take_flash, take_rejected},
    request_context::{RequestContext, require_administrator},
    services::{Services, reply},
};

#[cfg(feature = "ssr")]
const ERASE: &str = "ledger/erase";

/// One's own entries, and the outcome of the form that was posted before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnLedger {
    pub page: Page<LedgerRow>,
    pub refused: Option<RejectedForm>,
    /// How many were erased.
    pub erased: Option<u64>,
}

#[server(prefix = "/app", endpoint = "ledger/own")]
pub async fn own(page: u32) -> Result<OwnLedger, AppError> {
    let context = RequestContext::current()?;
    let page = reply(Services::current()?.ledger.own(&context, page).await)?;
    Ok(OwnLedger { page, refused: take_rejected(ERASE), erased: take_flash(ERASE) })
}

/// Erases one entry, or with an empty `id` and `all` everything.
#[server(prefix = "/app", endpoint = "ledger/erase")]
pub async fn erase(#[server(default)] id: String, #[server(default)] all: String) -> Result<u64, AppError> {
    const PAGE: &str = "/account/ledger";
    let context = RequestContext::current()?;
    let ledger = Services::current()?.ledger;
    let erased = match (id.as_str(), all.as_str()) {
        ("", "true") => ledger.erase(&context, None).await,
        // An empty id never means everything.
        (id, _) => ledger.erase(&context, Some(id)).await,
    };
    respond(ERASE, PAGE, FormValues::default(), erased, |erased| {
        flash(ERASE, erased);
        Some(PAGE.to_owned())
    })
}

/// How much each person has sent in the last days, without contents.
#[server(prefix = "/app", endpoint = "ledger/usage")]
pub async fn usage(days: u32) -> Result<Vec<UseRow>, AppError> {
    let admin = require_administrator()?;
    reply(Services::current()?.ledger.usage(&admin, days).await)
}
