//! The native sign-in: password, then second factor, over a connection with a client certificate.

use serde::{Deserialize, Serialize};

/// The first step: `POST /native/login`.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Login {
    /// The owner's e-mail address.
    pub username: String,
    #[cfg_attr(feature = "openapi", schema(format = Password))]
    pub password: String,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login").finish_non_exhaustive()
    }
}

/// The answer to a right password: not yet access.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Challenge {
    /// To be sent back with the second factor, over a connection with the same certificate.
    pub challenge: String,
    /// `totp`, `recovery`.
    pub methods: Vec<String>,
    /// Seconds.
    pub expires_in: u64,
}

impl std::fmt::Debug for Challenge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Challenge")
            .field("methods", &self.methods)
            .field("expires_in", &self.expires_in)
            .finish_non_exhaustive()
    }
}

/// The second step: `POST /native/verify-2fa`.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SecondFactor {
    /// From the answer to the password.
    pub challenge: String,
    /// Six digits of the authenticator, or one of the recovery codes.
    pub code: String,
}

impl std::fmt::Debug for SecondFactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecondFactor").finish_non_exhaustive()
    }
}

/// The access token, bound to the certificate of this connection (RFC 8705 §3).
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AccessToken {
    /// A JWT that counts only together with the certificate that it was given to.
    pub access_token: String,
    /// `Bearer`.
    pub token_type: String,
    /// Seconds.
    pub expires_in: u64,
}

impl std::fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccessToken").field("expires_in", &self.expires_in).finish_non_exhaustive()
    }
}

/// A certificate is to take the place of this machine's: `POST /native/renew`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Renew {
    /// PKCS#10 in PEM. Its key is taken over, and nothing else that it says.
    pub csr: String,
}

/// The machine's next certificate.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Renewed {
    /// The certificate and the issuing one above it, PEM.
    pub certificate: String,
    /// The root certificates to trust from now on, PEM: several while one authority replaces another.
    pub authorities: String,
    /// Seconds since the Unix epoch.
    pub not_after: i64,
    /// A JWT that counts only together with the new certificate. The one before it counts on with the old one.
    pub access_token: String,
    /// `Bearer`.
    pub token_type: String,
    /// Seconds: the session goes on, and ends when it would have ended.
    pub expires_in: u64,
}

impl std::fmt::Debug for Renewed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Renewed").field("not_after", &self.not_after).finish_non_exhaustive()
    }
}

/// Who is signed in: `GET /native/session`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Session {
    pub email: String,
    pub device_name: String,
    /// Seconds since the Unix epoch.
    pub expires_at: i64,
}
