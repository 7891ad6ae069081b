//! Builds a mail's text and HTML parts from the same paragraphs.

use std::fmt::Write as _;

use html_escape::encode_quoted_attribute as escape;
use protocol::access::Message;

/// A mail body under construction. Each piece is added to both parts, escaped in the HTML.
#[derive(Debug, Default)]
pub(super) struct MailBody {
    text: String,
    html: String,
}

impl MailBody {
    pub fn paragraph(mut self, words: &str) -> Self {
        let _ = write!(self.text, "{words}\n\n");
        let _ = writeln!(self.html, "<p>{}</p>", escape(words));
        self
    }

    /// User input, set off so that it is not mistaken for our own text. Nothing when it is empty.
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

    /// The administrator's message about a decision, if there is one.
    pub fn message_of_administrator(self, words: &Message) -> Self {
        match words.as_str() {
            "" => self,
            words => self.paragraph("The administrator wrote:").quote(words),
        }
    }

    /// A link with its full address on a line of its own, so that it can be read and copied.
    pub fn link(mut self, label: &str, url: &str) -> Self {
        let _ = write!(self.text, "{label}:\n{url}\n\n");
        let (label, url) = (escape(label), escape(url));
        let _ = writeln!(self.html, "<p><a href=\"{url}\">{label}</a><br><small>{url}</small></p>");
        self
    }

    /// The text part and the HTML part, with the signature.
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
