//! The document, the routes, and what stands where nothing fits.
//!
//! Every page is rendered whole before it is sent (`SsrMode::Async`): it reads without scripts, has the right status,
//! and passes through the desktop program's app scheme in one piece.

use leptos::prelude::*;
use leptos_meta::provide_meta_context;
use leptos_router::components::{ParentRoute, Route, Router, Routes};
use leptos_router::{SsrMode, path};

use crate::access::{
    DownloadPage, NothingOpen, RequestAccessPage, RequestPanel, RequestStatusPage, RequestsPage,
};
use crate::admin::{AdminFrame, OverviewPage};
use crate::certificate::{CertificateTestPage, CertificatesPage};
use crate::design::{ButtonLink, Look, PublicPage};
use crate::mode::{ModeEditorPage, ModesPage};
use crate::outbox::OutboxPage;
use crate::people::{LoginPage, SetupPage};
use crate::sidebar::SidebarPage;

/// The document around every page.
#[cfg(feature = "ssr")]
pub fn shell(options: LeptosOptions) -> impl IntoView {
    use leptos_meta::MetaTags;

    use crate::design::{chosen_theme, organisation};

    let stylesheet = format!("/{}/{}.css", options.site_pkg_dir, options.output_name);
    view! {
        <!DOCTYPE html>
        <html lang="en" data-theme=chosen_theme()>
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <meta name="application-name" content=organisation() />
                <meta name="color-scheme" content="light dark" />
                <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
                <link rel="stylesheet" href=stylesheet />
                <AutoReload options=options.clone() />
                <HydrationScripts options />
                <MetaTags />
            </head>
            <body>
                <App />
            </body>
        </html>
    }
}

/// Every address that the app renders, read from its routes once in the life of the process.
///
/// While Leptos reads them, resources of *every* thread that are polled wait for ever (`SuppressResourceLoad` is one flag
/// for the process), so this must not run again while pages are rendered.
#[cfg(feature = "ssr")]
pub fn pages() -> Vec<leptos_axum::AxumRouteListing> {
    static PAGES: std::sync::OnceLock<Vec<leptos_axum::AxumRouteListing>> = std::sync::OnceLock::new();
    PAGES.get_or_init(|| leptos_axum::generate_route_list(App)).clone()
}

#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    view! {
        <Router>
            <Routes fallback=|| view! { <NotFound /> }>
                <Route path=path!("/") view=Home ssr=SsrMode::Async />
                <Route path=path!("/request-access") view=RequestAccessPage ssr=SsrMode::Async />
                <Route path=path!("/public/request-status/:token") view=RequestStatusPage ssr=SsrMode::Async />
                <Route path=path!("/public/download-certs/:token") view=DownloadPage ssr=SsrMode::Async />
                <Route path=path!("/setup/:token") view=SetupPage ssr=SsrMode::Async />
                <Route path=path!("/login") view=LoginPage ssr=SsrMode::Async />
                <Route path=path!("/certificate-test") view=CertificateTestPage ssr=SsrMode::Async />
                <Route path=path!("/sidebar") view=SidebarPage ssr=SsrMode::Async />
                <ParentRoute path=path!("/admin") view=AdminFrame ssr=SsrMode::Async>
                    <Route path=path!("") view=OverviewPage ssr=SsrMode::Async />
                    <ParentRoute path=path!("requests") view=RequestsPage ssr=SsrMode::Async>
                        <Route path=path!("") view=NothingOpen ssr=SsrMode::Async />
                        <Route path=path!(":id") view=RequestPanel ssr=SsrMode::Async />
                    </ParentRoute>
                    <Route path=path!("certificates") view=CertificatesPage ssr=SsrMode::Async />
                    <Route path=path!("modes") view=ModesPage ssr=SsrMode::Async />
                    <Route path=path!("modes/:id") view=ModeEditorPage ssr=SsrMode::Async />
                    <Route path=path!("outbox") view=OutboxPage ssr=SsrMode::Async />
                </ParentRoute>
            </Routes>
        </Router>
    }
}

/// `/`: administrators go on to their panel; everybody else is told what this server is.
#[component]
fn Home() -> impl IntoView {
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

/// The page for every address that leads nowhere, with status 404.
#[component]
pub fn NotFound() -> impl IntoView {
    #[cfg(feature = "ssr")]
    if let Some(response) = use_context::<leptos_axum::ResponseOptions>() {
        response.set_status(http::StatusCode::NOT_FOUND);
    }
    view! {
        <PublicPage title="There is no such page">
            <p>"Check the address. If you followed a link from a mail, copy the whole link into the address bar."</p>
            <ButtonLink href="/" look=Look::Primary large=true>
                "Go to the start"
            </ButtonLink>
        </PublicPage>
    }
}
