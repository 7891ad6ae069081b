//! What the editor's parts share: the document, as a model and as text, and what was said about it.

use leptos::prelude::*;
use protocol::Problem;
use protocol::workflow::{Document, END, TriedWorkflow, WorkflowFault};

use crate::draft::Draft;

/// The id of the field that is saved.
pub const TEXT: &str = "workflow[document]";

/// The editor's state. The text and the model are in step, except while the text is no document.
#[derive(Debug, Clone, Copy)]
pub struct EditorState {
    pub document: RwSignal<Document>,
    pub text: RwSignal<String>,
    /// Why the text is no document.
    pub unreadable: RwSignal<Option<String>>,
    /// Counts the changes by which the lists get other rows: they are shown anew then.
    pub structure: RwSignal<u32>,
    pub faults: RwSignal<Vec<WorkflowFault>>,
    /// What was done last, for the live region.
    pub announcement: RwSignal<String>,
    /// The last run of the draft.
    pub tried: RwSignal<Option<TriedWorkflow>>,
    pub shows_json: RwSignal<bool>,
    pub draft: Draft,
}

impl EditorState {
    pub fn new(text: &str, draft: Draft) -> Self {
        let parsed = Document::parse(text);
        let unreadable = parsed.as_ref().err().map(ToString::to_string);
        Self {
            document: RwSignal::new(parsed.unwrap_or_default()),
            text: RwSignal::new(text.to_owned()),
            unreadable: RwSignal::new(unreadable),
            structure: RwSignal::new(0),
            faults: RwSignal::new(Vec::new()),
            announcement: RwSignal::new(String::new()),
            tried: RwSignal::new(None),
            shows_json: RwSignal::new(false),
            draft,
        }
    }

    /// Changes the document by a field of a form.
    pub fn change(self, change: impl FnOnce(&mut Document)) {
        self.document.update(change);
        let text = self.document.with_untracked(Document::to_json);
        set_field(&text);
        self.text.set(text);
        self.draft.changed();
    }

    /// Changes which rows the lists have, says so, and moves the focus to an element.
    pub fn restructure(self, change: impl FnOnce(&mut Document), words: String, focus: String) {
        self.change(change);
        // They name edges by their places.
        self.faults.set(Vec::new());
        self.structure.update(|structure| *structure += 1);
        self.announcement.set(words);
        focus_soon(focus);
    }

    /// The text was edited, or another one was opened.
    pub fn read_text(self, text: String) {
        match Document::parse(&text) {
            Ok(document) => {
                self.document.set(document);
                self.unreadable.set(None);
                self.faults.set(Vec::new());
                self.structure.update(|structure| *structure += 1);
            }
            Err(error) => self.unreadable.set(Some(error.to_string())),
        }
        self.text.set(text);
        self.draft.changed();
    }

    /// Opens another document in place of this one.
    pub fn import(self, text: String) {
        set_field(&text);
        self.read_text(text);
        let read = self.unreadable.with_untracked(Option::is_none);
        self.announcement.set(if read { "Imported." } else { "This file is no workflow." }.to_owned());
    }

    /// Takes over the text that an earlier visit had left in the field.
    pub fn read_field(self) {
        if let Some(text) = field() {
            self.read_text(text);
        }
    }

    /// What a check or a save has found.
    pub fn found(self, problem: Option<&Problem>) {
        let faults = problem.map(WorkflowFault::all_of).unwrap_or_default();
        self.announcement.set(match (problem.is_some(), faults.len()) {
            (false, _) => "The workflow has no errors.".to_owned(),
            (true, 0) => String::new(),
            (true, 1) => "The workflow has 1 error.".to_owned(),
            (true, many) => format!("The workflow has {many} errors."),
        });
        self.faults.set(faults);
    }

    /// The messages of the faults that fit.
    pub fn errors(self, fits: impl Fn(&WorkflowFault) -> bool) -> Option<String> {
        self.faults.with(|faults| {
            let found: Vec<_> =
                faults.iter().filter(|fault| fits(fault)).map(|fault| &*fault.message).collect();
            (!found.is_empty()).then(|| found.join("; "))
        })
    }

    pub fn node_id(self, index: usize) -> String {
        self.document
            .with(|document| document.nodes.get(index).map(|node| node.id.clone()).unwrap_or_default())
    }

    /// Value and label of each step.
    pub fn nodes(self) -> Vec<(String, String)> {
        self.document.with(|document| document.nodes.iter().map(|node| same(&node.id)).collect())
    }

    /// The same, and the end.
    pub fn targets(self) -> Vec<(String, String)> {
        let mut targets = self.nodes();
        targets.push((END.to_owned(), "End".to_owned()));
        targets
    }

