//! The start page, and the page for unknown addresses.

use leptos::prelude::*;

use crate::design::{ButtonLink, ButtonVariant, PublicPage};

/// `/` leads to where one works: a machine with a certificate to the assistant, an administrator to the panel, another
/// person who is signed in to the own account. Everybody else sees what this server is.
#[component]
pub fn Home() -> impl IntoView {
    #[cfg(feature = "ssr")]
    if let Some(path) = workplace() {
        crate::navigation::redirect(path);
    }
    view! {
        <PublicPage title="An assistant for your screen">
            <p>
                "Ask about anything on your screen. It works on machines with a certificate, for people who sign in with \
                 a second factor."
            </p>
            <div class="flex flex-wrap gap-3">
                <ButtonLink href="/request-access" variant=ButtonVariant::Primary large=true>
                    "Request access"
                </ButtonLink>
                <ButtonLink href="/login" large=true>
                    "Sign in"
                </ButtonLink>
            </div>
            <p>
                <a class="link" href="/certificate-test">
                    "Test this machine’s certificate"
                </a>
            </p>
        </PublicPage>
    }
}

#[cfg(feature = "ssr")]
fn workplace() -> Option<&'static str> {
    let context = crate::request_context::RequestContext::current().ok()?;
    if context.machine.is_some() {
        return Some("/sidebar");
    }
    context.signed_in.as_ref()?;
    Some(if context.administrator().is_ok() { "/admin" } else { "/account" })
}

/// The router's fallback. In the browser, the address belongs to another surface, so the page is loaded with that
/// surface's module. On the server, no route matches: the page for status 404.
#[component]
pub fn NotFound() -> impl IntoView {
    #[cfg(feature = "ssr")]
    if let Some(response) = use_context::<leptos_axum::ResponseOptions>() {
        response.set_status(http::StatusCode::NOT_FOUND);
    }
    let from_the_server = cfg!(feature = "ssr")
        || Owner::current_shared_context().is_some_and(|context| context.during_hydration());
    if !from_the_server {
        reload_page();
    }
    from_the_server.then(|| {
        view! {
            <PublicPage title="Page not found">
                <p>"Check the address. If you followed a link in a mail, copy the whole link into the address bar."</p>
                <ButtonLink href="/" variant=ButtonVariant::Primary large=true>
                    "Go to the start page"
                </ButtonLink>
            </PublicPage>
        }
    })
}

/// Has the browser load the page that the router navigated to. The router updates the history only after rendering,
/// hence the timeout of zero.
fn reload_page() {
    Effect::new(|_| {
        set_timeout(
            || {
                // If the reload fails, the page stays empty; there is no fallback.
                let _ = location().reload();
            },
            std::time::Duration::ZERO,
        );
    });
}
