//! The three surfaces, each with a WASM module of its own, so that a page loads no more than it needs: somebody who asks
//! for access never loads the panel. Panel and sidebar are hydrated as a whole; of the public pages only the islands that
//! [`hydrate_public_page`] names.
//!
//! Every page is rendered completely before it is sent (`SsrMode::Async`): it is readable without scripts, has the right
//! status, and passes through the desktop program's app scheme in one piece.

use leptos::prelude::*;
use leptos_meta::provide_meta_context;
use leptos_router::components::{ParentRoute, Route, Router, Routes};
use leptos_router::{SsrMode, path};

use crate::access::{
    ConfirmPage, DownloadPage, NothingOpen, RequestAccessPage, RequestPanel, RequestStatusPage, RequestsPage,
};
use crate::admin::{AdminFrame, OverviewPage};
use crate::certificate::{CertificateTestPage, CertificatesPage};
use crate::group::{GroupPage, GroupsPage};
use crate::home::{Home, NotFound};
use crate::ledger::{LedgerPage, UsePage};
use crate::mode::{ModeEditorPage, ModesPage};
use crate::outbox::OutboxPage;
use crate::people::{AccountPage, InvitePage, LoginPage, PeoplePage, PersonPage, SetupPage};
use crate::policy::{PoliciesPage, PolicyEditorPage};
use crate::provider::{ProviderEditorPage, ProvidersPage};
use crate::sidebar::SidebarPage;
use crate::workflow::{RunPage, RunsPage, WorkflowEditorPage, WorkflowsPage};
#[cfg(feature = "hydrate")]
use crate::{
    access::{StatusWatch, redeem::DownloadForm},
    design::{ShowPassword, ThemeChoice},
    island,
    people::{RenewCodesForm, SetupForm},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surface {
    /// Asking for access, fetching a certificate, signing in.
    Public,
    /// Everything below `/admin`.
    Panel,
    Sidebar,
}

impl Surface {
    /// The surface that the page at `path` belongs to.
    pub fn of(path: &str) -> Self {
        match path.split('/').nth(1) {
            Some("admin") => Self::Panel,
            Some("sidebar") => Self::Sidebar,
            _ => Self::Public,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Panel => "panel",
            Self::Sidebar => "sidebar",
        }
    }
}

#[component]
pub fn PublicPages() -> impl IntoView {
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
                <Route path=path!("/account") view=AccountPage ssr=SsrMode::Async />
                <Route path=path!("/account/ledger") view=LedgerPage ssr=SsrMode::Async />
                <Route path=path!("/certificate-test") view=CertificateTestPage ssr=SsrMode::Async />
            </Routes>
        </Router>
    }
}

/// Hydrates the islands of a public page.
#[cfg(feature = "hydrate")]
pub fn hydrate_public_page() {
    island::send_forms_once();
    island::hydrate::<DownloadForm>();
    island::hydrate::<RenewCodesForm>();
    island::hydrate::<SetupForm>();
    island::hydrate::<ShowPassword>();
    island::hydrate::<StatusWatch>();
    island::hydrate::<ThemeChoice>();
}

#[component]
pub fn PanelPages() -> impl IntoView {
    provide_meta_context();
    view! {
        <Router>
            <Routes fallback=|| view! { <NotFound /> }>
                <ParentRoute path=path!("/admin") view=AdminFrame ssr=SsrMode::Async>
                    <Route path=path!("") view=OverviewPage ssr=SsrMode::Async />
                    <ParentRoute path=path!("requests") view=RequestsPage ssr=SsrMode::Async>
                        <Route path=path!("") view=NothingOpen ssr=SsrMode::Async />
                        <Route path=path!(":id") view=RequestPanel ssr=SsrMode::Async />
                    </ParentRoute>
                    <Route path=path!("decide") view=ConfirmPage ssr=SsrMode::Async />
                    <Route path=path!("certificates") view=CertificatesPage ssr=SsrMode::Async />
                    <Route path=path!("groups") view=GroupsPage ssr=SsrMode::Async />
                    <Route path=path!("groups/:id") view=GroupPage ssr=SsrMode::Async />
                    <Route path=path!("modes") view=ModesPage ssr=SsrMode::Async />
                    <Route path=path!("modes/:id") view=ModeEditorPage ssr=SsrMode::Async />
                    <Route path=path!("models") view=ProvidersPage ssr=SsrMode::Async />
                    <Route path=path!("models/:id") view=ProviderEditorPage ssr=SsrMode::Async />
                    <Route path=path!("people") view=PeoplePage ssr=SsrMode::Async />
                    <Route path=path!("people/new") view=InvitePage ssr=SsrMode::Async />
                    <Route path=path!("people/:id") view=PersonPage ssr=SsrMode::Async />
                    <Route path=path!("policy") view=PoliciesPage ssr=SsrMode::Async />
                    <Route path=path!("policy/:group") view=PolicyEditorPage ssr=SsrMode::Async />
                    <Route path=path!("use") view=UsePage ssr=SsrMode::Async />
                    <Route path=path!("workflows") view=WorkflowsPage ssr=SsrMode::Async />
                    <Route path=path!("workflows/:id") view=WorkflowEditorPage ssr=SsrMode::Async />
                    <Route path=path!("workflows/:id/runs") view=RunsPage ssr=SsrMode::Async />
                    <Route path=path!("workflows/:id/runs/:run") view=RunPage ssr=SsrMode::Async />
                    <Route path=path!("outbox") view=OutboxPage ssr=SsrMode::Async />
                </ParentRoute>
            </Routes>
        </Router>
    }
}

#[component]
pub fn SidebarPages() -> impl IntoView {
    provide_meta_context();
    view! {
        <Router>
            <Routes fallback=|| view! { <NotFound /> }>
                <Route path=path!("/sidebar") view=SidebarPage ssr=SsrMode::Async />
            </Routes>
        </Router>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_belongs_to_the_surface_of_its_first_segment() {
        for (path, surface) in [
            ("/", Surface::Public),
            ("/login", Surface::Public),
            ("/administrators", Surface::Public),
            ("/admin", Surface::Panel),
            ("/admin/requests/1", Surface::Panel),
            ("/sidebar", Surface::Sidebar),
        ] {
            assert_eq!(Surface::of(path), surface, "{path}");
        }
    }
}
