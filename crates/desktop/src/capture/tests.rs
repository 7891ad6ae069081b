//! Capture on a real X server with a real program on it. Needs Xvfb and xterm, and fails without them.

use super::*;

#[cfg(target_os = "linux")]
mod on_x11 {
    use std::process::{Command, Stdio};
    use std::time::Duration;

    use super::*;
    use crate::test_display::{Process, on_x_server};

    /// xterm's background: a colour that nothing else has.
    const COLOUR: [u8; 3] = [0x12, 0xa4, 0x6b];

    #[test]
    fn a_real_programs_window_is_in_the_screenshot() {
        let name = "capture::tests::on_x11::a_real_programs_window_is_in_the_screenshot";
        on_x_server(name, |display| vec![start_terminal(display)], look_for_the_terminal);
    }

    #[test]
    fn only_what_is_drawn_makes_a_difference() {
        let name = "capture::tests::on_x11::only_what_is_drawn_makes_a_difference";
        on_x_server(name, |_| Vec::new(), draw_a_little);
    }

    fn draw_a_little() {
        use x11rb::connection::Connection;
        use x11rb::protocol::xproto::{ConnectionExt, CreateGCAux, Rectangle};

        let screen = for_session(DisplaySession::Direct);
        assert!(!screen.is_unchanged(), "there is no picture yet");
        let before = screen.capture(None).unwrap();
        assert!((0..20).all(|_| screen.is_unchanged()));

        let (x11, number) = x11rb::connect(None).unwrap();
        let root = x11.setup().roots[number].root;
        let colour = x11.generate_id().unwrap();
        x11.create_gc(colour, root, &CreateGCAux::new().foreground(0x12_a4_6b)).unwrap();
        let dot = Rectangle { x: 40, y: 30, width: 2, height: 1 };
        x11.poly_fill_rectangle(root, colour, &[dot]).unwrap().check().unwrap();
        crate::test_display::wait_for("the change", || (!screen.is_unchanged()).then_some(()));

        let after = screen.capture(None).unwrap();
        let differing =
            before.pixels.enumerate_pixels().filter(|(x, y, p)| after.pixels.get_pixel(*x, *y) != *p);
        assert_eq!(differing.map(|(x, y, _)| (x, y)).collect::<Vec<_>>(), [(40, 30), (41, 30)]);
        assert_eq!(after.pixels.get_pixel(40, 30).0, [0x12, 0xa4, 0x6b, 255]);
        assert!(screen.is_unchanged(), "the next picture would be the same");
    }

    fn start_terminal(display: &str) -> Process {
        let colour = format!("#{:02x}{:02x}{:02x}", COLOUR[0], COLOUR[1], COLOUR[2]);
        let terminal = Command::new("xterm")
            .args(["-display", display, "-bg", &colour, "-fg", "white"])
            .args(["-geometry", "80x24+100+50", "-e", "sleep 60"])
            .stderr(Stdio::null())
            .spawn()
            .expect("xterm is needed for this test");
        Process(terminal)
    }

    fn look_for_the_terminal() {
        let session = DisplaySession::detect(|name| std::env::var(name).ok());
        let screen = for_session(session);
        let seen = |frame: &Frame| frame.pixels.pixels().filter(|p| p.0[..3] == COLOUR).count();
        let mut last = 0;
        for _ in 0..100 {
            let frame = screen.capture(Some(Point { x: 640, y: 400 })).unwrap();
            assert_eq!(frame.pixels.dimensions(), (1280, 800));
            assert!(!frame.monitor.is_empty());
            last = seen(&frame);
            if last > 50_000 {
                assert!(frame.pixels.get_pixel(110, 60).0[..3] == COLOUR, "the terminal is where it was put");
                let elsewhere = screen.capture(Some(Point { x: -5000, y: 0 })).unwrap();
                assert_eq!(elsewhere.monitor, frame.monitor, "off all monitors, the primary one is taken");
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("the terminal did not appear: {last} of its pixels");
    }
}

#[test]
fn the_problem_names_what_is_missing() {
    let problem = for_session(DisplaySession::Wayland).capture(None).unwrap_err().problem();
    assert!(problem.detail.contains("ScreenCast") && problem.detail.contains("Xorg"));
    let problem = for_session(DisplaySession::None).capture(None).unwrap_err().problem();
    assert!(problem.detail.contains("DISPLAY"));
}
