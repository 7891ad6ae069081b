use std::process::Command;

use super::*;
use crate::accessibility::AtSpi;
use crate::keyboard::X11Keyboard;
use crate::test_display::{editor, front, on_desktop, press, start, wait_for};
use crate::windows::X11Windows;

fn reader() -> SelectedTextReader {
    SelectedTextReader {
        accessibility: Arc::new(AtSpi::new()),
        clipboard: Arc::new(X11Clipboard::connect().unwrap()),
        keyboard: Arc::new(X11Keyboard::connect().unwrap()),
        windows: Arc::new(X11Windows::connect().unwrap()),
    }
}

#[test]
fn accessibility_comes_first_and_then_the_primary_selection_of_this_program() {
    let name =
        "selected_text::tests::accessibility_comes_first_and_then_the_primary_selection_of_this_program";
    on_desktop(name, || {
        let folder = tempfile::tempdir().unwrap();
        let (_editor, window) = editor(folder.path(), "wahl.txt", "grün 日本");
        let reader = reader();
        wait_for("the selection", || {
            press(&["ctrl+a"]);
            let selected = reader.read_quietly(&window).unwrap()?;
            assert_eq!(selected.text, "grün 日本");
            (selected.source == SelectionSource::Accessibility).then_some(())
        });
        let mut blind = reader.clone();
        blind.accessibility = Arc::new(Blind);
        let primary = SelectedText { text: "grün 日本".into(), source: SelectionSource::Primary };
        assert_eq!(blind.read(&window).unwrap(), Some(primary));

        // Without it, as in programs that own no primary selection: by copying, and the clipboard is as before.
        let other = X11Clipboard::connect().unwrap();
        other.put("kept").unwrap();
        let mut xclip = Command::new("xclip");
        xclip.args(["-selection", "primary", "-quiet", "/dev/null"]);
        let _primary = start(&mut xclip);
        wait_for("xclip", || {
            (!blind.clipboard.belongs_to(Selection::Primary, window.id).unwrap()).then_some(())
        });
        press(&["ctrl+Home", "shift+End"]);
        let copied = blind.copy(&window).unwrap();
        assert_eq!(copied.as_deref(), Some("grün 日本"));
        assert_eq!(other.text(Selection::Clipboard).unwrap().as_deref(), Some("kept"));
        press(&["ctrl+Home"]);
        assert_eq!(blind.copy(&window).unwrap(), None, "nothing is selected");
        assert_eq!(other.text(Selection::Clipboard).unwrap().as_deref(), Some("kept"));
        assert_eq!(front("wahl.txt").id, window.id);
    });
}

/// A session without accessibility.
struct Blind;

impl Accessibility for Blind {
    fn read(
        &self,
        _: &WindowInfo,
    ) -> Result<crate::accessibility::AccessibleText, crate::accessibility::AccessibilityError> {
        Err(crate::accessibility::AccessibilityError::NotDescribed)
    }

    fn focused(
        &self,
        _: &WindowInfo,
    ) -> Result<Option<crate::accessibility::Field>, crate::accessibility::AccessibilityError> {
        Err(crate::accessibility::AccessibilityError::NotDescribed)
    }
}
