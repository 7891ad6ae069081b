//! All pages: public, admin panel, sidebar. Rendered by the server (`ssr`) and hydrated in the browser (`hydrate`).

#![recursion_limit = "256"]

pub mod access;
pub mod admin;
pub mod certificate;
pub mod design;
pub mod error;
pub mod form;
pub mod home;
pub mod instant;
mod live;
pub mod mode;
pub mod navigation;
pub mod outbox;
pub mod people;
pub mod sidebar;
pub mod surface;
mod watch;

#[cfg(feature = "ssr")]
pub mod services;
#[cfg(feature = "ssr")]
pub mod shell;
#[cfg(feature = "ssr")]
pub mod visit;
#[cfg(feature = "hydrate")]
mod web;

#[cfg(feature = "ssr")]
pub use shell::{pages, shell};
pub use surface::Surface;
pub use watch::WATCHING;

/// Makes every server function known to the HTTP handler. They register themselves at link time too, but a linker may
/// drop that from a test binary; this list it cannot.
#[cfg(feature = "ssr")]
pub fn register_server_functions() {
    use leptos::server_fn::axum::register_explicit;

    register_explicit::<access::api::Approve>();
    register_explicit::<access::api::AskLink>();
    register_explicit::<access::api::AskLinkStart>();
    register_explicit::<access::api::DecideAll>();
    register_explicit::<access::api::DeclineLink>();
    register_explicit::<access::api::Find>();
    register_explicit::<access::api::FindAgain>();
    register_explicit::<access::api::LastDecision>();
    register_explicit::<access::api::List>();
    register_explicit::<access::api::ListAgain>();
    register_explicit::<access::api::News>();
    register_explicit::<access::api::Offer>();
    register_explicit::<access::api::Reject>();
    register_explicit::<access::api::Remind>();
    register_explicit::<access::api::SendLink>();
    register_explicit::<access::api::Start>();
    register_explicit::<access::api::StatusStart>();
    register_explicit::<access::api::Submit>();
    register_explicit::<admin::api::Account>();
    register_explicit::<admin::api::Numbers>();
    register_explicit::<admin::api::NumbersAgain>();
    register_explicit::<certificate::api::List>();
    register_explicit::<certificate::api::Report>();
    register_explicit::<certificate::api::Revoke>();
    register_explicit::<design::SetTheme>();
    register_explicit::<mode::api::Edit>();
    register_explicit::<mode::api::List>();
    register_explicit::<mode::api::Save>();
    register_explicit::<outbox::api::List>();
    register_explicit::<outbox::api::Retry>();
    register_explicit::<outbox::api::RetryAll>();
    register_explicit::<people::api::SecondFactor>();
    register_explicit::<people::api::SetUp>();
    register_explicit::<people::api::Offer>();
    register_explicit::<people::api::SignIn>();
    register_explicit::<people::api::SignInStart>();
    register_explicit::<people::api::SignOut>();
}
