//! The form of the download page, an island.

use leptos::prelude::*;
use protocol::access::Platform;
use serde::{Deserialize, Serialize};

use super::{RedeemOutcome, RedeemState};
use crate::access::steps::package;
use crate::design::{Button, ButtonVariant, Check, Field, FieldKind, PasswordField, Shape, Time};
use crate::island::Island;

/// Why a download failed; named in the address as `?problem=`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DownloadProblem {
    /// Neither cookie nor match code proves that this browser sent the request, and a used link has no field for the code.
    Elsewhere,
    Expired,
    Machine,
    MatchCode,
    Password,
    Platform,
    TooMany,
    TooManyCodes,
    Used,
}

impl DownloadProblem {
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "elsewhere" => Some(Self::Elsewhere),
            "expired" => Some(Self::Expired),
            "machine" => Some(Self::Machine),
            "match-code" => Some(Self::MatchCode),
            "password" => Some(Self::Password),
            "platform" => Some(Self::Platform),
            "too-many" => Some(Self::TooMany),
            "too-many-codes" => Some(Self::TooManyCodes),
            "used" => Some(Self::Used),
            _ => None,
        }
    }

    pub fn message(self) -> &'static str {
        match self {
            Self::Elsewhere => {
                "Use the browser you requested access with, or the one where you entered the match code."
            }
            Self::Expired => "This link has expired.",
            Self::Machine => "This browser did not present the machine’s certificate.",
            Self::MatchCode => {
                "That code isn’t right. Enter the match code you were shown when you requested access."
            }
            Self::Password => "Choose a password of 12 to 256 characters. Several words make a good one.",
            Self::Platform => "Choose this machine’s system.",
            Self::TooMany => "Too many attempts. Wait a minute, then try again.",
            Self::TooManyCodes => {
                "Too many wrong match codes. Open this page in the browser you requested access with, or ask an administrator \
                 for a new link."
            }
            Self::Used => "This link has been used.",
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub struct DownloadForm {
    pub token: String,
    /// The preselected system.
    pub chosen: Platform,
    pub needs_match_code: bool,
    pub refusal: Option<DownloadProblem>,
    /// Seconds since the Unix epoch.
    pub expires_at: i64,
}

impl Island for DownloadForm {
    const NAME: &'static str = "download";

    fn view(self) -> impl IntoView {
        let Self { token, chosen, needs_match_code, refusal, expires_at } = self;
        let redeeming = RedeemState::new();
        let message_at =
            |field: DownloadProblem| refusal.filter(|r| *r == field).map(DownloadProblem::message);
        let wrong_platform = redeeming.field_error("platform", message_at(DownloadProblem::Platform));
        let wrong_password = redeeming.field_error("password", message_at(DownloadProblem::Password));
        let wrong_code = redeeming.field_error("match_code", message_at(DownloadProblem::MatchCode));
        let code_wanted = redeeming.wants_match_code();
        view! {
            <form
                method="post"
                action=format!("/public/download-certs/{token}")
                class="space-y-5"
                on:submit=move |event| redeeming.submit(&event, token.clone())
            >
                <Systems chosen error=wrong_platform />
                {Platform::ALL.map(|p| view! {
                    <p class="panel text-muted" data-for=p.as_str()>{package(p)}</p>
                })}
                <PasswordField
                    label="A password for the file"
                    hint="At least 12 characters. You enter it once, when you import the file."
                    autocomplete="new-password"
                    error=wrong_password
                />
                {move || (needs_match_code || code_wanted.get()).then(|| view! {
                    <MatchCodeField error=wrong_code />
                })}
                <Button variant=ButtonVariant::Primary large=true icon=Shape::Download busy=redeeming.busy()>"Download"</Button>
                <RedeemOutcome redeeming />
                <p class="text-sm text-muted">
                    "This link works once, until " <Time at=expires_at /> ". Opening this page does not use it up."
                </p>
            </form>
        }
    }
}

/// For a browser that did not send the request.
#[component]
pub fn MatchCodeField(error: Signal<Option<String>>) -> impl IntoView {
    view! {
        <Field
            name="match_code"
            label="Your match code"
            kind=FieldKind::OneTimeCode
            hint="You requested access in another browser. Enter the code it showed, such as ABCD-2345."
            monospace=true
            autocomplete="off"
            error
        />
    }
}

/// The choice of a system. Content for one of them is in an element `.panel[data-for]` of the same `.choices`.
#[component]
pub fn Systems(chosen: Platform, #[prop(optional, into)] error: Signal<Option<String>>) -> impl IntoView {
    view! {
        <fieldset class="space-y-2">
            <legend class="mb-1.5 font-medium">"This machine’s system"</legend>
            <p role="alert" class="text-sm font-semibold text-bad empty:hidden">{move || error.get()}</p>
            {Platform::ALL.map(|p| view! {
                <Check name="platform" radio=true value=p.as_str() label=p.label() checked=p == chosen required=true />
            })}
        </fieldset>
    }
}

#[cfg(test)]
mod tests {
    use super::DownloadProblem;

    #[test]
    fn every_problem_of_the_handler_has_a_message() {
        let names = [
            "elsewhere",
            "expired",
            "machine",
            "match-code",
            "password",
            "platform",
            "too-many",
            "too-many-codes",
            "used",
        ];
        for name in names {
            assert!(DownloadProblem::named(name).is_some_and(|r| !r.message().is_empty()), "{name}");
        }
        assert_eq!(DownloadProblem::named("anything-else"), None);
    }
}
