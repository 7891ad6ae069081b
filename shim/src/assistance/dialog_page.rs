//! The page of the confirmation: the exact text as changes that can be chosen one by one, where it goes, and two buttons. The
//! safe one is first and has the keyboard; Esc presses it.
//!
//! What cannot be seen is shown: blanks that are not plain ones, and each invisible character by its number.

use desktop::edit::TargetKind;
use http::header::{CONTENT_SECURITY_POLICY, HeaderValue};
use http::{Response, StatusCode};
use protocol::diff::Part;
use protocol::text::is_invisible;

use super::dialog::{Open, PATH};
use crate::page::{STYLE, answer, escaped};

const DIALOG_STYLE: &str = "\
:root{--signal:oklch(.76 .16 70);--on-signal:oklch(.22 .02 255);--sunken:oklch(.965 .003 250);--good:oklch(.52 .12 155)}\
@media(prefers-color-scheme:dark){:root{--signal:oklch(.8 .15 75);--sunken:oklch(.145 .01 255);--good:oklch(.74 .13 155)}}\
html,body{height:100%}body{display:flex;flex-direction:column;padding:0;overflow:hidden}\
.strip{flex:none;background:var(--signal);color:var(--on-signal);font-weight:600;padding:6px 12px}\
form{flex:1;min-height:0;display:flex;flex-direction:column;margin:0}\
main{flex:1;min-height:0;overflow:auto;padding:16px 12px}\
h1{overflow-wrap:anywhere}dl{margin:0 0 12px}dd{margin:0 0 8px}\
.text{white-space:pre-wrap;overflow-wrap:anywhere;background:var(--sunken);border:1px solid var(--line);border-radius:8px;\
padding:8px 12px;font-family:ui-monospace,monospace;font-size:13px;line-height:20px}\
.text label{display:inline;font-weight:400;border-radius:4px}\
.text input{width:16px;height:16px;margin:0 6px 0 0;padding:0;vertical-align:-3px;accent-color:var(--ink)}\
del{color:var(--bad);text-decoration:line-through}ins{color:var(--good);text-decoration:underline;font-weight:600}\
label:has(input:not(:checked)) ins{opacity:.55;text-decoration:line-through}\
label:has(input:not(:checked)) del{color:inherit;text-decoration:none}\
del:empty,ins:empty{display:none}.same{color:var(--muted)}\
.mark{font-size:10px;border:1px solid currentColor;border-radius:4px;padding:0 3px;margin:0 1px;text-decoration:none;\
display:inline-block;line-height:14px}\
footer{flex:none;display:flex;flex-wrap:wrap;gap:8px;border-top:1px solid var(--line);padding:12px}\
footer button{min-height:36px;padding:6px 16px;border-radius:8px;font-weight:600;border:1px solid var(--line);\
background:var(--raised);color:var(--ink)}\
footer .yes{margin-left:auto;background:var(--ink);color:var(--paper);border-color:transparent}\
.sr{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}";

const ESCAPE: &str = "addEventListener('keydown',e=>{if(e.key==='Escape'){e.preventDefault();document.getElementById('no').click()}})";

/// `nonce` lets the one script of the page run.
pub fn page(open: &Open, nonce: &str) -> Response<Vec<u8>> {
    let offer = &open.offer;
    let target = &offer.target;
    let program = shown_name(&target.program, "this window");
    let heading = match (open.chosen.len(), offer.proposal.text().chars().count()) {
        (0 | 1, 1) => format!("Type 1 character into {program}?"),
        (0 | 1, length) => format!("Type {length} characters into {program}?"),
        // How many characters it will be depends on the choice.
        (changes, _) => format!("Make {changes} changes in {program}?"),
    };
    let place = match target.kind {
        TargetKind::Terminal => "At the cursor of the terminal; no line break is sent",
        _ if offer.proposal.replaces().is_some() => "In place of what is selected",
        _ => "At the cursor",
    };
    let again = if open.asked_again {
        "<p role=\"alert\" class=\"bad\">That came too soon to have been read. Look at it, then decide.</p>"
    } else {
        ""
    };
    let body = format!(
        "<div class=\"strip\">About to type</div><form method=\"post\" action=\"{PATH}\">\
         <input type=\"hidden\" name=\"number\" value=\"{}\"><main><h1>{}</h1>{again}\
         <dl><dt>Window</dt><dd><bdi>{}</bdi></dd><dt>Where</dt><dd>{place}</dd></dl>\
         <div class=\"text\" aria-label=\"The exact text\">{}</div></main>\
         <footer><button id=\"no\" name=\"decision\" value=\"no\" autofocus>Do not type (Esc)</button>\
         <button class=\"yes\" name=\"decision\" value=\"yes\">Type it</button></footer></form>",
        escaped(&open.number),
        escaped(&heading),
        escaped(&shown_name(&target.title, "without a title")),
        changes(&offer.proposal.parts(), &open.chosen),
    );
    document(&heading, &body, nonce)
}

