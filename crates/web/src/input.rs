//! Input whose structure is known, but not yet its types: a JSON document, a form or a query.
//!
//! Deserializing from here instead of from the text gives errors as data ([`InputError`]), so that a problem document can
//! name the field and say what was expected of it.

use protocol::Problem;
use serde::de::value::{MapAccessDeserializer, MapDeserializer, SeqDeserializer, StringDeserializer};
use serde::de::{DeserializeOwned, Expected, IntoDeserializer, MapAccess, SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};
use serde_path_to_error::{Path, Segment};
use url::form_urlencoded;

/// A value, or a tree of them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Input {
    Array(Vec<Input>),
    Bool(bool),
    Float(f64),
    /// A form's or a query's value: a string that becomes a number or a bool where the field is one.
    FormValue(String),
    Integer(i64),
    Null,
    /// In the order of the text, and with every repetition of a name.
    Object(Vec<(String, Input)>),
    String(String),
    Unsigned(u64),
}

/// Why an input has not the wanted type.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum InputError {
    Duplicate(&'static str),
    /// What was expected.
    Expected(String),
    Missing(&'static str),
    /// What a type's own check says.
    Rejected(String),
    Unknown(String),
}

impl Input {
    /// The fields of `application/x-www-form-urlencoded`.
    pub fn from_form(bytes: &[u8]) -> Self {
        let fields = form_urlencoded::parse(bytes);
        Self::Object(fields.map(|(name, value)| (name.into_owned(), Self::FormValue(value.into()))).collect())
    }

    /// The value as `T`, or a problem that names the field.
    pub fn into_typed<T: DeserializeOwned>(self) -> Result<T, Problem> {
        serde_path_to_error::deserialize(self).map_err(|error| {
            let path = error.path().clone();
            error.into_inner().at(&path)
        })
    }
}

impl InputError {
    /// The words of the field's type for people, instead of Rust's name for it.
    fn or_expected(self, words: &str) -> Self {
        match self {
            Self::Expected(_) => Self::Expected(words.to_owned()),
            other => other,
        }
    }

    fn at(self, path: &Path) -> Problem {
        let here = if path.iter().len() == 0 { String::new() } else { path.to_string() };
        let below = |name: &str| if here.is_empty() { name.to_owned() } else { format!("{here}.{name}") };
        let (field, text) = match self {
            Self::Duplicate(name) => (below(name), "This field is there more than once.".to_owned()),
            Self::Expected(expected) => (here, format!("Expected {expected}.")),
            Self::Missing(name) => (below(name), "This field is required.".to_owned()),
            Self::Rejected(text) => (here, text),
            Self::Unknown(name) => {
                // The path may end in the unknown field already.
                let ends_in_it =
                    matches!(path.iter().next_back(), Some(Segment::Map { key }) if *key == name);
                (if ends_in_it { here } else { below(&name) }, "There is no such field.".to_owned())
            }
        };
        invalid_field(&field, text)
    }
}

/// An example of the problem that a type's own errors become.
pub(crate) fn example(field: &str, expected: &str) -> Problem {
    invalid_field(field, format!("Expected {expected}."))
}

fn invalid_field(field: &str, text: String) -> Problem {
    Problem::invalid_input().field(if field.is_empty() { "body" } else { field }, text)
}

impl std::fmt::Display for InputError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Duplicate(name) => write!(f, "the field {name} is there more than once"),
            Self::Expected(expected) => write!(f, "expected {expected}"),
            Self::Missing(name) => write!(f, "the field {name} is missing"),
            Self::Rejected(text) => f.write_str(text),
            Self::Unknown(name) => write!(f, "there is no field {name}"),
        }
    }
}

impl std::error::Error for InputError {}

impl serde::de::Error for InputError {
    fn custom<T: std::fmt::Display>(text: T) -> Self {
        Self::Rejected(text.to_string())
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::Duplicate(field)
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

    fn missing_field(field: &'static str) -> Self {
        Self::Missing(field)
    }

    fn unknown_field(field: &str, _: &'static [&'static str]) -> Self {
        Self::Unknown(field.to_owned())
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::Expected(one_of(expected))
    }
}

fn one_of(names: &[&str]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.as_slice() {
        [one, other] => format!("{one} or {other}"),
        [one] => one.clone(),
        many => format!("one of {}", many.join(", ")),
    }
}

/// Reads a JSON document. Every error is one of syntax.
impl<'de> Deserialize<'de> for Input {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(InputVisitor)
    }
}

struct InputVisitor;

