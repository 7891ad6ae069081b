//! Replaces text by pasting it: exact in every program that was tried, and one step to undo
//! (`docs/decisions/paste-not-keys.md`).
//!
//! The text is not put where everybody can read it. It is offered to the program of the target window alone, which gets it
//! only if at that very moment the target is in front and unchanged. So a window that takes the focus between the keys and
//! the reading gets nothing.

use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Edit, Method, Outcome, ReadBack, Stopped, Target, TargetKind, TextInput};
use crate::accessibility::{Accessibility, AccessibilityError, Field, FieldKind};
use crate::clipboard::{Guard, Reading, Saved, Selection, X11Clipboard};
use crate::keyboard::{Keyboard, Shortcut};
use crate::selected_text::SelectedTextReader;
use crate::windows::{WindowInfo, Windows};

const RELEASE_TIMEOUT: Duration = Duration::from_secs(2);
/// Long: a program that is busy pastes later, and would then paste what was given back.
const READ_TIMEOUT: Duration = Duration::from_secs(4);
/// For the program to say which field has the keyboard.
const FIELD_TIMEOUT: Duration = Duration::from_secs(2);
/// For the program to show what it has read.
const SHOWN_TIMEOUT: Duration = Duration::from_millis(500);
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// What the program has read.
struct Pasted {
    /// The field's text as it is to be, where the program describes it.
    expected: Option<String>,
    /// Whether the field was seen with it.
    exact: bool,
}

#[derive(Clone)]
pub struct PasteInput {
    accessibility: Arc<dyn Accessibility>,
    clipboard: Arc<X11Clipboard>,
    keyboard: Arc<dyn Keyboard>,
    windows: Arc<dyn Windows>,
}

impl std::fmt::Debug for PasteInput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PasteInput").finish_non_exhaustive()
    }
}

impl PasteInput {
    pub fn new(
        windows: Arc<dyn Windows>,
        accessibility: Arc<dyn Accessibility>,
        clipboard: Arc<X11Clipboard>,
        keyboard: Arc<dyn Keyboard>,
    ) -> Self {
        Self { accessibility, clipboard, keyboard, windows }
    }

    /// Brings the target back and compares everything that is known of it. Returns its field, as it is before.
    fn check(&self, target: &Target) -> Result<Option<Field>, Stopped> {
        // Only a window that is still what it was comes to the front.
        let known = self.windows.stacking().map_err(|_| Stopped::Failed)?;
        let window = known.iter().find(|window| window.id == target.window);
        if !window.is_some_and(|window| target.is_window(window)) {
            return Err(Stopped::WindowChanged);
        }
        self.windows.bring_to_front(target.window).map_err(|_| Stopped::WindowChanged)?;
        let window = self.windows.front().map_err(|_| Stopped::WindowChanged)?;
        if !target.is_window(&window) {
            return Err(Stopped::WindowChanged);
        }
        let field = self.focused(&window);
        if let Some(known) = &target.field
            && field.as_ref().map(|field| &field.id) != Some(known)
        {
            return Err(Stopped::FieldChanged);
        }
        if field.as_ref().is_some_and(|field| field.kind == FieldKind::Password) {
            return Err(Stopped::FieldChanged);
        }
        if target.kind == TargetKind::Field && self.selection(&window, field.as_ref()) != target.selection {
            return Err(Stopped::SelectionChanged);
        }
        Ok(field)
    }

    /// A program that is busy is asked again: the user has said yes and waits.
    fn focused(&self, window: &WindowInfo) -> Option<Field> {
        let started = Instant::now();
        loop {
            match self.accessibility.focused(window) {
                Err(AccessibilityError::TooSlow) if started.elapsed() < FIELD_TIMEOUT => {}
                answer => return answer.ok().flatten(),
            }
        }
    }

    fn selection(&self, window: &WindowInfo, field: Option<&Field>) -> Option<String> {
        if let Some(field) = field.filter(|field| field.text.is_some() && field.selected.is_some()) {
            return field.selection();
        }
        let reader = SelectedTextReader {
            accessibility: Arc::clone(&self.accessibility),
            clipboard: Arc::clone(&self.clipboard),
            keyboard: Arc::clone(&self.keyboard),
            windows: Arc::clone(&self.windows),
        };
        reader.read_quietly(window).ok().flatten().map(|selected| selected.text)
    }

