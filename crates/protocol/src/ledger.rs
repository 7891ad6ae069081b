//! The ledger: what left each machine; and one's own machines and sessions.

pub use domain::account::{OwnMachine, OwnSession};
pub use domain::ledger::{LedgerEntry, Trigger, UseRow};
use serde::{Deserialize, Serialize};

/// An entry as its person sees it.
pub type LedgerRow = LedgerEntry;

/// One's own machines and sessions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnDevices {
    pub machines: Vec<OwnMachine>,
    pub sessions: Vec<OwnSession>,
}
