//! Looks at the window in front, without this program's own, and remembers what was there: the picture's id is that of its
//! text, its selection and its window.

use std::collections::VecDeque;
use std::sync::Arc;

use desktop::exclusion::ExclusionError;
use desktop::look::{Front, Seen};
use desktop::window::{HiddenWindow, Window};
use protocol::Problem;
use protocol::analysis::{MAX_PROGRAM_CHARS, MAX_SELECTION_CHARS, MAX_TITLE_CHARS, WindowText};
use protocol::desktop::{CapturedScreen, Looked, LookedAt, TargetSummary};
use tauri::WebviewWindow;

use super::{Assistance, blocking};
use crate::app_state::AppState;
use crate::window::AppWindow;

/// An answer may take long, and another question may be asked meanwhile.
const CAPACITY: usize = 16;

#[derive(Debug, Default)]
pub struct Remembered(VecDeque<(String, Arc<Seen>)>);

impl Remembered {
    fn insert(&mut self, id: String, seen: Seen) {
        self.0.push_back((id, Arc::new(seen)));
        while self.0.len() > CAPACITY {
            self.0.pop_front();
        }
    }

    fn find(&self, id: &str) -> Option<Arc<Seen>> {
        self.0.iter().find(|(known, _)| known == id).map(|(_, seen)| Arc::clone(seen))
    }
}

impl Assistance {
    /// Brings the program's window back with the keyboard in it.
    pub async fn look(&self, state: &AppState, window: WebviewWindow) -> Result<Looked, Problem> {
        let exclusions = self.allowed()?.exclusions;
        let window = AppWindow(window);
        let (own, at) = (window.x11_id(), window.middle());
        let pressed_at = self.hotkey.window_in_front();
        let before = match (&self.hands, pressed_at) {
            (Some(_), Some(window)) => Some(window),
            (Some(hands), None) => {
                let observer = Arc::clone(&hands.observer);
                blocking(move || observer.front()).await?
            }
            (None, _) => None,
        };
        let hidden = HiddenWindow::hide(window.clone())
            .await
            .map_err(|_| Problem::internal().detail("The window could not be hidden."))?;
        let looked = match &self.hands {
            Some(hands) => {
                let observer = Arc::clone(&hands.observer);
                let sight = blocking(move || observer.look(&exclusions, before, at)).await;
                sight.and_then(|sight| sight.map_err(|error| problem_of(&error)))
            }
            None => Err(Problem::internal()),
        };
        let plain = if self.hands.is_none() { Some(state.capture(at).await) } else { None };
        drop(hidden);
        self.come_back(&window, own).await;
        let (id, frame, front) = if let Some(captured) = plain {
            let (id, frame) = captured?;
            (id, frame, LookedAt::Screen)
        } else {
            let sight = looked?;
            let (id, frame) = state.keep(sight.frame)?;
            let front = self.remember(&id, sight.front);
            (id, frame, front)
        };
        let (width, height) = frame.pixels.dimensions();
        let screen = CapturedScreen { id, width, height, monitor: frame.monitor.clone() };
        Ok(Looked { screen, front })
    }

    /// From now on the id is that of a picture alone.
    pub fn forget(&self, id: &str) {
        self.remembered.lock().0.retain(|(known, _)| known != id);
    }

    pub(super) fn seen(&self, id: &str) -> Option<Arc<Seen>> {
        self.remembered.lock().find(id)
    }

    /// What goes with the picture of this id: the window's text, and what is selected there.
    pub fn sent_with(&self, id: &str) -> (Option<WindowText>, Option<String>) {
        let Some(seen) = self.seen(id) else { return (None, None) };
        let text = seen.text.as_ref().map(|text| WindowText {
            // The server takes no NUL, and no program shows one.
            text: text.text.replace('\0', ""),
            program: shortened(&seen.window.program, MAX_PROGRAM_CHARS),
            title: shortened(&seen.window.title, MAX_TITLE_CHARS),
        });
        (text, sent_selection(&seen).map(str::to_owned))
    }

    fn remember(&self, id: &str, front: Front) -> LookedAt {
        match front {
            Front::LeftOut => LookedAt::LeftOut,
            Front::None => LookedAt::Nothing,
            Front::Window(seen) => {
                let summary = summary(&seen);
                self.remembered.lock().insert(id.to_owned(), *seen);
                LookedAt::Window(summary)
            }
        }
    }

    /// Window managers may refuse the keyboard to a window that asks for it itself.
    pub(super) async fn come_back(&self, window: &AppWindow, own: Option<u32>) {
        let brought = match (&self.hands, own) {
            (Some(hands), Some(own)) => {
                let observer = Arc::clone(&hands.observer);
                blocking(move || observer.bring_to_front(own)).await.unwrap_or_default()
            }
            _ => false,
        };
        if !brought && let Err(error) = window.0.set_focus() {
            tracing::warn!(%error, "the window did not get the keyboard");
        }
    }
}

