//! Edits of the window that the last question was about, and the hotkey.

use protocol::analysis::TextEdit;
use protocol::desktop::{HotkeyStatus, LookedAt, ReviewEdits, TargetSummary};

use super::{Review, SidebarState};
use crate::sidebar::picture::PictureSource;
use crate::sidebar::run::Run;
use leptos::prelude::*;

/// Edits that can be made, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reviewable {
    pub looked: String,
    pub target: TargetSummary,
    pub analysis_id: String,
    pub edits: Vec<TextEdit>,
}

impl SidebarState {
    /// The window that the last question was about, while this page is open.
    pub fn asked_target(self) -> Option<(String, TargetSummary)> {
        self.asked_about.with(|picture| {
            let picture = picture.as_ref()?;
            match (&picture.source, &picture.front) {
                (PictureSource::Capture { id }, Some(LookedAt::Window(target))) => {
                    Some((id.clone(), target.clone()))
                }
                _ => None,
            }
        })
    }

    /// `None`: nothing was proposed, or this window cannot type it.
    pub fn reviewable(self) -> Option<Reviewable> {
        let (edits, analysis_id) = self.run.with(|run| match run {
            Run::Answered(answer, done) => Some((answer.edits.clone(), done.analysis_id.clone())),
            _ => None,
        })?;
        let (looked, target) = self.asked_target().filter(|(_, target)| target.selection_sent)?;
        let can = self.transport().is_some_and(|transport| transport.can_review());
        (can && !edits.is_empty()).then_some(Reviewable { looked, target, analysis_id, edits })
    }

    /// Has the program show its dialog, and waits for what comes of it.
    pub async fn review_edits(self) {
        let Some(Reviewable { looked, target, analysis_id, edits }) = untrack(|| self.reviewable()) else {
            return;
        };
        if !self.review.with_untracked(Review::may_begin) {
            return;
        }
        let Some(transport) = self.transport() else { return };
        let asked = ReviewEdits { looked, analysis_id: analysis_id.clone(), edits };
        let Some(review) = transport.review(asked) else { return };
        self.review.set(Review::Open);
        let decided = match review.await {
            Ok(reviewed) => Review::Decided { program: target.program, reviewed },
            Err(problem) => Review::Failed(problem),
        };
        // Another question may have been asked meanwhile.
        let still = self.run.try_with_untracked(|run| match run {
            Run::Answered(_, done) => done.analysis_id == analysis_id,
            _ => false,
        });
        if still == Some(true) {
            self.review.set(decided);
        }
    }

    /// Calls `pressed` each time that the hotkey is pressed, from now on.
    pub async fn watch_hotkey(self, pressed: Box<dyn Fn()>) {
        let Some(transport) = self.transport() else { return };
        let Some(watched) = transport.watch_hotkey(pressed) else { return };
        // A program of an earlier version has none.
        let status = watched.await.unwrap_or_else(|_| HotkeyStatus::default());
        self.hotkey.try_set(status);
    }
}

#[cfg(test)]
#[path = "review_tests.rs"]
mod tests;
