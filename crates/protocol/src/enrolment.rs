//! The link that opens the desktop program on a machine that has no certificate yet.

/// The scheme of [`DesktopLink`]. The desktop program's own pages have another.
pub const SCHEME: &str = "aiwe";

/// What the desktop program is handed: where to fetch a certificate, and how to know that it is the right server. Written
/// out it is `aiwe://enrol?server=…&ca=…&token=…`; the desktop program reads it.
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

impl std::fmt::Debug for DesktopLink<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DesktopLink").field("server", &self.server).finish_non_exhaustive()
    }
}
