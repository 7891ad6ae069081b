//! Text changed in real programs: a GTK editor, a browser, a terminal.

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use super::*;
use crate::accessibility::AtSpi;
use crate::clipboard::{Selection, X11Clipboard};
use crate::keyboard::{Keyboard, Shortcut, X11Keyboard};
use crate::test_display::{Process, editor, front, on_desktop, press, start, terminal, wait_for};
use crate::windows::{Windows, WindowsError, X11Windows};

const BEFORE: &str = "alpha beta\ngamma";
const NEW: &str =
    "Größe: 1\u{a0}€ \u{201e}ja\u{201c}\n\t日本語 한국어 العربية\n👩\u{200d}💻 ❤\u{fe0f} e\u{301} ~^`\\ß";

struct Desk {
    accessibility: Arc<AtSpi>,
    clipboard: Arc<X11Clipboard>,
    gate: Gate,
    keyboard: Arc<X11Keyboard>,
    windows: Arc<dyn Windows>,
}

impl Desk {
    fn new(windows: impl Windows + 'static) -> Self {
        Self {
            accessibility: Arc::new(AtSpi::new()),
            clipboard: Arc::new(X11Clipboard::connect().unwrap()),
            gate: Gate::new(),
            keyboard: Arc::new(X11Keyboard::connect().unwrap()),
            windows: Arc::new(windows),
        }
    }

    fn text(&self, title: &str) -> Option<String> {
        self.accessibility.focused(&front(title)).ok()??.text
    }

    fn wait_for_text(&self, title: &str, text: &str) {
        wait_for(text, || (self.text(title).as_deref() == Some(text)).then_some(()));
    }

    /// With all of the editor's text selected.
    fn select_all(&self, title: &str) {
        self.wait_for_text(title, BEFORE);
        press(&["ctrl+a"]);
        wait_for("the selection", || {
            let field = self.accessibility.focused(&front(title)).ok()??;
            (field.selection().as_deref() == Some(BEFORE)).then_some(())
        });
    }

    fn confirmed(&mut self, text: &str, title: &str, selection: Option<&str>) -> Edit {
        let selection = selection.map(str::to_owned);
        let target = Target::observe(&front(title), self.accessibility.as_ref(), selection.clone());
        let replaces = selection.filter(|_| target.kind == TargetKind::Field);
        let proposal = Proposal::new(text.into(), replaces).unwrap();
        let now = Instant::now();
        let offer = self.gate.propose(proposal, target, now).unwrap();
        let confirmation = self.gate.confirm(offer.id, offer.digest, now).unwrap();
        self.gate.admit(confirmation, now).unwrap()
    }

    fn replace(&self, edit: Edit) -> Outcome {
        let input = PasteInput::new(
            Arc::clone(&self.windows),
            self.accessibility.clone(),
            Arc::clone(&self.clipboard),
            self.keyboard.clone(),
        );
        input.replace(edit)
    }
}

fn copy_something() -> Process {
    let mut xclip = Command::new("xclip");
    xclip.args(["-selection", "clipboard", "-t", "image/png", "-i", "-quiet"]).stdin(Stdio::piped());
    let mut xclip = xclip.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("xclip");
    xclip.stdin.take().unwrap().write_all(b"\x89PNG of before").unwrap();
    let clipboard = X11Clipboard::connect().unwrap();
    wait_for("xclip", || clipboard.save(Selection::Clipboard).ok().filter(|saved| !saved.is_empty()));
    Process(xclip)
}

fn copied() -> Vec<u8> {
    let arguments = ["5", "xclip", "-selection", "clipboard", "-o", "-t", "image/png"];
    // Its other half gives nothing while it answers another program.
    wait_for("what was copied", || {
        let copied = Command::new("timeout").args(arguments).output().unwrap().stdout;
        (!copied.is_empty()).then_some(copied)
    })
}

