//! `/public/download-certs/{token}`: from the link in the mail to a working machine. Works with scripts off.
//!
//! With scripts the page makes the key itself ([`super::redeem`]). Without, the form goes to an HTTP handler, which answers
//! with a file, or sends the browser back here with `?problem=…`.

use leptos::prelude::*;
use leptos_router::hooks::{use_params_map, use_query_map};
use protocol::access::{DownloadOffer, DownloadState, Platform};

use super::api;
use super::desktop::OpenInDesktop;
use super::redeem::{RedeemOutcome, Redeeming};
use super::steps::{ImportSteps, package};
use crate::design::{
    Button, ButtonLink, Check, Field, FieldKind, Look, Notice, NoticeTone, PasswordField, PublicPage, Shape,
    Time, loaded,
};

/// Why a download was refused, as it stands in the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    Expired,
    MatchCode,
    Password,
    Platform,
    TooMany,
    Used,
}

impl Refusal {
    fn named(name: &str) -> Option<Self> {
        match name {
            "expired" => Some(Self::Expired),
            "match-code" => Some(Self::MatchCode),
            "password" => Some(Self::Password),
            "platform" => Some(Self::Platform),
            "too-many" => Some(Self::TooMany),
            "used" => Some(Self::Used),
            _ => None,
        }
    }

    fn message(self) -> &'static str {
        match self {
            Self::Expired => "This link has expired.",
            Self::MatchCode => "This is not the match code of your request. Enter the one that you read out.",
            Self::Password => "Choose a password of 12 to 256 characters. Several words make a good one.",
            Self::Platform => "Choose this machine’s system.",
            Self::TooMany => "Too many tries. Wait a minute, then try again.",
            Self::Used => "This link has been used already.",
        }
    }
}

#[component]
pub fn DownloadPage() -> impl IntoView {
    let params = use_params_map();
    let query = use_query_map();
    let token = Memo::new(move |_| params.with(|p| p.get("token").unwrap_or_default()));
    let refusal = Memo::new(move |_| query.with(|q| q.get_str("problem").and_then(Refusal::named)));
    let offer = Resource::new_blocking(move || token.get(), api::offer);
    view! {
        <PublicPage title="Set up this machine">
            {loaded(offer, move |(offer, platform)| {
                view! { <Offer offer platform token=token.get_untracked() refusal=refusal.get_untracked() /> }
            })}
        </PublicPage>
    }
}

