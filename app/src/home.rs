//! The start page, and what stands where no route fits.

use leptos::prelude::*;

use crate::design::{ButtonLink, Look, PublicPage};

/// `/`: administrators go on to their panel; everybody else is told what this server is.
#[component]
pub fn Home() -> impl IntoView {
    #[cfg(feature = "ssr")]
    if crate::visit::Visit::current().is_ok_and(|visit| visit.administrator().is_ok()) {
        crate::navigation::redirect("/admin");
    }
    view! {
        <PublicPage title="An assistant for your screen">
            <p>
                "This server answers questions about what is on your screen. It is open only to machines with a \
                 certificate and to people who have signed in with a second factor."
            </p>
            <div class="flex flex-wrap gap-3">
                <ButtonLink href="/request-access" look=Look::Primary large=true>
                    "Request access"
                </ButtonLink>
                <ButtonLink href="/login" large=true>
                    "Sign in as administrator"
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

/// Where a link leads from one surface to another: the browser loads the page whole, with the module that it needs. From
/// the server it is the page for every address that leads nowhere, with status 404.
#[component]
pub fn Elsewhere() -> impl IntoView {
    #[cfg(feature = "ssr")]
    if let Some(response) = use_context::<leptos_axum::ResponseOptions>() {
        response.set_status(http::StatusCode::NOT_FOUND);
    }
    let from_the_server = cfg!(feature = "ssr")
        || Owner::current_shared_context().is_some_and(|context| context.during_hydration());
    if !from_the_server {
        load_whole();
    }
    from_the_server.then(|| {
        view! {
            <PublicPage title="There is no such page">
                <p>"Check the address. If you followed a link from a mail, copy the whole link into the address bar."</p>
                <ButtonLink href="/" look=Look::Primary large=true>
                    "Go to the start"
                </ButtonLink>
            </PublicPage>
        }
    })
}

/// Has the browser load the page at which the router has arrived. The router writes the address into the history only
/// after it has rendered, hence the wait for the next turn of the event loop.
fn load_whole() {
    Effect::new(|_| {
        set_timeout(
            || {
                // A browser that cannot reload shows an empty page, and nothing else can be done for it.
                let _ = location().reload();
            },
            std::time::Duration::ZERO,
        );
    });
}
