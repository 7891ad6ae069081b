//! The one window: a sidebar at the right edge of the screen, above all others.

mod app_window;

use tauri::utils::config::Color;
use tauri::webview::{NewWindowResponse, PageLoadEvent};
use tauri::{
    AppHandle, LogicalUnit, Manager, Monitor, PhysicalPosition, PhysicalSize, Theme, WebviewUrl,
    WebviewWindow, WebviewWindowBuilder,
};

use crate::app_state::AppState;
use crate::{app_scheme, navigation};
pub use app_window::AppWindow;

/// The window's name in `capabilities/`.
pub const LABEL: &str = "sidebar";
/// In logical pixels.
const WIDTH: f64 = 400.0;
const NARROWEST: f64 = 320.0;
const WIDEST: f64 = 480.0;
const LOWEST: f64 = 480.0;

pub fn open(app: &AppHandle) -> tauri::Result<WebviewWindow> {
    let start = app_scheme::start()
        .map_err(|_| tauri::Error::InvalidWebviewUrl("the start page's address is broken"))?;
    let window = WebviewWindowBuilder::new(app, LABEL, WebviewUrl::CustomProtocol(start))
        .title("AI Workflow Engine")
        .inner_size(WIDTH, 800.0)
        .min_inner_size(NARROWEST, LOWEST)
        .max_inner_size(WIDEST, 10_000.0)
        .always_on_top(true)
        .visible(false)
        .on_navigation(navigation::guard)
        .on_new_window(|url, _| {
            // Another window could call the commands too. Links that ask for one open outside, or here.
            navigation::guard(&url);
            NewWindowResponse::Deny
        })
        .on_page_load(|window, load| {
            // The page before is gone, and cannot cancel its analyses any more.
            if load.event() == PageLoadEvent::Started {
                window.state::<AppState>().analyses.cancel_all();
            }
        })
        .build()?;
    window.set_background_color(Some(background(window.theme()?)))?;
    dock(&window)?;
    window.show()?;
    Ok(window)
}

/// Puts the window to the right edge of the area that panels and docks leave free.
pub fn dock(window: &WebviewWindow) -> tauri::Result<()> {
    let Some(monitor) =
        window.current_monitor()?.map_or_else(|| window.primary_monitor(), |m| Ok(Some(m)))?
    else {
        return Ok(());
    };
    // Title bar and borders come on top of the inner size; before the window is shown they measure nothing.
    let (outer, inner) = (window.outer_size()?, window.inner_size()?);
    let frame =
        PhysicalSize::new(outer.width.saturating_sub(inner.width), outer.height.saturating_sub(inner.height));
    let (position, size) = place(&monitor, frame);
    window.set_size(size)?;
    window.set_position(position)
}

fn place(monitor: &Monitor, frame: PhysicalSize<u32>) -> (PhysicalPosition<i32>, PhysicalSize<u32>) {
    let area = monitor.work_area();
    let width = LogicalUnit::new(WIDTH).to_physical::<u32>(monitor.scale_factor()).0.min(area.size.width);
    let left =
        area.position.x + i32::try_from(area.size.width.saturating_sub(width + frame.width)).unwrap_or(0);
    let height = area.size.height.saturating_sub(frame.height);
    (PhysicalPosition::new(left, area.position.y), PhysicalSize::new(width, height))
}

/// The background of the pages, so that nothing flashes before the first one.
fn background(theme: Theme) -> Color {
    if theme == Theme::Dark { Color(16, 18, 21, 255) } else { Color(252, 252, 253, 255) }
}
