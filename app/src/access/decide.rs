//! `/admin/requests/{id}`: one request beside the list, its match code, and the decision.

use leptos::prelude::*;
use leptos_router::components::A;
use leptos_router::hooks::use_params_map;
use protocol::access::{AccessRequestRow, Message, RequestState};

use super::api::{self, Approve, Reject};
use super::list::{Decisions, Listing};
use super::state::StateBadge;
use crate::design::{
    Button, ButtonKind, Code, CopyButton, Dialog, DialogActions, Look, ProblemNotice, Shape, TextAreaField,
    Time, loaded,
};
use crate::form::{self, field_error, problem_of};

#[component]
pub fn RequestPanel() -> impl IntoView {
    let params = use_params_map();
    let id = Memo::new(move |_| params.with(|p| p.get("id").unwrap_or_default()));
    let listing = Listing::of_url();
    let decisions = use_context::<Decisions>().map(|d| d.0).unwrap_or_else(|| RwSignal::new(0));
    let request = Resource::new(move || (id.get(), decisions.get()), |(id, _)| api::find(id));
    let decision = Decision::new(decisions);
    Effect::new(move |before: Option<String>| {
        let now = id.get();
        if before.is_some_and(|before| before != now) {
            decision.forget();
        }
        now
    });
    view! {
        <section
            aria-label="Opened request"
            class="space-y-4 rounded-lg border border-line-strong bg-raised p-5 max-xl:order-first xl:sticky xl:top-6 xl:w-96"
        >
            <div class="flex items-center justify-between gap-3">
                <h2 class="text-lg">"Request"</h2>
                <A href=move || listing.get().list_path() scroll=false attr:class="link">
                    "Close"
                </A>
            </div>
            <ProblemNotice problem=problem_of(decision.approve) />
            <ProblemNotice problem=problem_of(decision.reject) shown_at_fields=&["reason"] />
            {loaded(request, move |row| view! { <Facts row=row.clone() /> <Decide row decision /> })}
        </section>
    }
}

/// The two ways to decide, and which of their questions is open.
#[derive(Clone, Copy)]
struct Decision {
    approve: ServerAction<Approve>,
    reject: ServerAction<Reject>,
    approving: RwSignal<bool>,
    rejecting: RwSignal<bool>,
}

impl Decision {
    /// Every answer closes its question and has list and request loaded again, also a refused one: somebody else
    /// may have been faster. Only a wrong reason keeps the question open, beside the error.
    fn new(decisions: RwSignal<u32>) -> Self {
        let this = Self {
            approve: form::action(),
            reject: form::action(),
            approving: RwSignal::new(false),
            rejecting: RwSignal::new(false),
        };
        Effect::new(move |_| {
            if this.approve.value().with(Option::is_some) {
                this.approving.set(false);
                decisions.update(|n| *n += 1);
            }
        });
        Effect::new(move |_| {
            let wrong_reason = this.reject.value().with(|value| match value {
                None => true,
                Some(Ok(_)) => false,
                Some(Err(error)) => error.of_field("reason").is_some(),
            });
            if !wrong_reason {
                this.rejecting.set(false);
                decisions.update(|n| *n += 1);
            }
        });
        this
    }

    fn forget(self) {
        self.approve.clear();
        self.reject.clear();
        self.approving.set(false);
        self.rejecting.set(false);
    }
}

