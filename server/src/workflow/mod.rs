//! Workflows that administrators make.

mod compiled;
mod draft;

use std::sync::Arc;

use analysis::{CustomWorkflow, Library};
use app::request_context::Administrator;
use app::services::WorkflowService;
use async_trait::async_trait;
use domain::audit::Action;
use domain::id::WorkflowId;
use domain::mode::Mode;
use domain::workflow::{MAX_DOCUMENT_BYTES, StoredWorkflow};
use protocol::workflow::{
    Document, Drawing, NodeField, NodeTypeRow, WorkflowDraft, WorkflowEditor, WorkflowFault, WorkflowRow,
    WorkflowVersion,
};
use protocol::{Problem, ServiceError};
use serde_json::Value;
use store::StoreError;
use workflow::document::{DocumentError, WorkflowDocument};

use crate::environment::Environment;
use compiled::Compiled;

pub use compiled::RunnableWorkflow;
pub use draft::Draft;

/// In seconds, for somebody whose mode has a workflow that cannot be run.
const UNUSABLE_RETRY_AFTER: u64 = 60;
/// How many versions of others a workflow can name, with those that these name.
const MAX_NAMED: usize = 20;
/// How many workflows there can be.
const MAX_WORKFLOWS: u64 = 200;

#[derive(Debug, Clone)]
pub struct Workflows {
    env: Arc<Environment>,
    compiled: Arc<Compiled>,
}

impl Workflows {
    pub fn new(env: Arc<Environment>) -> Self {
        Self { env, compiled: Arc::default() }
    }

    /// The newest version of a mode's workflow, ready to run. `None`: the built-in one answers.
    pub async fn of_mode(&self, mode: &Mode) -> Result<Option<RunnableWorkflow>, ServiceError> {
        if mode.workflow.is_empty() {
            return Ok(None);
        }
        let Some(stored) = self.env.store.read().await?.workflows().find(&mode.workflow).await? else {
            return Ok(None);
        };
        self.runnable(&stored).await.map(Some)
    }

    /// A version that a run has begun with. `None`: it was deleted.
    pub async fn version(&self, id: &str, version: i64) -> Result<Option<RunnableWorkflow>, ServiceError> {
        let stored = self.env.store.read().await?.workflows().version(id, version).await?;
        match stored {
            Some(stored) => self.runnable(&stored).await.map(Some),
            None => Ok(None),
        }
    }

    async fn runnable(&self, stored: &StoredWorkflow) -> Result<RunnableWorkflow, ServiceError> {
        let key = (stored.id.to_string(), stored.version);
        let graph = match self.compiled.find(&key) {
            Some(graph) => graph,
            // It was checked when it was saved; a later release may know a type no longer.
            None => match self.compile(&stored.document).await {
                Ok(compiled) => self.compiled.keep(key.clone(), compiled),
                Err(ServiceError::Problem(problem)) => {
                    tracing::error!(workflow = stored.name, %problem, "a stored workflow cannot be run");
                    let detail = "The mode’s workflow cannot be run. An administrator has to mend it.";
                    return Err(Problem::unavailable(detail, UNUSABLE_RETRY_AFTER).into());
                }
                Err(error) => return Err(error),
            },
        };
        Ok(RunnableWorkflow { id: key.0, version: key.1, graph })
    }

    /// Checks a document, with the versions of others that it names.
    async fn compile(&self, text: &str) -> Result<CustomWorkflow, ServiceError> {
        let document = parse(text)?;
        let mut library = Library::new();
        let mut named = CustomWorkflow::references(&document);
        while let Some((id, version)) = named.pop().filter(|_| library.len() < MAX_NAMED) {
            if library.contains_key(&(id.clone(), version)) {
                continue;
            }
            let stored = self.env.store.read().await?.workflows().version(&id, version).await?;
            if let Some(document) = stored.and_then(|stored| parse(&stored.document).ok()) {
                named.extend(CustomWorkflow::references(&document));
                library.insert((id, version), document);
            }
        }
        Ok(CustomWorkflow::compile_with(document, &library).map_err(faults)?)
    }

    /// Checks a document that is to be saved or tried.
    async fn compile_named(&self, text: &str) -> Result<CustomWorkflow, ServiceError> {
        let workflow = self.compile(text).await?;
        let hidden = CustomWorkflow::check_names(workflow.document());
        if hidden.is_empty() { Ok(workflow) } else { Err(faults(hidden).into()) }
    }
}

