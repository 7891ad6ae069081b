//! `/admin/decide`: for browsers without scripts, the codes of the selected requests, to be compared before approving.

use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos_router::hooks::use_query_map;
use protocol::access::AccessRequestRow;

use super::api::{self, DecideAll};
use super::listing::PATH;
use super::notes::AddressNotes;
use crate::design::{Button, ButtonLink, ButtonVariant, Code, EmptyState, PanelPage, loaded};
use crate::navigation::local_path;

pub const CONFIRM_PATH: &str = "/admin/decide";

#[component]
pub fn ConfirmPage() -> impl IntoView {
    let query = use_query_map().get_untracked();
    let ids = query.get_all("ids[]").unwrap_or_default();
    let back = query.get_str("back").and_then(local_path).unwrap_or(PATH).to_owned();
    let rows = Resource::new(move || ids.clone(), api::chosen);
    view! {
        <PanelPage title="Approve requests" lead="Ask each person, by phone or chat, to read out their code, and compare it.">
            {loaded(rows, move |rows| view! { <Confirmation rows back=back.clone() /> })}
        </PanelPage>
    }
}

#[component]
fn Confirmation(rows: Vec<AccessRequestRow>, back: String) -> impl IntoView {
    if rows.is_empty() {
        return view! {
            <EmptyState title="None of these requests is waiting">
                <p><a href=back class="link">"Back to the list"</a></p>
            </EmptyState>
        }
        .into_any();
    }
    let to_list = back.clone();
    view! {
        <form method="post" action=DecideAll::url() class="max-w-3xl space-y-6">
            <input type="hidden" name="back" value=back />
            <ul class="divide-y divide-line border-y border-line">
                {rows
                    .into_iter()
                    .map(|row| {
                        let label = format!("Approve {}", row.email);
                        view! {
                            <li class="flex flex-wrap items-start gap-x-6 gap-y-1 py-3">
                                <input
                                    type="checkbox"
                                    name="ids[]"
                                    value=row.id
                                    checked=true
                                    aria-label=label
                                    class="mt-1.5 size-4 accent-action"
                                />
                                <Code code=row.match_code />
                                <span class="min-w-0 grow">
                                    <span class="font-semibold">{row.email}</span>
                                    <AddressNotes notes=row.notes />
                                </span>
                            </li>
                        }
                    })
                    .collect_view()}
            </ul>
            <p class="text-muted">"Leave out whoever reads out another code, or has not asked."</p>
            <div class="flex flex-wrap gap-3">
                <Button variant=ButtonVariant::Primary name="verdict" value="approve">
                    "The codes match: approve"
                </Button>
                <ButtonLink href=to_list>"Cancel"</ButtonLink>
            </div>
        </form>
    }
    .into_any()
}
