//! What the pages say depends on how the server is set up.

use leptos::prelude::*;

/// The server's set-up, which the server puts into the context of every page.
#[cfg(feature = "ssr")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    /// Whether there is a mail server. Without one, administrators copy mails from the outbox.
    pub sends_mail: bool,
    /// The origin of the machines' host (`https://host`), if it is not that of the public pages.
    pub machines_origin: Option<String>,
}

/// Whether the server sends its mails. The browser reads it from the page's head.
pub fn sends_mail() -> bool {
    #[cfg(feature = "ssr")]
    let sends = use_context::<Deployment>().is_none_or(|deployment| deployment.sends_mail);
    #[cfg(not(feature = "ssr"))]
    let sends = !matches!(document().query_selector("meta[name=mail][content=by-hand]"), Ok(Some(_)));
    sends
}

/// For the `mail` of the page's head.
#[cfg(feature = "ssr")]
pub fn mail_mode() -> &'static str {
    if sends_mail() { "sent" } else { "by-hand" }
}

/// Where the assistant is: at the machines' host. The browser reads it from the page's head.
pub fn assistant_url() -> String {
    #[cfg(feature = "ssr")]
    let machines = machines_origin();
    #[cfg(not(feature = "ssr"))]
    let machines = document()
        .query_selector("meta[name=machines]")
        .ok()
        .flatten()
        .and_then(|meta| meta.get_attribute("content"));
    format!("{}/sidebar", machines.unwrap_or_default())
}

/// For the `machines` of the page's head. `None`: the pages have the same origin.
#[cfg(feature = "ssr")]
pub fn machines_origin() -> Option<String> {
    use_context::<Deployment>()?.machines_origin
}

/// The origin of the machines' host, if this request came to another one, where no certificate is asked for.
#[cfg(feature = "ssr")]
pub fn machines_elsewhere(context: &crate::request_context::RequestContext) -> Option<String> {
    let on_machines_host = context.pages_origin.is_some();
    machines_origin().filter(|_| !on_machines_host)
}
