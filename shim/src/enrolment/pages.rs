//! The pages of an enrolment: forms without scripts, since there is no server yet whose pages could be shown.

use http::{Response, StatusCode};
use protocol::Problem;

use super::ExistingEnrolment;
use super::wizard::{Finished, Stage};
use crate::configuration::Server;
use crate::keystore::KeyLocation;
use crate::link::{Fingerprint, Link};
use crate::page::{SIDEBAR, escaped, html, redirecting};

/// Where these pages are, on the origin of the user interface.
pub const ENROL: &str = "/~shim/enrol";
const FINGERPRINT: &str = "Fingerprint of its authority (SHA-256)";

/// What a page is made from.
pub struct PageContext<'a> {
    /// Of the stage: its page's buttons confirm nothing else.
    pub number: &'a str,
    pub stage: &'a Stage,
    /// What would be replaced.
    pub existing: Option<&'a ExistingEnrolment>,
    pub problem: Option<&'a Problem>,
}

pub fn page(shown: &PageContext<'_>) -> Response<Vec<u8>> {
    let PageContext { number, stage, existing, problem } = *shown;
    let wrong = |name: &str| problem.and_then(|problem| problem.error_of(name));
    let existing = existing.map(replaced).unwrap_or_default();
    let (title, body, wrong) = match stage {
        Stage::AwaitingLink => ("Set up this machine", waiting(number, "", None), None),
        Stage::InvalidLink(typed) => {
            let wrong = wrong("link");
            ("Set up this machine", waiting(number, typed, wrong), wrong)
        }
        Stage::Linked(link) => ("Is this the right server?", existing + &linked(number, link), None),
        Stage::Contacted(contacted) => {
            let body = fingerprint_page(number, contacted.server(), contacted.fingerprints());
            ("Do the fingerprints match?", existing + &body, None)
        }
        Stage::Verified(verified) => {
            let wrong = wrong("match_code");
            let body = code(number, verified.offer.device_name.as_deref(), wrong);
            ("Enter your match code", existing + &body, wrong)
        }
        Stage::Completed(finished) => ("This machine is set up", done(finished), None),
    };
    // One that belongs to a field of this page stands there.
    let alert = problem.filter(|_| wrong.is_none()).map(notice).unwrap_or_default();
    html(StatusCode::OK, title, &format!("<h1>{title}</h1>{alert}{body}"))
}

/// The answer while nobody wants to enrol.
pub fn closed() -> Response<Vec<u8>> {
    redirecting("One moment", &format!("<p><a href=\"{SIDEBAR}\">Continue</a></p>"), SIDEBAR)
}

fn replaced(existing: &ExistingEnrolment) -> String {
    let words = match existing {
        ExistingEnrolment::Of(server) => format!(
            "This machine is set up with <code>{}</code> already. If you go on to the end, the server below takes its place, \
             and the former certificate and key are removed.",
            escaped(server)
        ),
        ExistingEnrolment::Unreadable => {
            "This machine was set up before, but what it keeps of that cannot be read. If you go on to \
             the end, the server below takes its place."
                .to_owned()
        }
    };
    format!("<div class=\"notice\"><p>{words}</p></div>")
}

fn waiting(number: &str, typed: &str, wrong: Option<&str>) -> String {
    let typed = escaped(typed);
    let field =
        field("link", "The link", "It begins with https:// or aiwe://", &format!("value=\"{typed}\""), wrong);
    format!(
        "<p>Paste the link from the mail that approved your request.</p>{}\
         <p>You have none yet? Open your organisation’s server in a browser, and ask for access there: its page \
         is called “Request access”.</p>",
        form(number, "link", &field, "Continue")
    )
}

fn linked(number: &str, link: &Link) -> String {
    let server = server(&link.server);
    let judged = if link.system_trust {
        "<div class=\"notice\"><p>This link lets your system judge the server, as a browser does, where the authority \
         does not speak for it. Whoever your system trusts, such as a network that looks into connections, can then pass \
         for the server.</p></div>"
    } else {
        ""
    };
    match link.authority {
        Some(fingerprint) => format!(
            "<p>This link sets up your machine with the server below. Nothing was contacted yet. Continue only if it \
             is your organisation’s.</p>\
             <dl>{server}<dt>{FINGERPRINT}</dt>{}</dl>{judged}{}{}",
            groups(fingerprint),
            form(number, "confirm", "", "It is: set up this machine"),
            cancel(number)
        ),
        None => format!(
            "<p>This link sets up your machine with the server below. Nothing was contacted yet. Continue only if it \
             is your organisation’s.</p>\
             <dl>{server}</dl>\
             <p>The link does not say how to recognise the server. Next, the server is asked for the fingerprint of its \
             authority, for you to compare. Your link is not sent to it yet.</p>{}{}",
            form(number, "confirm", "", "It is: show its fingerprint"),
            cancel(number)
        ),
    }
}

