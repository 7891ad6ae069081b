use std::process::Command;
use std::time::Instant;

use super::*;
use crate::test_display::{editor, front, on_desktop, press, start, wait_for};

#[test]
fn an_editors_text_comes_with_positions_selection_and_focus() {
    on_desktop("accessibility::tests::an_editors_text_comes_with_positions_selection_and_focus", || {
        let folder = tempfile::tempdir().unwrap();
        let text = "alpha beta\ngrün 👩\u{200d}💻 日本\nlast";
        let (_editor, _) = editor(folder.path(), "lesen.txt", text);
        let accessibility = AtSpi::new();
        wait_for("the editor's field", || {
            let field = accessibility.focused(&front("lesen.txt")).ok()??;
            (field.text.as_deref() == Some(text)).then_some(())
        });
        press(&["ctrl+Home", "shift+End"]);
        let window = front("lesen.txt");
        wait_for("the selection", || {
            let field = accessibility.focused(&window).ok()??;
            (field.selection().as_deref() == Some("alpha beta")).then_some(())
        });
        let started = Instant::now();
        let read = accessibility.read(&window).unwrap();
        let took = started.elapsed();
        assert!(took < TIME_LIMIT + Duration::from_millis(100), "{took:?}");
        println!("accessible text in {took:?}, complete: {}", read.complete);
        assert_eq!((read.source, read.selection.as_deref()), (TextSource::AtSpi, Some("alpha beta")));
        let mut last_y = i32::MIN;
        for line in text.split('\n') {
            let found =
                read.lines.iter().find(|shown| shown.text == line).unwrap_or_else(|| panic!("{line}"));
            let bounds = found.bounds.unwrap();
            assert_eq!(bounds.intersection(&window.frame), Some(bounds), "within the window");
            assert!(bounds.y > last_y);
            last_y = bounds.y;
        }
        let field = read.focused.unwrap();
        assert_eq!((field.kind, field.text.as_deref()), (FieldKind::Text, Some(text)));
        assert_eq!(field.replaced("x").as_deref(), Some("x\ngrün 👩\u{200d}💻 日本\nlast"));
    });
}

#[test]
fn what_is_in_a_password_field_is_not_read() {
    on_desktop("accessibility::tests::what_is_in_a_password_field_is_not_read", || {
        let folder = tempfile::tempdir().unwrap();
        let page = folder.path().join("page.html");
        let html = "<title>anmelden</title><p>Your password</p><input type=password autofocus value=hunter2>";
        std::fs::write(&page, html).unwrap();
        let mut browser = Command::new("chromium");
        browser.env("GNOME_ACCESSIBILITY", "1");
        browser.args(["--no-sandbox", "--no-first-run", "--disable-gpu", "--password-store=basic"]);
        browser.args(["--force-renderer-accessibility", "--new-window"]);
        browser.arg(format!("--user-data-dir={}", folder.path().join("profile").display())).arg(page);
        let _browser = start(&mut browser);
        let window = front("anmelden");
        let accessibility = AtSpi::new();
        let read = wait_for("the page", || {
            let read = accessibility.read(&window).ok()?;
            let focused = read.focused.as_ref()?.kind == FieldKind::Password;
            (focused && read.lines.iter().any(|line| line.text.contains("Your password"))).then_some(read)
        });
        assert_eq!(read.focused.as_ref().and_then(|field| field.text.as_deref()), None);
        assert_eq!(read.selection, None);
        assert!(
            !format!("{read:?}").contains("hunter2") && !format!("{read:?}").contains("\u{2022}\u{2022}")
        );
    });
}
