//! Capture on X11 over one connection that is kept, through memory shared with the X server (MIT-SHM), with `XDamage` to know
//! without a picture that nothing has changed.
//!
//! Anything that this cannot do (a remote display, an old server, a screen that is not true colour) is left to
//! [`DirectCapture`].

use std::fs::File;
use std::sync::{Mutex, MutexGuard, PoisonError};

use image::RgbaImage;
use memmap2::Mmap;
use rustix::fs::{MemfdFlags, memfd_create};
use x11rb::connection::{Connection, RequestConnection};
use x11rb::protocol::damage::{self, ConnectionExt as _, ReportLevel};
use x11rb::protocol::randr::{ConnectionExt as _, MonitorInfo};
use x11rb::protocol::shm::{self, ConnectionExt as _};
use x11rb::protocol::xproto::{ConnectionExt as _, ImageFormat, ImageOrder, Visualtype, Window};
use x11rb::protocol::{Event, xproto};
use x11rb::rust_connection::RustConnection;

use super::monitor::DirectCapture;
use super::{CaptureError, Frame, ScreenCapture};
use crate::Point;
use crate::geometry::Rect;
use crate::x11::DisplayError;

/// Bytes of a pixel in the only format that is read here: blue, green, red, and one that is not used.
const BYTES_PER_PIXEL: usize = 4;
/// Where MIT-SHM takes a file descriptor.
const SHM_VERSION: (u16, u16) = (1, 2);
const RANDR_VERSION: (u32, u32) = (1, 5);

/// Connects when the first picture is taken, and again after the connection was lost.
#[derive(Debug, Default)]
pub struct X11Capture {
    /// `None`: the one that `DISPLAY` names.
    display: Option<String>,
    screen: Mutex<Option<X11Screen>>,
}

impl X11Capture {
    /// For the X server of this name, such as `:1`.
    pub fn of(display: &str) -> Self {
        Self { display: Some(display.to_owned()), screen: Mutex::default() }
    }

    fn screen(&self) -> MutexGuard<'_, Option<X11Screen>> {
        self.screen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, at: Option<Point>) -> Result<Option<Frame>, DisplayError> {
        let mut kept = self.screen();
        // Not kept after a failure: the connection may be lost, or the monitors have changed.
        let mut screen = match kept.take() {
            Some(screen) => screen,
            None => X11Screen::connect(self.display.as_deref())?,
        };
        let frame = screen.capture(at)?;
        *kept = Some(screen);
        Ok(frame)
    }
}

impl ScreenCapture for X11Capture {
    fn capture(&self, at: Option<Point>) -> Result<Frame, CaptureError> {
        match self.take(at) {
            Ok(frame) => frame.ok_or(CaptureError::NoMonitor),
            Err(error) if self.display.is_some() => Err(error.into()),
            Err(error) => {
                tracing::debug!(%error, "the picture is taken without shared memory");
                DirectCapture.capture(at)
            }
        }
    }

    fn is_unchanged(&self) -> bool {
        self.screen().as_mut().is_some_and(|screen| screen.is_unchanged().unwrap_or(false))
    }
}

/// A connection with what it needs to take pictures.
#[derive(Debug)]
struct X11Screen {
    connection: RustConnection,
    root: Window,
    damage: Option<damage::Damage>,
    memory: Option<SharedMemory>,
    /// Whether something was drawn since the last picture began.
    changed: bool,
}

#[derive(Debug)]
struct SharedMemory {
    segment: shm::Seg,
    pixels: Mmap,
}

impl X11Screen {
    fn connect(display: Option<&str>) -> Result<Self, DisplayError> {
        let (connection, number) = x11rb::connect(display)?;
        let setup = connection.setup();
        let screen = setup.roots.get(number).ok_or(DisplayError::Unsupported("a screen"))?;
        let depths = screen.allowed_depths.iter();
        let visual = depths.flat_map(|depth| &depth.visuals).find(|v| v.visual_id == screen.root_visual);
        let format = setup.pixmap_formats.iter().find(|format| format.depth == screen.root_depth);
        let is_true_colour = visual.is_some_and(is_blue_green_red)
            && format.is_some_and(|format| usize::from(format.bits_per_pixel) == BYTES_PER_PIXEL * 8)
            && setup.image_byte_order == ImageOrder::LSB_FIRST;
        if !is_true_colour {
            return Err(DisplayError::Unsupported("pixels of 32 bits, blue first"));
        }
        let root = screen.root;
        let version = connection.shm_query_version()?.reply()?;
        if (version.major_version, version.minor_version) < SHM_VERSION {
            return Err(DisplayError::Unsupported("MIT-SHM 1.2"));
        }
        let version = connection.randr_query_version(RANDR_VERSION.0, RANDR_VERSION.1)?.reply()?;
        if (version.major_version, version.minor_version) < RANDR_VERSION {
            return Err(DisplayError::Unsupported("RandR 1.5"));
        }
        let damage = watch(&connection, root)?;
        Ok(Self { connection, root, damage, memory: None, changed: true })
    }

    /// Whether nothing was drawn on the desktop since the last picture began. Without `XDamage` it is never known.
    fn is_unchanged(&mut self) -> Result<bool, DisplayError> {
        while let Some(event) = self.connection.poll_for_event()? {
            self.changed |= matches!(event, Event::DamageNotify(_));
        }
        Ok(self.damage.is_some() && !self.changed)
    }

