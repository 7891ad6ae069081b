//! People: roles, passwords, second factors, setting up an account.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

pub use domain::account::Role;
use domain::id::AccountId;

use crate::access::Invalid;

/// A password as a person chose it: 12 to 256 characters, no composition rules, never cut (NIST SP 800-63B-4 §3.1.1.2).
#[derive(Clone, Serialize, Deserialize)]
pub struct NewPassword(Zeroizing<String>);

impl NewPassword {
    pub const MIN_CHARS: usize = 12;
    pub const MAX_CHARS: usize = 256;

    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for NewPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NewPassword([redacted])")
    }
}

impl FromStr for NewPassword {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let chars = text.chars().count();
        if chars < Self::MIN_CHARS {
            Err(Invalid("Use at least 12 characters. Several words make a good password."))
        } else if chars > Self::MAX_CHARS {
            Err(Invalid("Use at most 256 characters."))
        } else {
            Ok(Self(Zeroizing::new(text.to_owned())))
        }
    }
}

/// Six digits of a TOTP (RFC 6238), as typed: spaces are ignored.
#[derive(Clone, PartialEq, Eq)]
pub struct TotpCode(String);

impl TotpCode {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for TotpCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TotpCode([redacted])")
    }
}

impl FromStr for TotpCode {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        if digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_digit()) {
            Ok(Self(digits))
        } else {
            Err(Invalid("Enter the six digits that your authenticator shows."))
        }
    }
}

/// Who is signed in to the panel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedIn {
    pub account_id: AccountId,
    pub email: String,
    pub role: Role,
}

/// Where the sign-in to the panel stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SignInStep {
    /// E-mail address and password.
    Password,
    /// The second factor: the password was right.
    Code,
    /// Signed in.
    Done,
}

/// What `/setup/{token}` shows to the holder of the link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetupOffer {
    /// `None`: the link is the server's first, and the person enters an address.
    pub email: Option<String>,
    pub role: Role,
    /// The TOTP secret in Base32, in groups of four, to type in by hand.
    pub totp_secret: String,
    /// The `otpauth://` address as a QR code: a whole SVG document of the server's own making.
    pub totp_qr_svg: String,
}

/// What the person sends back from `/setup/{token}`.
#[derive(Clone, Serialize, Deserialize)]
pub struct SetupAnswer {
    pub email: String,
    pub password: String,
    /// A code made with the new secret, to prove that the authenticator has it.
    pub code: String,
}

impl std::fmt::Debug for SetupAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SetupAnswer").finish_non_exhaustive()
    }
}

/// Shown once, after the set-up.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryCodes(pub Vec<String>);

impl std::fmt::Debug for RecoveryCodes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RecoveryCodes([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_do_not_print() {
        let password: NewPassword = "correct horse battery".parse().unwrap();
        assert_eq!(format!("{password:?}"), "NewPassword([redacted])");
        let code: TotpCode = "123 456".parse().unwrap();
        assert_eq!(code.as_str(), "123456");
        assert!(!format!("{code:?}").contains("123"));
    }

    #[test]
    fn passwords_are_measured_in_characters_and_never_cut() {
        assert!("elevenchars".parse::<NewPassword>().is_err());
        assert!("ü".repeat(12).parse::<NewPassword>().is_ok());
        assert!("x".repeat(256).parse::<NewPassword>().is_ok());
        assert!("x".repeat(257).parse::<NewPassword>().is_err());
    }
}
