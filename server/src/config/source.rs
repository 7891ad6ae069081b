//! Where values come from: a TOML document with variables laid over it.
//!
//! A variable is text; it becomes a number, a truth value or a list only when the field that it is for asks for one.
//! So a password of digits stays text.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::de::value::{Error, MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeOwned, Error as _, IntoDeserializer, Visitor};

use super::WrongField;
use domain::secret::Secret;

/// One value or a tree of them.
#[derive(Debug, Clone)]
pub(super) enum Node {
    List(Vec<Node>),
    Scalar(toml::Value),
    Table(BTreeMap<String, Node>),
    /// A variable's value.
    Text(String),
}

impl Node {
    pub fn empty() -> Self {
        Self::Table(BTreeMap::new())
    }

    pub fn from_toml(text: &str) -> Result<Self, String> {
        text.parse::<toml::Table>().map(|table| toml::Value::Table(table).into()).map_err(|e| e.to_string())
    }

    /// Lays a variable over the document. `key` has two underscores between its levels. Errors say what was expected.
    pub fn set(&mut self, key: &str, value: String) -> Result<(), String> {
        let (last, parents) = match key.rsplit_once("__") {
            Some((parents, last)) => (last, parents.split("__").collect()),
            None => (key, Vec::new()),
        };
        let mut node = self;
        for part in parents {
            node = node.child(part)?;
        }
        let Self::Table(table) = node else {
            return Err(format!("{key} is no section that can hold a value"));
        };
        // The value in a variable also replaces the file's name in the document, and the other way round.
        match last.strip_suffix("_file") {
            Some(plain) => table.remove(plain),
            None => table.remove(&format!("{last}_file")),
        };
        table.insert(last.to_owned(), Self::Text(value));
        Ok(())
    }

    fn child(&mut self, part: &str) -> Result<&mut Self, String> {
        let index = part.parse::<usize>().ok();
        if index == Some(0) && matches!(self, Self::Table(table) if table.is_empty()) {
            *self = Self::List(Vec::new());
        }
        match self {
            Self::List(list) => {
                let index = index.filter(|index| *index <= list.len());
                let index =
                    index.ok_or_else(|| format!("{part} is not an item's number, 0 to {}", list.len()))?;
                if index == list.len() {
                    list.push(Self::empty());
                }
                list.get_mut(index).ok_or_else(String::new)
            }
            Self::Table(table) => Ok(table.entry(part.to_owned()).or_insert_with(Self::empty)),
            Self::Scalar(_) | Self::Text(_) => Err(format!("{part} is below a single value")),
        }
    }
}

impl From<toml::Value> for Node {
    fn from(value: toml::Value) -> Self {
        match value {
            toml::Value::Array(items) => Self::List(items.into_iter().map(Self::from).collect()),
            toml::Value::Table(table) => Self::Table(table.into_iter().map(|(k, v)| (k, v.into())).collect()),
            scalar => Self::Scalar(scalar),
        }
    }
}

impl IntoDeserializer<'_, Error> for Node {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// Parses a variable's text when the field wants a number or a truth value.
macro_rules! parsed {
    ($($method:ident $visit:ident $type:ty, $expected:literal;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            match self {
                Self::Text(text) => match text.trim().parse::<$type>() {
                    Ok(value) => visitor.$visit(value),
                    Err(_) => Err(Error::custom(concat!("expected ", $expected))),
                },
                other => other.deserialize_any(visitor),
            }
        }
    )*};
}

