//! The recovery codes: shown until their person has saved them.

use leptos::either::Either;
use leptos::prelude::*;
use protocol::people::{RecoveryCodes, Role};

use crate::deployment::assistant_url;
use crate::design::{
    Button, ButtonKind, ButtonLink, ButtonVariant, Check, CopyButton, Notice, NoticeTone, Shape,
};

#[component]
pub fn RecoveryPage(codes: RecoveryCodes, role: Role) -> impl IntoView {
    let saved = RwSignal::new(false);
    let acknowledge = move |checked| {
        if checked && !saved.get_untracked() {
            codes_saved();
        }
        saved.set(checked);
    };
    view! {
        <div class="space-y-6">
            <Notice tone=NoticeTone::Good title="Your sign-in is set up">
                <p>
                    "Each of these codes works once in place of your authenticator, in case you lose it. Once you confirm \
                     that you saved them, they are not shown again."
                </p>
            </Notice>
            <CodeList codes />
            <div class="print-hidden space-y-6" on:change=move |event| acknowledge(event_target_checked(&event))>
                <Check name="saved" label="I’ve saved these somewhere other than this computer" />
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

/// The codes, to be copied or printed.
#[component]
pub fn CodeList(codes: RecoveryCodes) -> impl IntoView {
    let text = codes.0.join("\n");
    view! {
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
    }
}

/// Tells the server that the codes need not be shown again. If that fails, they end by themselves.
fn codes_saved() {
    #[cfg(feature = "hydrate")]
    {
        use leptos::server_fn::ServerFn;

        use super::api::CodesSaved;
        use crate::web;

        leptos::task::spawn_local(async {
            let init = web::RequestInit::new();
            init.set_method("POST");
            let form = ("content-type", "application/x-www-form-urlencoded");
            let _ = web::fetch(CodesSaved::url(), &init, &[("accept", "application/json"), form]).await;
        });
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
            <Notice title="You’re all set">
                <p>
                    "On the machine with your certificate, open the assistant and sign in. If it can’t find a \
                     certificate, "
                    <a href="/certificate-test" class="link">
                        "test this machine’s certificate"
                    </a> "."
                </p>
                <ButtonLink href=assistant_url() variant=ButtonVariant::Primary large=true external=true>
                    "Open the assistant"
                </ButtonLink>
            </Notice>
        }),
    }
}
