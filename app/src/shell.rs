//! The HTML document around every page, and the routes that the server renders.

use std::sync::OnceLock;

use http::request::Parts;
use leptos::prelude::*;
use leptos_axum::{AxumRouteListing, generate_route_list};
use leptos_meta::MetaTags;

use crate::deployment::{machines_origin, mail_mode};
use crate::design::{chosen_theme, organisation};
use crate::surface::{PanelPages, PublicPages, SidebarPages, Surface};

/// The text's typeface: fetched with the page, not only once the style sheet asks for it.
const TYPEFACE: &str = "/pkg/fonts/inter-latin.85333b7507b2164d.woff2";

/// The document for the request in the context.
pub fn shell(options: &LeptosOptions) -> AnyView {
    let surface = use_context::<Parts>().map_or(Surface::Public, |parts| Surface::of(parts.uri.path()));
    match surface {
        Surface::Public => document(options, surface, PublicPages).into_any(),
        Surface::Panel => document(options, surface, PanelPages).into_any(),
        Surface::Sidebar => document(options, surface, SidebarPages).into_any(),
    }
}

/// Every route of the app. Leptos collects them once per process: while it does, resources polled on *any* thread never
/// resolve (`SuppressResourceLoad` is a process-wide flag), so this must not happen while pages are rendered.
pub fn pages() -> Vec<AxumRouteListing> {
    static PAGES: OnceLock<Vec<AxumRouteListing>> = OnceLock::new();
    let read = || {
        let (public, panel) = (generate_route_list(PublicPages), generate_route_list(PanelPages));
        [public, panel, generate_route_list(SidebarPages)].concat()
    };
    PAGES.get_or_init(read).clone()
}

fn document<V: IntoView + 'static>(
    options: &LeptosOptions,
    surface: Surface,
    body: fn() -> V,
) -> impl IntoView + use<V> {
    let stylesheet = format!("/{}/{}.css", options.site_pkg_dir, options.output_name);
    let mut scripts = options.clone();
    scripts.output_name = module(options, surface).into();
    view! {
        <!DOCTYPE html>
        <html lang="en" data-theme=chosen_theme()>
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <meta name="application-name" content=organisation() />
                <meta name="mail" content=mail_mode() />
                {machines_origin().map(|origin| view! { <meta name="machines" content=origin /> })}
                <meta name="color-scheme" content="light dark" />
                <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
                <link rel="preload" href=TYPEFACE r#as="font" r#type="font/woff2" crossorigin="anonymous" />
                <link rel="stylesheet" href=stylesheet />
                <AutoReload options=scripts.clone() />
                <HydrationScripts options=scripts />
                <MetaTags />
            </head>
            <body>{body()}</body>
        </html>
    }
}

/// The name of the WASM module that hydrates `surface`. `cargo leptos watch` builds one for all of them.
fn module(options: &LeptosOptions, surface: Surface) -> String {
    match std::env::var_os("LEPTOS_WATCH") {
        Some(_) => options.output_name.to_string(),
        None => format!("{}-{}", options.output_name, surface.name()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::TYPEFACE;

    #[test]
    fn the_style_sheet_names_the_typefaces_that_there_are() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let style = fs::read_to_string(root.join("../style/main.css")).unwrap();
        let named: Vec<_> = style.split("url(\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert!(named.contains(&TYPEFACE), "the preloaded one is not used");
        for path in &named {
            let bytes = fs::read(root.join("public").join(path.trim_start_matches('/'))).unwrap();
            assert!(bytes.starts_with(b"wOF2") && bytes.len() <= 60_000, "{path}: {} bytes", bytes.len());
        }
        let kept = fs::read_dir(root.join("public/pkg/fonts")).unwrap().flatten();
        let kept = kept.filter(|file| file.path().extension().is_some_and(|kind| kind == "woff2"));
        assert_eq!(kept.count(), named.len(), "a typeface that no page uses");
    }
}
