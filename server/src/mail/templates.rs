//! What each mail says. One function each; the words stand here and nowhere else.

mod ending;

use protocol::access::{DeviceName, EmailAddress, Message};

use super::letter::Letter;
use super::{Mail, Subject};

/// Who writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letterhead {
    pub organisation: String,
}

/// What a set-up link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A new person.
    Invitation,
    /// Somebody who lost the password or the second factor.
    Reset,
}

impl Letterhead {
    /// To the requester: the request has arrived.
    pub fn request_received(&self, to: &EmailAddress, status_url: &str, request_hours: u32) -> Mail {
        let letter = Letter::default()
            .paragraph("Your request for access has arrived. An administrator will look at it.")
            .paragraph(&format!(
                "They will ask you for the match code that you saw after asking. It is not in this mail, and it shows \
                 that the request is yours. The request waits for {}.",
                hours(request_hours)
            ))
            .link("See how it stands", status_url)
            .paragraph("If you did not ask for access, you need not do anything.");
        self.mail(to, "Your request for access has arrived", letter)
    }

    /// To the requester: approved, with the link to the certificate.
    pub fn request_approved(
        &self,
        to: &EmailAddress,
        device: Option<&DeviceName>,
        download_url: &str,
        link_hours: u32,
    ) -> Mail {
        let machine = device.map_or_else(|| "your machine".to_owned(), |name| format!("“{name}”"));
        let letter = Letter::default()
            .paragraph(&format!("Your request for access is approved. The link leads to the certificate for {machine}."))
            .link("Get the certificate", download_url)
            .paragraph(&format!(
                "Open it on that machine and in the browser in which you asked, or have your match code at hand. It \
                 works once, within {}.",
                hours(link_hours)
            ))
            .paragraph("If you did not ask for access, tell your administrator.");
        self.mail(to, "Your request for access is approved", letter)
    }

    /// To the requester: rejected, with the administrator's reason.
    pub fn request_rejected(&self, to: &EmailAddress, reason: &Message, request_url: &str) -> Mail {
        let letter = Letter::default().paragraph("Your request for access was rejected.");
        let letter =
            if reason.as_str().is_empty() { letter } else { letter.paragraph("The administrator wrote:") };
        let letter = letter.quote(reason.as_str()).link("Ask again", request_url);
        self.mail(to, "Your request for access was rejected", letter)
    }

    /// To a person: the link on which they choose their password and second factor.
    pub fn set_up(&self, to: &EmailAddress, purpose: Purpose, setup_url: &str, link_hours: u32) -> Mail {
        let (subject, opening) = match purpose {
            Purpose::Invitation => (
                "Set up your account",
                format!("There is an account for you at {}. Choose your password and your second factor.", self.organisation),
            ),
            Purpose::Reset => (
                "Set up your account again",
                "An administrator sent you this link, so that you can choose a new password and second factor. Until \
                 then the old ones stay in force."
                    .to_owned(),
            ),
        };
        let letter = Letter::default()
            .paragraph(&opening)
            .link("Set up the account", setup_url)
            .paragraph(&format!("The link works once, within {}.", hours(link_hours)))
            .paragraph("If you did not expect this, tell your administrator and do not open the link.");
        self.mail(to, subject, letter)
    }

    /// To an administrator: somebody asks for access.
    pub fn new_request(
        &self,
        to: &EmailAddress,
        requester: &EmailAddress,
        device: Option<&DeviceName>,
        message: &Message,
        panel_url: &str,
    ) -> Mail {
        let machine = device.map_or_else(String::new, |name| format!(" for “{name}”"));
        let letter = Letter::default().paragraph(&format!("{requester} asks for access{machine}."));
        let letter = if message.as_str().is_empty() { letter } else { letter.paragraph("They wrote:") };
        let letter = letter
            .quote(message.as_str())
            .paragraph("Before you approve it, let them read their match code to you and compare it with the one shown there.")
            .link("Look at the request", panel_url);
        self.mail(to, "A new request for access", letter)
    }

    fn mail(&self, to: &EmailAddress, subject: &str, letter: Letter) -> Mail {
        let (text, html) = letter.signed(&self.organisation);
        Mail {
            to: to.clone(),
            subject: Subject::new(format!("{subject} ({})", self.organisation)),
            text,
            html,
        }
    }
}

fn hours(hours: u32) -> String {
    match hours {
        1 => "one hour".to_owned(),
        hours if hours >= 48 && hours.is_multiple_of(24) => format!("{} days", hours / 24),
        hours => format!("{hours} hours"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://a.example.org/x/abc?d=e&f=g";

    fn head() -> Letterhead {
        Letterhead { organisation: "Smith & Sons\r\nBcc: all@example.org".to_owned() }
    }

    fn all() -> Vec<Mail> {
        let to: EmailAddress = "anna@example.org".parse().unwrap();
        let device: DeviceName = "<script>alert('x')</script>".parse().unwrap();
        let message: Message = "Hello <b>you</b>\nhttps://evil.example.net".parse().unwrap();
        let head = head();
        vec![
            head.request_received(&to, URL, 72),
            head.request_approved(&to, Some(&device), URL, 24),
            head.request_rejected(&to, &message, URL),
            head.set_up(&to, Purpose::Invitation, URL, 72),
            head.set_up(&to, Purpose::Reset, URL, 1),
            head.new_request(&to, &to, Some(&device), &message, URL),
            head.certificate_ends(&to, device.as_str(), 1_800_000_000, URL),
        ]
    }

    #[test]
    fn each_has_its_link_in_both_parts_and_escapes_what_people_typed() {
        for mail in all() {
            assert!(mail.text.contains(URL), "{}", mail.text);
            let escaped = "https://a.example.org/x/abc?d=e&amp;f=g";
            assert!(mail.html.contains(&format!("<a href=\"{escaped}\">")), "{}", mail.html);
            assert!(!mail.html.contains("<script") && !mail.html.contains("<b>"), "{}", mail.html);
            assert!(mail.html.contains("Smith &amp; Sons"));
            assert!(mail.text.starts_with(|c: char| c.is_alphanumeric()));
        }
    }

    #[test]
    fn subjects_are_one_line_and_differ() {
        let mut subjects: Vec<_> = all().into_iter().map(|mail| mail.subject.0).collect();
        assert!(subjects.iter().all(|s| !s.contains(['\r', '\n'])), "{subjects:?}");
        subjects.sort();
        subjects.dedup();
        assert_eq!(subjects.len(), 7);
        assert_eq!(Subject::new("a\r\nBcc: b\u{85}c ").as_str(), "a  Bcc: b c");
    }

    #[test]
    fn an_empty_reason_leaves_no_gap() {
        let mail = head().request_rejected(&"a@example.org".parse().unwrap(), &Message::default(), URL);
        assert!(!mail.text.contains("wrote") && !mail.html.contains("blockquote"));
    }
}
