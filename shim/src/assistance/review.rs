//! From proposed edits to the changed text: the dialog, the confirmation, the typing, and the report to the server.

use std::sync::Arc;
use std::time::Instant;

use desktop::edit::{Confirmation, Edit, Gate, OFFER_LIFETIME, Offer, Proposal, Refusal, TargetKind};
use desktop::look::{Hands, Seen};
use protocol::Problem;
use protocol::analysis::{EditReport, MAX_PROGRAM_CHARS};
use protocol::desktop::{ReviewEdits, ReviewedEdits};
use protocol::edit::{EditOutcome, Lines, MAX_EDITS, Stopped, TextEdit, apply};
use tauri::{Manager, WebviewWindow};

use super::dialog::{self, Decision};
use super::{Assistance, blocking};
use crate::app_state::AppState;
use crate::window::AppWindow;

/// What became of a review, before it is reported.
struct Reviewed {
    outcome: EditOutcome,
    text: String,
    refusal: Option<String>,
}

impl Reviewed {
    fn stopped(reason: Stopped, text: String) -> Self {
        Self { outcome: EditOutcome::Stopped { reason }, text, refusal: None }
    }

    fn refused(refusal: &impl ToString, text: String) -> Self {
        Self { refusal: Some(refusal.to_string()), ..Self::stopped(Stopped::Refused, text) }
    }
}

impl Assistance {
    /// Shows the edits, and types what the user confirms.
    pub async fn review(
        &self,
        state: &AppState,
        window: WebviewWindow,
        review: ReviewEdits,
    ) -> Result<ReviewedEdits, Problem> {
        let ReviewEdits { looked, analysis_id, edits } = review;
        let Ok(_only) = self.reviewing.try_lock() else {
            return Err(Problem::conflict("Another change waits for your decision."));
        };
        let gone = || Problem::not_found().detail("This window is no longer remembered. Look at it again.");
        let seen = self.seen(&looked).ok_or_else(gone)?;
        let hands = self.hands.clone().ok_or_else(Problem::internal)?;
        if edits.is_empty() || edits.len() > MAX_EDITS {
            return Err(Problem::invalid_input().field("edits", "Expected the edits of one answer."));
        }
        let reviewed = self.decide(&window, &hands, &seen, &edits).await?;
        let report = EditReport {
            edits: edits.into_iter().map(|edit| edit.id).collect(),
            program: seen.window.program.chars().take(MAX_PROGRAM_CHARS).collect(),
            outcome: reviewed.outcome.clone(),
        };
        let recorded = match state.native_api().await {
            Ok(native_api) => native_api.report_edits(&analysis_id, &report).await,
            Err(problem) => Err(problem),
        };
        if let Err(problem) = &recorded {
            tracing::warn!(%problem, "what became of a change could not be reported");
        }
        let Reviewed { outcome, text, refusal } = reviewed;
        Ok(ReviewedEdits { outcome, text, refusal, recorded: recorded.is_ok() })
    }

    async fn decide(
        &self,
        window: &WebviewWindow,
        hands: &Hands,
        seen: &Seen,
        edits: &[TextEdit],
    ) -> Result<Reviewed, Problem> {
        let alone = || edits.iter().map(|edit| edit.replacement.clone()).collect::<Vec<_>>().join("\n");
        if !self.allowed()?.may_type {
            return Ok(Reviewed::stopped(Stopped::NotAllowed, alone()));
        }
        let proposal = match proposal(seen, edits) {
            Ok(proposal) => proposal,
            Err(words) => return Ok(Reviewed::refused(&words, alone())),
        };
        let text = proposal.text().to_owned();
        let offered = self.gate.lock().propose(proposal, seen.target.clone(), Instant::now());
        let offer = match offered {
            Ok(offer) => offer,
            Err(refusal) => return Ok(Reviewed::refused(&refusal, text)),
        };
        let chosen = match self.ask(window, &offer).await? {
            Some(Decision::Chosen(chosen)) => chosen,
            Some(Decision::Declined) => {
                self.gate.lock().decline(offer.id);
                return Ok(Reviewed { outcome: EditOutcome::Declined, text, refusal: None });
            }
            None => {
                self.gate.lock().decline(offer.id);
                return Ok(Reviewed::stopped(Stopped::Expired, text));
            }
        };
        let edit = match confirmed(&mut self.gate.lock(), &offer, &chosen) {
            Ok(edit) => edit,
            Err(refusal) => return Ok(Reviewed::refused(&refusal, text)),
        };
        let text = edit.proposal().text().to_owned();
        let input = Arc::clone(&hands.input);
        let outcome = blocking(move || input.replace(edit)).await?;
        let count = |of: usize| u32::try_from(of).unwrap_or(u32::MAX);
        Ok(match outcome.result {
            Ok(read_back) => Reviewed {
                outcome: EditOutcome::Inserted {
                    method: outcome.method,
                    read_back,
                    chosen: count(chosen.iter().filter(|chosen| **chosen).count()),
                    changes: count(chosen.len()),
                },
                text,
                refusal: None,
            },
            Err(reason) => Reviewed::stopped(reason, text),
        })
    }

    /// `None`: nobody decided in time.
    async fn ask(&self, window: &WebviewWindow, offer: &Offer) -> Result<Option<Decision>, Problem> {
        let (number, decision) = self.dialog.begin(offer.clone())?;
        let app = window.app_handle();
        let opened = dialog::open(app, &AppWindow(window.clone()), &number).map_err(|error| {
            tracing::error!(%error, "the dialog cannot be opened");
            self.dialog.end(&number);
            Problem::internal().detail("The dialog could not be opened. Nothing was typed.")
        })?;
        let id = desktop::window::Window::x11_id(&AppWindow(opened.clone()));
        self.come_back(&AppWindow(opened.clone()), id).await;
        let decided = tokio::time::timeout(OFFER_LIFETIME, decision).await;
        self.dialog.end(&number);
        if let Err(error) = opened.destroy() {
            tracing::debug!(%error, "the dialog was closed already");
        }
        Ok(decided.ok().map(|decision| decision.unwrap_or(Decision::Declined)))
    }
}

/// All edits of the answer as one text in place of the selection. In a terminal what is selected was printed already, so the
/// new text goes to the cursor.
fn proposal(seen: &Seen, edits: &[TextEdit]) -> Result<Proposal, String> {
    let selection = seen.target.selection.clone().unwrap_or_default();
    let in_terminal = seen.target.kind == TargetKind::Terminal;
    let lines = if in_terminal { Lines::Forbidden } else { Lines::Allowed };
    let text = apply(&selection, edits, lines).map_err(|refusal| refusal.to_string())?;
    let replaces = Some(selection).filter(|_| !in_terminal);
    Proposal::new(text, replaces).map_err(|refusal: Refusal| refusal.to_string())
}

fn confirmed(gate: &mut Gate, offer: &Offer, chosen: &[bool]) -> Result<Edit, Refusal> {
    let now = Instant::now();
    let confirmation: Confirmation = gate.confirm_changes(offer.id, offer.digest, chosen, now)?;
    gate.admit(confirmation, now)
}