/// A selection that is too long to be sent whole is not sent.
fn sent_selection(seen: &Seen) -> Option<&str> {
    let selection = seen.target.selection.as_deref()?;
    let fits = selection.chars().nth(MAX_SELECTION_CHARS).is_none() && !selection.contains('\0');
    Some(selection).filter(|selection| fits && !selection.is_empty())
}

fn summary(seen: &Seen) -> TargetSummary {
    let count = |text: &str| text.chars().count() as u64;
    TargetSummary {
        program: shortened(&seen.window.program, MAX_PROGRAM_CHARS),
        title: shortened(&seen.window.title, MAX_TITLE_CHARS),
        text_chars: seen.text.as_ref().map(|text| count(&text.text)),
        text_complete: seen.text.as_ref().is_some_and(|text| text.complete),
        selection_chars: seen.target.selection.as_deref().map(count).unwrap_or_default(),
        selection_sent: sent_selection(seen).is_some(),
    }
}

fn shortened(text: &str, most: usize) -> String {
    protocol::text::visible(text).chars().take(most).collect()
}

/// Nothing was taken, so nothing can leave.
fn problem_of(error: &ExclusionError) -> Problem {
    tracing::warn!(%error, source = ?std::error::Error::source(error), "nothing was looked at");
    let detail = match error {
        ExclusionError::Capture(error) => return error.problem(),
        ExclusionError::Moving => "Windows moved each time a picture was taken. Try again.",
        ExclusionError::Windows(_) => {
            "It is not known which windows are open, so what must be left out cannot be. Nothing was taken."
        }
    };
    Problem::new("windows-unknown", 500, "The screen was not looked at").detail(detail)
}

#[cfg(test)]
mod tests {
    use desktop::edit::{Target, TargetKind};
    use desktop::geometry::Rect;
    use desktop::look::SeenText;
    use desktop::windows::WindowInfo;

    use super::*;
    use crate::assistance::{Dialog, Permissions};

    fn seen(title: &str, selection: Option<&str>) -> Seen {
        let window = WindowInfo {
            id: 7,
            pid: Some(70),
            program: "Editor".into(),
            executable: "editor".into(),
            title: title.into(),
            frame: Rect::default(),
            managed: true,
            opaque: true,
            foreign: false,
        };
        let target = Target {
            window: 7,
            pid: Some(70),
            program: "Editor".into(),
            title: title.into(),
            field: None,
            selection: selection.map(str::to_owned),
            kind: TargetKind::Field,
        };
        let text = Some(SeenText { text: "öne\0\n".into(), complete: false });
        Seen { window, text, target }
    }

    fn assistance() -> Assistance {
        Assistance::new(None, Box::new(|| Ok(Permissions::default())), Arc::new(Dialog::new(|_| true)))
    }

    #[test]
    fn a_pictures_text_and_selection_go_with_its_id_and_the_page_gets_counts() {
        let assistance = assistance();
        let front = Front::Window(Box::new(seen("a\u{202E}.txt", Some("two"))));
        let LookedAt::Window(summary) = assistance.remember("frame-1", front) else { panic!() };
        assert_eq!(
            summary,
            TargetSummary {
                program: "Editor".into(),
                title: "a.txt".into(),
                text_chars: Some(5),
                text_complete: false,
                selection_chars: 3,
                selection_sent: true
            }
        );
        let (text, selection) = assistance.sent_with("frame-1");
        let expected = WindowText { text: "öne\n".into(), program: "Editor".into(), title: "a.txt".into() };
        assert_eq!((text, selection.as_deref()), (Some(expected), Some("two")));
        assert_eq!(assistance.sent_with("frame-2"), (None, None));
        assistance.forget("frame-1");
        assert_eq!(assistance.sent_with("frame-1"), (None, None));
    }

    #[test]
    fn an_excluded_window_is_not_remembered() {
        let assistance = assistance();
        assert_eq!(assistance.remember("frame-1", Front::LeftOut), LookedAt::LeftOut);
        assert_eq!(assistance.sent_with("frame-1"), (None, None));
    }

    #[test]
    fn a_selection_that_is_too_long_is_counted_and_not_sent() {
        let long = "ä".repeat(MAX_SELECTION_CHARS + 1);
        let summary = summary(&seen("a", Some(&long)));
        assert_eq!((summary.selection_chars, summary.selection_sent), (16_001, false));
        assert_eq!(sent_selection(&seen("a", Some(&long[2..]))), Some(&long[2..]));
        assert_eq!(sent_selection(&seen("a", Some("a\0"))), None);
    }

    #[test]
    fn the_last_few_are_remembered() {
        let mut remembered = Remembered::default();
        for number in 0..20 {
            remembered.insert(number.to_string(), seen("a", None));
        }
        assert!(remembered.find("3").is_none() && remembered.find("4").is_some());
    }
}
