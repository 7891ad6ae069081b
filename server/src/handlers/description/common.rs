//! What all operations share: who serves them, how callers prove themselves, and what can go wrong with every request.

use protocol::Problem;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::{ArrayItems, Components, Schema};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{InfoBuilder, OpenApi, Ref, RefOr, Response, ResponseBuilder, ServerBuilder};

use crate::config::Config;
use web::CookieKind;
use web::cross_site;
use web::documented_errors::{PROBLEM_JSON, Responses, describe_problem};

pub(super) fn add(described: &mut OpenApi, config: &Config) {
    described.info = InfoBuilder::new()
        .title("AI Workflow Engine")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(include_str!("about.md")))
        .build();
    let server =
        |url: &str, description: &str| ServerBuilder::new().url(url).description(Some(description)).build();
    described.servers = Some(vec![
        server(config.machines_url.origin(), "The machines' listener: asks for a client certificate."),
        server(config.public_url.origin(), "The pages' listener: for what needs no client certificate."),
    ]);
    let components = described.components.get_or_insert_default();
    refer_to_components(components);
    add_security_schemes(components);
    for item in described.paths.paths.values_mut() {
        item.get.iter_mut().for_each(complete_reading);
        for operation in [&mut item.post, &mut item.put, &mut item.patch, &mut item.delete] {
            operation.iter_mut().for_each(complete_change);
        }
    }
}

fn complete_reading(operation: &mut Operation) {
    let responses = &mut operation.responses.responses;
    if answers_with(responses, "403", "client-certificate:missing") {
        let led_on = ResponseBuilder::new()
            .description(
                "A browser's navigation without a valid client certificate: led to `/request-access`.",
            )
            .header("Location", HeaderBuilder::new().build());
        responses.insert("303".to_owned(), led_on.into());
    }
    complete(responses);
}

fn complete_change(operation: &mut Operation) {
    let responses = &mut operation.responses.responses;
    describe_problem(responses, &cross_site());
    complete(responses);
}

fn complete(responses: &mut Responses) {
    let by_token = answers_with(responses, "403", "client-certificate:missing")
        && answers_with(responses, "401", "sign-in-required");
    if by_token && let Some(response) = response(responses, "401") {
        let scheme = HeaderBuilder::new().description(Some("`Bearer` (RFC 6750 §3).")).build();
        response.headers.insert("WWW-Authenticate".to_owned(), scheme.into());
    }
    describe_problem(responses, &Problem::internal());
}

/// Whether this problem is described under this status.
fn answers_with(responses: &mut Responses, status: &str, name: &str) -> bool {
    response(responses, status).and_then(|r| r.content.get(PROBLEM_JSON)).is_some_and(|content| match content
    {
        RefOr::T(content) => content.examples.contains_key(name),
        RefOr::Ref(_) => false,
    })
}

fn response<'a>(responses: &'a mut Responses, status: &str) -> Option<&'a mut Response> {
    match responses.get_mut(status)? {
        RefOr::T(response) => Some(response),
        RefOr::Ref(_) => None,
    }
}

/// Lists whose items are written out, as those of generic types are, name the component instead.
fn refer_to_components(components: &mut Components) {
    let whole = components.schemas.clone();
    let properties = components.schemas.values_mut().filter_map(|schema| match schema {
        RefOr::T(Schema::Object(object)) => Some(object.properties.values_mut()),
        _ => None,
    });
    for property in properties.flatten() {
        if let RefOr::T(Schema::Array(list)) = property
            && let ArrayItems::RefOrSchema(items) = &mut list.items
            && let Some((name, _)) = whole.iter().find(|(_, schema)| **schema == **items)
        {
            **items = Ref::from_schema_name(name).into();
        }
    }
}

/// The names are those that operations use in `security(…)`.
fn add_security_schemes(components: &mut Components) {
    let cookie = |kind: CookieKind, secure: bool, what: &str| {
        let whence = if secure { "over TLS" } else { "without TLS" };
        let description = format!("{what}; the cookie's name {whence}.");
        SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::with_description(kind.name(secure), &description)))
    };
    let session = "The session of an administrator who signed in to the panel";
    let asked = "Shows that this browser asked for access";
    let token = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some(
            "From `/native/verify-2fa`. Bound to the client certificate (RFC 8705 §3) and to a session that can be ended.",
        ))
        .build();
    let certificate = SecurityScheme::MutualTls {
        description: Some(
            "A certificate of this server's authority, in its dates, known and not revoked.".to_owned(),
        ),
        deprecated: None,
        extensions: None,
    };
    for (name, scheme) in [
        ("accessToken", SecurityScheme::Http(token)),
        ("askingBrowser", cookie(CookieKind::Asked, true, asked)),
        ("askingBrowserWithoutTls", cookie(CookieKind::Asked, false, asked)),
        ("clientCertificate", certificate),
        ("panelSession", cookie(CookieKind::Session, true, session)),
        ("panelSessionWithoutTls", cookie(CookieKind::Session, false, session)),
    ] {
        components.add_security_scheme(name, scheme);
    }
}