#[test]
fn an_editors_text_is_replaced_exactly_and_undone_in_one_step() {
    on_desktop("edit::tests::an_editors_text_is_replaced_exactly_and_undone_in_one_step", || {
        let folder = tempfile::tempdir().unwrap();
        let (_editor, _) = editor(folder.path(), "brief.txt", BEFORE);
        let mut desk = Desk::new(X11Windows::connect().unwrap());
        let _copied = copy_something();
        desk.select_all("brief.txt");
        // The dialog of the sidebar is in front while the user reads.
        let edit = desk.confirmed(NEW, "brief.txt", Some(BEFORE));
        let _dialog = terminal("dialog", "#203040", "30x8+140+150", &["sleep", "60"]);
        front("dialog");

        let started = Instant::now();
        let outcome = desk.replace(edit);
        println!("replaced in {:?}", started.elapsed());
        assert_eq!(
            outcome,
            Outcome { method: Method::Paste, result: Ok(ReadBack::Exact), clipboard_restored: true }
        );
        assert_eq!(desk.text("brief.txt").as_deref(), Some(NEW));
        assert_eq!(copied(), b"\x89PNG of before");
        desk.keyboard.press(Shortcut::Undo).unwrap();
        desk.wait_for_text("brief.txt", BEFORE);
    });
}

/// The windows, and a program that takes the focus when the front is asked for the n-th time.
struct Thief {
    windows: X11Windows,
    asked: AtomicUsize,
    strikes_at: usize,
    takes: u32,
}

impl Windows for Thief {
    fn stacking(&self) -> Result<Vec<WindowInfo>, WindowsError> {
        self.windows.stacking()
    }

    fn front(&self) -> Result<WindowInfo, WindowsError> {
        let front = self.windows.front();
        if self.asked.fetch_add(1, Ordering::SeqCst) == self.strikes_at {
            self.windows.bring_to_front(self.takes).unwrap();
        }
        front
    }

    fn bring_to_front(&self, id: u32) -> Result<(), WindowsError> {
        self.windows.bring_to_front(id)
    }
}

#[test]
fn a_stolen_focus_gets_nothing() {
    on_desktop("edit::tests::a_stolen_focus_gets_nothing", || {
        let folder = tempfile::tempdir().unwrap();
        let taken = folder.path().join("taken");
        let script = format!("cat > '{}'", taken.display());
        let _thief = terminal("thief", "#203040", "30x8+340+350", &["sh", "-c", &script]);
        let thief = front("thief");
        let (_editor, _) = editor(folder.path(), "brief.txt", BEFORE);
        let _copied = copy_something();
        // 0: the check. 1: after the check, before the keys: they go to the thief.
        for strikes_at in [0, 1] {
            let windows = X11Windows::connect().unwrap();
            let asked = AtomicUsize::new(0);
            let mut desk = Desk::new(Thief { windows, asked, strikes_at, takes: thief.id });
            desk.select_all("brief.txt");
            let edit = desk.confirmed("must not arrive", "brief.txt", Some(BEFORE));
            let outcome = desk.replace(edit);
            assert!(outcome.result.is_err(), "{strikes_at}: {outcome:?}");
            assert!(outcome.clipboard_restored);
            assert_eq!(copied(), b"\x89PNG of before");
            desk.windows.bring_to_front(thief.id).unwrap();
            // The line feed shows that all that came before it has arrived. Twice: after Ctrl+V the terminal takes one
            // as text.
            let before = std::fs::read_to_string(&taken).unwrap().len();
            press(&["Return", "Return"]);
            let arrived = wait_for("the line", || {
                let text = std::fs::read_to_string(&taken).ok()?;
                (text.len() > before + 1 && text.ends_with('\n')).then_some(text)
            });
            assert!(!arrived.contains("must"), "{arrived:?}");
            let windows = X11Windows::connect().unwrap();
            let window =
                windows.stacking().unwrap().into_iter().find(|w| w.title.contains("brief.txt")).unwrap();
            windows.bring_to_front(window.id).unwrap();
            desk.wait_for_text("brief.txt", BEFORE);
        }
    });
}

