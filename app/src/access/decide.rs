//! The decision about one request: its confirmation dialogs and their outcome.

use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use protocol::access::{AccessRequestRow, Message};

use super::api::{Approve, Reject};
use super::notes::AddressNotes;
use crate::design::{
    Button, ButtonKind, ButtonVariant, Code, CopyButton, Dialog, DialogActions, Shape, TextAreaField,
};
use crate::error::AppError;
use crate::form::{self, field_error, problem_of};

/// The two possible decisions, and which of their dialogs is open.
#[derive(Clone, Copy)]
pub struct Decision {
    pub approve: ServerAction<Approve>,
    pub reject: ServerAction<Reject>,
    approving: RwSignal<bool>,
    rejecting: RwSignal<bool>,
}

impl Decision {
    pub fn new(decisions: RwSignal<u32>) -> Self {
        let this = Self {
            approve: form::action(),
            reject: form::action(),
            approving: RwSignal::new(false),
            rejecting: RwSignal::new(false),
        };
        close_when_completed(this.approve, this.approving, decisions);
        close_when_completed(this.reject, this.rejecting, decisions);
        this
    }

    pub fn reset(self) {
        self.approve.clear();
        self.reject.clear();
        self.approving.set(false);
        self.rejecting.set(false);
    }
}

/// Closes the dialog when its action has completed, and reloads list and request: also after an error, since somebody
/// else may have decided first.
pub(super) fn close_when_completed<S>(action: ServerAction<S>, open: RwSignal<bool>, decisions: RwSignal<u32>)
where
    S: ServerFn<Error = AppError> + Clone + Send + Sync + 'static,
    S::Output: Send + Sync + 'static,
{
    let completed = form::completed(action);
    Effect::new(move |_| {
        if completed.get() {
            open.set(false);
            decisions.update(|n| *n += 1);
        }
    });
}

/// The buttons for a pending request, with their confirmation dialogs.
#[component]
pub fn Decide(row: AccessRequestRow, decision: Decision) -> impl IntoView {
    let Decision { approve, reject, approving, rejecting } = decision;
    let AccessRequestRow { id, email, match_code: code, notes, .. } = row;
    let (approved_id, rejected_id) = (id.clone(), id);
    let (read_out, copied) = (code.clone(), code);
    let reject_title = format!("Reject the request of {email}");
    let reason_error = field_error(problem_of(reject), "reason");
    let busy = Signal::derive(move || approve.pending().get() || reject.pending().get());
    view! {
        <div class="flex flex-wrap gap-3">
            <Button
                variant=ButtonVariant::Primary
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
            <CopyButton text=Signal::stored(copied) what="the code" variant=ButtonVariant::Quiet />
        </div>
        <Dialog open=approving title=format!("Approve {email}") id="approve-request">
            <p>"Ask the requester, by voice or chat, for the code on the screen. The requester reads out:"</p>
            <p>
                <Code code=read_out huge=true />
            </p>
            <AddressNotes notes />
            <p class="text-muted">
                "If the codes differ, or nobody there has asked, somebody else sent this request: reject it."
            </p>
            <ActionForm action=approve>
                <input type="hidden" name="id" value=approved_id />
                <DialogActions open=approving>
                    <Button variant=ButtonVariant::Primary busy>"The codes match: approve"</Button>
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
                        <Button variant=ButtonVariant::Destructive busy>"Reject the request"</Button>
                    </DialogActions>
                </div>
            </ActionForm>
        </Dialog>
    }
}
