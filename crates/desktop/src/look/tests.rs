//! Looking at real programs.

use std::sync::Arc;

use super::*;
use crate::exclusion::Pattern;
use crate::test_display::{editor, front, on_desktop, press, terminal, wait_for};

const TEXT: &str = "Dear all,\nthe door are is open.";

fn observer() -> X11Observer {
    let screen: Arc<dyn ScreenCapture> = Arc::from(crate::capture::for_session(DisplaySession::Direct));
    X11Observer::connect(screen).unwrap().0
}

fn seen(observer: &X11Observer, exclusions: &Exclusions) -> Option<Seen> {
    match observer.look(exclusions, observer.front(), None).ok()?.front {
        Front::Window(seen) => Some(*seen),
        Front::LeftOut | Front::None => None,
    }
}

#[test]
fn the_window_in_front_gives_its_text_and_its_selection() {
    on_desktop("look::tests::the_window_in_front_gives_its_text_and_its_selection", || {
        let folder = tempfile::tempdir().unwrap();
        let (_editor, _) = editor(folder.path(), "letter.txt", TEXT);
        let observer = observer();
        wait_for("the text", || {
            seen(&observer, &Exclusions::default())?.text.filter(|text| text.text.contains("door are is"))
        });
        press(&["ctrl+a"]);
        let seen = wait_for("the selection", || {
            seen(&observer, &Exclusions::default()).filter(|seen| seen.target.selection.is_some())
        });
        assert_eq!(seen.target.selection.as_deref(), Some(TEXT));
        assert!(seen.window.title.contains("letter.txt"), "{:?}", seen.window);
        // Another window is in front by now; the one that was asked about is looked at.
        let _other = terminal("other", "#203040", "30x8+140+150", &["sleep", "60"]);
        front("other");
        wait_for("the same field again", || {
            let sight = observer.look(&Exclusions::default(), Some(seen.window.id), None).unwrap();
            let Front::Window(again) = sight.front else { panic!("another window is looked at") };
            assert_eq!(again.window.id, seen.window.id);
            (again.target == seen.target).then_some(())
        });
    });
}

#[test]
fn an_excluded_window_gives_neither_pixels_nor_text() {
    on_desktop("look::tests::an_excluded_window_gives_neither_pixels_nor_text", || {
        let folder = tempfile::tempdir().unwrap();
        let (_editor, window) = editor(folder.path(), "secret.txt", TEXT);
        let observer = observer();
        wait_for("the text", || seen(&observer, &Exclusions::default())?.text);
        let exclusions = Exclusions { titles: vec![Pattern::new("*secret*")], ..Exclusions::default() };
        let sight = observer.look(&exclusions, observer.front(), None).unwrap();
        assert!(matches!(sight.front, Front::LeftOut));
        let middle =
            |origin: i32, start: i32, length: u32| u32::try_from(start - origin).unwrap() + length / 2;
        let (x, y) = (
            middle(sight.frame.origin.x, window.frame.x, window.frame.width),
            middle(sight.frame.origin.y, window.frame.y, window.frame.height),
        );
        assert_eq!(sight.frame.pixels.get_pixel(x, y).0, [32, 32, 32, 255]);
    });
}
