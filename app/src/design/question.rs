//! A question before something is done: in a dialog where scripts run, and on a page of its own where they do not. There the
//! page's address asks it: `?ask=approve`.

use leptos::either::Either;
use leptos::prelude::*;
use leptos_router::hooks::{use_location, use_query_map};

use super::{Button, ButtonLink, ButtonVariant, Dialog, DialogActions, Icon, Shape};
use crate::navigation::with_query;

const ASK: &str = "ask";
/// The id of what it is about, where a page lists several.
const ABOUT: &str = "about";

#[derive(Debug, Clone, Copy)]
pub struct Question {
    name: &'static str,
    open: RwSignal<bool>,
    /// Whether the page's address asks it, and about what.
    asked: Memo<Option<String>>,
}

impl Question {
    /// `name`: unique on the page.
    pub fn new(name: &'static str) -> Self {
        let query = use_query_map();
        let asked = Memo::new(move |_| {
            query.with(|q| {
                (q.get_str(ASK) == Some(name)).then(|| q.get_str(ABOUT).unwrap_or_default().to_owned())
            })
        });
        Self { name, open: RwSignal::new(false), asked }
    }

    pub fn open(self) {
        self.open.set(true);
    }

    pub fn close(self) {
        self.open.set(false);
    }

    /// What the page's address asks about: empty where a page is about one thing only.
    pub fn asked_about(self) -> Option<String> {
        self.asked.get()
    }
}

/// The button that asks. `on_press` runs before the dialog opens.
#[component]
pub fn QuestionButton(
    question: Question,
    words: &'static str,
    #[prop(optional, into)] about: String,
    /// For screen readers, where several buttons have the same words.
    #[prop(optional, into)]
    label: Option<String>,
    #[prop(optional)] variant: ButtonVariant,
    #[prop(optional)] icon: Option<Shape>,
    #[prop(optional, into)] busy: Signal<bool>,
    #[prop(optional, into)] on_press: Option<Callback<()>>,
    /// The letter that presses it.
    #[prop(optional)]
    key: Option<&'static str>,
) -> impl IntoView {
    let path = use_location().pathname;
    let query = use_query_map();
    let press = move |event: leptos::ev::MouseEvent| {
        if question.asked.with_untracked(Option::is_some) {
            return;
        }
        event.prevent_default();
        if let Some(on_press) = on_press {
            on_press.run(());
        }
        question.open();
    };
    let kept = move || {
        let query = query.with(|query| query.clone().into_iter().collect::<Vec<_>>());
        query
            .into_iter()
            .filter(|(name, _)| name != ASK && name != ABOUT)
            .map(|(name, value)| view! { <input type="hidden" name=name.to_string() value=value /> })
            .collect_view()
    };
    let about = (!about.is_empty()).then(|| view! { <input type="hidden" name=ABOUT value=about /> });
    view! {
        <form method="get" action=move || path.get()>
            {kept}
            {about}
            <Button variant busy name=ASK value=question.name attr:aria-label=label attr:data-key=key attr:aria-keyshortcuts=key on:click=press>
                {icon.map(|shape| view! { <Icon shape /> })}
                {words}
            </Button>
        </form>
    }
}

/// The question. The children say what would happen, and end with [`QuestionActions`].
#[component]
pub fn QuestionDialog(
    question: Question,
    /// Action and object: "Revoke the certificate of Anna's laptop".
    #[prop(into)]
    title: Signal<String>,
    /// Unique on the page.
    id: &'static str,
    children: Children,
) -> impl IntoView {
    if question.asked.with_untracked(Option::is_none) {
        return Either::Left(view! {
            <Dialog open=question.open title id>
                {children()}
            </Dialog>
        });
    }
    let title_id = format!("{id}-title");
    let labelled_by = title_id.clone();
    Either::Right(view! {
        <section id=id aria-labelledby=labelled_by class="rounded-lg border border-line-strong bg-raised p-5">
            <h2 id=title_id class="text-lg">{title}</h2>
            <div class="mt-3 space-y-4">{children()}</div>
        </section>
    })
}

/// The safe choice, and beside it the one that acts.
#[component]
pub fn QuestionActions(
    question: Question,
    #[prop(default = "Cancel")] cancel: &'static str,
    children: Children,
) -> impl IntoView {
    if question.asked.with_untracked(Option::is_none) {
        return Either::Left(view! {
            <DialogActions open=question.open cancel>
                {children()}
            </DialogActions>
        });
    }
    let query = use_query_map().get_untracked();
    let kept: Vec<_> = query.into_iter().filter(|(name, _)| name != ASK && name != ABOUT).collect();
    let kept: Vec<_> = kept.iter().map(|(name, value)| (&**name, value.as_str())).collect();
    let back = with_query(&use_location().pathname.get_untracked(), &kept);
    Either::Right(view! {
        <div class="flex flex-wrap justify-end gap-3 pt-2">
            <ButtonLink href=back>{cancel}</ButtonLink>
            {children()}
        </div>
    })
}
