//! Data from the server: a skeleton at first, then the data or the problem.

use leptos::either::EitherOf3;
use leptos::prelude::*;
use leptos_router::hooks::use_url;

use super::{ButtonLink, ButtonVariant, Notice, NoticeTone, ProblemNotice, Skeleton};
use crate::error::AppError;
use crate::navigation;

/// Shows a resource. While it reloads, the old data stays.
pub fn loaded<T, V>(
    resource: Resource<Result<T, AppError>>,
    show: impl Fn(T) -> V + Clone + Send + Sync + 'static,
) -> impl IntoView
where
    T: Clone + Send + Sync + 'static,
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
                            let problem = Some(error.into_problem());
                            EitherOf3::C(view! { <ProblemNotice problem=Signal::stored(problem) /> })
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
        <Notice tone=NoticeTone::Bad title="You are no longer signed in">
            <p>"Your session has ended. Sign in again to go on here."</p>
            <ButtonLink href variant=ButtonVariant::Primary>
                "Sign in again"
            </ButtonLink>
        </Notice>
    }
}