/// While no change waits: the window is about to close.
pub fn over() -> Response<Vec<u8>> {
    document("Decided", "<main><p>This is decided.</p></main>", "")
}

fn document(title: &str, body: &str, nonce: &str) -> Response<Vec<u8>> {
    let script =
        if nonce.is_empty() { String::new() } else { format!("<script nonce=\"{nonce}\">{ESCAPE}</script>") };
    let text = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{}</title><style>{STYLE}{DIALOG_STYLE}</style></head><body>{body}{script}</body></html>",
        escaped(title)
    );
    let mut response = answer(StatusCode::OK, "text/html; charset=utf-8", text.into_bytes());
    let scripts = if nonce.is_empty() { "'none'".to_owned() } else { format!("'nonce-{nonce}'") };
    let policy = format!(
        "default-src 'none'; style-src 'unsafe-inline'; script-src {scripts}; base-uri 'none'; frame-ancestors 'none'; \
         form-action 'self' assistant://localhost http://assistant.localhost"
    );
    if let Ok(policy) = HeaderValue::try_from(policy) {
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// A program can give its window any title.
fn shown_name(name: &str, otherwise: &str) -> String {
    match protocol::text::visible(name).trim() {
        "" => otherwise.to_owned(),
        name => name.chars().take(200).collect(),
    }
}

fn changes(parts: &[Part], chosen: &[bool]) -> String {
    let mut html = String::new();
    let mut number = 0;
    for part in parts {
        match part {
            Part::Same(text) => html.extend(["<span class=\"same\">", &visible(text), "</span>"]),
            Part::Change { old, new } => {
                let checked = if chosen.get(number).copied().unwrap_or_default() { " checked" } else { "" };
                let words = match (old.is_empty(), new.is_empty()) {
                    (true, _) => "Insert: ",
                    (_, true) => "Remove: ",
                    _ => "Replace: ",
                };
                let number_text = number.to_string();
                html.extend([
                    "<label><input type=\"checkbox\" name=\"change\" value=\"",
                    &number_text,
                    "\"",
                    checked,
                ]);
                html.extend(["><span class=\"sr\">", words, "</span>"]);
                html.extend(["<del>", &visible(old), "</del><ins>", &visible(new), "</ins></label>"]);
                number += 1;
            }
        }
    }
    html
}

/// The number of a character that cannot be seen.
fn mark(title: &str, c: char) -> String {
    format!("<span class=\"mark\" title=\"{title}\">U+{:04X}</span>", u32::from(c))
}

/// Escaped, with a sign for each character that has none.
fn visible(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => html.push_str("<span class=\"mark\" title=\"Line break\">↵</span>\n"),
            '\t' => html.push_str("<span class=\"mark\" title=\"Tab\">⇥</span>\t"),
            '\u{A0}' | '\u{1680}' | '\u{2000}'..='\u{200A}' | '\u{202F}' | '\u{205F}' | '\u{3000}' => {
                html.push_str(&mark("Special blank", c));
                html.push(c);
            }
            // Not as itself: beside the sign it would join nothing, or turn the text around.
            c if is_invisible(c) => html.push_str(&mark("Invisible", c)),
            '&' | '<' | '>' | '"' | '\'' => html.push_str(&escaped(c.encode_utf8(&mut [0; 4]))),
            c => html.push(c),
        }
    }
    html
}
