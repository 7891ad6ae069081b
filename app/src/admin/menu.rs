//! The account's menu: one's own account, the appearance, the shortcuts, and signing out. A popover, so that it works without
//! scripts, and closes with Esc or a press elsewhere.

use leptos::prelude::*;

use crate::design::{Button, ButtonVariant, Icon, Shape, ThemeChoice, scripts_run};
use crate::error::AppError;
use crate::form;
use crate::island::island;
use crate::people::api::SignOut;

const ID: &str = "account-menu";
const ITEM: &str = "flex min-h-8 w-full items-center gap-2.5 rounded-md px-2 text-left hover:bg-sunken";

#[component]
pub fn AccountMenu(account: Resource<Result<String, AppError>>, help: RwSignal<bool>) -> impl IntoView {
    let sign_out = form::action::<SignOut>();
    let scripts = scripts_run();
    let email = move || {
        view! {
            <Transition fallback=|| ()>
                // Only the page itself says what is wrong: once is enough.
                {move || Suspend::new(async move { account.await.ok() })}
            </Transition>
        }
    };
    view! {
        <button
            type="button"
            popovertarget=ID
            class="flex min-h-9 max-w-full min-w-0 items-center gap-2.5 rounded-md px-2 text-left text-muted hover:bg-raised hover:text-ink"
        >
            <Icon shape=Shape::Person />
            <span class="sr-only">"Account: "</span>
            <span class="min-w-0 truncate max-sm:sr-only">{email()}</span>
        </button>
        <div
            id=ID
            popover="auto"
            class="fixed inset-auto m-0 w-64 max-w-[calc(100vw-1.5rem)] rounded-lg border border-line-strong bg-raised p-1.5 text-ink shadow-float max-lg:top-14 max-lg:right-3 lg:bottom-14 lg:left-3"
        >
            <p class="truncate px-2 pt-1 pb-2 text-xs text-muted">{email()}</p>
            // Another surface: the browser loads its page.
            <a href="/account" rel="external" class=ITEM>
                <Icon shape=Shape::Person />
                "Your account"
            </a>
            {move || {
                scripts
                    .get()
                    .then(|| {
                        view! {
                            <button
                                type="button"
                                popovertarget=ID
                                class=ITEM
                                on:click=move |_| help.set(true)
                            >
                                <Icon shape=Shape::Info />
                                <span class="grow">"Keyboard shortcuts"</span>
                                <kbd>"?"</kbd>
                            </button>
                        }
                    })
            }}
            <div class="border-y border-line px-1 py-1.5 my-1.5">{island(ThemeChoice)}</div>
            <ActionForm action=sign_out>
                <Button variant=ButtonVariant::Quiet icon=Shape::SignOut busy=sign_out.pending() attr:class=ITEM>
                    "Sign out"
                </Button>
            </ActionForm>
        </div>
    }
    .into_any()
}
