//! The panel's frame: the navigation, and beside it the page.
//!
//! What a page shows or hides protects nothing: each server function authorises by itself. The frame only redirects people
//! who are not signed in to the sign-in page, and those who are no administrators to their own.

use leptos::prelude::*;
use leptos_router::components::{A, Outlet};
use protocol::Problem;

use super::api;
use crate::design::{Button, ButtonVariant, Icon, Logo, ProblemNotice, Shape, ThemeChoice, organisation};
use crate::error::AppError;
use crate::form;
use crate::island::island;
use crate::people::api::SignOut;

const PAGES: [(&str, &str, Shape, bool); 7] = [
    ("/admin", "Overview", Shape::Dashboard, true),
    ("/admin/requests", "Requests", Shape::Request, false),
    ("/admin/certificates", "Certificates", Shape::Certificate, false),
    ("/admin/people", "People", Shape::Person, false),
    ("/admin/modes", "Modes", Shape::Mode, false),
    ("/admin/workflows", "Workflows", Shape::Workflow, false),
    ("/admin/outbox", "Outbox", Shape::Mail, false),
];

#[component]
pub fn AdminFrame() -> impl IntoView {
    #[cfg(feature = "ssr")]
    redirect_others();
    let account = Resource::new_blocking(|| (), |()| api::account());
    let last_problem = Resource::new_blocking(|| (), |()| api::last_problem());
    view! {
        <a href="#main" class="sr-only focus:not-sr-only focus:absolute focus:top-2 focus:left-2 focus:z-10 focus:bg-raised focus:p-2">
            "Skip to the content"
        </a>
        <div class="min-h-dvh lg:grid lg:grid-cols-[14rem_minmax(0,1fr)]">
            <aside class="print-hidden flex flex-col gap-4 border-line bg-sunken p-4 max-lg:border-b lg:sticky lg:top-0 lg:h-dvh lg:border-r">
                <p class="flex items-center gap-2 px-2 font-semibold">
                    <Logo />
                    {organisation()}
                </p>
                <nav aria-label="Panel" class="-mx-1 overflow-x-auto px-1 py-1 lg:grow">
                    <ul class="flex gap-1 lg:flex-col">
                        {PAGES
                            .map(|(href, word, icon, exact)| {
                                view! {
                                    <li>
                                        <A
                                            href=href
                                            exact=exact
                                            attr:class="flex items-center gap-2.5 rounded-md px-2 py-1.5 whitespace-nowrap text-muted hover:text-ink aria-[current=page]:bg-raised aria-[current=page]:font-semibold aria-[current=page]:text-ink"
                                        >
                                            <Icon shape=icon />
                                            {word}
                                        </A>
                                    </li>
                                }
                            })}
                    </ul>
                </nav>
                <div class="flex flex-wrap items-center gap-x-4 gap-y-2 lg:flex-col lg:items-stretch">
                    {island(ThemeChoice)}
                    <Account account />
                </div>
            </aside>
            <main id="main" tabindex="-1" class="min-w-0 space-y-6 px-4 py-6 focus:outline-none sm:px-8">
                {known(last_problem, |problem: Option<Problem>| view! { <ProblemNotice problem=Signal::stored(problem) /> })}
                <Outlet />
            </main>
        </div>
    }
}

#[component]
fn Account(account: Resource<Result<String, AppError>>) -> impl IntoView {
    let sign_out = form::action::<SignOut>();
    view! {
        <div class="flex items-center gap-3 lg:flex-col lg:items-stretch lg:border-t lg:border-line lg:pt-3">
            <div class="min-w-0 px-2 text-muted">
                // Only the page itself says what is wrong: once is enough.
                {known(
                    account,
                    |email: String| {
                        view! {
                            <p class="flex items-center gap-2">
                                <Icon shape=Shape::Person />
                                // Another surface: the browser loads its page.
                                <a href="/account" rel="external" class="truncate hover:text-ink" title=email.clone()>
                                    <span class="sr-only">"Your account: "</span>
                                    {email.clone()}
                                </a>
                            </p>
                        }
                    },
                )}
            </div>
            <ActionForm action=sign_out>
                <Button variant=ButtonVariant::Quiet icon=Shape::SignOut busy=sign_out.pending()>
                    "Sign out"
                </Button>
            </ActionForm>
        </div>
    }
}

/// What is shown only once it is there.
fn known<T, V>(
    resource: Resource<Result<T, AppError>>,
    show: impl Fn(T) -> V + Clone + Send + Sync + 'static,
) -> impl IntoView
where
    T: Clone + Send + Sync + 'static,
    V: IntoView + 'static,
{
    view! {
        <Transition fallback=|| ()>
            {move || {
                let show = show.clone();
                Suspend::new(async move { resource.await.ok().map(show) })
            }}
        </Transition>
    }
}

/// Redirects a visitor without a session to the sign-in page, which returns here; and a person who is no administrator to the
/// page that is for everybody.
#[cfg(feature = "ssr")]
fn redirect_others() {
    use crate::navigation::{login_path, redirect};
    use crate::request_context::RequestContext;

    let Ok(context) = RequestContext::current() else { return };
    if context.signed_in.is_some() {
        if context.administrator().is_err() {
            redirect("/account");
        }
    } else if let Some(parts) = use_context::<http::request::Parts>() {
        redirect(&login_path(parts.uri.path_and_query().map_or("/admin", |path| path.as_str())));
    }
}