#[component]
fn Offer(
    offer: DownloadOffer,
    platform: Option<Platform>,
    token: String,
    refusal: Option<Refusal>,
) -> impl IntoView {
    let ready = offer.state == DownloadState::Ready;
    let expired = offer.state == DownloadState::Expired;
    let device = offer.device_name.clone().map(|name| format!(" for “{name}”")).unwrap_or_default();
    let chosen = platform.unwrap_or(Platform::Windows);
    let redeeming = Redeeming::new();
    let told = |field: Refusal| refusal.filter(|r| *r == field).map(Refusal::message);
    let wrong_platform = redeeming.field_error("platform", told(Refusal::Platform));
    let wrong_password = redeeming.field_error("password", told(Refusal::Password));
    let wrong_code = redeeming.field_error("match_code", told(Refusal::MatchCode));
    let code_wanted = redeeming.wants_match_code();
    let needs_match_code = offer.needs_match_code;
    let stops = refusal.filter(|r| matches!(r, Refusal::Expired | Refusal::TooMany | Refusal::Used));
    let stops = stops.filter(|r| ready || *r == Refusal::TooMany);
    let expires_at = offer.expires_at;
    view! {
        {stops.map(|r| view! { <Notice tone=NoticeTone::Bad title=r.message() /> })}
        {match offer.state {
            DownloadState::Ready => Some(view! { <OpenInDesktop link=offer.desktop_link.clone() /> }.into_any()),
            DownloadState::Redeemed => {
                Some(view! {
                    <Notice title="The certificate was downloaded">
                        <p>"This link gave its package and gives no other. Go on below."</p>
                        <p>"The key in the file is kept nowhere else: not by the server, and not by this page once it was reloaded or closed. If you do not have the file, "<a class="link" href="/request-access">"ask for access again"</a>". If somebody else used the link, tell your administrator now."</p>
                    </Notice>
                }.into_any())
            }
            DownloadState::Expired => {
                Some(view! {
                    <Notice tone=NoticeTone::Bad title="This link has expired">
                        <p>"Ask for access again; an administrator approves it as before."</p>
                        <ButtonLink href="/request-access" look=Look::Primary large=true>"Request access"</ButtonLink>
                    </Notice>
                }.into_any())
            }
        }}
        <form
            method="post"
            action=format!("/public/download-certs/{token}")
            class="choices space-y-10"
            hidden=expired
            on:submit=move |event| redeeming.press(&event, token.clone())
        >
            <section class="space-y-5">
                <h2 class="text-lg">{if ready { format!("1. Download the certificate{device}") } else { "Your system".to_owned() }}</h2>
                <fieldset class="space-y-2">
                    <legend class="mb-1.5 font-semibold">"This machine’s system"</legend>
                    <p role="alert" class="text-sm font-semibold text-bad empty:hidden">{move || wrong_platform.get()}</p>
                    {Platform::ALL.map(|p| view! {
                        <Check name="platform" radio=true value=p.as_str() label=p.label() checked=p == chosen required=true />
                    })}
                </fieldset>
                {ready.then(|| view! {
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
                        <Field
                            name="match_code"
                            label="Your match code"
                            kind=FieldKind::OneTimeCode
                            hint="This is not the browser that sent the request, so enter the code that it showed, such as ABCD-2345."
                            monospace=true
                            autocomplete="off"
                            error=wrong_code
                        />
                    })}
                    <Button look=Look::Primary large=true icon=Shape::Download busy=redeeming.busy()>"Download"</Button>
                    <RedeemOutcome redeeming />
                    <p class="text-sm text-muted">
                        "The link works once, until " <Time at=expires_at /> ". Opening this page does not use it up."
                    </p>
                })}
            </section>
            <section class="space-y-4">
                <h2 class="text-lg">{if ready { "2. Import it" } else { "Import the file" }}</h2>
                {Platform::ALL.map(|p| view! {
                    <div class="panel" data-for=p.as_str()><ImportSteps platform=p /></div>
                })}
            </section>
            <Onward offer=offer.clone() numbered=ready />
        </form>
    }
}

/// The sign-in, and the address that the certificate opens.
#[component]
fn Onward(offer: DownloadOffer, numbered: bool) -> impl IntoView {
    let number = move |n: u8, text: &str| if numbered { format!("{n}. {text}") } else { text.to_owned() };
    let sidebar = format!("{}/sidebar", offer.machines_url.trim_end_matches('/'));
    let has_setup = offer.setup_url.is_some();
    view! {
        {offer
            .setup_url
            .map(|url| {
                view! {
                    <section class="space-y-4">
                        <h2 class="text-lg">{number(3, "Set up your sign-in")}</h2>
                        <p>"Choose a password and connect an authenticator app. You need both to sign in."</p>
                        <a
                            href=url
                            rel="external"
                            class="inline-flex min-h-11 items-center rounded-md border border-line-strong bg-raised px-5 py-2 font-semibold hover:border-muted"
                        >
                            "Set up your sign-in"
                        </a>
                    </section>
                }
            })}
        <section class="space-y-4">
            <h2 class="text-lg">{number(if has_setup { 4 } else { 3 }, "Open the assistant")}</h2>
            <p>
                "With the certificate in place, open "
                <a class="link break-all" rel="external" href=sidebar.clone()>
                    {sidebar.clone()}
                </a>
                ". The browser asks which certificate to use: choose the one with this machine’s name."
            </p>
        </section>
    }
}

#[cfg(test)]
mod tests {
    use super::Refusal;

    #[test]
    fn every_name_of_the_handler_has_a_message() {
        for name in ["password", "platform", "match-code", "used", "expired", "too-many"] {
            assert!(Refusal::named(name).is_some_and(|r| !r.message().is_empty()), "{name}");
        }
        assert_eq!(Refusal::named("anything-else"), None);
    }
}
