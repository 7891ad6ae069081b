//! One's own machines and sessions, on `/account`. Works with scripts off.

use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use protocol::ledger::{OwnMachine, OwnSession};

use super::api::{self, EndSession, OwnDevicesShown};
use crate::design::{BriefNotice, Button, NoticeTone, ProblemNotice, Time, loaded};

#[component]
pub fn OwnDevicesSection() -> impl IntoView {
    let devices = Resource::new_blocking(|| (), |()| api::own_devices());
    loaded(devices, |shown| view! { <Shown shown /> })
}

#[component]
fn Shown(shown: OwnDevicesShown) -> impl IntoView {
    let problem = Signal::stored(shown.refused.map(|refused| refused.problem));
    let (machines, sessions) = (shown.devices.machines, shown.devices.sessions);
    let no_machines = machines.is_empty();
    view! {
        <section class="space-y-4">
            <h2 class="text-lg">"Your machines"</h2>
            {no_machines.then(|| view! { <p class="text-muted">"No machine has a certificate."</p> })}
            <ul class="divide-y divide-line">
                {machines.into_iter().map(|machine| view! { <Machine machine /> }).collect_view()}
            </ul>
        </section>
        <section class="space-y-4">
            <h2 class="text-lg">"Where you are signed in"</h2>
            <ProblemNotice problem />
            {shown
                .ended
                .then(|| view! { <BriefNotice tone=NoticeTone::Good title="The session has ended" /> })}
            <ul class="divide-y divide-line">
                {sessions.into_iter().map(|session| view! { <Session session /> }).collect_view()}
            </ul>
        </section>
    }
    .into_any()
}

#[component]
fn Machine(machine: OwnMachine) -> impl IntoView {
    view! {
        <li class="space-y-1 py-2">
            <p class="break-words">
                <strong>{machine.device_name}</strong>
                {machine.revoked.then_some(" (revoked)")}
            </p>
            <p class="text-sm text-muted">
                "Certificate until " <Time at=machine.not_after date_only=true />
                {machine
                    .last_seen_at
                    .map(|at| {
                        view! {
                            ", last seen "
                            <Time at />
                        }
                    })}
            </p>
        </li>
    }
    .into_any()
}

#[component]
fn Session(session: OwnSession) -> impl IntoView {
    let place = session.device_name.unwrap_or_else(|| "A browser".to_owned());
    let label = format!("End the session: {place}");
    view! {
        <li class="flex flex-wrap items-start justify-between gap-3 py-2">
            <div class="min-w-0 space-y-1">
                <p class="break-words">
                    <strong>{place}</strong>
                    {session.is_current.then_some(" (this one)")}
                </p>
                <p class="text-sm text-muted">
                    "Since " <Time at=session.opened_at /> ", until " <Time at=session.expires_at /> " at the latest"
                </p>
            </div>
            <form method="post" action=EndSession::url()>
                <input type="hidden" name="id" value=session.id />
                <Button attr:aria-label=label>"End"</Button>
            </form>
        </li>
    }
    .into_any()
}
