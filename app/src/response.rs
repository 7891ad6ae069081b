//! HTTP responses of the server: their JSON, and problem documents for what failed.

use protocol::Problem;
use protocol::problem::TYPE_PREFIX;
use serde::de::DeserializeOwned;

/// No response at all: no network, no server, or a failed TLS handshake.
pub fn unreachable() -> Problem {
    Problem::new("unreachable", 0, "The server cannot be reached")
        .detail("The server cannot be reached. Check the network connection of this machine.")
}

/// An unintelligible response: another program or another version listens at this address.
pub fn unexpected(what: &str) -> Problem {
    Problem::new("unexpected-answer", 502, "The server gave an unexpected answer")
        .detail(format!("The server gave an unexpected answer ({what})."))
}

/// The problem of a failed response. A proxy's own error page becomes a problem with its status.
pub fn problem_of(status: u16, content_type: &str, retry_after: Option<&str>, body: &str) -> Problem {
    let is_json = content_type.split(';').next().is_some_and(|t| t.trim().ends_with("json"));
    let stated = is_json.then(|| serde_json::from_str::<Problem>(body).ok()).flatten();
    let seconds = retry_after.and_then(|seconds| seconds.trim().parse().ok());
    let mut problem = match stated {
        Some(problem) if problem.kind.starts_with(TYPE_PREFIX) => Problem { status, ..problem },
        _ => match status {
            401 => Problem::sign_in_required(),
            413 => Problem::invalid_input().field("image", "The picture is too large. Choose a smaller one."),
            429 => Problem::too_many_requests(seconds.unwrap_or(1)),
            502..=504 => unreachable(),
            _ => unexpected(&format!("status {status}")),
        },
    };
    problem.retry_after = problem.retry_after.or(seconds);
    problem
}

pub fn parse<T: DeserializeOwned>(body: &str) -> Result<T, Problem> {
    serde_json::from_str(body).map_err(|error| unexpected(&error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_document_is_returned_as_it_is() {
        let problem = Problem::too_many_requests(9);
        let body = serde_json::to_string(&problem).unwrap();
        assert_eq!(problem_of(429, "application/problem+json; charset=utf-8", None, &body), problem);
    }

    #[test]
    fn retry_after_comes_from_the_header() {
        let problem = problem_of(503, "application/problem+json", Some("12"), "{}");
        assert_eq!(problem.retry_after, Some(12));
        assert_eq!(problem_of(429, "text/html", Some("soon"), "").retry_after, Some(1));
    }

    #[test]
    fn a_proxys_error_page_is_not_shown() {
        for (status, kind) in [(502, "unreachable"), (404, "unexpected-answer"), (401, "sign-in-required")] {
            let problem = problem_of(status, "text/html", None, "<h1>nginx</h1>");
            assert!(problem.is(kind), "{problem:?}");
            assert!(!problem.to_string().contains("nginx"));
        }
        assert!(problem_of(413, "text/html", None, "").error_of("image").is_some());
    }

    #[test]
    fn another_programs_problem_document_is_not_shown() {
        let body = r#"{"type":"about:blank","title":"<b>x</b>","status":403}"#;
        assert!(problem_of(403, "application/problem+json", None, body).is("unexpected-answer"));
    }
}
