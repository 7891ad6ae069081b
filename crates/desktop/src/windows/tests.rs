use std::time::Duration;

use x11rb::connection::Connection;
use x11rb::protocol::xproto::{AtomEnum, ConnectionExt as _, PropMode};
use x11rb::wrapper::ConnectionExt as _;

use super::*;
use crate::test_display::{front, on_desktop, on_x_server, terminal, wait_for};

#[test]
fn the_window_in_front_and_the_order_of_all_are_known() {
    on_desktop("windows::tests::the_window_in_front_and_the_order_of_all_are_known", || {
        let windows = X11Windows::connect().unwrap();
        let lower = terminal("unten ä", "#102030", "30x8+40+50", &["sleep", "60"]);
        let first = front("unten ä");
        let upper = terminal("oben", "#203040", "30x8+140+150", &["sleep", "60"]);
        let second = front("oben");
        assert_eq!((first.pid, second.pid), (Some(lower.0.id()), Some(upper.0.id())));
        assert_eq!((first.program.as_str(), first.executable.as_str()), ("XTerm", "xterm"));
        assert!(first.managed && first.opaque && !first.foreign);
        assert!(first.frame.contains(60, 90) && !first.frame.contains(900, 90));

        let order = |windows: &X11Windows| -> Vec<u32> {
            windows.stacking().unwrap().iter().filter(|w| w.managed).map(|w| w.id).collect()
        };
        assert_eq!(order(&windows), [first.id, second.id]);
        windows.bring_to_front(first.id).unwrap();
        assert_eq!(windows.front().unwrap(), first);
        assert_eq!(order(&windows), [second.id, first.id]);
        assert!(windows.bring_to_front(1).is_err(), "no such window");
    });
}

#[test]
fn changes_arrive_as_events() {
    on_desktop("windows::tests::changes_arrive_as_events", || {
        let windows = X11Windows::connect().unwrap();
        let _one = terminal("eins", "#102030", "30x8+40+50", &["sleep", "60"]);
        let one = front("eins");
        let changes = windows.changes().unwrap();
        let until = |what: &str, wanted: &dyn Fn(&WindowChange) -> bool| {
            wait_for(what, || {
                let change = changes.next(Duration::from_millis(20)).unwrap()?;
                println!("{what}: {change:?}");
                wanted(&change).then_some(())
            });
        };
        let two = terminal("zwei", "#203040", "30x8+140+150", &["sleep", "60"]);
        until("the new window", &|change| *change == WindowChange::Stacking);
        let second = front("zwei");
        windows.bring_to_front(one.id).unwrap();
        until("the first in front", &|change| *change == WindowChange::Front(Some(one.clone())));

        let (connection, _) = x11rb::connect(None).unwrap();
        connection
            .change_property8(PropMode::REPLACE, one.id, AtomEnum::WM_NAME, AtomEnum::STRING, b"x")
            .unwrap();
        let name = connection.intern_atom(false, b"_NET_WM_NAME").unwrap().reply().unwrap().atom;
        let utf8 = connection.intern_atom(false, b"UTF8_STRING").unwrap().reply().unwrap().atom;
        connection.change_property8(PropMode::REPLACE, one.id, name, utf8, "anders".as_bytes()).unwrap();
        connection.flush().unwrap();
        until(
            "the title",
            &|change| matches!(change, WindowChange::Title(window) if window.title == "anders"),
        );

        windows.bring_to_front(second.id).unwrap();
        let second_is =
            |window: &Option<WindowInfo>| window.as_ref().is_some_and(|window| window.id == second.id);
        until("the second", &|change| matches!(change, WindowChange::Front(window) if second_is(window)));
        drop(two);
        until("its end", &|change| matches!(change, WindowChange::Front(window) if !second_is(window)));
    });
}

#[test]
fn without_a_list_of_windows_there_is_an_error_and_no_empty_list() {
    let name = "windows::tests::without_a_list_of_windows_there_is_an_error_and_no_empty_list";
    on_x_server(
        name,
        |_| Vec::new(),
        || {
            let windows = X11Windows::connect().unwrap();
            assert!(matches!(windows.stacking(), Err(WindowsError::NotListed)));
            assert!(matches!(windows.front(), Err(WindowsError::NotListed)));
        },
    );
}
