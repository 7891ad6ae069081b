//! Running the draft once on a picture.

use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use protocol::Problem;
use protocol::analysis::{MAX_CONTEXT_CHARS, PersonAnswer, PersonQuestion, Step, StepState};
use protocol::workflow::TriedWorkflow;

use super::api;
use super::state::EditorState;
use crate::design::{Button, Notice, NoticeTone, ProblemNotice};

#[component]
pub fn TryIt(state: EditorState, id: String) -> impl IntoView {
    let problem = RwSignal::new(None::<Problem>);
    let running = RwSignal::new(false);
    let answers = RwSignal::new(Vec::<PersonAnswer>::new());
    let id = StoredValue::new(id);
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        if running.get_untracked() {
            return;
        }
        running.set(true);
        problem.set(None);
        state.tried.set(None);
        state.announcement.set("The draft is running.".to_owned());
        leptos::task::spawn_local(async move {
            let given = answers.get_untracked();
            let outcome = run(&event, &id.get_value(), &state.text.get_untracked(), &given).await;
            running.try_set(false);
            match outcome {
                Ok(tried) => {
                    let ended = if tried.problem.is_some() { "failed" } else { "finished" };
                    state
                        .announcement
                        .try_set(format!("The run has {ended} after {} steps.", tried.steps.len()));
                    state.tried.try_set(Some(tried));
                }
                Err(found) => {
                    if found.status == 422 {
                        state.found(Some(&found));
                    }
                    problem.try_set(Some(found));
                }
            }
        });
    };
    view! {
        <section class="space-y-3" aria-labelledby="trial-heading">
            <h2 id="trial-heading" class="text-lg font-semibold">
                "Try it"
            </h2>
            <p class="text-muted">
                "Runs the draft once, without saving it. Neither the picture nor the answer is stored."
            </p>
            <form class="space-y-3" on:submit=submit>
                <div class="space-y-1">
                    <label for="trial-image" class="block text-sm font-semibold">
                        "Screenshot (PNG or JPEG)"
                    </label>
                    <input id="trial-image" name="image" type="file" accept="image/png,image/jpeg" required=true class="block max-w-full" />
                </div>
                <div class="space-y-1">
                    <label for="trial-question" class="block text-sm font-semibold">
                        "Question"
                    </label>
                    <textarea
                        id="trial-question"
                        name="context"
                        rows="2"
                        maxlength=MAX_CONTEXT_CHARS.to_string()
                        class="w-full rounded-md border border-edge bg-raised px-3 py-1.5 text-ink"
                    ></textarea>
                </div>
                <ModeChoice />
                <Questions state answers />
                <Button busy=running>"Run once"</Button>
            </form>
            <ProblemNotice problem />
            {move || state.tried.get().map(|tried| view! { <Outcome tried /> })}
        </section>
    }
}

/// The mode whose prompt and model the run gets. Without the list, the first one.
#[component]
fn ModeChoice() -> impl IntoView {
    let modes = Resource::new(|| (), |()| api::modes());
    let options = move || {
        let modes = modes.get().and_then(Result::ok).unwrap_or_default();
        modes.into_iter().map(|mode| view! { <option value=mode.id>{mode.name}</option> }).collect_view()
    };
    view! {
        <div class="space-y-1">
            <label for="trial-mode" class="block text-sm font-semibold">
                "Mode"
            </label>
            <select
                id="trial-mode"
                name="mode"
                class="w-full rounded-md border border-edge bg-raised px-3 py-1.5 text-ink"
            >
                <Suspense fallback=|| ()>{options}</Suspense>
            </select>
        </div>
    }
}

