//! The source of values: a TOML document, overridden by environment variables.
//!
//! A variable is text. It is parsed as a number, a boolean or a list only if its field has that type, so a password of
//! digits stays text.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use domain::secret::Secret;
use serde::de::value::{MapDeserializer, SeqDeserializer, StringDeserializer};
use serde::de::{DeserializeOwned, Expected, IntoDeserializer, Unexpected, Visitor};

use super::InvalidField;

/// A value, or a tree of values.
#[derive(Debug, Clone)]
pub(super) enum Node {
    List(Vec<Node>),
    Scalar(toml::Value),
    Table(BTreeMap<String, Node>),
    /// The value of a variable.
    Text(String),
}

impl Node {
    pub fn empty() -> Self {
        Self::Table(BTreeMap::new())
    }

    pub fn from_toml(text: &str) -> Result<Self, String> {
        text.parse::<toml::Table>().map(|table| toml::Value::Table(table).into()).map_err(|e| e.to_string())
    }

    /// Overrides a value with that of a variable. `key` has two underscores between its levels. The error says what was
    /// expected.
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
        // A variable with the value also replaces a `_file` key in the document, and vice versa.
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

/// Why a value does not fit its field.
#[derive(Debug)]
pub(super) enum ValueError {
    /// What was expected. Not what was found, which may be a secret of the wrong type.
    Expected(String),
    /// Anything else, in whole words.
    Other(String),
}

impl ValueError {
    fn expected(what: &str) -> Self {
        Self::Expected(what.to_owned())
    }

    /// The words of the field's type for people, instead of Rust's name for it.
    fn or_expected(self, what: &str) -> Self {
        match self {
            Self::Expected(_) => Self::expected(what),
            other @ Self::Other(_) => other,
        }
    }
}

impl std::fmt::Display for ValueError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Expected(expected) => write!(f, "expected {expected}"),
            Self::Other(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for ValueError {}

impl serde::de::Error for ValueError {
    fn custom<T: std::fmt::Display>(text: T) -> Self {
        Self::Other(text.to_string())
    }

    fn invalid_length(_: usize, expected: &dyn Expected) -> Self {
        Self::Expected(expected.to_string())
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::Expected(expected.to_string())
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::Expected(expected.to_string())
    }
}

impl IntoDeserializer<'_, ValueError> for Node {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// Parses the text of a variable where the field's type is a number or a boolean.
macro_rules! deserialize_parsed {
    ($($method:ident $visit:ident $type:ty, $expected:literal;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
            match self {
                Self::Text(text) => match text.trim().parse::<$type>() {
                    Ok(value) => visitor.$visit(value),
                    Err(_) => Err(ValueError::expected($expected)),
                },
                other => other.deserialize_any(visitor).map_err(|error| error.or_expected($expected)),
            }
        }
    )*};
}

impl<'de> serde::Deserializer<'de> for Node {
    type Error = ValueError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match self {
            Self::List(items) => visitor.visit_seq(SeqDeserializer::new(items.into_iter())),
            Self::Scalar(value) => deserialize_scalar(value, visitor),
            Self::Table(table) => visitor.visit_map(MapDeserializer::new(table.into_iter())),
            Self::Text(text) => visitor.visit_string(text),
        }
    }

