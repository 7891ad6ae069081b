//! The vocabulary of the audit log: actors and actions.

use std::str::FromStr;

use crate::id::AccountId;
use crate::text::Invalid;

/// Who performed an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    Account(AccountId),
    /// The server itself, or an operator on its command line.
    Server,
    /// A person who is not signed in.
    Visitor,
}

impl Actor {
    pub fn as_str(&self) -> &str {
        match self {
            Self::Account(id) => id.as_str(),
            Self::Server => "server",
            Self::Visitor => "visitor",
        }
    }
}

impl From<&AccountId> for Actor {
    fn from(id: &AccountId) -> Self {
        Self::Account(id.clone())
    }
}

macro_rules! actions {
    ($($name:ident = $text:literal),+ $(,)?) => {
        /// An action in the audit log. The names are stored and covered by the hash chain, so they never change.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Action {
            $($name,)+
        }

        impl Action {
            pub const ALL: &[Self] = &[$(Self::$name),+];

            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }
        }
    };
}

actions! {
    AccessRequestApproved = "access-request.approved",
    AccessRequestExpired = "access-request.expired",
    AccessRequestRejected = "access-request.rejected",
    AccessRequestReminded = "access-request.reminded",
    AccessRequestSubmitted = "access-request.submitted",
    AccountDisabled = "account.disabled",
    AccountEnabled = "account.enabled",
    AccountInvited = "account.invited",
    AccountReset = "account.reset",
    AccountRoleChanged = "account.role-changed",
    AccountSetUp = "account.set-up",
    AnalysisDeleted = "analysis.deleted",
    AuditKeyed = "audit.keyed",
    AuthorityCreated = "authority.created",
    AuthorityRetired = "authority.retired",
    AuthorityRotated = "authority.rotated",
    CertificateEndAnnounced = "certificate.end-announced",
    CertificateRenewed = "certificate.renewed",
    CertificateRevoked = "certificate.revoked",
    ConversationDeleted = "conversation.deleted",
    EditDeclined = "edit.declined",
    EditInserted = "edit.inserted",
    EditStopped = "edit.stopped",
    GroupCreated = "group.created",
    GroupDeleted = "group.deleted",
    GroupMemberAdded = "group.member-added",
    GroupMemberRemoved = "group.member-removed",
    GroupRenamed = "group.renamed",
    LedgerErased = "ledger.erased",
    LedgerExported = "ledger.exported",
    LinkDeclined = "download-link.declined",
    LinkEnded = "download-link.ended",
    LinkRedeemed = "download-link.redeemed",
    LinkReissued = "download-link.sent-again",
    LinkRequested = "download-link.asked",
    LinkWrongCode = "download-link.wrong-code",
    MailDeliveredOtherwise = "mail.delivered-otherwise",
    MailRetried = "mail.retried",
    MailTakenBack = "mail.taken-back",
    ModeChanged = "mode.changed",
    ModeCreated = "mode.created",
    ProviderChanged = "provider.changed",
    ProviderCreated = "provider.created",
    ProviderDeleted = "provider.deleted",
    ProviderTested = "provider.tested",
    PictureRefused = "picture.refused",
    PolicyChanged = "policy.changed",
    PolicyRemoved = "policy.removed",
    RecoveryCodesRenewed = "recovery-codes.renewed",
    SessionEnded = "session.ended",
    SessionOpened = "session.opened",
    SignInFailed = "sign-in.failed",
    WorkflowDeleted = "workflow.deleted",
    WorkflowRunReplayed = "workflow.run-replayed",
    WorkflowRunViewed = "workflow.run-viewed",
    WorkflowSaved = "workflow.saved",
    WorkflowTried = "workflow.tried",
}

impl FromStr for Action {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::ALL.iter().copied().find(|action| action.as_str() == text).ok_or(Invalid("This is no action."))
    }
}

/// An entry in the history of one subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectEntry {
    /// Seconds since the Unix epoch.
    pub at: i64,
    /// `None`: an action that this version of the server does not know.
    pub action: Option<Action>,
    pub detail: String,
    /// The e-mail address of the account that acted, if it was one.
    pub email: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stored_name_of_every_action_parses() {
        for action in Action::ALL {
            assert_eq!(action.as_str().parse(), Ok(*action));
        }
        assert!("certificate.admired".parse::<Action>().is_err());
    }
}
