//! New links for lost packages: the administrator's question, and the holder's.

use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos_router::components::A;
use protocol::access::{AccessRequestRow, DownloadOffer, DownloadState, NewLink, RequestState};

use super::api::{self, AskLink, SendLink as Sending};
use super::redeem::MatchCodeField;
use crate::design::{
    Button, ButtonKind, Dialog, DialogActions, Look, Notice, ProblemNotice, Shape, Time, loaded,
};
use crate::form::{self, field_error};

/// The administrator's way to a new link, and whether its question is open.
#[derive(Clone, Copy)]
pub struct Relink {
    pub send: ServerAction<Sending>,
    asking: RwSignal<bool>,
}

impl Relink {
    /// Every answer closes the question and has list and request loaded again.
    pub fn new(decisions: RwSignal<u32>) -> Self {
        let this = Self { send: form::action(), asking: RwSignal::new(false) };
        Effect::new(move |_| {
            if this.send.value().with(Option::is_some) {
                this.asking.set(false);
                decisions.update(|n| *n += 1);
            }
        });
        this
    }

    pub fn forget(self) {
        self.send.clear();
        self.asking.set(false);
    }
}

/// What is left to do about a decided request.
#[component]
pub fn SendLink(row: AccessRequestRow, relink: Relink) -> impl IntoView {
    let fetched = row.state == RequestState::Redeemed;
    let approved = row.state == RequestState::Approved;
    let links = row.links?;
    let Relink { send, asking } = relink;
    let email = row.email.clone();
    let left = match links.left {
        0 => "This request has had all its links; the requester has to ask for access again.".to_owned(),
        1 => "One more link can be sent.".to_owned(),
        n => format!("{n} more links can be sent."),
    };
    Some(view! {
        {approved
            .then(|| {
                view! {
                    <p class="text-muted">
                        "The link was mailed to the requester. Without a mail server it stands in the "
                        <A href="/admin/outbox" attr:class="link">"outbox"</A> "."
                    </p>
                }
            })}
        <div class="space-y-2">
            {(links.left > 0)
                .then(|| {
                    view! {
                        <Button kind=ButtonKind::Button icon=Shape::Mail busy=send.pending() on:click=move |_| asking.set(true)>
                            "Send a new link…"
                        </Button>
                    }
                })}
            <p class="text-sm text-muted">{left}</p>
        </div>
        <Dialog open=asking title=format!("Send {email} a new link") id="send-link">
            <p>
                "Make sure that the requester asks for it, by voice or chat. The link that was sent before works no more; the \
                 match code stays the same."
            </p>
            {fetched
                .then(|| {
                    view! { <p>"The certificate that was fetched with it is revoked as soon as the new one is fetched."</p> }
                })}
            <ActionForm action=send>
                <input type="hidden" name="id" value=row.id />
                <input type="hidden" name="sent" value=links.sent.to_string() />
                <DialogActions open=asking>
                    <Button look=Look::Primary busy=send.pending()>"Send a new link"</Button>
                </DialogActions>
            </ActionForm>
        </Dialog>
    })
}

/// Asking for a new link on the page of one that has ended. Works with scripts off.
#[component]
pub fn AskForLink(offer: DownloadOffer, token: String) -> impl IntoView {
    let NewLink { open, asked_at, at } = offer.new_link?;
    let needs_code = offer.needs_match_code;
    // Whoever has fetched the file goes on with it, and seldom needs another link.
    let look = if offer.state == DownloadState::Expired { Look::Primary } else { Look::Secondary };
    let refused = Resource::new_blocking(|| (), |()| api::ask_link_start());
    Some(view! {
        <section class="space-y-4">
            {loaded(
                refused,
                move |refused| {
                    let problem = Signal::stored(refused.map(|refused| refused.problem));
                    let code_error = field_error(problem, "match_code");
                    let token = token.clone();
                    view! {
                        <ProblemNotice problem shown_at_fields=&["match_code"] />
                        {asked_at.map(|since| view! { <Asked since again=at /> })}
                        {open.then(|| view! { <AskForm token needs_code look code_error /> })}
                    }
                },
            )}
        </section>
    })
}

#[component]
fn Asked(since: i64, again: Option<i64>) -> impl IntoView {
    view! {
        <Notice title="The administrators were asked for a new link">
            <p>"That was on " <Time at=since /> ". The new link comes by mail."</p>
            {again.map(|at| view! { <p>"If nothing comes, you can ask once more from " <Time at /> " on."</p> })}
        </Notice>
    }
}

#[component]
fn AskForm(token: String, needs_code: bool, look: Look, code_error: Signal<Option<String>>) -> impl IntoView {
    view! {
        <form method="post" action=AskLink::url()>
            <div class="space-y-4">
                <input type="hidden" name="token" value=token />
                {needs_code.then(|| view! { <MatchCodeField error=code_error /> })}
                <Button look large=true icon=Shape::Mail>
                    "Ask for a new link"
                </Button>
                <p class="text-sm text-muted">"The administrators get a mail. You keep your match code."</p>
            </div>
        </form>
    }
}
