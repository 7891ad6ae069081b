//! What the program sees and changes for its user on the desktop.
//!
//! | module | what it does |
//! |---|---|
//! | [`dialog`] | the window in which the user confirms a change |
//! | [`hotkey`] | reports the hotkey to the page |
//! | [`permissions`] | what may be seen and typed on this machine |
//! | [`review`] | from proposed edits to the changed text |
//! | [`sight`] | looks at the window in front, and remembers it |
//!
//! The page names what it means by an id, and gets counts and names. It never gets a window's text, and nothing that it
//! calls types: only the dialog, which is this program's own, makes a confirmation
//! (`docs/decisions/confirmation-in-the-program.md`).

mod dialog;
mod dialog_page;
mod hotkey;
mod permissions;
mod review;
mod sight;

use std::sync::Arc;

use desktop::edit::Gate;
use desktop::look::Hands;
use parking_lot::Mutex;
use protocol::Problem;

pub use dialog::{Dialog, LABEL as DIALOG_LABEL};
use hotkey::Hotkey;
pub use hotkey::Keys;
pub use permissions::Permissions;
use sight::Remembered;

/// What is allowed now. Asked anew for each decision.
pub type CurrentPermissions = Box<dyn Fn() -> Result<Permissions, Problem> + Send + Sync>;

pub struct Assistance {
    /// `None` in sessions where windows cannot be told apart.
    hands: Option<Hands>,
    permissions: CurrentPermissions,
    remembered: Mutex<Remembered>,
    gate: Mutex<Gate>,
    pub dialog: Arc<Dialog>,
    hotkey: Hotkey,
    /// Held while a dialog is open.
    reviewing: tokio::sync::Mutex<()>,
}

impl Assistance {
    pub fn new(hands: Option<Hands>, permissions: CurrentPermissions, dialog: Arc<Dialog>) -> Self {
        Self {
            hands,
            permissions,
            remembered: Mutex::default(),
            gate: Mutex::default(),
            dialog,
            hotkey: Hotkey::default(),
            reviewing: tokio::sync::Mutex::default(),
        }
    }

    fn allowed(&self) -> Result<Permissions, Problem> {
        (self.permissions)()
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Problem::internal())
}
