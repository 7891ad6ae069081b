//! People: passwords, second factors, signing in, and setting up an account.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use domain::account::{AccountRow, AccountStatus, Role};
use domain::code::typed_code;
use domain::id::AccountId;

use crate::Secret;
use crate::access::Invalid;

/// A new password: 12 to 256 characters, without composition rules, never truncated (NIST SP 800-63B-4 §3.1.1.2).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NewPassword(Secret);

impl NewPassword {
    pub const MIN_CHARS: usize = 12;
    pub const MAX_CHARS: usize = 256;

    pub fn expose(&self) -> &str {
        self.0.expose()
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
            Ok(Self(Secret::new(text)))
        }
    }
}

/// A TOTP code (RFC 6238): six digits. Spaces and dashes in the input are ignored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TotpCode(Secret);

impl TotpCode {
    pub fn as_str(&self) -> &str {
        self.0.expose()
    }
}

impl FromStr for TotpCode {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let digits = typed_code(text);
        if digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_digit()) {
            Ok(Self(digits.into()))
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

/// The step of a sign-in to the panel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SignInStep {
    /// E-mail address and password.
    Password,
    /// The second factor, after the correct password.
    Code,
    /// Signed in.
    Done,
}

/// What `/setup/{token}` shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetupOffer {
    /// `None`: the link is for the first administrator, who enters an address.
    pub email: Option<String>,
    pub role: Role,
    /// The TOTP secret in Base32 (RFC 4648 §6), in groups of four, to be typed in by hand.
    pub totp_secret: String,
    /// The `otpauth://` URI as a QR code: an SVG document that the server generates.
    pub totp_qr_svg: String,
    /// The account was set up in this browser a short while ago, and its recovery codes have not been acknowledged: they are
    /// shown again, and there is nothing else to do.
    #[serde(default)]
    pub codes: Option<RecoveryCodes>,
}

/// What an administrator can do with an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AccountChange {
    Disable,
    Enable,
    MakeAdministrator,
    MakeUser,
    /// Ends the credentials, and sends a link to set new ones.
    Reset,
}

impl AccountChange {
    pub const ALL: [Self; 5] =
        [Self::Disable, Self::Enable, Self::MakeAdministrator, Self::MakeUser, Self::Reset];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Enable => "enable",
            Self::MakeAdministrator => "make-administrator",
            Self::MakeUser => "make-user",
            Self::Reset => "reset",
        }
    }

    /// Whether an active administrator is none afterwards.
    pub fn takes_an_administrator_away(self) -> bool {
        matches!(self, Self::Disable | Self::MakeUser | Self::Reset)
    }
}

impl FromStr for AccountChange {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::ALL
            .into_iter()
            .find(|change| change.as_str() == text)
            .ok_or(Invalid("This is no change of an account."))
    }
}

/// One account, for administrators.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountDetail {
    pub row: AccountRow,
    /// Whether it is the account of the administrator who asks.
    pub is_own: bool,
    /// Whether nobody else could administer the server: it can be neither disabled nor reset, and stays an administrator.
    pub is_last_administrator: bool,
}

/// One's own account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnAccount {
    pub email: String,
    pub role: Role,
    pub recovery_codes_left: u64,
}

/// What the form of `/setup/{token}` sends.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SetupAnswer {
    pub email: String,
    pub password: Secret,
    /// A code of the new secret, which proves that the authenticator has it.
    pub code: Secret,
}

/// The recovery codes, shown once after the set-up.
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
    fn passwords_are_measured_in_characters_and_never_truncated() {
        assert!("elevenchars".parse::<NewPassword>().is_err());
        assert!("ü".repeat(12).parse::<NewPassword>().is_ok());
        assert!("x".repeat(256).parse::<NewPassword>().is_ok());
        assert!("x".repeat(257).parse::<NewPassword>().is_err());
    }
}