#[test]
fn a_changed_title_selection_or_a_closed_window_stops_it() {
    on_desktop("edit::tests::a_changed_title_selection_or_a_closed_window_stops_it", || {
        let folder = tempfile::tempdir().unwrap();
        let (process, _) = editor(folder.path(), "brief.txt", BEFORE);
        let mut desk = Desk::new(X11Windows::connect().unwrap());
        let stopped =
            |stopped| Outcome { method: Method::Paste, result: Err(stopped), clipboard_restored: true };

        desk.select_all("brief.txt");
        let edit = desk.confirmed("must not arrive", "brief.txt", Some(BEFORE));
        press(&["ctrl+Home"]);
        wait_for("no selection", || {
            let field = desk.accessibility.focused(&front("brief.txt")).ok()??;
            field.selection().is_none().then_some(())
        });
        assert_eq!(desk.replace(edit), stopped(Stopped::SelectionChanged));
        desk.wait_for_text("brief.txt", BEFORE);

        desk.select_all("brief.txt");
        let edit = desk.confirmed("must not arrive", "brief.txt", Some(BEFORE));
        let title = format!("{}x", front("brief.txt").title);
        let renamed =
            Command::new("xdotool").args(["getactivewindow", "set_window", "--name", &title]).status();
        assert!(renamed.unwrap().success());
        wait_for("the title", || (front("brief.txt").title == title).then_some(()));
        assert_eq!(desk.replace(edit), stopped(Stopped::WindowChanged));
        desk.wait_for_text("brief.txt", BEFORE);

        let edit = desk.confirmed("must not arrive", "brief.txt", Some(BEFORE));
        drop(process);
        assert_eq!(desk.replace(edit), stopped(Stopped::WindowChanged));
    });
}

#[test]
fn a_terminal_gets_text_without_running_it() {
    on_desktop("edit::tests::a_terminal_gets_text_without_running_it", || {
        let folder = tempfile::tempdir().unwrap();
        let typed = folder.path().join("typed");
        let script = format!("cat > '{}'", typed.display());
        let mut xterm = Command::new("xterm");
        let _terminal = start(xterm.args(["-u8", "-T", "shell", "-e", "sh", "-c", &script]));
        front("shell");
        wait_for("the shell", || typed.exists().then_some(()));
        let mut desk = Desk::new(X11Windows::connect().unwrap());
        desk.clipboard.put("kept").unwrap();
        let text = "echo 'Größe 日本 👍'";
        let edit = desk.confirmed(text, "shell", None);
        let outcome = desk.replace(edit);
        let expected =
            Outcome { method: Method::Paste, result: Ok(ReadBack::Unavailable), clipboard_restored: true };
        assert_eq!(outcome, expected);
        assert_eq!(std::fs::read_to_string(&typed).unwrap(), "", "nothing was entered");
        press(&["Return"]);
        wait_for("the line", || (std::fs::read_to_string(&typed).ok()? == format!("{text}\n")).then_some(()));
        assert_eq!(desk.clipboard.text(Selection::Clipboard).unwrap().as_deref(), Some("kept"));
    });
}

#[test]
fn a_browsers_text_is_replaced_exactly() {
    on_desktop("edit::tests::a_browsers_text_is_replaced_exactly", || {
        let folder = tempfile::tempdir().unwrap();
        let page = folder.path().join("page.html");
        let html = "<meta charset=utf-8><title>feld</title><textarea autofocus>old words</textarea><script>\
            const t = document.querySelector('textarea'); t.focus(); t.select(); \
            t.oninput = () => document.title = 'feld ' + [...new TextEncoder().encode(t.value)]\
            .map(b => b.toString(16).padStart(2, '0')).join('')</script>";
        std::fs::write(&page, html).unwrap();
        let mut browser = Command::new("chromium");
        browser.args([
            "--no-sandbox",
            "--no-first-run",
            "--disable-gpu",
            "--password-store=basic",
            "--new-window",
        ]);
        browser.arg(format!("--user-data-dir={}", folder.path().join("profile").display())).arg(page);
        let _browser = start(&mut browser);
        front("feld");
        let mut desk = Desk::new(X11Windows::connect().unwrap());
        let _copied = copy_something();
        // Its tree is empty without assistive technology; the primary selection tells what is selected.
        wait_for("the selection", || {
            press(&["ctrl+a"]);
            let primary = desk.clipboard.text(Selection::Primary).ok()??;
            (primary == "old words").then_some(())
        });
        let edit = desk.confirmed(NEW, "feld", Some("old words"));
        let outcome = desk.replace(edit);
        assert!(matches!(outcome.result, Ok(ReadBack::Unavailable | ReadBack::Exact)), "{outcome:?}");
        assert!(outcome.clipboard_restored);
        assert_eq!(copied(), b"\x89PNG of before");
        let hex = |text: &str| text.bytes().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
        front(&format!("feld {} - ", hex(NEW)));
        desk.keyboard.press(Shortcut::Undo).unwrap();
        front(&format!("feld {} - ", hex("old words")));
    });
}
