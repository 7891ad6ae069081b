//! The recovery codes: shown once, to be saved before continuing.

use leptos::either::Either;
use leptos::prelude::*;
use protocol::people::{RecoveryCodes, Role};

use crate::design::{
    Button, ButtonKind, ButtonLink, ButtonVariant, Check, CopyButton, Notice, NoticeTone, Shape,
};

#[component]
pub fn RecoveryPage(codes: RecoveryCodes, role: Role) -> impl IntoView {
    let text = codes.0.join("\n");
    let saved = RwSignal::new(false);
    view! {
        <div class="space-y-6">
            <Notice tone=NoticeTone::Good title="Your sign-in is set up">
                <p>
                    "Each of these codes works once in place of the authenticator, for the day you lose it. They are not \
                     shown again."
                </p>
            </Notice>
            <ol aria-label="Recovery codes" class="grid gap-x-8 gap-y-2 border-y border-line py-5 font-mono text-lg sm:grid-cols-2">
                {codes.0.into_iter().map(|code| view! { <li class="select-all">{code}</li> }).collect_view()}
            </ol>
            <div class="print-hidden flex flex-wrap gap-3">
                <CopyButton text=Signal::stored(text) what="the recovery codes" />
                <Button
                    kind=ButtonKind::Button
                    icon=Shape::Print
                    on:click=move |_| {
                        // Fails only where printing is disabled; the codes can still be copied.
                        let _ = window().print();
                    }
                >
                    "Print"
                </Button>
            </div>
            <div class="print-hidden space-y-6" on:change=move |event| saved.set(event_target_checked(&event))>
                <Check name="saved" label="I have saved them where I find them without this machine" />
                {move || {
                    if saved.get() {
                        Either::Left(view! { <NextSteps role /> })
                    } else {
                        Either::Right(view! {
                            <Button kind=ButtonKind::Button large=true variant=ButtonVariant::Primary disabled=true>
                                "Continue"
                            </Button>
                        })
                    }
                }}
            </div>
        </div>
    }
}

#[component]
fn NextSteps(role: Role) -> impl IntoView {
    match role {
        Role::Administrator => Either::Left(view! {
            <ButtonLink href="/login" variant=ButtonVariant::Primary large=true>
                "Continue"
            </ButtonLink>
        }),
        Role::User => Either::Right(view! {
            <Notice title="You are ready">
                <p>
                    "Go back to the page that your mail linked to: its last step opens the assistant. Or "
                    <a href="/certificate-test" class="link">
                        "test this machine’s certificate"
                    </a> "."
                </p>
            </Notice>
        }),
    }
}