/// Each fingerprint has a button of its own: only the authority that was compared is trusted.
fn fingerprint_page(number: &str, name: &Server, found: &[Fingerprint]) -> String {
    let several = if found.len() > 1 {
        "<p>The server names several authorities. Continue with the one that your administrator tells you, and with no \
         other.</p>"
    } else {
        ""
    };
    let one = |(index, fingerprint): (usize, &Fingerprint)| {
        let (which, button) = if found.len() > 1 {
            let which = index + 1;
            (format!(", number {which}"), format!("Number {which} matches: set up this machine"))
        } else {
            (String::new(), "They match: set up this machine".to_owned())
        };
        let chosen = format!("<input type=\"hidden\" name=\"ca\" value=\"{fingerprint}\">");
        format!(
            "<dl><dt>{FINGERPRINT}{which}</dt>{}</dl>{}",
            groups(*fingerprint),
            form(number, "confirm", &chosen, &button)
        )
    };
    format!(
        "<p>Compare the fingerprint with the one that your administrator tells you, by voice or chat. If they differ, \
         somebody stands between you and the server. Your link was not sent yet.</p>{several}\
         <dl>{}</dl>{}{}",
        server(name),
        found.iter().enumerate().map(one).collect::<String>(),
        cancel(number)
    )
}

fn code(number: &str, device_name: Option<&str>, wrong: Option<&str>) -> String {
    let device = device_name.map(|name| format!(" for “{}”", escaped(name))).unwrap_or_default();
    let field = field(
        "match_code",
        "Your match code",
        "The code that you saw when you asked for access, such as ABCD-2345",
        "class=\"code\" spellcheck=\"false\"",
        wrong,
    );
    format!(
        "<p>The server proved itself. It gives the certificate{device} to whoever knows the match code.</p>{}{}",
        form(number, "code", &field, "Fetch the certificate"),
        cancel(number)
    )
}

fn done(finished: &Finished) -> String {
    let Finished { device_name, server, location, setup } = finished;
    let device = device_name.as_deref().map(|name| format!(" “{}”", escaped(name))).unwrap_or_default();
    let kept = match location {
        KeyLocation::System => "<p>Its key was made here and is kept in your system’s key store.</p>",
        KeyLocation::File => {
            "<div class=\"notice\"><p>Your system has no key store that programs can use. The key is kept in a file that \
             only your account can read: whoever gets at your files gets at it.</p></div>"
        }
    };
    let setup = match setup {
        Some(url) => format!(
            "<p>Before you can sign in, choose a password and connect an authenticator app.</p>\
             <p><a class=\"action\" href=\"{}\">Set up your sign-in in your browser</a></p>\
             <p><a href=\"{SIDEBAR}\">Sign in</a></p>",
            escaped(url.as_str())
        ),
        None => format!("<p><a class=\"action\" href=\"{SIDEBAR}\">Sign in</a></p>"),
    };
    format!("<p>{} knows this machine{device} from now on.</p>{kept}{setup}", escaped(&server.to_string()))
}

fn server(server: &Server) -> String {
    let coded = if server.host().split('.').any(|label| label.starts_with("xn--")) {
        "<div class=\"notice\"><p>Parts that begin with “xn--” stand for letters of another script. Make sure that \
         your organisation has such a name.</p></div>"
    } else {
        ""
    };
    format!("<dt>Server</dt><dd><code>{}</code>{coded}</dd>", escaped(&server.to_string()))
}

fn groups(fingerprint: Fingerprint) -> String {
    let groups = fingerprint.groups().join("</code> <code>");
    format!("<dd class=\"groups\"><code>{groups}</code> </dd>")
}

fn form(number: &str, action: &str, fields: &str, button: &str) -> String {
    format!(
        "<form method=\"post\" action=\"{ENROL}/{action}\">{}{fields}\
         <p><button class=\"action\">{button}</button></p></form>",
        hidden(number)
    )
}

fn hidden(number: &str) -> String {
    format!("<input type=\"hidden\" name=\"number\" value=\"{number}\">")
}

fn field(name: &str, label: &str, hint: &str, more: &str, wrong: Option<&str>) -> String {
    let (invalid, error) = match wrong {
        Some(words) => (
            " aria-invalid=\"true\"",
            format!("<p class=\"bad\" role=\"alert\" id=\"{name}-wrong\">{}</p>", escaped(words)),
        ),
        None => ("", String::new()),
    };
    format!(
        "<label for=\"{name}\">{label}</label><p class=\"hint\" id=\"{name}-hint\">{hint}</p>{error}\
         <p><input id=\"{name}\" name=\"{name}\" autocomplete=\"off\" required autofocus{invalid} \
         aria-describedby=\"{name}-hint {name}-wrong\" {more}></p>"
    )
}

fn cancel(number: &str) -> String {
    format!(
        "<form method=\"post\" action=\"{ENROL}/cancel\">{}<button class=\"plain\">Do not use this link</button></form>",
        hidden(number)
    )
}

fn notice(problem: &Problem) -> String {
    let errors = problem.errors.iter().map(|error| format!("<p>{}</p>", escaped(&error.message)));
    let errors = errors.collect::<Vec<_>>().concat();
    format!(
        "<div class=\"notice\" role=\"alert\"><p class=\"bad\">{}</p><p>{}</p>{errors}</div>",
        escaped(&problem.title),
        escaped(&problem.detail)
    )
}