#[component]
fn Facts(row: AccessRequestRow) -> impl IntoView {
    let message = row.message.clone();
    let decided = row.decided_at.map(|at| {
        let by = row.decided_by.clone().map(|by| format!(" by {by}")).unwrap_or_default();
        view! {
            <Fact term="Decided">
                <Time at />
                {by}
            </Fact>
        }
    });
    view! {
        <div class="space-y-1">
            <p class="text-muted">"Match code"</p>
            <p>
                <Code code=row.match_code.clone() huge=row.state == RequestState::Pending />
            </p>
        </div>
        <dl class="divide-y divide-line border-y border-line">
            <Fact term="State">
                <StateBadge state=row.state />
            </Fact>
            <Fact term="Address">
                <span class="break-words">{row.email.clone()}</span>
                <span class="block text-muted">
                    {if row.known_account { "Has an account here" } else { "No account yet; approving creates it" }}
                </span>
            </Fact>
            <Fact term="Machine">
                {row.device_name.clone().unwrap_or_else(|| "Not named".to_owned())}
                {row.platform.map(|p| format!(" · {}", p.label()))}
            </Fact>
            <Fact term="Requested">
                <Time at=row.requested_at />
            </Fact>
            {row.expires_at.map(|at| view! { <Fact term="Ends"><Time at /></Fact> })}
            {decided}
            {row.reason.clone().map(|reason| view! { <Fact term="Reason">{reason}</Fact> })}
        </dl>
        {(!message.is_empty())
            .then(|| {
                view! {
                    <div>
                        <p class="text-muted">"Message"</p>
                        <p class="break-words whitespace-pre-line">{message}</p>
                    </div>
                }
            })}
    }
}

#[component]
fn Fact(term: &'static str, children: Children) -> impl IntoView {
    view! {
        <div class="grid grid-cols-[6rem_1fr] gap-3 py-2">
            <dt class="text-muted">{term}</dt>
            <dd class="min-w-0">{children()}</dd>
        </div>
    }
}

#[component]
fn Decide(row: AccessRequestRow, decision: Decision) -> impl IntoView {
    if row.state != RequestState::Pending {
        let approved = row.state == RequestState::Approved;
        return approved
            .then(|| {
                view! {
                    <p class="text-muted">
                        "The link was mailed to the requester. Without a mail server it stands in the "
                        <A href="/admin/outbox" attr:class="link">"outbox"</A> "."
                    </p>
                }
            })
            .into_any();
    }
    let Decision { approve, reject, approving, rejecting } = decision;
    let AccessRequestRow { id, email, match_code: code, .. } = row;
    let (approved_id, rejected_id) = (id.clone(), id);
    let (read_out, copied) = (code.clone(), code);
    let reject_title = format!("Reject the request of {email}");
    let reason_error = field_error(problem_of(reject), "reason");
    let busy = Signal::derive(move || approve.pending().get() || reject.pending().get());
    view! {
        <div class="flex flex-wrap gap-3">
            <Button
                look=Look::Primary
                kind=ButtonKind::Button
                icon=Shape::Check
                busy
                on:click=move |_| approving.set(true)
            >
                "Approve…"
            </Button>
            <Button kind=ButtonKind::Button icon=Shape::Cross busy on:click=move |_| rejecting.set(true)>
                "Reject…"
            </Button>
            <CopyButton text=Signal::stored(copied) what="the code" look=Look::Quiet />
        </div>
        <Dialog open=approving title=format!("Approve {email}") id="approve-request">
            <p>"Ask the requester, by voice or chat, for the code on the screen. The requester reads out:"</p>
            <p>
                <Code code=read_out huge=true />
            </p>
            <p class="text-muted">
                "If the codes differ, or nobody there has asked, somebody else sent this request: reject it."
            </p>
            <ActionForm action=approve>
                <input type="hidden" name="id" value=approved_id />
                <DialogActions open=approving>
                    <Button look=Look::Primary busy>"The codes match: approve"</Button>
                </DialogActions>
            </ActionForm>
        </Dialog>
        <Dialog open=rejecting title=reject_title id="reject-request">
            <ActionForm action=reject>
                <div class="space-y-4">
                    <input type="hidden" name="id" value=rejected_id />
                    <TextAreaField
                        name="reason"
                        label="Reason"
                        hint="The requester reads it on the status page and in a mail."
                        optional=true
                        maxlength=Message::MAX_CHARS
                        error=reason_error
                    />
                    <DialogActions open=rejecting cancel="Keep the request">
                        <Button look=Look::Destructive busy>"Reject the request"</Button>
                    </DialogActions>
                </div>
            </ActionForm>
        </Dialog>
    }
    .into_any()
}
