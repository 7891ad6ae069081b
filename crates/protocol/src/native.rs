//! The native sign-in: password, then second factor, over a connection with a client certificate.

use serde::{Deserialize, Serialize};

/// `POST /native/login`.
#[derive(Clone, Serialize, Deserialize)]
pub struct Login {
    pub username: String,
    pub password: String,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login").finish_non_exhaustive()
    }
}

/// The answer to a right password: not yet access.
#[derive(Clone, Serialize, Deserialize)]
pub struct Challenge {
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

/// `POST /native/verify-2fa`. `code` is a TOTP or a recovery code.
#[derive(Clone, Serialize, Deserialize)]
pub struct SecondFactor {
    pub challenge: String,
    pub code: String,
}

impl std::fmt::Debug for SecondFactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecondFactor").finish_non_exhaustive()
    }
}

/// The access token, bound to the certificate of this connection (RFC 8705 §3).
#[derive(Clone, Serialize, Deserialize)]
pub struct AccessToken {
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

/// `GET /native/session`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    pub email: String,
    pub device_name: String,
    /// Seconds since the Unix epoch.
    pub expires_at: i64,
}
