//! `/public/download-certs/{token}`: from the link in the mail to a working machine. Works with scripts off.
//!
//! With scripts the page makes the key itself ([`super::redeem`]). Without, the form goes to an HTTP handler, which returns
//! a file or redirects back here with `?problem=…`.

use leptos::prelude::*;
use leptos_router::hooks::{use_params_map, use_query_map};
use protocol::access::{DownloadOffer, DownloadState, Platform};

use super::api;
use super::desktop::OpenInDesktop;
use super::redeem::{DownloadForm, DownloadProblem, Systems};
use super::reissue::NewLinkRequest;
use super::steps::ImportSteps;
use crate::design::{BriefNotice, Notice, NoticeTone, PublicPage, loaded};
use crate::island::island;

#[component]
pub fn DownloadPage() -> impl IntoView {
    let token = use_params_map().get_untracked().get("token").unwrap_or_default();
    let refusal = use_query_map().get_untracked().get_str("problem").and_then(DownloadProblem::named);
    let of_token = token.clone();
    let offer = Resource::new_blocking(move || of_token.clone(), api::offer);
    view! {
        <PublicPage title="Set up this machine">
            {loaded(offer, move |(offer, platform)| {
                view! { <Offer offer platform token=token.clone() refusal /> }
            })}
        </PublicPage>
    }
}

#[component]
fn Offer(
    offer: DownloadOffer,
    platform: Option<Platform>,
    token: String,
    refusal: Option<DownloadProblem>,
) -> impl IntoView {
    let ready = offer.state == DownloadState::Ready;
    let expired = offer.state == DownloadState::Expired;
    let chosen = platform.unwrap_or(Platform::Windows);
    // The others are shown at their fields.
    let stops = refusal.filter(|r| {
        !matches!(r, DownloadProblem::MatchCode | DownloadProblem::Password | DownloadProblem::Platform)
    });
    let stops = stops.filter(|r| ready || matches!(r, DownloadProblem::Elsewhere | DownloadProblem::TooMany));
    let elsewhere = ready && offer.needs_certificate;
    let device = offer.device_name.clone().map(|name| format!(" for “{name}”")).unwrap_or_default();
    let needs_match_code = offer.needs_match_code;
    let expires_at = offer.expires_at;
    let another = offer.new_link.is_some_and(|link| link.open);
    view! {
        {stops.map(|r| view! { <BriefNotice tone=NoticeTone::Bad title=r.message() /> })}
        {match offer.state {
            DownloadState::Ready if elsewhere => {
                Some(view! { <OpenOnMachine device_name=offer.device_name.clone() /> }.into_any())
            }
            DownloadState::Ready => {
                offer.desktop_link.clone().map(|link| view! { <OpenInDesktop link /> }.into_any())
            }
            DownloadState::Redeemed => {
                Some(view! {
                    <Notice title="This link has been used">
                        <p>"The certificate was downloaded. Continue below."</p>
                        <p>
                            "Its key is only in the file: neither the server nor this page keeps a copy. If you don’t have the file, "
                            {if another { "ask for a new link" } else { "request access again" }}
                            ". If someone else used the link, tell your administrator right away."
                        </p>
                    </Notice>
                }.into_any())
            }
            DownloadState::Expired => {
                Some(view! {
                    <Notice tone=NoticeTone::Bad title="This link has expired">
                        <p>
                            {if another { "Ask for a new link below, or " } else { "You can " }}
                            <a class="link" href="/request-access">"request access again"</a>
                            "."
                        </p>
                    </Notice>
                }.into_any())
            }
        }}
        <NewLinkRequest offer=offer.clone() token=token.clone() />
        <div class="choices space-y-10" hidden=expired || elsewhere>
            <section class="space-y-5">
                <h2 class="text-lg">{if ready { format!("1. Download the certificate{device}") } else { "Your system".to_owned() }}</h2>
                {if ready {
                    island(DownloadForm { token, chosen, needs_match_code, refusal, expires_at }).into_any()
                } else {
                    view! { <Systems chosen /> }.into_any()
                }}
            </section>
            <section class="space-y-4">
                <h2 class="text-lg">{if ready { "2. Import it" } else { "Import the file" }}</h2>
                {Platform::ALL.map(|p| view! {
                    <div class="panel" data-for=p.as_str()><ImportSteps platform=p /></div>
                })}
            </section>
            <NextSteps offer numbered=ready />
        </div>
    }
}

/// For a renewal link that is opened in a browser without the machine's certificate.
#[component]
fn OpenOnMachine(device_name: Option<String>) -> impl IntoView {
    let named = device_name.map(|name| format!(" “{name}”")).unwrap_or_default();
    view! {
        <Notice title="Open this link on the machine itself">
            <p>
                {format!("It renews the certificate of the machine{named}, and needs that certificate. Open the link there, and \
                          choose the machine’s name when the browser asks for a certificate.")}
            </p>
            <p>
                "If the browser doesn’t ask, it remembers an earlier choice: close all of its windows, then open the link again. If \
                 the certificate is lost or has expired, "
                <a class="link" href="/request-access">"request access again"</a> "."
            </p>
        </Notice>
    }
}

/// What comes after the import: the sign-in, and the address for which the certificate is needed.
#[component]
fn NextSteps(offer: DownloadOffer, numbered: bool) -> impl IntoView {
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
