//! What was there before: earlier questions after a reload, and everything after the network was cut.

use leptos::prelude::*;
use protocol::Problem;

use super::super::access::{Access, AccessEvent};
use super::super::history::{Earlier, RecordedAnalysis};
use super::super::run::Run;
use super::{Modes, SidebarState};

impl SidebarState {
    /// Whether something failed because the server could not be reached.
    pub fn waits_for_server(self) -> bool {
        self.access.with(|access| matches!(access, Access::Unknown(problem) if is_away(problem)))
            || self.modes.with(|modes| matches!(modes, Modes::Failed(problem) if is_away(problem)))
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
                self.load_history(String::new()).await;
            }
        } else {
            let found = transport.session().await;
            if !found.as_ref().is_err_and(is_away) {
                self.apply_access(AccessEvent::CheckRepeated);
                self.enter(found).await;
            }
        }
    }

    /// Loads the earlier questions that contain `search`. Without one, the last answer is shown again if there is none.
    pub async fn load_history(self, search: String) {
        let everything = search.is_empty();
        let Some(transport) = self.transport() else { return };
        let Some(history) = transport.history(search) else { return };
        match history.await {
            Ok(mut found) => {
                self.history_problem.set(None);
                if everything && self.run.with_untracked(|run| *run == Run::Idle) {
                    self.reopen(&mut found);
                }
                let shown = self.run.with_untracked(Earlier::of).map(|earlier| earlier.id);
                let other = found.into_iter().filter(|record| shown.as_ref() != Some(&record.id));
                self.earlier.set(other.rev().map(Earlier::from).collect());
            }
            Err(problem) => {
                self.end_session_if_unauthorized(&problem);
                self.history_problem.set(Some(problem));
            }
        }
    }

    /// Shows the newest answer again, as before the page was reloaded.
    fn reopen(self, found: &mut Vec<RecordedAnalysis>) {
        if let Some(run) = found.first().and_then(RecordedAnalysis::reopened) {
            found.remove(0);
            self.run.set(run);
        }
    }
}

/// Whether nobody answered for the server.
fn is_away(problem: &Problem) -> bool {
    problem.is("unreachable") || matches!(problem.status, 502..=504)
}
