//! The types of nodes that documents can use.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::ask_person::ask_person;
use super::state::{DocumentState, DocumentUpdate};
use super::template::Template;
use crate::context::Context;
use crate::node::{Node, NodeError, NodeOutput};

/// A field of a node's configuration that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: expected {expected}")]
pub struct ConfigError {
    pub field: String,
    pub expected: String,
}

impl ConfigError {
    pub fn new(field: impl Into<String>, expected: impl Into<String>) -> Self {
        Self { field: field.into(), expected: expected.into() }
    }
}

type DocumentNode<C, E> = Box<dyn Node<DocumentState, C, E>>;
type Make<C, E> = Box<dyn Fn(&str, &Value) -> Result<DocumentNode<C, E>, ConfigError> + Send + Sync>;

/// A type of nodes.
pub struct NodeType<C, E> {
    pub name: &'static str,
    /// One sentence for whoever chooses among the types.
    pub description: &'static str,
    /// The JSON Schema of the configuration, from which an editor makes a form. Fields with `"format": "channel"` name a
    /// channel, those with `"format": "template"` are [`Template`]s.
    pub schema: Value,
    make: Make<C, E>,
}

impl<C, E> std::fmt::Debug for NodeType<C, E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NodeType").field("name", &self.name).finish_non_exhaustive()
    }
}

impl<C, E> NodeType<C, E> {
    /// `make` gets the node's id and its configuration.
    pub fn new(
        name: &'static str,
        description: &'static str,
        schema: Value,
        make: impl Fn(&str, &Value) -> Result<DocumentNode<C, E>, ConfigError> + Send + Sync + 'static,
    ) -> Self {
        Self { name, description, schema, make: Box::new(make) }
    }

    pub(super) fn make(&self, id: &str, config: &Value) -> Result<DocumentNode<C, E>, ConfigError> {
        (self.make)(id, config)
    }

    /// The fields of the configuration with this format, and their values.
    pub(super) fn fields<'a>(&'a self, config: &'a Value, format: &str) -> Vec<(&'a str, &'a str)> {
        let properties = self.schema.get("properties").and_then(Value::as_object);
        let with_format = properties
            .into_iter()
            .flatten()
            .filter(|(_, schema)| schema.get("format").and_then(Value::as_str) == Some(format));
        with_format.filter_map(|(field, _)| Some((field.as_str(), config.get(field)?.as_str()?))).collect()
    }
}

/// The types of nodes, by name.
pub struct NodeRegistry<C, E> {
    types: BTreeMap<&'static str, NodeType<C, E>>,
}

impl<C, E> std::fmt::Debug for NodeRegistry<C, E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("NodeRegistry").field(&self.types.keys()).finish()
    }
}

/// With the types that need no services: `branch`, `transform` and `ask_person`.
impl<C: Sync + 'static, E: Send + Sync + 'static> Default for NodeRegistry<C, E> {
    fn default() -> Self {
        let registry = Self { types: BTreeMap::new() };
        registry.with(branch()).with(transform()).with(ask_person())
    }
}

impl<C, E> NodeRegistry<C, E> {
    /// Adds a type, or replaces the one of this name.
    #[must_use]
    pub fn with(mut self, kind: NodeType<C, E>) -> Self {
        self.types.insert(kind.name, kind);
        self
    }

    /// Removes a type.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.types.remove(name);
        self
    }

    pub fn get(&self, name: &str) -> Option<&NodeType<C, E>> {
        self.types.get(name)
    }

    /// In the order of their names.
    pub fn types(&self) -> impl Iterator<Item = &NodeType<C, E>> {
        self.types.values()
    }
}

/// A text field of a configuration that must be there.
///
/// # Errors
/// Names the field.
pub fn string_field<'a>(config: &'a Value, field: &str) -> Result<&'a str, ConfigError> {
    let text = config.get(field).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty());
    text.ok_or_else(|| ConfigError::new(field, "a text that is not empty"))
}

/// A template of a configuration that must be there.
///
/// # Errors
/// Names the field.
pub fn template_field(config: &Value, field: &str) -> Result<Template, ConfigError> {
    Template::parse(string_field(config, field)?)
        .map_err(|error| ConfigError::new(field, format!("a template, but {error}")))
}

/// Does nothing; its edges decide.
struct Branch(String);

fn branch<C: Sync + 'static, E: Send + Sync + 'static>() -> NodeType<C, E> {
    let schema = json!({ "type": "object", "properties": {} });
    NodeType::new("branch", "Does nothing itself: its edges decide where to go.", schema, |id, _| {
        Ok(Box::new(Branch(id.to_owned())))
    })
}

#[async_trait]
impl<C: Sync, E> Node<DocumentState, C, E> for Branch {
    fn name(&self) -> &str {
        &self.0
    }

    async fn run(
        &self,
        _: &DocumentState,
        _: &Context<'_, C>,
    ) -> Result<NodeOutput<DocumentUpdate>, NodeError<DocumentUpdate, E>> {
        Ok(NodeOutput::default())
    }
}

struct Transform {
    id: String,
    template: Template,
    channel: String,
}

fn transform<C: Sync + 'static, E: Send + Sync + 'static>() -> NodeType<C, E> {
    let schema = json!({
        "type": "object",
        "properties": {
            "template": { "type": "string", "format": "template", "title": "Text" },
            "channel": { "type": "string", "format": "channel", "title": "Write to" },
        },
        "required": ["template", "channel"],
    });
    NodeType::new("transform", "Writes a text made of other channels.", schema, |id, config| {
        let channel = string_field(config, "channel")?.to_owned();
        Ok(Box::new(Transform { id: id.to_owned(), template: template_field(config, "template")?, channel }))
    })
}

#[async_trait]
impl<C: Sync, E> Node<DocumentState, C, E> for Transform {
    fn name(&self) -> &str {
        &self.id
    }

    async fn run(
        &self,
        state: &DocumentState,
        context: &Context<'_, C>,
    ) -> Result<NodeOutput<DocumentUpdate>, NodeError<DocumentUpdate, E>> {
        let text = self.template.render(state, context.item_value())?;
        Ok(NodeOutput::update(DocumentUpdate::of(self.channel.clone(), text)))
    }
}
