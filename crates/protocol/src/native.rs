//! The native API: sign-in with password and second factor over a connection with a client certificate, and renewal of the
//! certificate.

use serde::{Deserialize, Serialize};

use crate::Secret;

/// The first step: `POST /native/login`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Login {
    /// The owner's e-mail address.
    pub username: String,
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Password))]
    pub password: Secret,
}

/// The response to a correct password. It does not grant access yet.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Challenge {
    /// To be sent back with the second factor, over a connection with the same certificate.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub challenge: Secret,
    /// `totp`, `recovery`.
    pub methods: Vec<String>,
    /// Seconds.
    pub expires_in: u64,
}

/// The second step: `POST /native/verify-2fa`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SecondFactor {
    /// The challenge of the first step.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub challenge: Secret,
    /// A code of the authenticator (six digits), or one of the recovery codes.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub code: Secret,
}

/// The access token, bound to the certificate of this connection (RFC 8705 §3).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AccessToken {
    /// A JWT that is valid only together with the certificate for which it was issued.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub access_token: Secret,
    /// `Bearer`.
    pub token_type: String,
    /// Seconds.
    pub expires_in: u64,
}

/// Requests the machine's next certificate: `POST /native/renew`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Renew {
    /// PKCS#10 in PEM (RFC 7468 §7). Only its public key is used.
    pub csr: String,
}

/// The machine's next certificate.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Renewed {
    /// The certificate and that of its issuer, PEM.
    pub certificate: String,
    /// The root certificates to trust from now on, PEM: several while one authority replaces another.
    pub authorities: String,
    /// Seconds since the Unix epoch.
    pub not_after: i64,
    /// A JWT that is valid only together with the new certificate. The previous one stays valid with the old certificate.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub access_token: Secret,
    /// `Bearer`.
    pub token_type: String,
    /// Seconds. The session continues and expires when it would have expired without the renewal.
    pub expires_in: u64,
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