fn parse(text: &str) -> Result<WorkflowDocument, Problem> {
    let wrong = |message: String| Problem::invalid_input().field("document", message);
    if text.len() > MAX_DOCUMENT_BYTES {
        return Err(wrong(format!("Use at most {} kB.", MAX_DOCUMENT_BYTES / 1024)));
    }
    serde_json::from_str(text)
        .map_err(|error| wrong(format!("This is no workflow: line {}, {error}.", error.line())))
}

/// All of them in one text, for whoever edits the JSON, and one by one.
fn faults(errors: Vec<DocumentError>) -> Problem {
    let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
    let problem = Problem::invalid_input().field("document", lines.join("\n"));
    let faults = errors.into_iter().map(|error| WorkflowFault {
        node: error.node,
        field: error.field,
        message: error.message,
    });
    faults.fold(problem, |problem, fault| fault.add_to(problem))
}

fn drawing_of(document: &str) -> Drawing {
    Document::parse(document).map(|document| protocol::workflow::draw(&document)).unwrap_or_default()
}

#[async_trait]
impl WorkflowService for Workflows {
    #[tracing::instrument(skip_all, level = "debug", name = "workflow.list")]
    async fn list(&self, _: &Administrator) -> Result<Vec<WorkflowRow>, ServiceError> {
        let mut tx = self.env.store.read().await?;
        let (stored, modes) = (tx.workflows().list().await?, tx.modes().list().await?);
        let row = |workflow: StoredWorkflow| {
            let document: Result<WorkflowDocument, _> = serde_json::from_str(&workflow.document);
            WorkflowRow {
                nodes: document.map(|document| document.nodes.len()).unwrap_or_default(),
                modes: modes.iter().filter(|mode| mode.workflow == workflow.id.as_str()).count(),
                id: workflow.id.into_string(),
                name: workflow.name,
                version: workflow.version,
                saved_at: workflow.saved_at,
            }
        };
        Ok(stored.into_iter().map(row).collect())
    }

    #[tracing::instrument(skip_all, level = "debug", name = "workflow.edit")]
    async fn edit(
        &self,
        _: &Administrator,
        id: &str,
        version: Option<i64>,
    ) -> Result<WorkflowEditor, ServiceError> {
        if id.is_empty() {
            let draft = WorkflowDraft { document: EXAMPLE.to_owned(), ..WorkflowDraft::default() };
            return Ok(editor(draft, Vec::new()));
        }
        let stored = self.env.store.read().await?.workflows().versions(id).await?;
        let newest = stored.first().ok_or_else(Problem::not_found)?;
        let chosen = match version {
            None => newest,
            Some(version) => {
                stored.iter().find(|stored| stored.version == version).ok_or_else(Problem::not_found)?
            }
        };
        let document = pretty(&chosen.document);
        let draft = WorkflowDraft { id: id.to_owned(), version: newest.version, document };
        let versions = stored
            .iter()
            .map(|stored| WorkflowVersion { version: stored.version, saved_at: stored.saved_at });
        Ok(editor(draft, versions.collect()))
    }

    #[tracing::instrument(skip_all, level = "debug", name = "workflow.check")]
    async fn check(&self, _: &Administrator, document: &str) -> Result<Drawing, ServiceError> {
        self.compile_named(document).await?;
        Ok(drawing_of(document))
    }