    /// Returns once the program has the text and will not ask for it again. `before` is the field as it was.
    fn paste(&self, edit: &Edit, used: Selection, before: Option<&Field>) -> Result<Pasted, Stopped> {
        let target = edit.target().clone();
        let windows = Arc::clone(&self.windows);
        let window = target.window;
        let guard: Guard = Box::new(move || windows.front().is_ok_and(|front| target.is_window(&front)));
        self.clipboard.offer_to(used, edit.proposal().text(), window, guard).map_err(|_| Stopped::Failed)?;
        let shortcut = match used {
            Selection::Clipboard => Shortcut::Paste,
            Selection::Primary => Shortcut::PasteInTerminal,
        };
        let front = self.windows.front().map_err(|_| Stopped::WindowChanged)?;
        if !edit.target().is_window(&front) {
            return Err(Stopped::WindowChanged);
        }
        self.keyboard.press(shortcut).map_err(|_| Stopped::Failed)?;
        let expected = before.and_then(|field| field.replaced(edit.proposal().text()));
        let exact = Cell::new(false);
        let shown = || {
            exact.set(expected.is_some() && self.shown() == expected);
            exact.get()
        };
        match self.clipboard.wait_for_reading(READ_TIMEOUT, shown) {
            Reading::Done => Ok(Pasted { exact: exact.get(), expected }),
            Reading::Refused => Err(Stopped::WindowChanged),
            Reading::TimedOut => Err(Stopped::NotRead),
        }
    }

    /// The text of the field in front. The title may have got a mark for the change, so the window is not compared again.
    fn shown(&self) -> Option<String> {
        let window = self.windows.front().ok()?;
        self.accessibility.focused(&window).ok()??.text
    }

    fn read_back(&self, pasted: Pasted) -> ReadBack {
        if pasted.exact {
            return ReadBack::Exact;
        }
        let Some(expected) = pasted.expected else { return ReadBack::Unavailable };
        let started = Instant::now();
        let mut last = ReadBack::Unavailable;
        // A program that says nothing is busy, so it is given longer.
        while started.elapsed() < if last == ReadBack::Different { SHOWN_TIMEOUT } else { FIELD_TIMEOUT } {
            if let Some(text) = self.shown() {
                if text == expected {
                    return ReadBack::Exact;
                }
                last = ReadBack::Different;
            }
            std::thread::sleep(POLL_INTERVAL);
        }
        last
    }

    fn saved(&self, used: Selection) -> Result<Saved, Stopped> {
        self.clipboard.save(used).map_err(|error| {
            tracing::warn!(%error, "the clipboard cannot be saved, so it is not used");
            Stopped::ClipboardNotSaved
        })
    }
}

impl TextInput for PasteInput {
    fn replace(&self, edit: Edit) -> Outcome {
        let untouched =
            |stopped| Outcome { method: Method::Paste, result: Err(stopped), clipboard_restored: true };
        // Shift+Insert in terminals pastes the primary selection.
        let used = match edit.target().kind {
            TargetKind::Terminal => Selection::Primary,
            _ => Selection::Clipboard,
        };
        match self.keyboard.wait_for_release(RELEASE_TIMEOUT) {
            Ok(true) => {}
            Ok(false) => return untouched(Stopped::ModifiersHeld),
            Err(_) => return untouched(Stopped::Failed),
        }
        let saved = match self.saved(used) {
            Ok(saved) => saved,
            Err(stopped) => return untouched(stopped),
        };
        let before = match self.check(edit.target()) {
            Ok(before) => before,
            Err(stopped) => return untouched(stopped),
        };
        let pasted = self.paste(&edit, used, before.as_ref());
        // Before anything else: what follows takes time, and the user may paste.
        let clipboard_restored = self.clipboard.give_back(used, saved).unwrap_or(false);
        let result = pasted.map(|pasted| self.read_back(pasted));
        Outcome { method: Method::Paste, result, clipboard_restored }
    }
}
