//! The form of the download page, which lives in the browser.

use leptos::prelude::*;
use protocol::access::Platform;
use serde::{Deserialize, Serialize};

use super::{RedeemOutcome, Redeeming};
use crate::access::steps::package;
use crate::design::{Button, Check, Field, FieldKind, Look, PasswordField, Shape, Time};
use crate::live::Part;

/// Why a download was refused, as it stands in the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    /// Nothing shows that this browser is the one that asked, and there is no field for the code any more.
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

impl Refusal {
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
                "Go on in the browser that you asked with, or in the one where you entered the match code."
            }
            Self::Expired => "This link has expired.",
            Self::Machine => "This browser did not show the machine’s certificate.",
            Self::MatchCode => "This is not the match code of your request. Enter the one that you read out.",
            Self::Password => "Choose a password of 12 to 256 characters. Several words make a good one.",
            Self::Platform => "Choose this machine’s system.",
            Self::TooMany => "Too many tries. Wait a minute, then try again.",
            Self::TooManyCodes => {
                "Too many wrong match codes. Open this page in the browser that you asked with, or ask an administrator for a \
                 new link."
            }
            Self::Used => "This link has been used already.",
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub struct DownloadForm {
    pub token: String,
    /// The system that is chosen at first.
    pub chosen: Platform,
    pub needs_match_code: bool,
    pub refusal: Option<Refusal>,
    /// Seconds since the Unix epoch.
    pub expires_at: i64,
}

impl Part for DownloadForm {
    const NAME: &'static str = "download";

    fn view(self) -> impl IntoView {
        let Self { token, chosen, needs_match_code, refusal, expires_at } = self;
        let redeeming = Redeeming::new();
        let told = |field: Refusal| refusal.filter(|r| *r == field).map(Refusal::message);
        let wrong_platform = redeeming.field_error("platform", told(Refusal::Platform));
        let wrong_password = redeeming.field_error("password", told(Refusal::Password));
        let wrong_code = redeeming.field_error("match_code", told(Refusal::MatchCode));
        let code_wanted = redeeming.wants_match_code();
        view! {
            <form
                method="post"
                action=format!("/public/download-certs/{token}")
                class="space-y-5"
                on:submit=move |event| redeeming.press(&event, token.clone())
            >
                <Systems chosen error=wrong_platform />
                {Platform::ALL.map(|p| view! {
                    <p class="panel text-muted" data-for=p.as_str()>{package(p)}</p>
                })}
                <PasswordField
                    label="A password for the file"
                    hint="At least 12 characters. You choose it now and enter it once, when you import the file."
                    autocomplete="new-password"
                    error=wrong_password
                />
                {move || (needs_match_code || code_wanted.get()).then(|| view! {
                    <MatchCodeField error=wrong_code />
                })}
                <Button look=Look::Primary large=true icon=Shape::Download busy=redeeming.busy()>"Download"</Button>
                <RedeemOutcome redeeming />
                <p class="text-sm text-muted">
                    "The link works once, until " <Time at=expires_at /> ". Opening this page does not use it up."
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
            hint="This is not the browser that sent the request, so enter the code that it showed, such as ABCD-2345."
            monospace=true
            autocomplete="off"
            error
        />
    }
}

/// The choice of a system. What is about one of them stands in an element `.panel[data-for]` of the same `.choices`.
#[component]
pub fn Systems(chosen: Platform, #[prop(optional, into)] error: Signal<Option<String>>) -> impl IntoView {
    view! {
        <fieldset class="space-y-2">
            <legend class="mb-1.5 font-semibold">"This machine’s system"</legend>
            <p role="alert" class="text-sm font-semibold text-bad empty:hidden">{move || error.get()}</p>
            {Platform::ALL.map(|p| view! {
                <Check name="platform" radio=true value=p.as_str() label=p.label() checked=p == chosen required=true />
            })}
        </fieldset>
    }
}

#[cfg(test)]
mod tests {
    use super::Refusal;

    #[test]
    fn every_name_of_the_handler_has_a_message() {
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
            assert!(Refusal::named(name).is_some_and(|r| !r.message().is_empty()), "{name}");
        }
        assert_eq!(Refusal::named("anything-else"), None);
    }
}
