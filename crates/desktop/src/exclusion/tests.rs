use image::RgbaImage;
use proptest::prelude::*;

use super::*;

const SEEN: Rgba<u8> = Rgba([200, 200, 200, 255]);

fn window(id: u32, program: &str, title: &str, frame: Rect) -> WindowInfo {
    WindowInfo {
        id,
        pid: Some(id),
        program: program.to_owned(),
        executable: String::new(),
        title: title.to_owned(),
        frame,
        managed: true,
        opaque: true,
        foreign: false,
    }
}

fn rect(x: i32, y: i32, width: u32, height: u32) -> Rect {
    Rect { x, y, width, height }
}

fn frame(width: u32, height: u32, origin: Point) -> Frame {
    Frame { pixels: RgbaImage::from_pixel(width, height, SEEN), monitor: "test".into(), origin }
}

#[test]
fn programs_titles_and_kinds_are_recognised() {
    let screen = rect(0, 0, 10, 10);
    let usual = Exclusions::default();
    for (program, title) in [
        ("KeePassXC", "Passwords.kdbx"),
        ("XTerm", "KeePassXC"),
        ("Bitwarden", ""),
        ("firefox", "Bank \u{2014} Mozilla Firefox Private Browsing"),
        ("Chromium", "Bank - Chromium (Inkognito)"),
        ("i3lock", ""),
    ] {
        assert!(usual.excludes(&window(1, program, title, screen)), "{program} {title}");
    }
    for (program, title) in [("XTerm", "zsh"), ("Mousepad", "secret plans"), ("", "")] {
        assert!(!usual.excludes(&window(1, program, title, screen)), "{program} {title}");
    }
    let own = Exclusions {
        kinds: Vec::new(),
        programs: vec![Pattern::new("Signal*")],
        titles: vec![Pattern::new("*lohn*2026*")],
    };
    assert!(own.excludes(&window(1, "signal-desktop", "", screen)));
    assert!(own.excludes(&window(1, "Writer", "Löhne: LOHNLISTE 2026.odt", screen)));
    assert!(!own.excludes(&window(1, "Writer", "2026 Lohnliste", screen)));
    assert!(Pattern::new("a*a").matches("aa") && !Pattern::new("a*a").matches("a"));
}

#[test]
fn menus_go_with_their_program_and_glass_covers_nothing() {
    let mut menu = window(7, "", "", rect(4, 4, 2, 2));
    menu.managed = false;
    let secret = window(7, "KeePassXC", "", rect(0, 0, 2, 2));
    let mut glass = window(8, "Panel", "", rect(0, 0, 10, 10));
    glass.opaque = false;
    let hidden = Exclusions::default().hidden_parts(&[secret.clone(), menu, glass]);
    assert_eq!(hidden, [rect(0, 0, 2, 2), rect(4, 4, 2, 2)]);
    let cover = window(9, "Editor", "", rect(0, 0, 1, 2));
    assert_eq!(Exclusions::default().hidden_parts(&[secret, cover]), [rect(1, 0, 1, 2)]);
}

struct NoList;

impl Windows for NoList {
    fn stacking(&self) -> Result<Vec<WindowInfo>, WindowsError> {
        Err(WindowsError::NotListed)
    }

    fn front(&self) -> Result<WindowInfo, WindowsError> {
        Err(WindowsError::NoFront)
    }

    fn bring_to_front(&self, _: u32) -> Result<(), WindowsError> {
        Err(WindowsError::NotBrought)
    }
}

struct Grey;

impl ScreenCapture for Grey {
    fn capture(&self, _: Option<Point>) -> Result<Frame, CaptureError> {
        Ok(frame(4, 4, Point { x: 0, y: 0 }))
    }
}

#[test]
fn without_a_list_there_is_no_picture() {
    let picture = Exclusions::default().capture(&NoList, &Grey, None);
    assert!(matches!(picture, Err(ExclusionError::Windows(WindowsError::NotListed))));
}

