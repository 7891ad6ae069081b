//! `/admin/workflows/{id}/runs/{run}`: one run on the drawing, with what was sent and came back, and going on from a checkpoint.

use leptos::prelude::*;
use leptos_router::components::A;
use leptos_router::hooks::use_params_map;
use protocol::workflow::{CallRow, CheckpointRow, RunDetail, TriedWorkflow};

use super::super::drawing::WorkflowDrawing;
use super::super::state::EditorState;
use super::api::{self, Replay};
use crate::design::{Button, ButtonVariant, PanelPage, ProblemNotice, Time, loaded};
use crate::draft::Draft;
use crate::form::{self, problem_of};

#[component]
pub fn RunPage() -> impl IntoView {
    let params = use_params_map();
    let id = Memo::new(move |_| params.with(|params| params.get("run").unwrap_or_default()));
    let run = Resource::new(move || id.get(), api::open);
    let replay = form::action::<Replay>();
    view! {
        <PanelPage title="Run">{loaded(run, move |run| view! { <Run run replay /> })}</PanelPage>
    }
    .into_any()
}

#[component]
fn Run(run: RunDetail, replay: ServerAction<Replay>) -> impl IntoView {
    let problem = problem_of(replay);
    let state = EditorState::new(&run.document, Draft::start());
    // By which the drawing marks the steps.
    state.tried.set(Some(TriedWorkflow { steps: run.steps.clone(), ..TriedWorkflow::default() }));
    let steps = run.steps.iter().map(|step| {
        let ended = if step.state == protocol::analysis::StepState::Failed { "failed" } else { "finished" };
        let time = step.ms.map(|ms| format!(" after {ms} ms")).unwrap_or_default();
        let note = step.note.as_ref().map(|note| format!(": {note}")).unwrap_or_default();
        view! { <li class="break-words">{format!("{}, {ended}{time}{note}", step.node)}</li> }
    });
    let origin = run.origin.clone().map(|(origin, sequence)| {
        let href = format!("/admin/workflows/{}/runs/{origin}", run.workflow_id);
        view! {
            <p>
                "It goes on from checkpoint " {sequence} " of "
                <A href attr:class="link">
                    "another run"
                </A> "."
            </p>
        }
    });
    let ids = StoredValue::new((run.workflow_id.clone(), run.row.id.clone()));
    view! {
        <p>
            <A href=format!("/admin/workflows/{}/runs", run.workflow_id) attr:class="link">
                "All runs"
            </A>
        </p>
        <p>
            {format!("{}, version {}: {}, begun ", run.workflow_name, run.row.version, run.row.state)}
            <Time at=run.row.started_at /> {format!(", by {}, {} tokens", run.row.email, run.row.tokens)}
            {run.row.ms.map(|ms| format!(", {ms} ms"))}
        </p>
        {origin}
        <ProblemNotice problem />
        <WorkflowDrawing state />
        <section class="space-y-2">
            <h2 class="text-lg font-semibold">"Steps"</h2>
            <ol class="list-decimal space-y-1 pl-5">{steps.collect_view()}</ol>
        </section>
        <section class="space-y-3">
            <h2 class="text-lg font-semibold">"Checkpoints"</h2>
            <p class="text-muted">
                "A replay goes on from a checkpoint in a run of its own. What is written to channels first makes it a fork. The picture is there only where pictures are kept."
            </p>
            {run.checkpoints.into_iter().map(|row| view! { <Checkpoint row ids replay /> }).collect_view()}
        </section>
        <section class="space-y-3">
            <h2 class="text-lg font-semibold">"Calls of models"</h2>
            {run.calls.into_iter().map(|call| view! { <Call call /> }).collect_view()}
        </section>
    }
    .into_any()
}

#[component]
fn Checkpoint(
    row: CheckpointRow,
    ids: StoredValue<(String, String)>,
    replay: ServerAction<Replay>,
) -> impl IntoView {
    let next = if row.next.is_empty() { "the end".to_owned() } else { row.next.join(", ") };
    let goes_on = !row.next.is_empty();
    let (workflow, id) = ids.get_value();
    let field = format!("changes-{}", row.sequence);
    let changes = row.changes.into_iter().map(|(channel, value)| {
        view! {
            <dt class="font-mono font-semibold">{channel}</dt>
            <dd class="max-h-60 overflow-auto break-words whitespace-pre-wrap">{value}</dd>
        }
    });
    view! {
        <details class="rounded-md border border-line px-3 py-2">
            <summary>{format!("{}, before {next}", row.sequence)}</summary>
            <dl class="mt-2 space-y-1">{changes.collect_view()}</dl>
            {goes_on
                .then(|| {
                    view! {
                        <ActionForm action=replay attr:class="mt-3 space-y-2">
                            <input type="hidden" name="workflow_id" value=workflow />
                            <input type="hidden" name="id" value=id />
                            <input type="hidden" name="sequence" value=row.sequence.to_string() />
                            <label for=field.clone() class="block text-sm font-semibold">
                                "Write to channels first (a JSON object; empty for a replay)"
                            </label>
                            <textarea
                                id=field
                                name="changes"
                                rows="2"
                                spellcheck="false"
                                class="w-full rounded-md border border-edge bg-raised px-3 py-1.5 font-mono text-ink"
                            ></textarea>
                            <Button variant=ButtonVariant::Secondary>"Continue from here"</Button>
                        </ActionForm>
                    }
                })}
        </details>
    }
    .into_any()
}

#[component]
fn Call(call: CallRow) -> impl IntoView {
    let figures = format!(
        "{}: {} of {}, {} tokens in, {} tokens out",
        call.node, call.model, call.provider, call.prompt_tokens, call.completion_tokens
    );
    view! {
        <details class="rounded-md border border-line px-3 py-2">
            <summary>{figures}</summary>
            <p class="mt-2 max-h-96 overflow-auto break-words whitespace-pre-wrap">{call.sent}</p>
        </details>
    }
}
