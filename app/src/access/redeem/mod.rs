//! What pressing “Download” does.
//!
//! With scripts, the key is made in the page, by a module that is loaded only then; the request for its certificate goes to
//! the server, and nothing else. Without them, or where the module cannot be had, the form is posted and the server
//! makes the key. Which of the two it is stands beside the button before it is pressed.

mod form;
#[cfg(feature = "hydrate")]
mod in_page;

use leptos::either::Either;
use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use protocol::Problem;

use crate::design::{Notice, NoticeTone, ProblemNotice, scripts_run};

pub use form::{DownloadForm, MatchCodeField, Refusal, Systems};

/// Where the visitor's press stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Stage {
    #[default]
    Idle,
    Busy(Step),
    /// The browser has the file of this name.
    Done(String),
    Failed(Problem),
    /// The module cannot be had: the next press is the form's own.
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
            Self::Asking => "The key is made. Asking the server for its certificate…",
            Self::Loading => "Loading what makes the key…",
            Self::Packing => "Packing key and certificate…",
        }
    }
}

const BY_SERVER: &str = "The server makes the key, hands it over once in the file, and keeps no copy.";
const IN_PAGE: &str = "Your key is made in this page and leaves it only in the file, locked with your password. The server \
     gets no more than the request for a certificate.";

/// The state of the download form.
#[derive(Debug, Clone, Copy)]
pub struct Redeeming {
    stage: RwSignal<Stage>,
    scripts: ReadSignal<bool>,
}

impl Redeeming {
    pub(super) fn new() -> Self {
        Self { stage: RwSignal::default(), scripts: scripts_run() }
    }

    pub fn busy(self) -> Signal<bool> {
        Signal::derive(move || self.stage.with(|stage| matches!(stage, Stage::Busy(_))))
    }

    /// What is wrong with a field: after the last press, or `before` it.
    pub fn field_error(self, field: &'static str, before: Option<&'static str>) -> Signal<Option<String>> {
        Signal::derive(move || {
            self.stage.with(|stage| match stage {
                Stage::Idle => before.map(str::to_owned),
                Stage::Failed(problem) => problem.error_of(field).map(str::to_owned),
                _ => None,
            })
        })
    }

    /// Whether the server asked for the match code.
    pub fn wants_match_code(self) -> Signal<bool> {
        let wanted = Memo::new(move |before: Option<&bool>| {
            let asked =
                |stage: &Stage| matches!(stage, Stage::Failed(p) if p.error_of("match_code").is_some());
            before.copied().unwrap_or_default() || self.stage.with(asked)
        });
        wanted.into()
    }

    /// Answers the form's submit event.
    #[cfg(feature = "hydrate")]
    pub fn press(self, event: &SubmitEvent, token: String) {
        if self.stage.with_untracked(|stage| *stage == Stage::ByServer) {
            return;
        }
        event.prevent_default();
        if self.busy().get_untracked() {
            return;
        }
        let wish = match in_page::Wish::read(event) {
            Ok(wish) => wish,
            Err(problem) => return self.stage.set(Stage::Failed(problem)),
        };
        leptos::task::spawn_local(async move {
            let told = move |stage| drop(self.stage.try_set(stage));
            let redeemed = in_page::redeem(&token, &wish, |step| told(Stage::Busy(step))).await;
            told(match redeemed {
                Ok(file_name) => Stage::Done(file_name),
                Err(in_page::Failure::Module) => Stage::ByServer,
                Err(in_page::Failure::Problem(problem)) => Stage::Failed(problem),
            });
        });
    }

    /// On the server nobody presses.
    #[cfg(not(feature = "hydrate"))]
    pub fn press(self, _: &SubmitEvent, _: String) {}
}

/// Who makes the key, what is happening, and what came of it. Stands below the button.
#[component]
pub fn RedeemOutcome(redeeming: Redeeming) -> impl IntoView {
    let Redeeming { stage, scripts } = redeeming;
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
                <Notice tone=NoticeTone::Bad title="The part of this page that makes the key could not be loaded">
                    <p>"Reload the page to try again. Or press Download once more: then the server makes the key, hands it over once, and keeps no copy."</p>
                </Notice>
            })),
            Stage::Done(file_name) => Some(Either::Right(view! {
                <Notice tone=NoticeTone::Good title=format!("{file_name} is among your downloads")>
                    <p>"Go on with step 2. As long as this page stays open, you can press Download again, also with another password or for another system: it is the same certificate. Once the page is closed or reloaded, its key is only in the file."</p>
                </Notice>
            })),
            _ => None,
        })}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_redeeming(test: impl FnOnce(Redeeming)) {
        let owner = Owner::new();
        owner.with(|| {
            let (scripts, _) = signal(true);
            test(Redeeming { stage: RwSignal::default(), scripts });
        });
    }

    #[test]
    fn a_field_tells_what_was_wrong_before_the_press_and_then_what_is_wrong_now() {
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
    fn a_match_code_that_was_asked_for_once_stays_asked_for() {
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
