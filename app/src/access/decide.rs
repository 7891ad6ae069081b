//! The decision about one request: its confirmation dialogs and their outcome.

use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use protocol::access::{AccessRequestRow, Message};

use super::api::{Approve, Reject};
use super::notes::AddressNotes;
use crate::deployment::sends_mail;
use crate::design::{
    Button, ButtonVariant, Code, CopyButton, ProblemNotice, Question, QuestionActions, QuestionButton,
    QuestionDialog, Shape, TextAreaField,
};
use crate::error::AppError;
use crate::form::{self, field_error, problem_of, retryable_problem_of};

/// The two possible decisions, and the question before each.
#[derive(Clone, Copy)]
pub struct Decision {
    pub approve: ServerAction<Approve>,
    pub reject: ServerAction<Reject>,
    approving: Question,
    rejecting: Question,
}

impl Decision {
    pub fn new(decisions: RwSignal<u32>) -> Self {
        let this = Self {
            approve: form::action(),
            reject: form::action(),
            approving: Question::new("approve"),
            rejecting: Question::new("reject"),
        };
        close_when_completed(this.approve, this.approving, decisions);
        close_when_completed(this.reject, this.rejecting, decisions);
        this
    }

    pub fn reset(self) {
        self.approve.clear();
        self.reject.clear();
        self.approving.close();
        self.rejecting.close();
    }
}

/// Closes the dialog when its action has completed, and reloads list and request: also after a conflict, since somebody
/// else may have decided first. It stays open with what was typed while the same form can be sent again.
pub(super) fn close_when_completed<S>(action: ServerAction<S>, question: Question, decisions: RwSignal<u32>)
where
    S: ServerFn<Error = AppError> + Clone + Send + Sync + 'static,
    S::Output: Send + Sync + 'static,
{
    let completed = form::completed(action);
    Effect::new(move |_| {
        if completed.get() {
            question.close();
            decisions.update(|n| *n += 1);
        }
    });
}

/// Where the requester reads a reason.
pub(super) fn reason_hint() -> &'static str {
    if sends_mail() {
        "The requester sees it on their status page and in a mail."
    } else {
        "The requester sees it on their status page."
    }
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
            <QuestionButton
                question=approving
                words="Approve…"
                variant=ButtonVariant::Primary
                icon=Shape::Check
                busy
                key="a"
            />
            <QuestionButton question=rejecting words="Reject…" icon=Shape::Cross busy key="r" />
            <CopyButton text=Signal::stored(copied) what="the code" variant=ButtonVariant::Quiet />
        </div>
        <QuestionDialog question=approving title=format!("Approve {email}") id="approve-request">
            <p>"Ask them, by phone or chat, to read out the code they were shown. It has to be:"</p>
            <p>
                <Code code=read_out huge=true />
            </p>
            <AddressNotes notes />
            <p class="text-muted">
                "If the codes differ, or they never asked, someone else sent this request. Reject it."
            </p>
            <ActionForm action=approve>
                <div class="space-y-4">
                    <input type="hidden" name="id" value=approved_id />
                    <ProblemNotice problem=retryable_problem_of(approve) />
                    <QuestionActions question=approving>
                        <Button variant=ButtonVariant::Primary busy>"The codes match: approve"</Button>
                    </QuestionActions>
                </div>
            </ActionForm>
        </QuestionDialog>
        <QuestionDialog question=rejecting title=reject_title id="reject-request">
            <ActionForm action=reject>
                <div class="space-y-4">
                    <input type="hidden" name="id" value=rejected_id />
                    <TextAreaField
                        name="reason"
                        label="Reason"
                        hint=reason_hint()
                        optional=true
                        maxlength=Message::MAX_CHARS
                        error=reason_error
                    />
                    <ProblemNotice problem=retryable_problem_of(reject) />
                    <QuestionActions question=rejecting cancel="Keep the request">
                        <Button variant=ButtonVariant::Destructive busy>"Reject the request"</Button>
                    </QuestionActions>
                </div>
            </ActionForm>
        </QuestionDialog>
    }
}
