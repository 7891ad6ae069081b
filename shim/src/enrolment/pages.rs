//! The pages of an enrolment: forms without scripts, since there is no server yet whose pages could be shown.

use http::{Response, StatusCode};
use protocol::Problem;

use super::wizard::{Finished, Stage};
use crate::configuration::Server;
use crate::keystore::Place;
use crate::link::{Fingerprint, Link};
use crate::page::{escaped, html, leading_on};

/// Where these pages are, on the origin of the user interface.
pub const ENROL: &str = "/~shim/enrol";
const SIDEBAR: &str = crate::app_scheme::SIDEBAR;

/// What stands to be done. `number` is that of the stage.
pub fn page(number: u64, stage: &Stage, problem: Option<&Problem>) -> Response<Vec<u8>> {
    let (title, body) = match stage {
        Stage::Waiting => ("Set up this machine", waiting("", None)),
        Stage::NotALink(typed) => {
            ("Set up this machine", waiting(typed, problem.and_then(|p| p.error_of("link"))))
        }
        Stage::Linked(link) => ("Is this the right server?", linked(number, link)),
        Stage::Met(met) => ("Do the fingerprints match?", met_page(number, met.server(), met.fingerprints())),
        Stage::Opened(opened) => {
            let wrong = problem.and_then(|p| p.error_of("match_code"));
            ("Enter your match code", code(number, opened.offer.device_name.as_deref(), wrong))
        }
        Stage::Done(finished) => ("This machine is set up", done(finished)),
    };
    // One that belongs to a field stands there.
    let told = problem.filter(|p| p.errors.is_empty()).map(notice).unwrap_or_default();
    html(StatusCode::OK, title, &format!("<h1>{title}</h1>{told}{body}"))
}

/// While nobody wants to enrol.
pub fn closed() -> Response<Vec<u8>> {
    leading_on("One moment", &format!("<p><a href=\"{SIDEBAR}\">Continue</a></p>"), SIDEBAR)
}

fn waiting(typed: &str, wrong: Option<&str>) -> String {
    let typed = escaped(typed);
    let field =
        field("link", "The link", "It begins with https:// or aiwe://", &format!("value=\"{typed}\""), wrong);
    format!(
        "<p>Paste the link from the mail that approved your request.</p>\
         <form method=\"post\" action=\"{ENROL}/link\">{field}\
         <p><button class=\"action\">Continue</button></p></form>\
         <p>You have none yet? Open your organisation’s server in a browser, and ask for access there: its page \
         is called “Request access”.</p>"
    )
}

fn linked(number: u64, link: &Link) -> String {
    let server = server(&link.server);
    match link.authority {
        Some(fingerprint) => format!(
            "<p>This link sets up your machine with the server below. Nothing was contacted yet. Continue only if it \
             is your organisation’s.</p>\
             <dl>{server}{}</dl>{}{}",
            fingerprints(&[fingerprint]),
            form(number, "confirm", "", "It is: set up this machine"),
            cancel()
        ),
        None => format!(
            "<p>This link sets up your machine with the server below. Nothing was contacted yet. Continue only if it \
             is your organisation’s.</p>\
             <dl>{server}</dl>\
             <p>The link does not say how to recognise the server. Next, the server is asked for the fingerprint of its \
             authority, for you to compare. Your link is not sent to it yet.</p>{}{}",
            form(number, "confirm", "", "It is: show its fingerprint"),
            cancel()
        ),
    }
}

fn met_page(number: u64, name: &Server, found: &[Fingerprint]) -> String {
    format!(
        "<p>Compare the fingerprint with the one that your administrator tells you, by voice or chat. If they differ, \
         somebody stands between you and the server. Your link was not sent yet.</p>\
         <dl>{}{}</dl>{}{}",
        server(name),
        fingerprints(found),
        form(number, "confirm", "", "They match: set up this machine"),
        cancel()
    )
}

fn code(number: u64, device_name: Option<&str>, wrong: Option<&str>) -> String {
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
        cancel()
    )
}

fn done(finished: &Finished) -> String {
    let Finished { device_name, server, place, setup } = finished;
    let device = device_name.as_deref().map(|name| format!(" “{}”", escaped(name))).unwrap_or_default();
    let kept = match place {
        Place::System => "<p>Its key was made here and is kept in your system’s key store.</p>",
        Place::File => {
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

fn fingerprints(all: &[Fingerprint]) -> String {
    let one = |fingerprint: &Fingerprint| -> String {
        let groups: String =
            fingerprint.groups().iter().map(|group| format!("<code>{group}</code> ")).collect();
        format!("<dd class=\"groups\">{groups}</dd>")
    };
    format!("<dt>Fingerprint of its authority (SHA-256)</dt>{}", all.iter().map(one).collect::<String>())
}

fn form(number: u64, action: &str, fields: &str, button: &str) -> String {
    format!(
        "<form method=\"post\" action=\"{ENROL}/{action}\">\
         <input type=\"hidden\" name=\"number\" value=\"{number}\">{fields}\
         <p><button class=\"action\">{button}</button></p></form>"
    )
}

fn field(name: &str, label: &str, hint: &str, more: &str, wrong: Option<&str>) -> String {
    let (invalid, told) = match wrong {
        Some(words) => (
            " aria-invalid=\"true\"",
            format!("<p class=\"bad\" role=\"alert\" id=\"{name}-wrong\">{}</p>", escaped(words)),
        ),
        None => ("", String::new()),
    };
    format!(
        "<label for=\"{name}\">{label}</label><p class=\"hint\" id=\"{name}-hint\">{hint}</p>{told}\
         <p><input id=\"{name}\" name=\"{name}\" autocomplete=\"off\" required autofocus{invalid} \
         aria-describedby=\"{name}-hint {name}-wrong\" {more}></p>"
    )
}

fn cancel() -> String {
    format!(
        "<form method=\"post\" action=\"{ENROL}/cancel\"><button class=\"plain\">Use another link</button></form>"
    )
}

fn notice(problem: &Problem) -> String {
    format!(
        "<div class=\"notice\" role=\"alert\"><p class=\"bad\">{}</p><p>{}</p></div>",
        escaped(&problem.title),
        escaped(&problem.detail)
    )
}