fn any_windows() -> impl Strategy<Value = Vec<(WindowInfo, bool)>> {
    let one = (-8i32..40, -8i32..30, 0u32..24, 0u32..20, any::<bool>(), any::<bool>());
    prop::collection::vec(one, 0..9).prop_map(|windows| {
        let info = |(n, (x, y, width, height, out, opaque))| {
            let program = if out { "KeePassXC" } else { "Editor" };
            let mut info = window(n, program, "", rect(x, y, width, height));
            info.opaque = opaque;
            (info, out)
        };
        (1..).zip(windows).map(info).collect()
    })
}

proptest! {
    /// Each pixel is removed if an excluded window is there, and nothing opaque that may be seen is above it.
    #[test]
    fn exactly_the_pixels_of_excluded_windows_are_removed(
        windows in any_windows(), x in -5i32..5, y in -5i32..5
    ) {
        let mut masked = frame(32, 24, Point { x, y });
        let stacking: Vec<WindowInfo> = windows.iter().map(|(info, _)| info.clone()).collect();
        Exclusions::default().mask(&mut masked, &stacking);
        for (column, row, pixel) in masked.pixels.enumerate_pixels() {
            let (at_x, at_y) = (x.saturating_add_unsigned(column), y.saturating_add_unsigned(row));
            let there = windows.iter().filter(|(info, _)| info.frame.contains(at_x, at_y));
            let hidden = there.fold(false, |hidden, (info, out)| *out || (hidden && !info.opaque));
            prop_assert_eq!(*pixel == MASK, hidden, "at {}, {}", at_x, at_y);
        }
    }

    #[test]
    fn rectangles_are_cut_without_gaps_or_overlaps(
        a in (-9i32..9, -9i32..9, 0u32..12, 0u32..12), b in (-9i32..9, -9i32..9, 0u32..12, 0u32..12)
    ) {
        let (a, b) = (rect(a.0, a.1, a.2, a.3), rect(b.0, b.1, b.2, b.3));
        let parts = a.without(&b);
        for x in -12..24 {
            for y in -12..24 {
                let covering = parts.iter().filter(|part| part.contains(x, y)).count();
                prop_assert_eq!(covering, usize::from(a.contains(x, y) && !b.contains(x, y)));
            }
        }
    }
}

#[cfg(target_os = "linux")]
mod on_x11 {
    use super::*;
    use crate::capture::for_session;
    use crate::session::DisplaySession;
    use crate::test_display::{front, on_desktop, terminal, wait_for};
    use crate::windows::X11Windows;

    const COVER: [u8; 3] = [0x12, 0xa4, 0x6b];
    const SECRET: [u8; 3] = [0xd4, 0x2b, 0x8e];

    #[test]
    fn nothing_of_a_password_manager_is_in_the_picture() {
        let name = "exclusion::tests::on_x11::nothing_of_a_password_manager_is_in_the_picture";
        on_desktop(name, || {
            let _secret = terminal("KeePassXC", "#d42b8e", "60x20+100+100", &["sleep", "60"]);
            let secret = front("KeePassXC");
            let _cover = terminal("notes", "#12a46b", "40x10+300+200", &["sleep", "60"]);
            front("notes");
            let screen = for_session(DisplaySession::Direct);
            let count = |frame: &Frame, colour: [u8; 3]| {
                frame.pixels.pixels().filter(|pixel| pixel.0[..3] == colour).count()
            };
            let before = wait_for("both terminals", || {
                let frame = screen.capture(None).unwrap();
                (count(&frame, SECRET) > 10_000 && count(&frame, COVER) > 10_000).then_some(frame)
            });
            let windows = X11Windows::connect().unwrap();
            let masked = Exclusions::default().capture(&windows, screen.as_ref(), None).unwrap();
            assert_eq!(count(&masked, SECRET), 0);
            assert_eq!(count(&masked, COVER), count(&before, COVER), "what covers it is all there");
            let outside = |x: u32, y: u32| !secret.frame.contains(x.cast_signed(), y.cast_signed());
            let kept = masked.pixels.enumerate_pixels().filter(|(x, y, _)| outside(*x, *y));
            assert!(kept.into_iter().all(|(x, y, pixel)| before.pixels.get_pixel(x, y) == pixel));
        });
    }
}
