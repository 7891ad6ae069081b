//! The “Download” button.
//!
//! With scripts, the key is made in the page, by a module that is loaded only then, and the server gets nothing but the
//! certificate request. Without scripts, or if the module cannot be loaded, the form is posted and the server makes the
//! key. The text at the button says which of the two will happen.

mod form;
#[cfg(feature = "hydrate")]
mod in_page;

use leptos::either::Either;
use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use protocol::Problem;

use crate::design::{Notice, NoticeTone, ProblemNotice, scripts_run};

pub use form::{DownloadForm, DownloadProblem, MatchCodeField, Systems};

/// The progress of a download.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Stage {
    #[default]
    Idle,
    Busy(Step),
    /// The browser has saved the file with this name.
    Done(String),
    Failed(Problem),
    /// The module could not be loaded: the next press submits the form.
    ByServer,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Asking,
    Loading,
    Packing,
}

impl Step {
    fn words(self) -> &'static str {
        match self {
            Self::Asking => "Requesting the certificate…",
            Self::Loading => "Making the key…",
            Self::Packing => "Packing the file…",
        }
    }
}

const BY_SERVER: &str = "The server makes the key, puts it in the file, and keeps no copy.";
const IN_PAGE: &str = "Your key is made in this page and leaves it only in the file, locked with your password. The server \
     never sees it.";

/// The state of the download form.
#[derive(Debug, Clone, Copy)]
pub struct RedeemState {
    stage: RwSignal<Stage>,
    scripts: ReadSignal<bool>,
}

impl RedeemState {
    pub(super) fn new() -> Self {
        Self { stage: RwSignal::default(), scripts: scripts_run() }
    }

    pub fn busy(self) -> Signal<bool> {
        Signal::derive(move || self.stage.with(|stage| matches!(stage, Stage::Busy(_))))
    }

    /// A field's error: from the last attempt, or `before` the first.
    pub fn field_error(self, field: &'static str, before: Option<&'static str>) -> Signal<Option<String>> {
        Signal::derive(move || {
            self.stage.with(|stage| match stage {
                Stage::Idle => before.map(str::to_owned),
                Stage::Failed(problem) => problem.error_of(field).map(str::to_owned),
                _ => None,
            })
        })
    }

    /// Whether the server has asked for the match code.
    pub fn wants_match_code(self) -> Signal<bool> {
        let wanted = Memo::new(move |before: Option<&bool>| {
            let asked =
                |stage: &Stage| matches!(stage, Stage::Failed(p) if p.error_of("match_code").is_some());
            before.copied().unwrap_or_default() || self.stage.with(asked)
        });
        wanted.into()
    }

    /// Handles the form's submit event.
    #[cfg(feature = "hydrate")]
    pub fn submit(self, event: &SubmitEvent, token: String) {
        if self.stage.with_untracked(|stage| *stage == Stage::ByServer) {
            return;
        }
        event.prevent_default();
        if self.busy().get_untracked() {
            return;
        }
        let form = match in_page::RedeemForm::read(event) {
            Ok(form) => form,
            Err(problem) => return self.stage.set(Stage::Failed(problem)),
        };
        leptos::task::spawn_local(async move {
            let set_stage = move |stage| drop(self.stage.try_set(stage));
            let redeemed = in_page::redeem(&token, &form, |step| set_stage(Stage::Busy(step))).await;
            set_stage(match redeemed {
                Ok(file_name) => Stage::Done(file_name),
                Err(in_page::Failure::Module) => Stage::ByServer,
                Err(in_page::Failure::Problem(problem)) => Stage::Failed(problem),
            });
        });
    }

    /// Never called: there are no events on the server.
    #[cfg(not(feature = "hydrate"))]
    pub fn submit(self, _: &SubmitEvent, _: String) {}
}

/// Below the button: who makes the key, the progress, and the outcome.
#[component]
pub fn RedeemOutcome(redeeming: RedeemState) -> impl IntoView {
    let RedeemState { stage, scripts } = redeeming;
    let by_server = move || !scripts.get() || stage.with(|stage| *stage == Stage::ByServer);
    let progress = move || stage.with(|stage| if let Stage::Busy(step) = stage { step.words() } else { "" });
    let problem = Signal::derive(move || {
        stage.with(|stage| if let Stage::Failed(problem) = stage { Some(problem.clone()) } else { None })
    });
    view! {
        <p class="text-sm text-muted">{move || if by_server() { BY_SERVER } else { IN_PAGE }}</p>
        <p role="status" class="text-sm font-semibold empty:hidden">{progress}</p>
        <ProblemNotice problem shown_at_fields=&["match_code", "password", "platform"] />
        {move || stage.with(|stage| match stage {
            Stage::ByServer => Some(Either::Left(view! {
                <Notice tone=NoticeTone::Bad title="Part of this page did not load">
                    <p>"Reload the page to try again. Or press Download: then the server makes the key, puts it in the file, and keeps no copy."</p>
                </Notice>
            })),
            Stage::Done(file_name) => Some(Either::Right(view! {
                <Notice tone=NoticeTone::Good title=format!("{file_name} is in your downloads")>
                    <p>"Continue with step 2. While this page stays open, you can press Download again, with another password or for another system: it is the same certificate. Once you close or reload the page, the key is only in the file."</p>
                </Notice>
            })),
            _ => None,
        })}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_redeeming(test: impl FnOnce(RedeemState)) {
        let owner = Owner::new();
        owner.with(|| {
            let (scripts, _) = signal(true);
            test(RedeemState { stage: RwSignal::default(), scripts });
        });
    }

    #[test]
    fn a_field_shows_the_earlier_error_and_then_the_current_one() {
        with_redeeming(|redeeming| {
            let password = redeeming.field_error("password", Some("before"));
            assert_eq!(password.get().as_deref(), Some("before"));
            redeeming.stage.set(Stage::Busy(Step::Loading));
            assert_eq!((password.get(), redeeming.busy().get()), (None, true));
            let problem = Problem::invalid_input().field("password", "now");
            redeeming.stage.set(Stage::Failed(problem));
            assert_eq!((password.get().as_deref(), redeeming.busy().get()), (Some("now"), false));
        });
    }

    #[test]
    fn the_match_code_field_stays_once_it_was_needed() {
        with_redeeming(|redeeming| {
            let wanted = redeeming.wants_match_code();
            assert!(!wanted.get());
            let problem = Problem::forbidden().field("match_code", "Enter it.");
            redeeming.stage.set(Stage::Failed(problem));
            assert!(wanted.get());
            redeeming.stage.set(Stage::Busy(Step::Asking));
            assert!(wanted.get());
        });
    }
}
