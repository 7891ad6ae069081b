//! Typed ids: one of a certificate cannot be given where one of an account is expected.

use std::str::FromStr;

use crate::text::Invalid;

/// Longest id that is taken, in characters; a UUID has 36.
const MAX_LENGTH: usize = 64;

fn is_id(text: &str) -> bool {
    (1..=MAX_LENGTH).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// What every id can do. New ones are version 7 UUIDs (RFC 9562 §5.7), so they are ordered by time.
pub trait Id: FromStr<Err = Invalid> {
    #[cfg(feature = "server")]
    fn from_uuid(uuid: uuid::Uuid) -> Self;
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        crate::text::checked_string!($name);

        impl FromStr for $name {
            type Err = Invalid;

            fn from_str(text: &str) -> Result<Self, Invalid> {
                if is_id(text) { Ok(Self(text.to_owned())) } else { Err(Invalid("This is not an id.")) }
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = Invalid;

            fn try_from(text: String) -> Result<Self, Invalid> {
                if is_id(&text) { Ok(Self(text)) } else { Err(Invalid("This is not an id.")) }
            }
        }

        impl Id for $name {
            #[cfg(feature = "server")]
            fn from_uuid(uuid: uuid::Uuid) -> Self {
                Self(uuid.to_string())
            }
        }
    };
}

id!(
    /// Of an access request.
    AccessRequestId
);
id!(
    /// Of a person's account.
    AccountId
);
id!(
    /// Of an analysis: one answered question.
    AnalysisId
);
id!(
    /// Of a certificate authority.
    AuthorityId
);
id!(
    /// Of a machine's certificate.
    CertificateId
);
id!(
    /// Of a machine; its certificates come and go.
    MachineId
);
id!(
    /// Of a mail in the outbox.
    MailId
);
id!(
    /// Of a mode.
    ModeId
);
id!(
    /// Of a session, of the panel or of a machine.
    SessionId
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_short_and_has_nothing_that_a_database_would_refuse() {
        assert!("01990c5e-7b1a-7cde-8f00-0123456789ab".parse::<AccountId>().is_ok());
        for bad in ["", "a\0b", "a b", "ä", &"x".repeat(MAX_LENGTH + 1)] {
            assert!(bad.parse::<AccountId>().is_err(), "{bad:?}");
            assert!(AccountId::try_from(bad.to_owned()).is_err(), "{bad:?}");
        }
    }
}
