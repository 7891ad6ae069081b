//! Light or dark: the system's setting, or the visitor's choice.
//!
//! The choice is a cookie that the server reads when it renders `<html>`, so the first paint has the right colours, no
//! script has to run before it, and it works with scripts off.

use leptos::ev::MouseEvent;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use serde::{Deserialize, Serialize};

use crate::error::AppError;
use crate::island::Island;

/// Stores the choice of a browser without scripts. Anything but `light` and `dark` means the system's setting.
#[server(prefix = "/app", endpoint = "design/theme")]
pub async fn set_theme(theme: String) -> Result<(), AppError> {
    let secure = crate::request_context::RequestContext::current()?.secure;
    let cookie = cookie(&theme, secure);
    crate::request_context::WithCookies { value: (), cookies: vec![cookie] }.deliver();
    crate::navigation::redirect_back();
    Ok(())
}

const COOKIE: &str = "aiwe-theme";

/// The cookie that stores `theme` for a year; anything but `light` and `dark` deletes it.
fn cookie(theme: &str, secure: bool) -> String {
    let (value, age) = match theme {
        "light" | "dark" => (theme, 31_536_000),
        _ => ("", 0),
    };
    let secure = if secure { "; Secure" } else { "" };
    format!("{COOKIE}={value}; Path=/; Max-Age={age}; SameSite=Lax{secure}")
}

/// The visitor's choice, for `<html data-theme>`.
#[cfg(feature = "ssr")]
pub fn chosen_theme() -> Option<String> {
    crate::form::cookie(COOKIE).filter(|theme| theme == "light" || theme == "dark")
}

/// Three small buttons; the chosen one is pressed.
#[derive(Debug, Serialize, Deserialize)]
pub struct ThemeChoice;

impl Island for ThemeChoice {
    const NAME: &'static str = "theme";

    fn view(self) -> impl IntoView {
        let chosen = RwSignal::new(None::<&'static str>);
        let current = move || chosen.get().unwrap_or_else(current_theme);
        let button = move |theme: &'static str| {
            let press = move |event: MouseEvent| {
                event.prevent_default();
                chosen.set(Some(theme));
                apply(theme);
                store_theme(theme);
            };
            view! {
                <button
                    type="submit"
                    name="theme"
                    value=theme
                    aria-pressed=move || if current() == theme { "true" } else { "false" }
                    class="rounded-md border border-transparent px-2 py-0.5 text-sm text-muted capitalize hover:text-ink aria-pressed:border-line-strong aria-pressed:bg-raised aria-pressed:text-ink"
                    on:click=press
                >
                    {theme}
                </button>
            }
        };
        view! {
            <form method="post" action=SetTheme::url()>
                <fieldset class="flex items-center gap-1">
                    <legend class="sr-only">"Appearance"</legend>
                    {["system", "light", "dark"].map(button)}
                </fieldset>
            </form>
        }
    }
}

/// Shows the choice in this page.
fn apply(theme: &str) {
    if let Some(root) = document().document_element() {
        // Fails for no valid attribute name.
        let _ = match theme {
            "light" | "dark" => root.set_attribute("data-theme", theme),
            _ => root.remove_attribute("data-theme"),
        };
    }
}

/// Stores the choice for the following pages.
fn store_theme(theme: &str) {
    #[cfg(feature = "hydrate")]
    {
        use wasm_bindgen::JsCast;
        let secure = location().protocol().is_ok_and(|protocol| protocol == "https:");
        let document: web_sys::HtmlDocument = document().unchecked_into();
        // Without cookies, the choice applies to this page only.
        let _ = document.set_cookie(&cookie(theme, secure));
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = theme;
}

/// On the server from the cookie; in the browser from what the server rendered.
fn current_theme() -> &'static str {
    #[cfg(feature = "ssr")]
    let theme = chosen_theme();
    #[cfg(not(feature = "ssr"))]
    let theme = document().document_element().and_then(|root| root.get_attribute("data-theme"));
    match theme.as_deref() {
        Some("dark") => "dark",
        Some("light") => "light",
        _ => "system",
    }
}
