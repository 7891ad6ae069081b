//! The WASM module that hydrates the page that the server rendered. Each surface is a feature, so that its module contains
//! nothing of the others; with all of them (`cargo leptos watch`) one module serves every page.

#![cfg(target_arch = "wasm32")]
#![recursion_limit = "256"]

use app::Surface;
#[cfg(any(feature = "panel", feature = "sidebar"))]
use leptos::mount::hydrate_body;
use leptos::prelude::location;
use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    match Surface::of(&location().pathname().unwrap_or_default()) {
        #[cfg(feature = "public")]
        Surface::Public => app::surface::hydrate_public_page(),
        #[cfg(feature = "panel")]
        Surface::Panel => hydrate_body(app::surface::PanelPages),
        #[cfg(feature = "sidebar")]
        Surface::Sidebar => hydrate_body(app::surface::SidebarPages),
        #[cfg(not(all(feature = "public", feature = "panel", feature = "sidebar")))]
        other => leptos::logging::error!("this module holds no {} pages", other.name()),
    }
}
