//! `/admin/certificates`: every machine's certificate, and revoking one.

use leptos::prelude::*;
use leptos_router::components::A;
use leptos_router::hooks::use_query_map;
use protocol::access::{Message, Page};
use protocol::certificate::{CertificateRow, RevocationReason};

use super::api::{self, Revoke};
use super::replacement::ReplacementNotice;
use crate::design::{
    Badge, BriefNotice, Button, ButtonVariant, Cell, Column, EmptyState, FilterForm, NoticeTone, Pagination,
    PanelPage, Priority, ProblemNotice, Question, QuestionActions, QuestionButton, QuestionDialog, Row,
    SearchField, SelectField, Shape, Table, TextAreaField, Time, Tone, Truncated, loaded, visitor_now,
};
use crate::form::{self, completed, field_error, final_problem_of, problem_of, retryable_problem_of};
use crate::navigation::{page_in_address, page_number, with_query};

const PATH: &str = "/admin/certificates";

#[component]
pub fn CertificatesPage() -> impl IntoView {
    let query = use_query_map();
    let search =
        Memo::new(move |_| query.with(|q| q.get_str("search").unwrap_or_default().trim().to_owned()));
    let number = Memo::new(move |_| query.with(|q| page_number(q.get_str("page"))));
    let dialog = RevokeDialog::new();
    let certificates = Resource::new(
        move || (search.get(), number.get(), dialog.revoke.version().get()),
        |(search, page, _)| api::list(search, page),
    );
    view! {
        <PanelPage title="Certificates" lead="One for each machine. Revoking takes effect within a second.">
            <FilterForm path=PATH fields=&["search"]>
                <SearchField label="Owner, machine or serial" value=search />
            </FilterForm>
            <ReplacementNotice />
            <RevokeConfirmation dialog />
            {loaded(
                certificates,
                move |page| view! { <Certificates page search=search.get_untracked() dialog /> },
            )}
        </PanelPage>
    }
    .into_any()
}

fn reasons() -> Vec<(String, String)> {
    let choice = |reason: RevocationReason| {
        (reason.as_str().to_owned(), reason.label().unwrap_or("Not specified").to_owned())
    };
    RevocationReason::ALL.map(choice).to_vec()
}

/// The question before a revocation, and the certificate that it is about.
#[derive(Clone, Copy)]
struct RevokeDialog {
    chosen: RwSignal<Option<CertificateRow>>,
    question: Question,
    revoke: ServerAction<Revoke>,
}

impl RevokeDialog {
    fn new() -> Self {
        Self { chosen: RwSignal::new(None), question: Question::new("revoke"), revoke: form::action() }
    }

    /// Makes the question one about `row`, and clears the outcome of an earlier one.
    fn choose(self, row: CertificateRow) {
        self.revoke.clear();
        self.chosen.set(Some(row));
    }

    /// The certificate that the page's address asks about.
    fn choose_asked(self, rows: &[CertificateRow]) -> bool {
        let asked = self.question.asked_about();
        let row = rows.iter().find(|row| row.revoked_at.is_none() && Some(&row.id) == asked.as_ref());
        if let Some(row) = row {
            self.chosen.set(Some(row.clone()));
        }
        row.is_some()
    }

    fn text(self, text: fn(&CertificateRow) -> &str) -> String {
        self.chosen.with(|chosen| chosen.as_ref().map(|row| text(row).to_owned()).unwrap_or_default())
    }
}

/// The outcome of a revocation, and the question before it.
#[component]
fn RevokeConfirmation(dialog: RevokeDialog) -> impl IntoView {
    let RevokeDialog { question, revoke, .. } = dialog;
    let name = move || dialog.text(|row| &row.device_name);
    let owner = move || dialog.text(|row| &row.owner);
    let done = move || revoke.value().with(|value| matches!(value, Some(Ok(()))));
    let completed = completed(revoke);
    Effect::new(move |_| {
        if completed.get() {
            question.close();
        }
    });
    // Asked by the page's address, it is shown with the list.
    let here = question.asked_about().is_none();
    view! {
        <ProblemNotice problem=final_problem_of(revoke) shown_at_fields=&["reason", "words"] />
        {move || {
            done()
                .then(|| {
                    let title = format!("The certificate of “{}” ({}) was revoked", name(), owner());
                    view! { <BriefNotice tone=NoticeTone::Good title /> }
                })
        }}
        {here.then(|| view! { <RevokeQuestion dialog /> })}
    }
}