impl<'de> Visitor<'de> for InputVisitor {
    type Value = Input;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Input, E> {
        Ok(Input::Bool(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Input, E> {
        Ok(Input::Float(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Input, E> {
        Ok(Input::Integer(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Input, E> {
        Ok(Input::Unsigned(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Input, E> {
        Ok(Input::String(value.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Input, E> {
        Ok(Input::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Input, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element()? {
            array.push(item);
        }
        Ok(Input::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Input, A::Error> {
        let mut object = Vec::new();
        while let Some(field) = fields.next_entry()? {
            object.push(field);
        }
        Ok(Input::Object(object))
    }
}

impl IntoDeserializer<'_, InputError> for Input {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// A form's value is parsed as what the field is; errors say so in words for people.
macro_rules! primitives {
    ($($method:ident $visit:ident $type:ty, $expected:expr;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, InputError> {
            match self {
                Self::FormValue(text) => match text.parse::<$type>() {
                    Ok(value) => visitor.$visit(value),
                    Err(_) => Err(InputError::Expected($expected.to_owned())),
                },
                other => other.deserialize_any(visitor).map_err(|error| error.or_expected($expected)),
            }
        }
    )*};
}

const BOOL: &str = "true or false";
const NUMBER: &str = "a number";
const INTEGER: &str = "a whole number";
/// Also of the documentation's example.
pub(crate) const UNSIGNED: &str = "a whole number of 0 or more, within bounds";

impl<'de> Deserializer<'de> for Input {
    type Error = InputError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, InputError> {
        match self {
            Self::Array(items) => {
                let mut items = SeqDeserializer::new(items.into_iter());
                let value = visitor.visit_seq(&mut items)?;
                items.end()?;
                Ok(value)
            }
            Self::Bool(value) => visitor.visit_bool(value),
            Self::Float(value) => visitor.visit_f64(value),
            Self::FormValue(text) | Self::String(text) => visitor.visit_string(text),
            Self::Integer(value) => visitor.visit_i64(value),
            Self::Null => visitor.visit_unit(),
            Self::Object(fields) => visitor.visit_map(MapDeserializer::new(fields.into_iter())),
            Self::Unsigned(value) => visitor.visit_u64(value),
        }
    }

    primitives! {
        deserialize_bool visit_bool bool, BOOL;
        deserialize_f32 visit_f32 f32, NUMBER;
        deserialize_f64 visit_f64 f64, NUMBER;
        deserialize_i8 visit_i8 i8, INTEGER;
        deserialize_i16 visit_i16 i16, INTEGER;
        deserialize_i32 visit_i32 i32, INTEGER;
        deserialize_i64 visit_i64 i64, INTEGER;
        deserialize_u8 visit_u8 u8, UNSIGNED;
        deserialize_u16 visit_u16 u16, UNSIGNED;
        deserialize_u32 visit_u32 u32, UNSIGNED;
        deserialize_u64 visit_u64 u64, UNSIGNED;
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, InputError> {
        match self {
            Self::Null => visitor.visit_none(),
            some => visitor.visit_some(some),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, InputError> {
        match self {
            Self::FormValue(text) | Self::String(text) => {
                let name: StringDeserializer<InputError> = text.into_deserializer();
                visitor.visit_enum(name)
            }
            Self::Object(fields) if fields.len() == 1 => {
                visitor.visit_enum(MapAccessDeserializer::new(MapDeserializer::new(fields.into_iter())))
            }
            _ => Err(InputError::Expected(one_of(variants))),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, InputError> {
        visitor.visit_newtype_struct(self)
    }

    serde::forward_to_deserialize_any! {
        i128 u128 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier
        ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Filter {
        #[serde(default)]
        colour: Option<Colour>,
        #[serde(default)]
        ids: Vec<u8>,
        page: u32,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "lowercase")]
    enum Colour {
        Blue,
        Red,
    }

    fn error(input: Input) -> (String, String) {
        let mut errors = input.into_typed::<Filter>().unwrap_err().errors;
        assert_eq!(errors.len(), 1);
        let error = errors.remove(0);
        (error.field, error.message)
    }

    #[test]
    fn a_form_has_the_types_of_its_fields() {
        let filter: Filter = Input::from_form(b"page=7&colour=red&more=1").into_typed().unwrap();
        assert_eq!(filter, Filter { colour: Some(Colour::Red), ids: Vec::new(), page: 7 });
        for (form, field, message) in [
            ("", "page", "This field is required."),
            ("page=", "page", "Expected a whole number of 0 or more, within bounds."),
            ("page=1&page=2", "page", "This field is there more than once."),
            ("page=1&colour=green", "colour", "Expected `blue` or `red`."),
        ] {
            assert_eq!(error(Input::from_form(form.as_bytes())), (field.to_owned(), message.to_owned()));
        }
    }

    #[test]
    fn json_has_the_types_that_it_says() {
        let json = |text: &str| serde_json::from_str::<Input>(text).unwrap();
        let filter: Filter = json(r#"{"page":7,"colour":null,"ids":[1,255]}"#).into_typed().unwrap();
        assert_eq!(filter, Filter { colour: None, ids: vec![1, 255], page: 7 });
        for (text, field, message) in [
            (r#"{"page":"7"}"#, "page", "Expected a whole number of 0 or more, within bounds."),
            (r#"{"page":7,"ids":[1,256]}"#, "ids[1]", "Expected a whole number of 0 or more, within bounds."),
            (r#"{"page":7,"page":7}"#, "page", "This field is there more than once."),
            (r#"{"page":7,"colour":3}"#, "colour", "Expected `blue` or `red`."),
            (r"3", "body", "Expected struct Filter."),
        ] {
            assert_eq!(error(json(text)), (field.to_owned(), message.to_owned()), "{text}");
        }
    }
}
