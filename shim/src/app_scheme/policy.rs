//! The page's content security policy (CSP Level 3): the server's own, with the origin of this
//! program's commands added.

use http::header::{CONTENT_SECURITY_POLICY, HeaderMap, HeaderValue};

/// The sources that calling a command needs: the first on Linux and macOS, the second on Windows.
const IPC_SOURCES: &str = "ipc: http://ipc.localhost";

/// Widens each policy by exactly [`IPC_SOURCES`]. Without a policy there is nothing to widen.
pub fn allow_commands(headers: &mut HeaderMap) {
    let policies: Vec<HeaderValue> = headers
        .get_all(CONTENT_SECURITY_POLICY)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|list| list.split(','))
        .filter(|policy| !policy.trim().is_empty())
        .filter_map(|policy| HeaderValue::from_str(&widened(policy)).ok())
        .collect();
    headers.remove(CONTENT_SECURITY_POLICY);
    for policy in policies {
        headers.append(CONTENT_SECURITY_POLICY, policy);
    }
}

/// One policy with the commands in its `connect-src`. Where only `default-src` restricts connections, a
/// `connect-src` with the same sources is added; where neither does, connections are not restricted.
fn widened(policy: &str) -> String {
    let mut directives: Vec<String> =
        policy.split(';').map(|d| d.trim().to_owned()).filter(|d| !d.is_empty()).collect();
    let named = |name: &str| directives.iter().position(|d| name_of(d).eq_ignore_ascii_case(name));
    match (named("connect-src"), named("default-src")) {
        (Some(at), _) => directives[at] = connect(sources_of(&directives[at])),
        (None, Some(at)) => directives.push(connect(sources_of(&directives[at]))),
        (None, None) => {}
    }
    directives.join("; ")
}

fn connect(sources: &str) -> String {
    // 'none' only counts when it stands alone.
    let sources = if sources.eq_ignore_ascii_case("'none'") { "" } else { sources };
    ["connect-src", sources, IPC_SOURCES]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

fn name_of(directive: &str) -> &str {
    directive.split_ascii_whitespace().next().unwrap_or_default()
}

fn sources_of(directive: &str) -> &str {
    directive[name_of(directive).len()..].trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widens_connections_and_nothing_else() {
        let cases = [
            (
                "default-src 'self'; connect-src 'self'; script-src 'nonce-x'",
                "default-src 'self'; connect-src 'self' ipc: http://ipc.localhost; script-src 'nonce-x'",
            ),
            ("default-src 'self'", "default-src 'self'; connect-src 'self' ipc: http://ipc.localhost"),
            ("default-src 'none'", "default-src 'none'; connect-src ipc: http://ipc.localhost"),
            ("CONNECT-SRC 'none';", "connect-src ipc: http://ipc.localhost"),
            ("connect-src", "connect-src ipc: http://ipc.localhost"),
            ("frame-ancestors 'none'", "frame-ancestors 'none'"),
        ];
        for (from, to) in cases {
            assert_eq!(widened(from), to);
        }
    }

    #[test]
    fn each_of_several_policies_is_widened() {
        let mut headers = HeaderMap::new();
        headers.append(
            CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("connect-src 'self', default-src 'self'"),
        );
        headers.append(CONTENT_SECURITY_POLICY, HeaderValue::from_static("connect-src a.example"));
        allow_commands(&mut headers);
        let policies: Vec<_> = headers.get_all(CONTENT_SECURITY_POLICY).iter().collect();
        assert_eq!(policies.len(), 3);
        assert!(policies.iter().all(|p| p.to_str().unwrap().ends_with("ipc: http://ipc.localhost")));
    }

    #[test]
    fn no_policy_is_added_where_there_is_none() {
        let mut headers = HeaderMap::new();
        allow_commands(&mut headers);
        assert!(headers.is_empty());
    }
}
