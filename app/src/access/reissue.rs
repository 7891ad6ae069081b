//! New links for lost packages: sent or declined by the administrator, requested by the holder.

use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos_router::components::A;
use protocol::access::{AccessRequestRow, DownloadOffer, DownloadState, Message, NewLink, RequestState};

use super::api::{self, DeclineLink, RequestNewLink, SendLink as Sending};
use super::decide::close_when_completed;
use super::redeem::MatchCodeField;
use crate::deployment::sends_mail;
use crate::design::{
    Button, ButtonVariant, Notice, ProblemNotice, Question, QuestionActions, QuestionButton, QuestionDialog,
    Shape, TextAreaField, Time, loaded,
};
use crate::form::{self, field_error, problem_of, retryable_problem_of};

/// The administrator's two answers, and which of their dialogs is open.
#[derive(Clone, Copy)]
pub struct Reissue {
    pub send: ServerAction<Sending>,
    pub decline: ServerAction<DeclineLink>,
    sending: Question,
    declining: Question,
}

impl Reissue {
    pub fn new(decisions: RwSignal<u32>) -> Self {
        let this = Self {
            send: form::action(),
            decline: form::action(),
            sending: Question::new("send-link"),
            declining: Question::new("decline-link"),
        };
        close_when_completed(this.send, this.sending, decisions);
        close_when_completed(this.decline, this.declining, decisions);
        this
    }

    pub fn reset(self) {
        self.send.clear();
        self.decline.clear();
        self.sending.close();
        self.declining.close();
    }
}

/// What can still be done about a decided request.
#[component]
pub fn SendLink(row: AccessRequestRow, reissue: Reissue) -> impl IntoView {
    let fetched = row.state == RequestState::Redeemed;
    let approved = row.state == RequestState::Approved;
    let links = row.links?;
    let Reissue { send, decline, sending, declining } = reissue;
    let (email, id) = (row.email.clone(), row.id.clone());
    let busy = Signal::derive(move || send.pending().get() || decline.pending().get());
    let asked_for = links.asked_at.is_some();
    let left = match links.left {
        0 => "No more links can be sent for this request. The requester has to request access again."
            .to_owned(),
        1 => "One more link can be sent.".to_owned(),
        n => format!("{n} more links can be sent."),
    };
    Some(view! {
        {approved
            .then(|| {
                view! {
                    <p class="text-muted">
                        {if sends_mail() {
                            "The link was mailed to the requester. Check its delivery in the "
                        } else {
                            "There is no mail server: copy the link for the requester from the "
                        }}
                        <A href="/admin/outbox" attr:class="link">"outbox"</A> "."
                    </p>
                }
            })}
        <div class="space-y-2">
            <div class="flex flex-wrap gap-3">
                {(links.left > 0)
                    .then(|| {
                        view! {
                            <QuestionButton question=sending words="Send a new link…" icon=Shape::Mail busy />
                        }
                    })}
                {asked_for
                    .then(|| {
                        view! {
                            <QuestionButton question=declining words="Decline…" icon=Shape::Cross busy />
                        }
                    })}
            </div>
            <p class="text-sm text-muted">{left}</p>
        </div>
        <QuestionDialog question=sending title=format!("Send {email} a new link") id="send-link">
            <p>
                "Make sure, by phone or chat, that the requester wants it. The old link stops working; the match code \
                 stays the same."
            </p>
            {fetched
                .then(|| {
                    view! { <p>"The current certificate is revoked as soon as the new one is downloaded."</p> }
                })}
            <ActionForm action=send>
                <div class="space-y-4">
                    <input type="hidden" name="id" value=row.id />
                    <input type="hidden" name="sent" value=links.sent.to_string() />
                    <ProblemNotice problem=retryable_problem_of(send) />
                    <QuestionActions question=sending>
                        <Button variant=ButtonVariant::Primary busy>"Send a new link"</Button>
                    </QuestionActions>
                </div>
            </ActionForm>
        </QuestionDialog>
        {asked_for.then(|| view! { <DeclineDialog id email busy reissue /> })}
    })
}

#[component]
fn DeclineDialog(id: String, email: String, busy: Signal<bool>, reissue: Reissue) -> impl IntoView {
    let Reissue { decline, declining, .. } = reissue;
    view! {
        <QuestionDialog question=declining title=format!("Send {email} no new link") id="decline-link">
            <ActionForm action=decline>
                <div class="space-y-4">
                    <input type="hidden" name="id" value=id />
                    <TextAreaField
                        name="reason"
                        label="Reason"
                        hint="The requester sees it, and can’t ask again with this link."
                        optional=true
                        maxlength=Message::MAX_CHARS
                        error=field_error(problem_of(decline), "reason")
                    />
                    <ProblemNotice problem=retryable_problem_of(decline) />
                    <QuestionActions question=declining>
                        <Button variant=ButtonVariant::Destructive busy>"Decline to send one"</Button>
                    </QuestionActions>
                </div>
            </ActionForm>
        </QuestionDialog>
    }
}

/// The request for a new link, on the page of one that has ended. Works with scripts off.
#[component]
pub fn NewLinkRequest(offer: DownloadOffer, token: String) -> impl IntoView {
    let NewLink { open, asked_at, at } = offer.new_link?;
    let needs_code = offer.needs_match_code;
    // Whoever has downloaded the file rarely needs another link.
    let variant =
        if offer.state == DownloadState::Expired { ButtonVariant::Primary } else { ButtonVariant::Secondary };
    let refused = Resource::new_blocking(|| (), |()| api::new_link_start());
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
                        {asked_at.map(|since| view! { <LinkRequested since again=at /> })}
                        {open.then(|| view! { <NewLinkForm token needs_code variant code_error /> })}
                    }
                },
            )}
        </section>
    })
}

#[component]
fn LinkRequested(since: i64, again: Option<i64>) -> impl IntoView {
    view! {
        <Notice title="You asked for a new link">
            <p>
                "You asked on " <Time at=since />
                {if sends_mail() { ". We’ll mail you the new link." } else { ". An administrator will give you the new link." }}
            </p>
            {again.map(|at| view! { <p>"If nothing arrives, you can ask again after " <Time at /> "."</p> })}
        </Notice>
    }
}

#[component]
fn NewLinkForm(
    token: String,
    needs_code: bool,
    variant: ButtonVariant,
    code_error: Signal<Option<String>>,
) -> impl IntoView {
    view! {
        <form method="post" action=RequestNewLink::url()>
            <div class="space-y-4">
                <input type="hidden" name="token" value=token />
                {needs_code.then(|| view! { <MatchCodeField error=code_error /> })}
                <Button variant large=true icon=Shape::Mail>
                    "Ask for a new link"
                </Button>
                <p class="text-sm text-muted">"Your administrators will see this. Your match code stays the same."</p>
            </div>
        </form>
    }
}
