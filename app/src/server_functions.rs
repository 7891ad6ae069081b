//! The list of all server functions.
//!
//! They register themselves at link time too, but a linker may drop that from a test binary; this list it cannot. A test
//! compares the list with the `#[server]` attributes in this crate's source (`tests/pages/server_functions.rs`).

use leptos::server_fn::ServerFn;
use leptos::server_fn::axum::register_explicit;

use crate::{
    access, admin, certificate, design, group, ledger, mode, outbox, people, policy, provider, workflow,
};

macro_rules! server_functions {
    ($($function:path),+ $(,)?) => {
        /// Makes every server function known to the HTTP handler.
        pub fn register_server_functions() {
            $(register_explicit::<$function>();)+
        }

        /// The path of every server function.
        pub const SERVER_FUNCTION_PATHS: &[&str] = &[$(<$function as ServerFn>::PATH),+];
    };
}

server_functions![
    access::api::Approve,
    access::api::Chosen,
    access::api::DecideAll,
    access::api::DeclineLink,
    access::api::Find,
    access::api::FindUnlisted,
    access::api::LastDecision,
    access::api::List,
    access::api::NewLinkStart,
    access::api::News,
    access::api::Offer,
    access::api::PollFind,
    access::api::PollList,
    access::api::Reject,
    access::api::Remind,
    access::api::RequestNewLink,
    access::api::SendLink,
    access::api::Start,
    access::api::StatusStart,
    access::api::Submit,
    admin::api::Account,
    admin::api::LastProblem,
    admin::api::Numbers,
    admin::api::PollNumbers,
    certificate::api::List,
    certificate::api::Replacement,
    certificate::api::Report,
    certificate::api::Revoke,
    certificate::api::Test,
    design::SetTheme,
    group::api::AddMembers,
    group::api::Create,
    group::api::Delete,
    group::api::Find,
    group::api::List,
    group::api::RemoveMember,
    group::api::Rename,
    group::api::Start,
    ledger::api::Erase,
    ledger::api::Own,
    ledger::api::Usage,
    mode::api::Edit,
    mode::api::List,
    mode::api::Rejected,
    mode::api::Save,
    outbox::api::Delivered,
    outbox::api::List,
    outbox::api::Retry,
    outbox::api::RetryAll,
    outbox::api::TakeBack,
    people::api::Change,
    people::api::CodesSaved,
    people::api::EndSession,
    people::api::Find,
    people::api::Invite,
    people::api::InviteStart,
    people::api::List,
    people::api::Offer,
    people::api::Own,
    people::api::OwnDevices,
    people::api::RenewCodes,
    people::api::SecondFactor,
    people::api::SetUp,
    people::api::SignIn,
    people::api::SignInStart,
    people::api::SignOut,
    policy::api::Person,
    policy::api::Find,
    policy::api::List,
    policy::api::Remove,
    policy::api::Save,
    provider::api::Check,
    provider::api::Delete,
    provider::api::Edit,
    provider::api::List,
    provider::api::Models,
    provider::api::Save,
    provider::api::Test,
    workflow::api::Check,
    workflow::api::Delete,
    workflow::api::Edit,
    workflow::api::List,
    workflow::api::Modes,
    workflow::api::Rejected,
    workflow::api::Save,
    workflow::runs::api::List,
    workflow::runs::api::Open,
    workflow::runs::api::Replay,
];
