//! Light or dark: by the system, or by choice.
//!
//! The choice is a cookie that the server reads while it writes `<html>`, so the first paint is right already, no
//! script has to run before it, and it works with scripts off.

use leptos::prelude::*;

use crate::error::AppError;
use crate::form;

/// Keeps the choice for a year. Anything but `light` and `dark` gives it back to the system.
#[server(prefix = "/app", endpoint = "design/theme")]
pub async fn set_theme(theme: String) -> Result<(), AppError> {
    let secure = if crate::visit::Visit::current()?.secure { "; Secure" } else { "" };
    let (value, age) = match theme.as_str() {
        "light" | "dark" => (theme.as_str(), 31_536_000),
        _ => ("", 0),
    };
    let cookie = format!("{COOKIE}={value}; Path=/; Max-Age={age}; SameSite=Lax{secure}");
    crate::visit::Answer { value: (), cookies: vec![cookie] }.deliver();
    crate::navigation::redirect_back();
    Ok(())
}

#[cfg(feature = "ssr")]
const COOKIE: &str = "aiwe-theme";

/// The visitor's choice, for `<html data-theme>`.
#[cfg(feature = "ssr")]
pub fn chosen_theme() -> Option<String> {
    form::cookie(COOKIE).filter(|theme| theme == "light" || theme == "dark")
}

/// Three small buttons; the chosen one is pressed.
#[component]
pub fn ThemeChoice() -> impl IntoView {
    let action = form::action::<SetTheme>();
    let chosen = RwSignal::new(None::<&'static str>);
    let current = move || chosen.get().unwrap_or_else(present);
    view! {
        <ActionForm action=action>
            <fieldset class="flex items-center gap-1">
                <legend class="sr-only">"Appearance"</legend>
                {["system", "light", "dark"]
                    .map(|theme| {
                        view! {
                            <button
                                type="submit"
                                name="theme"
                                value=theme
                                aria-pressed=move || if current() == theme { "true" } else { "false" }
                                class="rounded-md border border-transparent px-2 py-0.5 text-sm text-muted capitalize hover:text-ink aria-pressed:border-line-strong aria-pressed:bg-raised aria-pressed:text-ink"
                                on:click=move |_| {
                                    chosen.set(Some(theme));
                                    apply(theme);
                                }
                            >
                                {theme}
                            </button>
                        }
                    })}
            </fieldset>
        </ActionForm>
    }
}

/// Shows the choice at once, without waiting for the server.
fn apply(theme: &str) {
    if let Some(root) = document().document_element() {
        // Neither fails for a plain attribute name; if it did, the next page shows the choice.
        let _ = match theme {
            "light" | "dark" => root.set_attribute("data-theme", theme),
            _ => root.remove_attribute("data-theme"),
        };
    }
}

/// On the server what the cookie says; in the browser what the server wrote.
fn present() -> &'static str {
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
