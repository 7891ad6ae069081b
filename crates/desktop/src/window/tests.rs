use std::sync::Arc;

use x11rb::connection::Connection;
use x11rb::errors::ReplyOrIdError;
use x11rb::protocol::xproto::{ConfigureWindowAux, ConnectionExt, CreateWindowAux, WindowClass};
use x11rb::rust_connection::RustConnection;

use super::*;
use crate::capture::for_session;
use crate::session::DisplaySession;
use crate::test_display::on_x_server;

const COLOUR: [u8; 3] = [0xd4, 0x2b, 0x8e];
const START: Point = Point { x: 200, y: 100 };

/// A window of one colour. Like some window managers, it moves to the corner each time it is shown.
#[derive(Clone)]
struct Plain {
    connection: Arc<RustConnection>,
    id: u32,
}

impl Plain {
    fn open() -> Result<Self, ReplyOrIdError> {
        let (connection, screen) = x11rb::connect(None).unwrap();
        let screen = &connection.setup().roots[screen];
        let (id, root, visual) = (connection.generate_id()?, screen.root, screen.root_visual);
        let colour =
            CreateWindowAux::new().background_pixel(u32::from_be_bytes([0, COLOUR[0], COLOUR[1], COLOUR[2]]));
        let class = WindowClass::INPUT_OUTPUT;
        connection.create_window(0, id, root, 0, 0, 300, 200, 0, class, visual, &colour)?.check()?;
        let window = Self { connection: Arc::new(connection), id };
        window.show()?;
        window.set_position(START)?;
        Ok(window)
    }
}

impl Window for Plain {
    type Error = ReplyOrIdError;

    fn hide(&self) -> Result<(), ReplyOrIdError> {
        Ok(self.connection.unmap_window(self.id)?.check()?)
    }

    fn show(&self) -> Result<(), ReplyOrIdError> {
        self.connection.map_window(self.id)?.check()?;
        self.set_position(Point { x: 0, y: 0 })
    }

    fn position(&self) -> Option<Point> {
        let geometry = self.connection.get_geometry(self.id).ok()?.reply().ok()?;
        Some(Point { x: geometry.x.into(), y: geometry.y.into() })
    }

    fn set_position(&self, Point { x, y }: Point) -> Result<(), ReplyOrIdError> {
        let position = ConfigureWindowAux::new().x(x).y(y);
        Ok(self.connection.configure_window(self.id, &position)?.check()?)
    }

    fn x11_id(&self) -> Option<u32> {
        Some(self.id)
    }
}

/// How many pixels of the window a screenshot has.
fn visible() -> usize {
    let frame = for_session(DisplaySession::Direct).capture(None).unwrap();
    frame.pixels.pixels().filter(|pixel| pixel.0[..3] == COLOUR).count()
}

#[test]
fn a_hidden_window_is_in_no_screenshot_and_comes_back_where_it_was() {
    let name = "window::tests::a_hidden_window_is_in_no_screenshot_and_comes_back_where_it_was";
    on_x_server(
        name,
        |_| Vec::new(),
        || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            let window = Plain::open().unwrap();
            assert_eq!(visible(), 300 * 200);
            let hidden = runtime.block_on(HiddenWindow::hide(window.clone())).unwrap();
            assert_eq!(visible(), 0);
            drop(hidden);
            assert_eq!((visible(), window.position()), (300 * 200, Some(START)));
        },
    );
}
