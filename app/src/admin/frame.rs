//! The panel's frame: the navigation, and beside it the page.
//!
//! What a page shows or hides protects nothing: each server function authorises by itself. The frame only redirects people
//! who are not signed in to the sign-in page, and those who are no administrators to their own.

use leptos::prelude::*;
use leptos_router::components::{A, Outlet};
use leptos_router::hooks::use_location;
use protocol::Problem;
use protocol::overview::Overview;

use super::api;
use super::keys::{self, Shortcuts};
use super::menu::AccountMenu;
use super::palette::Palette;
use crate::design::{Icon, Logo, ProblemNotice, Shape, organisation, scripts_run};
use crate::error::AppError;

/// Address, name and icon of each page, and whether only this address is it.
pub(super) const PAGES: [(&str, &str, Shape, bool); 10] = [
    ("/admin", "Overview", Shape::Dashboard, true),
    ("/admin/requests", "Requests", Shape::Request, false),
    ("/admin/certificates", "Certificates", Shape::Certificate, false),
    ("/admin/people", "People", Shape::Person, false),
    ("/admin/policy", "Policy", Shape::Lock, false),
    ("/admin/modes", "Modes", Shape::Mode, false),
    ("/admin/models", "Models", Shape::Model, false),
    ("/admin/workflows", "Workflows", Shape::Workflow, false),
    ("/admin/use", "Use", Shape::Clock, false),
    ("/admin/outbox", "Outbox", Shape::Mail, false),
];

#[component]
pub fn AdminFrame() -> impl IntoView {
    #[cfg(feature = "ssr")]
    redirect_others();
    let account = Resource::new_blocking(|| (), |()| api::account());
    let last_problem = Resource::new_blocking(|| (), |()| api::last_problem());
    let (palette, help) = (RwSignal::new(false), RwSignal::new(false));
    keys::listen(palette, help);
    view! {
        <a href="#main" class="sr-only focus:not-sr-only focus:absolute focus:top-2 focus:left-2 focus:z-10 focus:bg-raised focus:p-2">
            "Skip to content"
        </a>
        <div class="min-h-dvh lg:grid lg:grid-cols-[13rem_minmax(0,1fr)]">
            <aside class="print-hidden flex flex-wrap items-center gap-x-2 gap-y-1 border-line bg-sunken px-3 py-2 max-lg:border-b lg:sticky lg:top-0 lg:h-dvh lg:flex-col lg:flex-nowrap lg:items-stretch lg:gap-3 lg:border-r lg:py-4">
                <p class="flex min-w-0 grow items-center gap-2 px-2 font-semibold lg:grow-0" title=organisation()>
                    <Logo />
                    <span class="truncate">{organisation()}</span>
                </p>
                <SearchButton palette />
                <Pages />
                <div class="min-w-0">
                    <AccountMenu account help />
                </div>
            </aside>
            <main id="main" tabindex="-1" class="min-w-0 px-4 py-6 focus:outline-none sm:px-8 lg:py-8">
                <div class="mx-auto max-w-panel space-y-6">
                    {known(last_problem, |problem: Option<Problem>| view! { <ProblemNotice problem=Signal::stored(problem) /> })}
                    <Outlet />
                </div>
            </main>
        </div>
        <Palette open=palette help />
        <Shortcuts open=help />
    }
    .into_any()
}

/// Opens the palette; there only where scripts run.
#[component]
fn SearchButton(palette: RwSignal<bool>) -> impl IntoView {
    let scripts = scripts_run();
    move || {
        scripts.get().then(|| {
            view! {
                <button
                    type="button"
                    aria-keyshortcuts="Control+K"
                    class="flex min-h-8 items-center gap-2.5 rounded-md border border-line-strong bg-raised px-2 text-left text-muted hover:border-muted hover:text-ink"
                    on:click=move |_| palette.set(true)
                >
                    <Icon shape=Shape::Search />
                    <span class="grow max-lg:sr-only">"Go to…"</span>
                    <kbd class="max-lg:hidden">"Ctrl K"</kbd>
                </button>
            }
        })
    }
}

/// The pages, with what waits on them.
#[component]
fn Pages() -> impl IntoView {
    let path = use_location().pathname;
    // Of the page that is opened; the pages themselves follow what changes.
    let numbers = Resource::new(move || path.get(), |_| api::poll_numbers());
    view! {
        <nav aria-label="Panel" class="order-last w-full lg:order-none lg:grow">
            <ul class="grid grid-cols-4 gap-x-0.5 gap-y-1 min-[380px]:grid-cols-5 md:grid-cols-10 lg:flex lg:flex-col lg:gap-y-0.5">
                {PAGES
                    .map(|(href, word, icon, exact)| {
                        view! {
                            <li class="min-w-0">
                                <A
                                    href=href
                                    exact=exact
                                    attr:class="flex min-h-8 items-center gap-2.5 rounded-md px-2 whitespace-nowrap text-muted hover:text-ink max-lg:min-h-11 max-lg:flex-col max-lg:justify-center max-lg:gap-0.5 max-lg:px-0 max-lg:text-xs max-lg:tracking-tight aria-[current=page]:bg-raised aria-[current=page]:font-medium aria-[current=page]:text-ink"
                                >
                                    <Icon shape=icon />
                                    {word}
                                    {known(numbers, move |overview| view! { <Waiting count=waiting(href, &overview) /> })}
                                </A>
                            </li>
                        }
                    })}
            </ul>
        </nav>
    }
    .into_any()
}

/// How much on the page at `href` waits for an administrator.
fn waiting(href: &str, overview: &Overview) -> u64 {
    match href {
        "/admin/requests" => overview.pending_requests,
        "/admin/outbox" => overview.mails_needing_attention,
        _ => 0,
    }
}

#[component]
fn Waiting(count: u64) -> impl IntoView {
    (count > 0).then(|| {
        view! {
            <span class="ml-auto text-xs tabular-nums max-lg:sr-only">
                {count}
                <span class="sr-only">" waiting"</span>
            </span>
        }
    })
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
