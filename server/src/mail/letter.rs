//! One letter's text and HTML from the same paragraphs.

use std::fmt::Write as _;

use protocol::access::Message;

/// A letter while it is written. Each piece goes into both parts, in the HTML escaped.
#[derive(Debug, Default)]
pub(super) struct Letter {
    text: String,
    html: String,
}

impl Letter {
    pub fn paragraph(mut self, words: &str) -> Self {
        let _ = write!(self.text, "{words}\n\n");
        let _ = writeln!(self.html, "<p>{}</p>", escape(words));
        self
    }

    /// What somebody wrote, set apart so that it is not taken for our words. Nothing when it is empty.
    pub fn quote(mut self, words: &str) -> Self {
        if words.is_empty() {
            return self;
        }
        for line in words.lines() {
            let _ = writeln!(self.text, "> {line}");
        }
        self.text.push('\n');
        let lines: Vec<_> = words.lines().map(escape).collect();
        let _ = writeln!(self.html, "<blockquote>{}</blockquote>", lines.join("<br>"));
        self
    }

    /// What an administrator wrote about a decision, if it is anything.
    pub fn words_of_administrator(self, words: &Message) -> Self {
        match words.as_str() {
            "" => self,
            words => self.paragraph("The administrator wrote:").quote(words),
        }
    }

    /// A link on a line of its own, whole, so that it can be read and copied.
    pub fn link(mut self, label: &str, url: &str) -> Self {
        let _ = write!(self.text, "{label}:\n{url}\n\n");
        let (label, url) = (escape(label), escape(url));
        let _ = writeln!(self.html, "<p><a href=\"{url}\">{label}</a><br><small>{url}</small></p>");
        self
    }

    /// The text part and the HTML part, signed.
    pub fn signed(self, organisation: &str) -> (String, String) {
        let Self { text, html } = self;
        let text = format!("{text}-- \n{organisation}\n");
        let html = format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"></head>\n\
             <body style=\"font-family: sans-serif; line-height: 1.5; max-width: 40em\">\n{html}\
             <p><small>{}</small></p>\n</body>\n</html>\n",
            escape(organisation)
        );
        (text, html)
    }
}

/// Text as it may stand in HTML, between tags and in quoted attributes.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}
