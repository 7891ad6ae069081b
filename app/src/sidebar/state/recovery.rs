//! After the network was cut: what failed is tried again.

use leptos::prelude::*;
use protocol::Problem;

use super::super::access::{Access, AccessEvent};
use super::{Modes, SidebarState};

impl SidebarState {
    /// Whether something failed because the server could not be reached.
    pub fn waits_for_server(self) -> bool {
        self.access.with(|access| matches!(access, Access::Unknown(problem) if is_away(problem)))
            || self.modes.with(|modes| matches!(modes, Modes::Failed(problem) if is_away(problem)))
            || self.open_problem.with(|problem| problem.as_ref().is_some_and(is_away))
    }

    /// Tries again what failed without the server. What is shown changes only once the server answers.
    pub async fn recover(self) {
        let Some(transport) = self.transport().filter(|_| untrack(|| self.waits_for_server())) else {
            return;
        };
        if self.access.with_untracked(|access| access.session().is_some()) {
            let found = transport.modes().await;
            if !found.as_ref().is_err_and(is_away) {
                self.take_modes(found);
                self.reopen().await;
            }
        } else {
            let found = transport.session().await;
            if !found.as_ref().is_err_and(is_away) {
                self.apply_access(AccessEvent::CheckRepeated);
                self.enter(found).await;
            }
        }
    }
}

/// Whether nobody answered for the server.
pub(super) fn is_away(problem: &Problem) -> bool {
    problem.is("unreachable") || matches!(problem.status, 502..=504)
}