impl<'de> serde::Deserializer<'de> for Node {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Self::List(items) => visitor.visit_seq(SeqDeserializer::new(items.into_iter())),
            Self::Scalar(value) => value.deserialize_any(visitor).map_err(|e| Error::custom(e.message())),
            Self::Table(table) => visitor.visit_map(MapDeserializer::new(table.into_iter())),
            Self::Text(text) => visitor.visit_string(text),
        }
    }

    parsed! {
        deserialize_bool visit_bool bool, "true or false";
        deserialize_f64 visit_f64 f64, "a number";
        deserialize_i64 visit_i64 i64, "a whole number";
        deserialize_u16 visit_u64 u64, "a whole number";
        deserialize_u32 visit_u64 u64, "a whole number";
        deserialize_u64 visit_u64 u64, "a whole number";
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Self::Text(text) => {
                let items: Vec<_> = text.split(',').map(|item| Self::Text(item.trim().to_owned())).collect();
                visitor.visit_seq(SeqDeserializer::new(items.into_iter()))
            }
            other => other.deserialize_any(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self {
            Self::Text(text) | Self::Scalar(toml::Value::String(text)) => {
                let name: serde::de::value::StringDeserializer<Error> = text.into_deserializer();
                visitor.visit_enum(name)
            }
            _ => Err(Error::custom(format!("expected one of {}", variants.join(", ")))),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    serde::forward_to_deserialize_any! {
        i8 i16 i32 i128 u8 u128 f32 char str string bytes byte_buf unit unit_struct tuple tuple_struct map struct
        identifier ignored_any
    }
}

/// The document while its sections are taken out, and what was wrong so far.
#[derive(Debug)]
pub(super) struct Reading {
    left: BTreeMap<String, Node>,
    base: PathBuf,
    wrong: Vec<WrongField>,
}

impl Reading {
    pub fn new(root: Node, base: PathBuf, wrong: Vec<WrongField>) -> Self {
        let left = if let Node::Table(table) = root { table } else { BTreeMap::new() };
        Self { left, base, wrong }
    }

    /// Takes a section out. A wrong one is noted and its defaults stand in, so that reading goes on.
    pub fn section<T: DeserializeOwned + Default>(&mut self, name: &str) -> T {
        let Some(node) = self.left.remove(name) else { return T::default() };
        serde_path_to_error::deserialize(node).unwrap_or_else(|error| {
            let path = error.path().to_string();
            let field = match path.as_str() {
                "." => name.to_owned(),
                item if item.starts_with('[') => format!("{name}{item}"),
                key => format!("{name}.{key}"),
            };
            self.wrong(&field, &expectation(&error.into_inner().to_string()));
            T::default()
        })
    }

    /// Notes a wrong field.
    pub fn wrong(&mut self, field: &str, expected: &str) {
        self.wrong.push(WrongField { field: field.to_owned(), expected: expected.to_owned() });
    }

    /// Notes `field` as wrong unless `right`.
    pub fn expect(&mut self, right: bool, field: &str, expected: &str) {
        if !right {
            self.wrong(field, expected);
        }
    }

    /// Notes `field` as wrong unless it lies between `least` and `most`, both allowed.
    pub fn range(&mut self, field: &str, value: u32, least: u32, most: u32) {
        self.expect(
            (least..=most).contains(&value),
            field,
            &format!("expected a number from {least} to {most}"),
        );
    }

    /// A path as it is meant: relative ones start at the file's folder.
    pub fn path(&self, path: &Path) -> PathBuf {
        self.base.join(path)
    }

    /// A secret that stands in `field` or in the file that `field_file` names.
    pub fn secret(&mut self, field: &str, value: Option<String>, file: Option<&Path>) -> Option<Secret> {
        match (value, file) {
            (None, None) => None,
            (Some(_), Some(_)) => {
                self.wrong(field, &format!("expected only one of {field} and {field}_file"));
                None
            }
            (Some(value), None) => Some(Secret::new(value)),
            (None, Some(file)) => match std::fs::read_to_string(self.path(file)) {
                Ok(text) if !text.trim_end_matches(['\r', '\n']).is_empty() => {
                    Some(Secret::new(text.trim_end_matches(['\r', '\n'])))
                }
                Ok(_) => {
                    self.wrong(&format!("{field}_file"), "the file is empty; expected the secret");
                    None
                }
                Err(error) => {
                    self.wrong(&format!("{field}_file"), &format!("expected a readable file: {error}"));
                    None
                }
            },
        }
    }

    /// What was wrong, with the keys that nobody took.
    pub fn finish(mut self) -> Vec<WrongField> {
        for key in std::mem::take(&mut self.left).into_keys() {
            self.wrong(&key, "there is no such key");
        }
        self.wrong
    }
}

/// What serde says, without the value that was found: it may be a secret of the wrong type.
fn expectation(message: &str) -> String {
    match message.rsplit_once(", expected ") {
        Some((found, expected)) if found.starts_with("invalid ") => match expected {
            "u16" | "u32" | "u64" | "usize" => "expected a whole number".to_owned(),
            "a boolean" => "expected true or false".to_owned(),
            expected => format!("expected {expected}"),
        },
        _ => message.to_owned(),
    }
}
