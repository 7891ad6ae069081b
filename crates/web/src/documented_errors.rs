//! The error responses of an operation in its OpenAPI description.
//!
//! Extractors and services implement [`DocumentedErrors`] beside the code that returns these errors, with the same
//! constructors. So type, title and status in the description are those of the actual responses.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use protocol::Problem;
use protocol::problem::TYPE_PREFIX;
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::schema::{AllOfBuilder, KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::openapi::{Content, ContentBuilder, Ref, RefOr, Response};
use utoipa::{IntoResponses, PartialSchema, ToSchema};

/// The media type of problem documents (RFC 9457 §6.1).
pub const PROBLEM_JSON: &str = "application/problem+json";

/// The problems with which an extractor or a service can respond.
pub trait DocumentedErrors {
    /// One example of each problem type, as it would be sent.
    fn problems() -> Vec<Problem>;
}

/// The problems of `T` for `responses(…)` of `utoipa::path`. A tuple combines several: `ErrorResponses<(Person, RateLimited)>`.
#[derive(Debug)]
pub struct ErrorResponses<T>(PhantomData<T>);

/// The responses of an operation by their status code.
pub type Responses = BTreeMap<String, RefOr<Response>>;

impl<T: DocumentedErrors> IntoResponses for ErrorResponses<T> {
    fn responses() -> Responses {
        let mut responses = Responses::new();
        for problem in T::problems() {
            add_problem(&mut responses, &problem);
        }
        responses
    }
}

/// As [`ErrorResponses`], for an operation that responds with an HTML page to browsers.
#[derive(Debug)]
pub struct ErrorOrPageResponses<T>(PhantomData<T>);

impl<T: DocumentedErrors> IntoResponses for ErrorOrPageResponses<T> {
    fn responses() -> Responses {
        let mut responses = ErrorResponses::<T>::responses();
        for response in responses.values_mut() {
            if let RefOr::T(response) = response {
                let page = ContentBuilder::new().schema(Some(String::schema())).build();
                response.content.insert("text/html".to_owned(), page.into());
            }
        }
        responses
    }
}

/// Adds a problem to the response of its status.
pub fn add_problem(responses: &mut Responses, problem: &Problem) {
    let response =
        responses.entry(problem.status.to_string()).or_insert_with(|| RefOr::T(Response::new(String::new())));
    let RefOr::T(response) = response else { return };
    if problem.retry_after.is_some() {
        response.headers.insert("Retry-After".to_owned(), retry_after().into());
    }
    let content = response.content.entry(PROBLEM_JSON.to_owned());
    let RefOr::T(content) = content.or_insert_with(|| Content::default().into()) else { return };
    let name = problem.kind.strip_prefix(TYPE_PREFIX).unwrap_or(&problem.kind).to_owned();
    let example = ExampleBuilder::new().summary(&problem.title).value(serde_json::to_value(problem).ok());
    content.examples.insert(name, example.build().into());
    content.schema = Some(problem_schema(content.examples.keys(), problem));
    let titles = content.examples.iter().filter_map(|(name, example)| match example {
        RefOr::T(example) => Some(format!("`{name}`: {}.", example.summary)),
        RefOr::Ref(_) => None,
    });
    response.description = titles.collect::<Vec<_>>().join(" ");
}

/// The schema of a problem whose type is one of these names.
fn problem_schema<'a>(names: impl Iterator<Item = &'a String>, problem: &Problem) -> RefOr<Schema> {
    let types = names.map(|name| format!("{TYPE_PREFIX}{name}"));
    let narrowed = ObjectBuilder::new()
        .property("type", ObjectBuilder::new().schema_type(Type::String).enum_values(Some(types)))
        .property(
            "status",
            ObjectBuilder::new().schema_type(Type::Integer).enum_values(Some([problem.status])),
        );
    let narrowed = if problem.retry_after.is_some() { narrowed.required("retry_after") } else { narrowed };
    let problem = Ref::from_schema_name(Problem::name());
    Schema::AllOf(AllOfBuilder::new().item(problem).item(narrowed).build()).into()
}

fn retry_after() -> utoipa::openapi::header::Header {
    HeaderBuilder::new()
        .description(Some("Seconds until it makes sense to try again."))
        .schema(Some(u64::schema()))
        .build()
}

/// The schema of a binary body.
#[derive(Debug)]
pub struct File;

impl PartialSchema for File {
    fn schema() -> RefOr<Schema> {
        let binary = SchemaFormat::KnownFormat(KnownFormat::Binary);
        Schema::Object(ObjectBuilder::new().schema_type(Type::String).format(Some(binary)).build()).into()
    }
}

impl ToSchema for File {}

macro_rules! impl_for_tuple {
    ($($name:ident),+) => {
        impl<$($name: DocumentedErrors),+> DocumentedErrors for ($($name,)+) {
            fn problems() -> Vec<Problem> {
                let mut all = Vec::new();
                $(all.extend($name::problems());)+
                all
            }
        }
    };
}

impl_for_tuple!(A);
impl_for_tuple!(A, B);
impl_for_tuple!(A, B, C);
impl_for_tuple!(A, B, C, D);
impl_for_tuple!(A, B, C, D, E);

#[cfg(test)]
mod tests {
    use super::*;

    struct Full;
    struct Wrong;

    impl DocumentedErrors for Full {
        fn problems() -> Vec<Problem> {
            vec![Problem::too_many_requests(3), Problem::not_found()]
        }
    }

    impl DocumentedErrors for Wrong {
        fn problems() -> Vec<Problem> {
            vec![Problem::sign_in_required(), Problem::wrong_credentials()]
        }
    }

    #[test]
    fn problems_of_one_status_are_one_response() {
        let responses = serde_json::to_value(ErrorResponses::<(Full, Wrong)>::responses()).unwrap();
        let statuses: Vec<_> = responses.as_object().unwrap().keys().collect();
        assert_eq!(statuses, ["401", "404", "429"]);
        let narrowed = |status: &str| {
            responses[status]["content"][PROBLEM_JSON]["schema"]["allOf"][1]["properties"]["type"]["enum"]
                .clone()
        };
        assert_eq!(
            narrowed("401"),
            serde_json::json!(["urn:aiwe:problem:sign-in-required", "urn:aiwe:problem:wrong-credentials"])
        );
        assert!(
            responses["429"]["headers"]["Retry-After"].is_object() && responses["404"]["headers"].is_null()
        );
    }
}