/// What the last run has asked. The next one begins anew with these answers.
#[component]
fn Questions(state: EditorState, answers: RwSignal<Vec<PersonAnswer>>) -> impl IntoView {
    let give = move |question: String, answer: String| {
        answers.update(|answers| {
            answers.retain(|given| given.question != question);
            if !answer.trim().is_empty() {
                answers.push(PersonAnswer { question, answer });
            }
        });
    };
    let field = move |question: PersonQuestion| {
        let id = format!("trial-answer-{}", question.id);
        let (list, name) = (format!("{id}-choices"), question.id.clone());
        let choices = question.choices.into_iter().map(|choice| view! { <option value=choice></option> });
        view! {
            <div class="space-y-1">
                <label for=id.clone() class="block text-sm font-semibold break-words">
                    {format!("It asks: {}", question.text)}
                </label>
                <input
                    id=id
                    type="text"
                    list=list.clone()
                    autocomplete="off"
                    class="w-full rounded-md border border-edge bg-raised px-3 py-1.5 text-ink"
                    on:input=move |event| give(name.clone(), event_target_value(&event))
                />
                <datalist id=list>{choices.collect_view()}</datalist>
            </div>
        }
    };
    move || {
        let asked = state.tried.get().map(|tried| tried.questions).unwrap_or_default();
        asked.into_iter().map(field).collect_view()
    }
}

#[component]
pub fn Outcome(tried: TriedWorkflow) -> impl IntoView {
    let model = if tried.model.is_empty() {
        String::new()
    } else {
        format!(", {} of {}", tried.model, tried.provider)
    };
    let tokens = tried.usage;
    let figures = format!(
        "{} ms, {} tokens in, {} tokens out{model}",
        tried.ms, tokens.prompt_tokens, tokens.completion_tokens
    );
    let failed = tried.problem.clone();
    view! {
        <ol class="list-decimal space-y-1 pl-5">{tried.steps.iter().map(step).collect_view()}</ol>
        {tried.notices.into_iter().map(|notice| view! { <p class="text-muted">{notice.text}</p> }).collect_view()}
        {(!tried.answer.is_empty())
            .then(|| {
                view! {
                    <h3 class="font-semibold">"Answer"</h3>
                    <p class="break-words whitespace-pre-wrap">{tried.answer}</p>
                }
            })}
        {match failed {
            None => view! { <p class="text-muted">{figures}</p> }.into_any(),
            Some(problem) => {
                view! {
                    <Notice tone=NoticeTone::Bad title=problem.title>
                        <p>{problem.detail}</p>
                    </Notice>
                }
                    .into_any()
            }
        }}
    }
}

fn step(step: &Step) -> impl IntoView + use<> {
    let state = if step.state == StepState::Failed { "failed" } else { "finished" };
    let note = step.note.as_ref().map(|note| format!(": {note}")).unwrap_or_default();
    view! { <li class="break-words">{format!("{}, {state} after {} ms{note}", step.node, step.ms.unwrap_or_default())}</li> }
}

#[cfg(feature = "hydrate")]
async fn run(
    event: &SubmitEvent,
    id: &str,
    document: &str,
    answers: &[PersonAnswer],
) -> Result<TriedWorkflow, Problem> {
    use wasm_bindgen::JsCast;

    use crate::web;

    let form = event.target().and_then(|form| form.dyn_into::<web_sys::HtmlFormElement>().ok());
    let form = form.ok_or_else(Problem::internal)?;
    let parts = web_sys::FormData::new_with_form(&form).map_err(web::refused_by_browser)?;
    parts.append_with_str("id", id).map_err(web::refused_by_browser)?;
    parts.append_with_str("document", document).map_err(web::refused_by_browser)?;
    if let Ok(answers) = serde_json::to_string(answers) {
        parts.append_with_str("answers", &answers).map_err(web::refused_by_browser)?;
    }
    let init = web::RequestInit::new();
    init.set_method("POST");
    init.set_body(&parts);
    let response = web::fetch("/app/workflow/try", &init, &[("accept", "application/json")]).await?;
    crate::response::parse(&web::text(&response).await?)
}

/// The server renders no runs.
#[cfg(not(feature = "hydrate"))]
async fn run(_: &SubmitEvent, _: &str, _: &str, _: &[PersonAnswer]) -> Result<TriedWorkflow, Problem> {
    Err(Problem::internal())
}