    #[tracing::instrument(
        skip_all,
        level = "debug",
        name = "workflow.save",
        fields(account_id = %admin.account_id, workflow_id = draft.id)
    )]
    async fn save(&self, admin: &Administrator, draft: WorkflowDraft) -> Result<String, ServiceError> {
        let mut document = self.compile_named(&draft.document).await?.document().clone();
        let is_new = draft.id.is_empty();
        let id: WorkflowId = match draft.id.parse() {
            Ok(id) => id,
            Err(_) if is_new => self.env.new_id(),
            Err(_) => return Err(Problem::not_found().into()),
        };
        let version = if is_new { 1 } else { draft.version.saturating_add(1) };
        document.version =
            u32::try_from(version).map_err(|_| Problem::invalid_input().field("version", "A number."))?;
        let now = self.env.now();
        let stored = StoredWorkflow {
            id,
            name: document.name.trim().to_owned(),
            version,
            document: serde_json::to_string(&document).map_err(|_| Problem::internal())?,
            saved_at: now,
        };
        let mut tx = self.env.store.begin().await?;
        let saved = if is_new {
            if tx.workflows().count().await? >= MAX_WORKFLOWS {
                return Err(Problem::conflict("There are too many workflows. Delete one first.").into());
            }
            tx.workflows().insert(&stored).await.map(|()| true)
        } else {
            tx.workflows().update(&stored).await
        };
        match saved {
            Ok(true) => {}
            Ok(false) => {
                let message = "Somebody else has changed this workflow. Reload it.";
                return Err(Problem::conflict(message).into());
            }
            Err(StoreError::Duplicate) => {
                let message = "name: another workflow has this name";
                return Err(Problem::invalid_input().field("document", message).into());
            }
            Err(error) => return Err(error.into()),
        }
        let detail = format!("{}, version {version}", stored.name);
        tx.audit_log()
            .append(now, &admin.account_id, Action::WorkflowSaved, stored.id.as_str(), &detail)
            .await?;
        tx.commit().await?;
        Ok(stored.id.into_string())
    }

    #[tracing::instrument(
        skip_all,
        level = "debug",
        name = "workflow.delete",
        fields(account_id = %admin.account_id, workflow_id = id)
    )]
    async fn delete(&self, admin: &Administrator, id: &str) -> Result<(), ServiceError> {
        let now = self.env.now();
        let mut tx = self.env.store.begin().await?;
        let stored = tx.workflows().find(id).await?.ok_or_else(Problem::not_found)?;
        let names_it = |other: &StoredWorkflow| {
            let document = parse(&other.document).unwrap_or_default();
            CustomWorkflow::references(&document).iter().any(|(named, _)| named == id)
        };
        if let Some(other) = tx.workflows().list().await?.iter().find(|other| names_it(other)) {
            let words = format!("The workflow “{}” runs this one. Change it first.", other.name);
            return Err(Problem::conflict(&words).into());
        }
        if !tx.workflows().delete(id).await? {
            return Err(
                Problem::conflict("A mode uses this workflow. Choose another one there first.").into()
            );
        }
        tx.audit_log().append(now, &admin.account_id, Action::WorkflowDeleted, id, &stored.name).await?;
        tx.commit().await?;
        Ok(())
    }
}

fn editor(draft: WorkflowDraft, versions: Vec<WorkflowVersion>) -> WorkflowEditor {
    let drawing = drawing_of(&draft.document);
    let node_types = analysis::node_types().into_iter().map(|kind| NodeTypeRow {
        name: kind.name.to_owned(),
        description: kind.description.to_owned(),
        fields: fields_of(&kind.schema),
    });
    WorkflowEditor { draft, drawing, node_types: node_types.collect(), versions }
}

fn fields_of(schema: &Value) -> Vec<NodeField> {
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let field = |(name, field): (&String, &Value)| NodeField {
        name: name.clone(),
        title: text(&field["title"]),
        kind: text(field.get("format").unwrap_or(&field["type"])),
        required: required.contains(&name.as_str()),
    };
    schema["properties"].as_object().into_iter().flatten().map(field).collect()
}

fn pretty(document: &str) -> String {
    let parsed: Result<WorkflowDocument, _> = serde_json::from_str(document);
    parsed.and_then(|parsed| serde_json::to_string_pretty(&parsed)).unwrap_or_else(|_| document.to_owned())
}

/// What a new workflow begins with: read the screen, and ask a model about it; the reader answers when no model can.
const EXAMPLE: &str = r#"{
  "name": "Read, then ask",
  "version": 1,
  "channels": { "question": "last", "screen": "last", "answer": "last" },
  "nodes": [
    { "id": "read", "type": "read_screen", "config": { "channel": "screen" } },
    {
      "id": "ask",
      "type": "ask_model",
      "config": { "prompt": "{{question}}", "data": ["screen"], "channel": "answer" },
      "attempts": 2
    },
    {
      "id": "quote",
      "type": "built_in_reader",
      "config": { "question": "{{question}}", "channel": "answer" }
    }
  ],
  "edges": [
    { "from": "read", "to": ["ask"] },
    { "from": "ask", "to": ["__end__"] },
    { "from": "ask", "to": ["quote"], "on": "failed" },
    { "from": "quote", "to": ["__end__"] }
  ]
}"#;

#[cfg(test)]
mod tests {
    use super::*;

    fn compile_alone(text: &str) -> Result<CustomWorkflow, Problem> {
        CustomWorkflow::compile(parse(text)?).map_err(faults)
    }

    #[test]
    fn the_example_is_a_workflow() {
        compile_alone(EXAMPLE).unwrap();
        assert_eq!(drawing_of(EXAMPLE).nodes.len(), 4);
    }

    #[test]
    fn what_the_screen_shows_is_no_instruction() {
        let injected =
            EXAMPLE.replace(r#""prompt": "{{question}}", "data""#, r#""prompt": "{{screen}}", "data""#);
        let problem = compile_alone(&injected).unwrap_err();
        let error = problem.error_of("document").unwrap();
        assert!(error.starts_with("node ask: config.prompt: screen holds what the screen shows"), "{error}");
    }
}