#[component]
fn RevokeQuestion(dialog: RevokeDialog) -> impl IntoView {
    let RevokeDialog { question, revoke, .. } = dialog;
    let problem = problem_of(revoke);
    let name = move || dialog.text(|row| &row.device_name);
    let owner = move || dialog.text(|row| &row.owner);
    let title = Signal::derive(move || format!("Revoke the certificate of “{}”", name()));
    view! {
        <QuestionDialog question title id="revoke-certificate">
            <p>
                "The machine “" <bdi>{name}</bdi> "” of " <strong>{owner}</strong>
                " loses access right away: open connections close, and its certificate never works again. To use the \
                 machine later, its owner has to request access again."
            </p>
            <ActionForm action=revoke>
                <div class="space-y-4">
                    <input
                        type="hidden"
                        name="id"
                        value=move || dialog.text(|row| &row.id)
                    />
                    <SelectField
                        name="reason"
                        label="Reason"
                        hint="Published in the revocation list, which anyone can read."
                        options=reasons()
                        error=field_error(problem, "reason")
                    />
                    <TextAreaField
                        name="words"
                        label="Note"
                        hint="For the owner and for this list, such as “left on a train”."
                        optional=true
                        maxlength=Message::MAX_CHARS
                        error=field_error(problem, "words")
                    />
                    <ProblemNotice problem=retryable_problem_of(revoke) />
                    <QuestionActions question cancel="Keep the certificate">
                        <Button variant=ButtonVariant::Destructive busy=revoke.pending()>
                            "Revoke the certificate"
                        </Button>
                    </QuestionActions>
                </div>
            </ActionForm>
        </QuestionDialog>
    }
}

const COLUMNS: &[Column] = &[
    Column::new("Machine"),
    Column::new("Owner"),
    Column::new("State").width("w-36"),
    Column::wide_only("Expires").width("w-28"),
    Column::new("Last seen").priority(Priority::Third).width("w-44"),
    Column::new("Serial").priority(Priority::Third).width("w-40"),
    Column::new("Action").width("w-28"),
];

#[component]
fn Certificates(page: Page<CertificateRow>, search: String, dialog: RevokeDialog) -> impl IntoView {
    if page.rows.is_empty() {
        let (title, rest) = if search.is_empty() {
            (
                "No certificates yet",
                view! {
                    <p>
                        "A certificate appears here once its owner has used the link. "
                        <A href="/admin/requests?state=pending" attr:class="link">"Review pending requests"</A>
                    </p>
                }
                .into_any(),
            )
        } else {
            (
                "No matching certificates",
                view! { <p><A href=PATH attr:class="link">"Show all certificates"</A></p> }.into_any(),
            )
        };
        return view! { <EmptyState title>{rest}</EmptyState> }.into_any();
    }
    let asked = dialog.choose_asked(&page.rows);
    let (number, size, total) = (page.page, page.page_size, page.total);
    let href = move |page: u32| with_query(PATH, &[("search", &search), ("page", &page_in_address(page))]);
    view! {
        <div class="space-y-4">
            {asked.then(|| view! { <RevokeQuestion dialog /> })}
            <Table caption="Certificates" columns=COLUMNS>
                {page.rows.into_iter().map(|row| view! { <CertificateLine row dialog /> }).collect_view()}
            </Table>
            <Pagination page=number page_size=size total href what="certificates" />
        </div>
    }
    .into_any()
}