    pub fn channels(self) -> Vec<(String, String)> {
        self.document.with(|document| document.channels.keys().map(|name| same(name)).collect())
    }
}

fn same(text: &str) -> (String, String) {
    (text.to_owned(), text.to_owned())
}

/// Moves the focus once the page shows what has changed.
pub fn focus_soon(id: String) {
    #[cfg(feature = "hydrate")]
    request_animation_frame(move || {
        use wasm_bindgen::JsCast;
        let element = document().get_element_by_id(&id);
        if let Some(element) = element.and_then(|element| element.dyn_into::<web_sys::HtmlElement>().ok()) {
            // An element that cannot have the focus leaves it where it is.
            let _ = element.focus();
        }
    });
    #[cfg(not(feature = "hydrate"))]
    let _ = id;
}

#[cfg(feature = "hydrate")]
fn text_area() -> Option<web_sys::HtmlTextAreaElement> {
    use wasm_bindgen::JsCast;
    document().get_element_by_id(TEXT)?.dyn_into().ok()
}

#[cfg(feature = "hydrate")]
fn set_field(text: &str) {
    if let Some(area) = text_area() {
        area.set_value(text);
    }
}

#[cfg(feature = "hydrate")]
fn field() -> Option<String> {
    text_area().map(|area| area.value())
}

/// The server renders no changes.
#[cfg(not(feature = "hydrate"))]
fn set_field(_: &str) {}

#[cfg(not(feature = "hydrate"))]
fn field() -> Option<String> {
    None
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use protocol::workflow::{NodeField, NodeTypeRow};

    use super::super::{channels::Channels, edges::Edges, steps::Steps};
    use super::*;

    const TEXT: &str = r#"{ "name": "x", "channels": { "answer": "last" }, "later": 1,
        "nodes": [{ "id": "say", "type": "transform", "config": { "template": "{{answer}}", "channel": "gone" } }],
        "edges": [{ "from": "say", "to": ["__end__"], "when": { "filled": { "channel": "answer" } } }] }"#;

    #[test]
    fn faults_stand_at_the_field_and_the_edge_that_they_name() {
        Owner::new().with(|| {
            let state = EditorState::new(TEXT, Draft::start());
            let fault = |field: &str, message: &str| WorkflowFault {
                node: Some("say".to_owned()),
                field: field.to_owned(),
                message: message.to_owned(),
            };
            let faults =
                [fault("config.channel", "gone is no channel"), fault("edges[0].to", "nowhere is no node")];
            let problem =
                faults.iter().fold(Problem::invalid_input(), |problem, fault| fault.add_to(problem));
            state.found(Some(&problem));
            assert_eq!(state.announcement.get_untracked(), "The workflow has 2 errors.");
            let field = |name: &str, kind: &str| NodeField {
                name: name.to_owned(),
                title: name.to_owned(),
                kind: kind.to_owned(),
                required: true,
            };
            let kind = NodeTypeRow {
                name: "transform".to_owned(),
                description: String::new(),
                fields: vec![field("template", "template"), field("channel", "channel")],
            };
            let types = StoredValue::new(vec![kind]);
            let steps = view! { <Steps state node_types=types /> }.to_html();
            let at_field = steps.split("id=\"step-0-channel-error\"").nth(1).unwrap();
            assert!(at_field.split("</p>").next().unwrap().contains("gone is no channel"), "{steps}");
            assert!(steps.contains("gone (missing)") && !steps.contains("nowhere is no node"));
            let edges = view! { <Edges state /> }.to_html();
            let at_edge = edges.split("id=\"edge-0-to-error\"").nth(1).unwrap();
            assert!(at_edge.split("</p>").next().unwrap().contains("nowhere is no node"), "{edges}");
            let channels = view! { <Channels state /> }.to_html();
            assert!(channels.contains("answer holds") && channels.contains("Remove channel"));
        });
    }

    #[test]
    fn forms_and_text_stay_in_step() {
        Owner::new().with(|| {
            let state = EditorState::new(TEXT, Draft::start());
            state.change(|document| assert!(document.rename_node(0, "tell")));
            let text = state.text.get_untracked();
            assert!(text.contains("\"from\": \"tell\"") && text.contains("\"later\": 1"), "{text}");
            let before = state.structure.get_untracked();
            state.read_text("{".to_owned());
            assert!(state.unreadable.get_untracked().is_some());
            assert_eq!(state.node_id(0), "tell", "the forms keep what could be read");
            state.import(TEXT.to_owned());
            assert_eq!((state.node_id(0).as_str(), state.unreadable.get_untracked()), ("say", None));
            assert!(state.structure.get_untracked() > before && state.draft.is_unsaved());
        });
    }
}
