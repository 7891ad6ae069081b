//! What was typed into the editor and is not saved: kept in the tab until it is, so that neither a reload nor a new sign-in
//! loses it. Leaving the page with unsaved changes asks first.

use leptos::prelude::*;

use crate::design::{Button, ButtonKind, Notice};

/// The editor's unsaved changes.
#[derive(Debug, Clone, Copy)]
pub struct Draft {
    /// Around the form.
    pub node: NodeRef<leptos::html::Div>,
    unsaved: RwSignal<bool>,
    restored: RwSignal<bool>,
}

impl Draft {
    /// Restores what this tab holds for the page, and watches the form from then on.
    pub fn start() -> Self {
        let this =
            Self { node: NodeRef::new(), unsaved: RwSignal::new(false), restored: RwSignal::new(false) };
        #[cfg(feature = "hydrate")]
        {
            Effect::new(move |_| {
                if this.node.get().is_some() && browser::restore(this) {
                    this.unsaved.set(true);
                    this.restored.set(true);
                }
            });
            browser::ask_before_leaving(this);
        }
        this
    }

    /// Whether there are changes that are not saved.
    pub fn is_unsaved(self) -> bool {
        self.unsaved.get()
    }

    /// Whether they come from an earlier visit of the page.
    pub fn was_restored(self) -> bool {
        self.restored.get()
    }

    /// Something was typed.
    pub fn changed(self) {
        self.unsaved.set(true);
        #[cfg(feature = "hydrate")]
        browser::store(self);
    }

    /// The form is on its way: what follows is the list, or [`Draft::changed`] again.
    pub fn submitted(self) {
        self.unsaved.set(false);
        self.restored.set(false);
        #[cfg(feature = "hydrate")]
        browser::remove();
    }

    /// Loads the page again without the changes.
    pub fn discard(self) {
        self.submitted();
        // If the reload fails, the page stays as it is.
        let _ = location().reload();
    }
}

/// What an earlier visit of this page had not saved is in the form.
#[component]
pub fn Restored(draft: Draft) -> impl IntoView {
    view! {
        <Notice title="Your unsaved changes are back">
            <Button kind=ButtonKind::Button on:click=move |_| draft.discard()>
                "Discard them"
            </Button>
        </Notice>
    }
}

#[cfg(feature = "hydrate")]
mod browser {
    use js_sys::Reflect;
    use leptos::ev;
    use leptos::prelude::*;
    use wasm_bindgen::closure::Closure;
    use wasm_bindgen::{JsCast, JsValue};
    use web_sys::{Element, Event, FormData, HtmlFormElement, Storage};

    use super::Draft;

    const QUESTION: &str =
        "Your changes are not saved. Leave this page? They stay in this tab until you come back.";

    /// Absent where the browser forbids it: then nothing is kept.
    fn storage() -> Option<Storage> {
        window().session_storage().ok().flatten()
    }

    fn key() -> String {
        format!("aiwe-draft:{}", location().pathname().unwrap_or_default())
    }

    fn form(draft: Draft) -> Option<HtmlFormElement> {
        let form = draft.node.get_untracked()?.query_selector("form").ok().flatten()?;
        form.dyn_into().ok()
    }

    /// Names and values of the fields that people fill in.
    fn values(form: &HtmlFormElement) -> Vec<(String, String)> {
        let Ok(data) = FormData::new_with_form(form) else { return Vec::new() };
        let entries = js_sys::try_iter(&data).ok().flatten();
        let pairs =
            entries.into_iter().flatten().filter_map(Result::ok).map(|pair| js_sys::Array::from(&pair));
        let pairs = pairs.filter_map(|pair| Some((pair.get(0).as_string()?, pair.get(1).as_string()?)));
        // Another version does not change what was typed.
        pairs.filter(|(name, _)| !name.ends_with("[id]") && !name.ends_with("[version]")).collect()
    }

    pub fn store(draft: Draft) {
        if let (Some(storage), Some(form)) = (storage(), form(draft))
            && let Ok(text) = serde_json::to_string(&values(&form))
        {
            // A full storage keeps nothing; the question before leaving remains.
            let _ = storage.set_item(&key(), &text);
        }
    }

    pub fn remove() {
        if let Some(storage) = storage() {
            let _ = storage.remove_item(&key());
        }
    }

    /// Fills the form with the stored values. `false` if there are none, or the same ones.
    pub fn restore(draft: Draft) -> bool {
        let stored = storage().and_then(|storage| storage.get_item(&key()).ok().flatten());
        let stored = stored.and_then(|text| serde_json::from_str::<Vec<(String, String)>>(&text).ok());
        let (Some(stored), Some(form)) = (stored, form(draft)) else { return false };
        if stored == values(&form) {
            return false;
        }
        let Ok(fields) = form.query_selector_all("[name]:not([type=hidden])") else { return false };
        for index in 0..fields.length() {
            let Some(field) = fields.get(index).and_then(|node| node.dyn_into::<Element>().ok()) else {
                continue;
            };
            let name = field.get_attribute("name").unwrap_or_default();
            let value = stored.iter().find(|(of, _)| *of == name).map(|(_, value)| value.as_str());
            // Setting a property of an element does not fail. A box that is not ticked is not among the values.
            let _ = if field.get_attribute("type").as_deref() == Some("checkbox") {
                Reflect::set(&field, &JsValue::from_str("checked"), &JsValue::from_bool(value.is_some()))
            } else {
                let value = JsValue::from_str(value.unwrap_or_default());
                Reflect::set(&field, &JsValue::from_str("value"), &value)
            };
        }
        true
    }

    pub fn ask_before_leaving(draft: Draft) {
        let unloading = window_event_listener(ev::beforeunload, move |event| {
            if draft.unsaved.try_get_untracked() == Some(true) {
                event.prevent_default();
            }
        });
        // Captured, since the router takes the click before it bubbles to the document.
        let on_click = Closure::<dyn Fn(Event)>::new(move |event: Event| {
            let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
            let link =
                target.and_then(|target| target.closest("a[href]:not([target], [download])").ok().flatten());
            let leaves =
                link.is_some_and(|link| !link.get_attribute("href").unwrap_or_default().starts_with('#'));
            if leaves
                && draft.unsaved.try_get_untracked() == Some(true)
                && !window().confirm_with_message(QUESTION).unwrap_or(true)
            {
                event.prevent_default();
                event.stop_propagation();
            } else if leaves {
                // The page's own question would be the second one.
                draft.unsaved.try_set(false);
            }
        });
        let click = on_click.as_ref().unchecked_ref::<js_sys::Function>().clone();
        let _ = document().add_event_listener_with_callback_and_bool("click", &click, true);
        let on_click = StoredValue::new_local(on_click);
        on_cleanup(move || {
            unloading.remove();
            let _ = document().remove_event_listener_with_callback_and_bool("click", &click, true);
            on_click.dispose();
        });
    }
}
