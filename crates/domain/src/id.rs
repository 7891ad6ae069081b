//! Typed ids, so that the id of a certificate cannot be passed as that of an account.

use std::str::FromStr;

use crate::text::Invalid;

/// The maximum length of an id, in bytes. A UUID has 36.
const MAX_LENGTH: usize = 64;

fn is_id(text: &str) -> bool {
    (1..=MAX_LENGTH).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// The id of a stored entity. New ids are version 7 UUIDs (RFC 9562 §5.7), so they are ordered by time.
pub trait Id: FromStr<Err = Invalid> {
    /// The id in the textual form of a UUID.
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
    /// The id of an access request.
    AccessRequestId
);
id!(
    /// The id of a person's account.
    AccountId
);
id!(
    /// The id of an analysis: one answered question.
    AnalysisId
);
id!(
    /// The id of a certificate authority.
    AuthorityId
);
id!(
    /// The id of a machine's certificate.
    CertificateId
);
id!(
    /// The id of a model server that an administrator has entered.
    ProviderId
);
id!(
    /// The id of a conversation: questions that follow one another.
    ConversationId
);
id!(
    /// The id of a group of people.
    GroupId
);
id!(
    /// The id of a machine, which stays the same when its certificate is renewed.
    MachineId
);
id!(
    /// The id of a mail in the outbox.
    MailId
);
id!(
    /// The id of a mode.
    ModeId
);
id!(
    /// The id of a session, in the panel or on a machine.
    SessionId
);
id!(
    /// The id of a workflow that an administrator has made.
    WorkflowId
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_short_and_has_no_special_characters() {
        assert!("01990c5e-7b1a-7cde-8f00-0123456789ab".parse::<AccountId>().is_ok());
        for bad in ["", "a\0b", "a b", "ä", &"x".repeat(MAX_LENGTH + 1)] {
            assert!(bad.parse::<AccountId>().is_err(), "{bad:?}");
            assert!(AccountId::try_from(bad.to_owned()).is_err(), "{bad:?}");
        }
    }
}
