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
/// out it is `aiwe://enrol?server=…&ca=…&token=…`, with `&tls=system` where the system may judge; the desktop program reads it.
#[derive(Clone, Copy)]
pub struct DesktopLink<'a> {
    /// The machines listener: scheme, host and port.
    pub server: &'a str,
    /// SHA-256 over the root certificate, hexadecimal.
    pub authority: &'a str,
    /// The end of the link in the mail.
    pub token: &'a str,
    /// The server's certificate may come from another authority than its own: where that does not speak for it, the machine's
    /// system judges it.
    pub by_system: bool,
}

impl std::fmt::Display for DesktopLink<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // None of the three has a character that a query must escape (RFC 3986 section 3.4).
        let Self { server, authority, token, by_system } = self;
        write!(f, "{SCHEME}://enrol?server={server}&ca={authority}&token={token}")?;
        if *by_system { write!(f, "&{JUDGED}={BY_SYSTEM}") } else { Ok(()) }
    }
}

impl std::fmt::Debug for DesktopLink<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DesktopLink").field("server", &self.server).finish_non_exhaustive()
    }
}