    /// The monitor that shows `at`, or else the primary one. `None` without any.
    fn capture(&mut self, at: Option<Point>) -> Result<Option<Frame>, DisplayError> {
        let monitors = self.connection.randr_get_monitors(self.root, true)?.reply()?.monitors;
        let shows = |m: &&MonitorInfo| at.is_some_and(|at| rectangle(m).contains(at.x, at.y));
        let primary = || monitors.iter().find(|m| m.primary).or_else(|| monitors.first());
        let Some(monitor) = monitors.iter().find(shows).or_else(primary) else { return Ok(None) };
        let name = self.connection.get_atom_name(monitor.name)?.reply()?.name;
        // Before the picture: what is drawn while it is taken counts as drawn after it.
        if let Some(damage) = self.damage {
            self.connection.damage_subtract(damage, x11rb::NONE, x11rb::NONE)?;
            while self.connection.poll_for_event()?.is_some() {}
        }
        let pixels = self.pixels(monitor)?;
        self.changed = false;
        let origin = Point { x: monitor.x.into(), y: monitor.y.into() };
        Ok(Some(Frame { pixels, monitor: String::from_utf8_lossy(&name).into_owned(), origin }))
    }

    fn pixels(&mut self, monitor: &MonitorInfo) -> Result<RgbaImage, DisplayError> {
        let (width, height) = (monitor.width, monitor.height);
        let length = usize::from(width) * usize::from(height) * BYTES_PER_PIXEL;
        if self.memory.as_ref().is_none_or(|memory| memory.pixels.len() < length) {
            self.release();
            self.memory = Some(self.share(length)?);
        }
        let Some(memory) = &self.memory else { return Err(DisplayError::Unsupported("a shared picture")) };
        let (all_planes, format) = (u32::MAX, u8::from(ImageFormat::Z_PIXMAP));
        let place = (monitor.x, monitor.y);
        self.connection
            .shm_get_image(self.root, place.0, place.1, width, height, all_planes, format, memory.segment, 0)?
            .reply()?;
        let taken = memory.pixels.get(..length).map(opaque);
        let picture = taken.and_then(|pixels| RgbaImage::from_raw(width.into(), height.into(), pixels));
        picture.ok_or(DisplayError::Unsupported("a whole picture"))
    }

    /// Memory that the X server writes to and this process reads.
    #[expect(unsafe_code, reason = "memory that another process can change is mapped")]
    fn share(&self, length: usize) -> Result<SharedMemory, DisplayError> {
        let memory =
            memfd_create("screenshot", MemfdFlags::CLOEXEC).map_err(|e| DisplayError::Memory(e.into()))?;
        let memory = File::from(memory);
        memory.set_len(length as u64).map_err(DisplayError::Memory)?;
        // SAFETY: the file has this length, is known to the X server alone, and that neither shortens it nor writes to it but
        // during `shm_get_image`, whose reply is awaited before the pixels are read. A server that did otherwise would spoil
        // a picture: any bytes are valid pixels.
        let pixels = unsafe { Mmap::map(&memory) }.map_err(DisplayError::Memory)?;
        let segment = self.connection.generate_id()?;
        self.connection.shm_attach_fd(segment, memory, false)?.check()?;
        Ok(SharedMemory { segment, pixels })
    }

    fn release(&mut self) {
        if let Some(memory) = self.memory.take() {
            // Fails only with the connection, which takes the segment along.
            let _ = self.connection.shm_detach(memory.segment);
        }
    }
}

/// Has the server tell when anything is drawn on the desktop. `None` without `XDamage`.
fn watch(connection: &RustConnection, root: Window) -> Result<Option<damage::Damage>, DisplayError> {
    if connection.extension_information(damage::X11_EXTENSION_NAME)?.is_none() {
        return Ok(None);
    }
    connection.damage_query_version(1, 1)?.reply()?;
    let damage = connection.generate_id()?;
    // One event until it is subtracted, however much is drawn.
    connection.damage_create(damage, root, ReportLevel::NON_EMPTY)?.check()?;
    Ok(Some(damage))
}

fn is_blue_green_red(visual: &Visualtype) -> bool {
    visual.class == xproto::VisualClass::TRUE_COLOR
        && (visual.red_mask, visual.green_mask, visual.blue_mask) == (0xff_0000, 0xff00, 0xff)
}

fn rectangle(monitor: &MonitorInfo) -> Rect {
    Rect {
        x: monitor.x.into(),
        y: monitor.y.into(),
        width: monitor.width.into(),
        height: monitor.height.into(),
    }
}

/// The pixels as red, green, blue and full opacity.
fn opaque(blue_first: &[u8]) -> Vec<u8> {
    let mut rgba = Vec::with_capacity(blue_first.len());
    rgba.extend(
        blue_first.as_chunks::<BYTES_PER_PIXEL>().0.iter().flat_map(|&[b, g, r, _]| [r, g, b, u8::MAX]),
    );
    rgba
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_are_turned_and_opaque() {
        assert_eq!(opaque(&[1, 2, 3, 0, 4, 5, 6, 9]), [3, 2, 1, 255, 6, 5, 4, 255]);
    }
}
