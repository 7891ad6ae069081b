//! Every server function is registered, and either public or closed to everybody but administrators.

use std::collections::BTreeSet;
use std::path::Path;

use app::SERVER_FUNCTION_PATHS;
use leptos::server_fn::axum::server_fn_paths;

use super::fixture::{Who, call_function};

/// The server functions that need no session.
const PUBLIC: &[&str] = &[
    "/app/access/ask-link",
    "/app/access/ask-link-start",
    "/app/access/offer",
    "/app/access/remind",
    "/app/access/start",
    "/app/access/status-start",
    "/app/access/submit",
    "/app/certificate/report",
    "/app/certificate/test",
    "/app/design/theme",
    "/app/people/codes-saved",
    "/app/people/offer",
    "/app/people/second-factor",
    "/app/people/set-up",
    "/app/people/sign-in",
    "/app/people/sign-in-start",
    "/app/people/sign-out",
];

/// The server functions that need a session, but no administrator's.
const SIGNED_IN: &[&str] = &[
    "/app/ledger/erase",
    "/app/ledger/own",
    "/app/people/end-session",
    "/app/people/own",
    "/app/people/own-devices",
    "/app/people/renew-codes",
];

#[test]
fn every_server_function_is_in_the_list() {
    let mut declared = BTreeSet::new();
    collect_declared(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut declared);
    let listed: BTreeSet<_> = SERVER_FUNCTION_PATHS.iter().map(|path| (*path).to_owned()).collect();
    assert_eq!(listed.len(), SERVER_FUNCTION_PATHS.len(), "a path is used twice");
    let missing: Vec<_> = declared.difference(&listed).collect();
    assert!(missing.is_empty(), "not in src/server_functions.rs: {missing:?}");
    let unknown: Vec<_> = listed.difference(&declared).collect();
    assert!(unknown.is_empty(), "not found in the source: {unknown:?}");
}

#[test]
fn what_is_listed_is_what_is_registered() {
    app::register_server_functions();
    let registered: BTreeSet<_> = server_fn_paths().map(|(path, _)| path).collect();
    let listed: BTreeSet<_> = SERVER_FUNCTION_PATHS.iter().copied().collect();
    assert_eq!(registered, listed);
}

#[tokio::test]
async fn every_function_that_is_not_public_authorises() {
    for path in PUBLIC.iter().chain(SIGNED_IN) {
        assert!(SERVER_FUNCTION_PATHS.contains(path), "{path} does not exist");
    }
    let arguments = "id=1&search=&page=0&reason=x&mode[name]=x&document=x&workflow[document]=x&provider[name]=x\
        &policy[version]=1&workflow_id=1&sequence=1&group=x&version=1&days=1&member=1&emails=x&name=x&email=x";
    for path in SIGNED_IN {
        assert_eq!(call_function(Who::Nobody, path, arguments).await.status, 401, "{path}");
        let code = "code=123456&page=0&id=s1";
        assert_eq!(call_function(Who::User, path, code).await.status, 200, "{path}");
    }
    let open_to_others = |path: &&str| PUBLIC.contains(path) || SIGNED_IN.contains(path);
    for path in SERVER_FUNCTION_PATHS.iter().filter(|path| !open_to_others(path)) {
        assert_eq!(call_function(Who::Nobody, path, arguments).await.status, 401, "{path}");
        assert_eq!(call_function(Who::User, path, arguments).await.status, 403, "{path}");
    }
}

/// The paths of all `#[server(prefix = "…", endpoint = "…")]` below a folder.
fn collect_declared(folder: &Path, paths: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect_declared(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = std::fs::read_to_string(&path).unwrap();
            for line in source.lines().map(str::trim).filter(|line| is_declaration(line)) {
                let value = |name: &str| {
                    let rest = line.split_once(&format!("{name} = \"")).map(|(_, rest)| rest);
                    rest.and_then(|rest| rest.split_once('"')).map(|(value, _)| value)
                };
                let (prefix, endpoint) = (value("prefix"), value("endpoint"));
                let whole = prefix.is_some() && endpoint.is_some();
                assert!(whole, "{}: prefix and endpoint must be on the line of {line}", path.display());
                paths.insert(format!("{}/{}", prefix.unwrap(), endpoint.unwrap()));
            }
        }
    }
}

/// Whether a line begins the attribute of a server function; `#[server(default)]` belongs to an argument.
fn is_declaration(line: &str) -> bool {
    line.starts_with("#[server") && !line.starts_with("#[server(default)]")
}
