//! The link that starts the enrolment in the desktop program, on a machine without a certificate.

/// The URL scheme of [`DesktopLink`]. The desktop program's own pages have another one.
pub const SCHEME: &str = "aiwe";

/// The query parameter that says how the server's certificate is verified. Without it, only by the server's own authority.
pub const TLS_PARAMETER: &str = "tls";
/// The value of [`TLS_PARAMETER`] for a server whose certificate may be of another authority: if its own authority did not
/// issue it, the trust store of the operating system decides.
pub const TLS_SYSTEM: &str = "system";

/// Where the desktop program fetches its certificate, and how it verifies the server. Its `Display` is
/// `aiwe://enrol?server=…&ca=…&token=…`, with `&tls=system` for [`Self::system_trust`].
#[derive(Clone, Copy)]
pub struct DesktopLink<'a> {
    /// The origin of the machines listener: scheme, host and port.
    pub server: &'a str,
    /// The SHA-256 of the root certificate's DER, hexadecimal.
    pub authority: &'a str,
    /// The token: the last part of the link in the mail.
    pub token: &'a str,
    /// Whether the server's certificate may be of another authority that the operating system trusts.
    pub system_trust: bool,
}

impl std::fmt::Display for DesktopLink<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // None of the three contains a character that must be escaped in a query (RFC 3986 §3.4).
        let Self { server, authority, token, system_trust } = self;
        write!(f, "{SCHEME}://enrol?server={server}&ca={authority}&token={token}")?;
        if *system_trust { write!(f, "&{TLS_PARAMETER}={TLS_SYSTEM}") } else { Ok(()) }
    }
}

impl std::fmt::Debug for DesktopLink<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DesktopLink").field("server", &self.server).finish_non_exhaustive()
    }
}
