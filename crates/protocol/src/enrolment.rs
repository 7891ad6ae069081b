//! The link that opens the desktop program on a machine that has no certificate yet.

/// The scheme of [`DesktopLink`]. The desktop program's own pages have another.
pub const SCHEME: &str = "aiwe";

/// The part of the link that says how the server's certificate is judged. Without it: by the server's own authority, and
/// nothing else.
pub const JUDGED: &str = "tls";
/// The value of [`JUDGED`] for a server whose certificate may come from another authority: where its own does not speak for
/// it, the system judges it.
pub const BY_SYSTEM: &str = "system";

/// What the desktop program is handed: where to fetch a certificate, and how to know that it is the right server. Written
/// out it is `aiwe://enrol?server=…&ca=…&token=…`, with `&tls=system` where [`judged_by_system`]; the desktop program reads
/// it.
#[derive(Clone, Copy)]
pub struct DesktopLink<'a> {
    /// The machines listener: scheme, host and port.
    pub server: &'a str,
    /// SHA-256 over the root certificate, hexadecimal.
    pub authority: &'a str,
    /// The end of the link in the mail.
    pub token: &'a str,
}

impl std::fmt::Display for DesktopLink<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // None of the three has a character that a query must escape (RFC 3986 section 3.4).
        let Self { server, authority, token } = self;
        write!(f, "{SCHEME}://enrol?server={server}&ca={authority}&token={token}")
    }
}

/// The same link to a server whose certificate may come from another authority than its own.
pub fn judged_by_system(link: &str) -> String {
    format!("{link}&{JUDGED}={BY_SYSTEM}")
}

impl std::fmt::Debug for DesktopLink<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DesktopLink").field("server", &self.server).finish_non_exhaustive()
    }
}