    deserialize_parsed! {
        deserialize_bool visit_bool bool, "true or false";
        deserialize_f64 visit_f64 f64, "a number";
        deserialize_i64 visit_i64 i64, "a whole number";
        deserialize_u16 visit_u64 u64, "a whole number";
        deserialize_u32 visit_u64 u64, "a whole number";
        deserialize_u64 visit_u64 u64, "a whole number";
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        visitor.visit_some(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
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
    ) -> Result<V::Value, ValueError> {
        match self {
            Self::Text(text) | Self::Scalar(toml::Value::String(text)) => {
                let name: StringDeserializer<ValueError> = text.into_deserializer();
                visitor.visit_enum(name)
            }
            _ => Err(ValueError::Expected(format!("one of {}", variants.join(", ")))),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        visitor.visit_newtype_struct(self)
    }

    serde::forward_to_deserialize_any! {
        i8 i16 i32 i128 u8 u128 f32 char str string bytes byte_buf unit unit_struct tuple tuple_struct map struct
        identifier ignored_any
    }
}

/// Not by the deserializer of `toml`, whose error is text.
fn deserialize_scalar<'de, V: Visitor<'de>>(value: toml::Value, visitor: V) -> Result<V::Value, ValueError> {
    match value {
        toml::Value::Boolean(value) => visitor.visit_bool(value),
        toml::Value::Datetime(value) => visitor.visit_string(value.to_string()),
        toml::Value::Float(value) => visitor.visit_f64(value),
        toml::Value::Integer(value) => visitor.visit_i64(value),
        toml::Value::String(value) => visitor.visit_string(value),
        // `Node::from` has made nodes of their own of these.
        toml::Value::Array(_) | toml::Value::Table(_) => Err(ValueError::expected("a single value")),
    }
}

/// Reads the document section by section and collects the invalid fields.
#[derive(Debug)]
pub(super) struct ConfigReader {
    /// The sections that have not been read yet.
    remaining: BTreeMap<String, Node>,
    base_dir: PathBuf,
    invalid: Vec<InvalidField>,
}

impl ConfigReader {
    pub fn new(root: Node, base_dir: PathBuf, invalid: Vec<InvalidField>) -> Self {
        let remaining = if let Node::Table(table) = root { table } else { BTreeMap::new() };
        Self { remaining, base_dir, invalid }
    }

    /// Reads a section. An invalid one is recorded and replaced by its defaults, so that the others are checked too.
    pub fn section<T: DeserializeOwned + Default>(&mut self, name: &str) -> T {
        let Some(node) = self.remaining.remove(name) else { return T::default() };
        serde_path_to_error::deserialize(node).unwrap_or_else(|error| {
            let path = error.path().to_string();
            let field = match path.as_str() {
                "." => name.to_owned(),
                item if item.starts_with('[') => format!("{name}{item}"),
                key => format!("{name}.{key}"),
            };
            self.invalid(&field, &error.into_inner().to_string());
            T::default()
        })
    }

    /// Records `field` as invalid.
    pub fn invalid(&mut self, field: &str, expected: &str) {
        self.invalid.push(InvalidField { field: field.to_owned(), expected: expected.to_owned() });
    }

    /// Records `field` as invalid unless `valid`.
    pub fn ensure(&mut self, valid: bool, field: &str, expected: &str) {
        if !valid {
            self.invalid(field, expected);
        }
    }

    /// Records `field` as invalid unless `min <= value <= max`.
    pub fn range(&mut self, field: &str, value: u32, min: u32, max: u32) {
        self.ensure((min..=max).contains(&value), field, &format!("expected a number from {min} to {max}"));
    }

    /// Resolves a path against the folder of the configuration file.
    pub fn path(&self, path: &Path) -> PathBuf {
        self.base_dir.join(path)
    }

    /// A secret, given in `field` or in the file that `field_file` names.
    pub fn secret(&mut self, field: &str, value: Option<String>, file: Option<&Path>) -> Option<Secret> {
        match (value, file) {
            (None, None) => None,
            (Some(_), Some(_)) => {
                self.invalid(field, &format!("expected only one of {field} and {field}_file"));
                None
            }
            (Some(value), None) => Some(Secret::new(value)),
            (None, Some(file)) => match std::fs::read_to_string(self.path(file)) {
                Ok(text) if !text.trim_end_matches(['\r', '\n']).is_empty() => {
                    Some(Secret::new(text.trim_end_matches(['\r', '\n'])))
                }
                Ok(_) => {
                    self.invalid(&format!("{field}_file"), "the file is empty; expected the secret");
                    None
                }
                Err(error) => {
                    self.invalid(&format!("{field}_file"), &format!("expected a readable file: {error}"));
                    None
                }
            },
        }
    }

    /// The invalid fields, including the keys that no section has read.
    pub fn finish(mut self) -> Vec<InvalidField> {
        for key in std::mem::take(&mut self.remaining).into_keys() {
            self.invalid(&key, "there is no such key");
        }
        self.invalid
    }
}
