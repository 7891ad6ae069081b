//! Data from the server: a skeleton at first, then the data or the problem, with a button to try again. What failed for the
//! lack of a connection is tried again by itself.

use leptos::either::EitherOf3;
use leptos::prelude::*;
use leptos_router::hooks::use_url;
use protocol::Problem;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Button, ButtonKind, ButtonLink, ButtonVariant, Notice, ProblemNotice, Skeleton, scripts_run};
use crate::error::AppError;
use crate::form::can_be_retried;
use crate::navigation;
use crate::polling::poll;

/// Milliseconds until what failed is tried again by itself.
const RETRY_AFTER_MS: u64 = 5_000;

/// Shows a resource. While it reloads, the old data stays.
pub fn loaded<T, V>(
    resource: Resource<Result<T, AppError>>,
    show: impl Fn(T) -> V + Clone + Send + Sync + 'static,
) -> impl IntoView
where
    T: Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
    V: IntoView + 'static,
{
    view! {
        <Transition fallback=|| view! { <Skeleton /> }>
            {move || {
                let show = show.clone();
                Suspend::new(async move {
                    match resource.await {
                        Ok(value) => EitherOf3::A(show(value)),
                        Err(error) if error.problem().is("sign-in-required") => {
                            EitherOf3::B(view! { <SessionEnded /> })
                        }
                        Err(error) => {
                            let retry = Callback::new(move |()| resource.refetch());
                            EitherOf3::C(view! { <LoadFailed problem=error.into_problem() retry /> })
                        }
                    }
                })
            }}
        </Transition>
    }
}

/// A session can end while its pages are open. Their fields keep their values until the person leaves.
#[component]
fn SessionEnded() -> impl IntoView {
    let url = use_url().get_untracked();
    let query = if url.search().is_empty() { String::new() } else { format!("?{}", url.search()) };
    let href = navigation::login_path(&format!("{}{query}", url.path()));
    view! {
        <Notice title="You’re signed out">
            <p>"Your session has ended. Sign in again to continue."</p>
            <ButtonLink href variant=ButtonVariant::Primary>
                "Sign in again"
            </ButtonLink>
        </Notice>
    }
}

#[component]
fn LoadFailed(problem: Problem, retry: Callback<()>) -> impl IntoView {
    let again = can_be_retried(&problem);
    let scripts = scripts_run();
    if again {
        poll(RETRY_AFTER_MS, move || async move {
            // A failure shows this component anew, and so polls again.
            retry.run(());
            None
        });
    }
    view! {
        <div class="space-y-3">
            <ProblemNotice problem=Signal::stored(Some(problem)) />
            {move || {
                (again && scripts.get())
                    .then(|| {
                        view! {
                            <Button kind=ButtonKind::Button on:click=move |_| retry.run(())>
                                "Try again"
                            </Button>
                        }
                    })
            }}
        </div>
    }
}
