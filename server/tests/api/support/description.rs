//! Validates every response in the tests against `/api/openapi.json`.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, OnceLock};

use http::{Method, StatusCode, header};
use jsonschema::{Draft, Validator};
use serde_json::{Map, Value, json};

use super::{Reply, TestServer};

/// The OpenAPI document, with a cache of validators for its schemas.
pub struct Description {
    pub document: Value,
    /// The schemas with undescribed properties forbidden.
    closed: Value,
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

/// An operation of the description.
#[derive(Debug, Clone)]
pub struct Operation<'a> {
    pub method: Method,
    /// As in `/native/analyses/{id}`.
    pub path: &'a str,
    pub described: &'a Value,
}

impl Operation<'_> {
    pub fn id(&self) -> &str {
        self.described["operationId"].as_str().unwrap_or_default()
    }
}

impl Description {
    /// The servers of a test run do not differ in their descriptions, so one is shared by all tests.
    pub async fn of(server: &TestServer) -> &'static Self {
        static READ: OnceLock<Description> = OnceLock::new();
        if READ.get().is_none() {
            let reply = server.get("/api/openapi.json").send_unchecked().await;
            assert_eq!(reply.status, StatusCode::OK);
            let _ = READ.set(Self::read(reply.json()));
        }
        READ.get().unwrap()
    }

    fn read(document: Value) -> Self {
        let closed = closed(&document);
        Self { document, closed, validators: Mutex::default() }
    }

    pub fn operations(&self) -> impl Iterator<Item = Operation<'_>> {
        let paths = self.document["paths"].as_object().unwrap();
        paths.iter().flat_map(|(path, item)| {
            item.as_object().unwrap().iter().filter_map(move |(method, described)| {
                let method = method.to_ascii_uppercase().parse().unwrap();
                described.get("responses").map(|_| Operation { method, path, described })
            })
        })
    }

    /// The operation of a request. `None`: it is for a page or an unknown route.
    pub fn operation(&self, method: &Method, path: &str) -> Option<Operation<'_>> {
        self.operations().find(|operation| operation.method == *method && fits(operation.path, path))
    }

    /// How a response violates its description.
    pub fn fault(&self, operation: &Operation<'_>, reply: &Reply) -> Option<String> {
        let status = reply.status.as_str();
        let kind = reply.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let kind = kind.unwrap_or_default().split(';').next().unwrap_or_default().trim();
        if kind == "text/html" && !operation.described["responses"]["200"]["content"][kind].is_null() {
            // The HTML page at the same address, which is not described.
            return None;
        }
        let response = &operation.described["responses"][status];
        if response.is_null() {
            return Some(format!("status {status} is not described"));
        }
        let headers = response["headers"].as_object().into_iter().flatten().map(|(name, _)| name);
        // Cookies are optional.
        let missing = headers.filter(|name| *name != "Set-Cookie").find(|n| !reply.headers.contains_key(*n));
        if let Some(missing) = missing {
            return Some(format!("{status} has no {missing}"));
        }
        let Some(contents) = response["content"].as_object() else {
            return (!reply.body.is_empty()).then(|| format!("{status} is described without a body"));
        };
        let Some(content) = contents.get(kind) else {
            return Some(format!("{status} as {kind:?} is not described"));
        };
        let place = format!("{} {} {status} {kind}", operation.method, operation.path);
        match kind {
            "text/event-stream" => events(&reply.text())
                .into_iter()
                .find_map(|event| self.schema_fault("event", &content["x-event-schema"], &event)),
            kind if kind.ends_with("json") => match serde_json::from_slice(&reply.body) {
                Ok(body) => self.schema_fault(&place, &content["schema"], &body),
                Err(error) => Some(format!("{status} is no JSON: {error}")),
            },
            _ => None,
        }
    }

    /// How `value` violates a schema of the description. `place` identifies the schema.
    pub fn schema_fault(&self, place: &str, schema: &Value, value: &Value) -> Option<String> {
        let mut validators = self.validators.lock().unwrap();
        let validator = validators.entry(place.to_owned()).or_insert_with(|| {
            let mut root = schema.as_object().expect("a schema").clone();
            if root.contains_key("allOf") {
                root.insert("unevaluatedProperties".to_owned(), json!(false));
            }
            root.insert("components".to_owned(), json!({ "schemas": self.closed }));
            let options = jsonschema::options().with_draft(Draft::Draft202012);
            Arc::new(options.build(&Value::Object(root)).unwrap_or_else(|e| panic!("{place}: {e}")))
        });
        let validator = Arc::clone(validator);
        drop(validators);
        let faults: Vec<_> = validator.iter_errors(value).map(|e| e.to_string()).collect();
        (!faults.is_empty()).then(|| format!("{}: {value}", faults.join("; ")))
    }
}

/// Whether a path matches a template with `{…}`.
fn fits(template: &str, path: &str) -> bool {
    let (mut template, mut path) = (template.split('/'), path.split('/'));
    loop {
        match (template.next(), path.next()) {
            (None, None) => return true,
            (Some(expected), Some(part)) if expected == part => {}
            (Some(expected), Some(part)) if expected.starts_with('{') && !part.is_empty() => {}
            _ => return false,
        }
    }
}

/// The events of a stream, in the form that their schema describes.
fn events(text: &str) -> Vec<Value> {
    let event = |block: &str| {
        let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::trim_start);
        let data: Value = serde_json::from_str(field("data:")?).unwrap();
        Some(json!({ "event": field("event:")?, "data": data }))
    };
    text.split("\n\n").filter_map(event).collect()
}

/// The schemas of a description with undescribed properties forbidden, except those that are parts of an `allOf`.
fn closed(document: &Value) -> Value {
    let mut parts = BTreeSet::new();
    collect_parts(document, &mut parts);
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let close = |(name, schema): (&String, &Value)| {
        let mut schema = schema.clone();
        if !parts.contains(name)
            && let Some(object) = schema.as_object_mut()
            && (object.contains_key("properties") || object.contains_key("allOf"))
        {
            object.insert("unevaluatedProperties".to_owned(), json!(false));
        }
        (name.clone(), schema)
    };
    Value::Object(schemas.iter().map(close).collect::<Map<_, _>>())
}

/// The names of the schemas that are combined by an `allOf`.
fn collect_parts(value: &Value, parts: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect_parts(item, parts)),
        Value::Object(fields) => {
            for (name, field) in fields {
                if name == "allOf" {
                    let references =
                        field.as_array().into_iter().flatten().filter_map(|i| i["$ref"].as_str());
                    parts.extend(references.filter_map(|r| r.rsplit('/').next()).map(str::to_owned));
                }
                collect_parts(field, parts);
            }
        }
        _ => {}
    }
}
