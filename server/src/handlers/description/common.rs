//! What all operations share: servers, security schemes, and the errors that every request can get.

use protocol::Problem;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::{ArrayItems, Components, Schema};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{InfoBuilder, OpenApi, Ref, RefOr, Response, ResponseBuilder, ServerBuilder};
use web::documented_errors::{PROBLEM_JSON, Responses, add_problem};
use web::{CookieKind, CookieNames, cross_site};

use crate::config::Config;

pub(super) fn add(openapi: &mut OpenApi, config: &Config) {
    openapi.info = InfoBuilder::new()
        .title("AI Workflow Engine")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(include_str!("about.md")))
        .build();
    let server =
        |url: &str, description: &str| ServerBuilder::new().url(url).description(Some(description)).build();
    openapi.servers = Some(vec![
        server(config.machines_url.origin(), "The machines' listener: asks for a client certificate."),
        server(config.public_url.origin(), "The pages' listener: for what needs no client certificate."),
    ]);
    let components = openapi.components.get_or_insert_default();
    reference_components(components);
    add_security_schemes(components);
    for item in openapi.paths.paths.values_mut() {
        item.get.iter_mut().for_each(complete_safe_operation);
        for operation in [&mut item.post, &mut item.put, &mut item.patch, &mut item.delete] {
            operation.iter_mut().for_each(complete_unsafe_operation);
        }
    }
}

/// For GET, a safe method (RFC 9110 §9.2.1).
fn complete_safe_operation(operation: &mut Operation) {
    let responses = &mut operation.responses.responses;
    if has_problem(responses, "403", "client-certificate:missing") {
        let redirect = ResponseBuilder::new()
            .description(
                "A browser's navigation without a valid client certificate: redirected to `/request-access`.",
            )
            .header("Location", HeaderBuilder::new().build());
        responses.insert("303".to_owned(), redirect.into());
    }
    complete_responses(responses);
}

fn complete_unsafe_operation(operation: &mut Operation) {
    let responses = &mut operation.responses.responses;
    add_problem(responses, &cross_site());
    complete_responses(responses);
}

fn complete_responses(responses: &mut Responses) {
    let needs_token = has_problem(responses, "403", "client-certificate:missing")
        && has_problem(responses, "401", "sign-in-required");
    if needs_token && let Some(response) = response(responses, "401") {
        let scheme = HeaderBuilder::new().description(Some("`Bearer` (RFC 6750 §3).")).build();
        response.headers.insert("WWW-Authenticate".to_owned(), scheme.into());
    }
    add_problem(responses, &Problem::internal());
    // Whatever else is busy there has a description of its own.
    if !responses.contains_key("503") {
        add_problem(responses, &Problem::unavailable("The server's disk is full: nothing can be saved.", 30));
    }
}

/// Whether this problem `name` is described for this status.
fn has_problem(responses: &mut Responses, status: &str, name: &str) -> bool {
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

/// Replaces inlined item schemas of arrays, as generic types have them, by references to the component.
fn reference_components(components: &mut Components) {
    let schemas = components.schemas.clone();
    let properties = components.schemas.values_mut().filter_map(|schema| match schema {
        RefOr::T(Schema::Object(object)) => Some(object.properties.values_mut()),
        _ => None,
    });
    for property in properties.flatten() {
        if let RefOr::T(Schema::Array(list)) = property
            && let ArrayItems::RefOrSchema(items) = &mut list.items
            && let Some((name, _)) = schemas.iter().find(|(_, schema)| **schema == **items)
        {
            **items = Ref::from_schema_name(name).into();
        }
    }
}

/// Adds the security schemes under the names that operations use in `security(…)`.
fn add_security_schemes(components: &mut Components) {
    let cookie = |kind: CookieKind, secure: bool, what: &str| {
        let transport = if secure { "over TLS" } else { "without TLS" };
        let description = format!(
            "{what}; the cookie's name {transport}. It ends in `_` and the port of `public_url` where that is neither 443 nor, \
             without TLS, 8080."
        );
        let name = kind.name(CookieNames { secure, port: None });
        SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::with_description(&name, &description)))
    };
    let session = "The session of an administrator who signed in to the panel";
    let requester = "Shows that this browser requested access";
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
        ("askingBrowser", cookie(CookieKind::Requester, true, requester)),
        ("askingBrowserWithoutTls", cookie(CookieKind::Requester, false, requester)),
        ("clientCertificate", certificate),
        ("panelSession", cookie(CookieKind::Session, true, session)),
        ("panelSessionWithoutTls", cookie(CookieKind::Session, false, session)),
    ] {
        components.add_security_scheme(name, scheme);
    }
}