#[component]
fn CertificateLine(row: CertificateRow, dialog: RevokeDialog) -> impl IntoView {
    let revoked = row.revoked_at.is_some();
    let label = format!("Revoke the certificate of {}, {}", row.device_name, row.owner);
    let (to_revoke, judged) = (row.clone(), row.clone());
    let CertificateRow { owner, device_name, serial, .. } = row;
    let why: String = [row.revocation_reason.label(), Some(row.revocation_words.as_str())]
        .into_iter()
        .flatten()
        .filter(|part| !part.is_empty())
        .flat_map(|part| [" · ", part])
        .collect();
    view! {
        <Row>
            <Cell main=true>
                <span class="font-semibold">
                    <Truncated text=device_name />
                </span>
            </Cell>
            <Cell>
                <Truncated text=owner keep_end=true />
            </Cell>
            <Cell>
                <Validity row=judged />
                {row
                    .revoked_at
                    .map(|at| {
                        view! {
                            <span class="mt-1 block text-xs text-muted">
                                <Time at />
                                {why}
                            </span>
                        }
                    })}
            </Cell>
            <Cell wide_only=true>
                <Time at=row.not_after date_only=true />
            </Cell>
            <Cell priority=Priority::Third>
                {match row.last_seen_at {
                    Some(at) => view! { <Time at relative=true /> }.into_any(),
                    None => view! { <span class="text-muted">"Never"</span> }.into_any(),
                }}
            </Cell>
            <Cell priority=Priority::Third>
                <span class="font-mono text-xs">
                    <Truncated text=serial keep_end=true />
                </span>
            </Cell>
            <Cell>
                {(!revoked)
                    .then(|| {
                        let on_press = Callback::new(move |()| dialog.choose(to_revoke.clone()));
                        view! {
                            // The row stays as high as its text.
                            <div class="-my-1.5">
                                <QuestionButton question=dialog.question words="Revoke…" about=row.id label on_press key="r" />
                            </div>
                        }
                    })}
            </Cell>
        </Row>
    }
}

/// Whether a certificate is valid now. Only the browser's clock is available, so time-dependent states appear once scripts
/// run; revocation does not depend on it.
#[component]
fn Validity(row: CertificateRow) -> impl IntoView {
    let now = RwSignal::new(None::<i64>);
    Effect::new(move |_| now.set(visitor_now()));
    move || {
        let (tone, icon, word) = validity(&row, now.get());
        view! { <Badge tone icon word /> }
    }
}

fn validity(row: &CertificateRow, now: Option<i64>) -> (Tone, Shape, &'static str) {
    match now {
        _ if row.revoked_at.is_some() => (Tone::Neutral, Shape::Stop, "Revoked"),
        Some(now) if now > row.not_after => (Tone::Neutral, Shape::Clock, "Expired"),
        Some(now) if now < row.not_before => (Tone::Neutral, Shape::Clock, "Not valid yet"),
        Some(_) => (Tone::Good, Shape::Check, "Valid"),
        None => (Tone::Neutral, Shape::Certificate, "Issued"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_dependent_state_needs_a_clock() {
        let row = CertificateRow {
            id: "1".into(),
            owner: "a@b.c".into(),
            device_name: "m".into(),
            serial: "00".into(),
            not_before: 100,
            not_after: 200,
            revoked_at: None,
            revocation_reason: RevocationReason::default(),
            revocation_words: String::new(),
            last_seen_at: None,
        };
        let word = |row: &CertificateRow, now| validity(row, now).2;
        assert_eq!(word(&row, None), "Issued");
        assert_eq!(word(&row, Some(99)), "Not valid yet");
        assert_eq!((word(&row, Some(100)), word(&row, Some(200))), ("Valid", "Valid"));
        assert_eq!(word(&row, Some(201)), "Expired");
        let revoked = CertificateRow { revoked_at: Some(150), ..row };
        assert_eq!((word(&revoked, None), word(&revoked, Some(201))), ("Revoked", "Revoked"));
    }
}
