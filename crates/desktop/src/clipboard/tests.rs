use std::io::Write;
use std::process::{Command, Stdio};

use x11rb::wrapper::ConnectionExt as _;

use super::*;
use crate::test_display::on_x_server;

fn on_display(name: &str, inside: impl FnOnce()) {
    on_x_server(&format!("clipboard::tests::{name}"), |_| Vec::new(), inside);
}

fn form(clipboard: &X11Clipboard, target: &str, data: &[u8]) -> Offered {
    let connection = &clipboard.reader.display().connection;
    let atom = |name: &str| connection.intern_atom(false, name.as_bytes()).unwrap().reply().unwrap().atom;
    Offered { target: atom(target), type_: atom(target), format: 8, data: data.into() }
}

/// Noise, larger than what goes in one piece.
fn picture() -> Vec<u8> {
    let mut state = 7u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    (0..700_000).map(|_| next()).collect()
}

fn xclip(arguments: &[&str]) -> Option<Vec<u8>> {
    let output = Command::new("timeout")
        .args(["5", "xclip", "-selection", "clipboard", "-o"])
        .args(arguments)
        .output()
        .unwrap();
    output.status.success().then_some(output.stdout)
}

#[test]
fn everything_is_given_back_in_every_form() {
    on_display("everything_is_given_back_in_every_form", || {
        let other = X11Clipboard::connect().unwrap();
        let clipboard = X11Clipboard::connect().unwrap();
        let picture = picture();
        let forms = vec![
            form(&other, "UTF8_STRING", "früher 日本".as_bytes()),
            form(&other, "text/html", b"<b>fr\xc3\xbcher</b>"),
            form(&other, "image/png", &picture),
            form(&other, "x-special/gnome-copied-files", b"copy\nfile:///tmp/a"),
            form(&other, "text/empty", b""),
        ];
        let atom = other.atom(Selection::Clipboard);
        other.owner.offer(atom, forms.clone(), None).unwrap();
        let saved = clipboard.save(Selection::Clipboard).unwrap();
        assert!(saved.offers == forms, "saved with every form");

        clipboard.put("unser Text").unwrap();
        assert_eq!(other.text(Selection::Clipboard).unwrap().as_deref(), Some("unser Text"));
        assert!(clipboard.give_back(Selection::Clipboard, saved).unwrap());
        assert!(other.save(Selection::Clipboard).unwrap().offers == forms, "given back with every form");
        assert_eq!(xclip(&[]).as_deref(), Some("früher 日本".as_bytes()));
        assert!(
            xclip(&["-t", "image/png"]).as_deref() == Some(&picture[..]),
            "the picture, for a real program"
        );
    });
}

#[test]
fn a_real_programs_picture_is_saved_and_given_back() {
    on_display("a_real_programs_picture_is_saved_and_given_back", || {
        let picture = picture();
        let mut program = Command::new("xclip")
            .args(["-selection", "clipboard", "-t", "image/png", "-i", "-quiet"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("xclip");
        program.stdin.take().unwrap().write_all(&picture).unwrap();
        let _program = crate::test_display::Process(program);
        let clipboard = X11Clipboard::connect().unwrap();
        let saved = crate::test_display::wait_for("xclip", || {
            Some(clipboard.save(Selection::Clipboard).ok()?).filter(|saved| !saved.is_empty())
        });
        clipboard.put("unser Text").unwrap();
        assert!(clipboard.give_back(Selection::Clipboard, saved).unwrap());
        assert!(xclip(&["-t", "image/png"]).as_deref() == Some(&picture[..]));
    });
}

#[test]
fn an_empty_clipboard_is_empty_again_and_a_newer_one_is_left_alone() {
    on_display("an_empty_clipboard_is_empty_again_and_a_newer_one_is_left_alone", || {
        let clipboard = X11Clipboard::connect().unwrap();
        let saved = clipboard.save(Selection::Clipboard).unwrap();
        assert!(saved.is_empty());
        clipboard.put("unser Text").unwrap();
        assert!(clipboard.give_back(Selection::Clipboard, saved.clone()).unwrap());
        assert_eq!(clipboard.text(Selection::Clipboard).unwrap(), None);

        clipboard.put("unser Text").unwrap();
        let other = X11Clipboard::connect().unwrap();
        other.put("newer").unwrap();
        assert!(!clipboard.give_back(Selection::Clipboard, saved).unwrap());
        assert_eq!(clipboard.text(Selection::Clipboard).unwrap().as_deref(), Some("newer"));
    });
}

#[test]
fn a_pasted_text_is_for_one_program_and_only_while_it_may_have_it() {
    on_display("a_pasted_text_is_for_one_program_and_only_while_it_may_have_it", || {
        let clipboard = X11Clipboard::connect().unwrap();
        let right = X11Clipboard::connect().unwrap();
        let window =
            right.reader.display().hidden_window(x11rb::protocol::xproto::EventMask::NO_EVENT).unwrap();
        right.reader.display().connection.sync().unwrap();

        clipboard.offer_to(Selection::Clipboard, "geheim", window, Box::new(|| true)).unwrap();
        assert_eq!(xclip(&[]), None, "another program gets nothing");
        assert!(xclip(&["-t", "x-kde-passwordManagerHint"]).unwrap() == b"secret");
        assert_eq!(clipboard.wait_for_reading(Duration::from_millis(20), || false), Reading::TimedOut);
        assert_eq!(right.text(Selection::Clipboard).unwrap().as_deref(), Some("geheim"));
        assert_eq!(clipboard.wait_for_reading(Duration::from_secs(2), || false), Reading::Done);

        clipboard.offer_to(Selection::Clipboard, "geheim", window, Box::new(|| false)).unwrap();
        assert_eq!(right.text(Selection::Clipboard).unwrap(), None);
        assert_eq!(clipboard.wait_for_reading(Duration::from_secs(2), || false), Reading::Refused);
    });
}
