//! What each mail says. One function each; the words stand here and nowhere else.

mod ending;

use protocol::access::{DeviceName, EmailAddress, Message};
use protocol::certificate::RevocationReason;

use super::letter::Letter;
use super::{Mail, Subject};
use crate::access::{AccessRequest, Notice};

/// How many requests one notice to administrators names.
const MOST_NAMED: usize = 20;

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

/// Why a certificate ended before its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateEnd {
    /// Its machine has fetched another one.
    Replaced,
    /// An administrator ended it.
    Revoked { reason: RevocationReason, words: Message },
}

/// How far somebody came who does not know the match code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodesTried {
    /// So often that it is hardly a slip.
    Often { wrong: i64 },
    /// So often that the link is closed to everybody but the asking browser.
    Closed,
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

    /// To the requester: another link in the place of a lost one.
    pub fn new_link(
        &self,
        to: &EmailAddress,
        device: Option<&DeviceName>,
        download_url: &str,
        link_hours: u32,
    ) -> Mail {
        let machine = device.map_or_else(|| "your machine".to_owned(), |name| format!("“{name}”"));
        let letter = Letter::default()
            .paragraph(&format!(
                "An administrator sends you a new link to the certificate for {machine}. The former one works no more."
            ))
            .link("Get the certificate", download_url)
            .paragraph(&format!(
                "Open it on that machine and in the browser in which you asked, or have your match code at hand. It \
                 works once, within {}. A certificate that you fetched before ends when you fetch the new one.",
                hours(link_hours)
            ))
            .paragraph("If you did not ask for a new link, tell your administrator.");
        self.mail(to, "A new link to your certificate", letter)
    }

    /// To the requester: no other link comes in the place of the lost one.
    pub fn link_declined(
        &self,
        to: &EmailAddress,
        device: Option<&DeviceName>,
        reason: &Message,
        request_url: &str,
    ) -> Mail {
        let machine = device.map_or_else(|| "your machine".to_owned(), |name| format!("“{name}”"));
        let letter = Letter::default()
            .paragraph(&format!(
                "You asked for a new link to the certificate for {machine}. An administrator has declined to send one."
            ))
            .words_of_administrator(reason)
            .paragraph("Should you still need a certificate, ask for access again.")
            .link("Ask for access", request_url);
        self.mail(to, "No new link to your certificate", letter)
    }

    /// To the requester: the link was not used in time. Its own address is known to nobody but its mail. `another`: its page
    /// takes the wish for a new one.
    pub fn link_ended(
        &self,
        to: &EmailAddress,
        device: Option<&DeviceName>,
        another: bool,
        request_url: &str,
    ) -> Mail {
        let machine = device.map_or_else(|| "your machine".to_owned(), |name| format!("“{name}”"));
        let letter = Letter::default()
            .paragraph(&format!("The link to the certificate for {machine} has ended unused."))
            .paragraph(if another {
                "Open it again in the mail that brought it: its page lets you ask the administrators for a new one. If \
                 you do not have that mail any more, ask for access again."
            } else {
                "Ask for access again; an administrator approves it as before."
            })
            .link("Ask for access", request_url);
        self.mail(to, "The link to your certificate has ended", letter)
    }

    /// To the requester: rejected, with the administrator's reason.
    pub fn request_rejected(&self, to: &EmailAddress, reason: &Message, request_url: &str) -> Mail {
        let letter = Letter::default()
            .paragraph("Your request for access was rejected.")
            .words_of_administrator(reason)
            .link("Ask again", request_url);
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

    /// To the requester: nobody decided in time.
    pub fn request_expired(&self, to: &EmailAddress, requested_at: i64, request_url: &str) -> Mail {
        let letter = Letter::default()
            .paragraph(&format!(
                "Nobody decided about your request for access of {} in time, so it has ended.",
                app::instant::date(requested_at)
            ))
            .paragraph("You can ask again. It helps to tell an administrator in another way, too.")
            .link("Ask again", request_url)
            .paragraph("If you did not ask for access, you need not do anything.");
        self.mail(to, "Your request for access has ended", letter)
    }

    /// To a machine's owner: its certificate opens nothing any more.
    pub fn certificate_revoked(
        &self,
        to: &EmailAddress,
        device: &str,
        end: &CertificateEnd,
        request_url: &str,
    ) -> Mail {
        let letter = Letter::default();
        let letter = match end {
            CertificateEnd::Replaced => letter
                .paragraph(&format!(
                    "The former certificate of “{device}” has ended, since a new one was fetched with the link that you were \
                     sent."
                ))
                .paragraph("If you did not fetch it, tell your administrator at once: somebody has your link and your code."),
            CertificateEnd::Revoked { reason, words } => {
                let letter = letter.paragraph(&format!(
                    "An administrator has revoked the certificate of “{device}”. The assistant does not work on that machine \
                     any more."
                ));
                let letter = match reason.words() {
                    Some(reason) => letter.paragraph(&format!("The reason: {}.", reason.to_lowercase())),
                    None => letter,
                };
                letter.words_of_administrator(words).paragraph("Should you need one again, ask for access again.")
            }
        };
        self.mail(to, "Your certificate has ended", letter.link("Ask for access", request_url))
    }

    /// To an administrator: what is new about requests. It never holds a match code.
    pub fn requests_wait(
        &self,
        to: &EmailAddress,
        news: &[(AccessRequest, Notice)],
        panel_url: &str,
    ) -> Mail {
        let subject = match news {
            [(_, Notice::New)] => "A new request for access".to_owned(),
            [(_, Notice::Reminder)] => "A reminder of a request for access".to_owned(),
            [(_, Notice::Link)] => "A new link is asked for".to_owned(),
            all => format!("{} requests for access", all.len()),
        };
        let mut letter = Letter::default();
        for (request, notice) in news.iter().take(MOST_NAMED) {
            let (requester, device) = (&request.email, request.device_name.as_ref());
            let machine = device.map_or_else(String::new, |name| format!(" for “{name}”"));
            letter = match notice {
                Notice::New => letter
                    .paragraph(&format!("{requester} asks for access{machine}."))
                    .quote(request.message.as_str()),
                Notice::Reminder => {
                    letter.paragraph(&format!("{requester} reminds you of the request for access{machine}."))
                }
                Notice::Link => letter.paragraph(&format!(
                    "{requester} cannot use the link to the certificate any more, and asks for a new one{machine}."
                )),
            };
        }
        if news.len() > MOST_NAMED {
            letter = letter.paragraph(&format!("And {} more.", news.len() - MOST_NAMED));
        }
        let letter = letter
            .paragraph(
                "Before you approve a request, let the requester read the match code to you, and compare it with the \
                 one shown there.",
            )
            .link("Look at the requests", panel_url);
        self.mail(to, &subject, letter)
    }

    /// To an administrator: somebody tries match codes with the link that was sent to `requester`.
    pub fn codes_tried(
        &self,
        to: &EmailAddress,
        requester: &EmailAddress,
        tried: CodesTried,
        panel_url: &str,
    ) -> Mail {
        let (subject, happened) = match tried {
            CodesTried::Often { wrong } => (
                "Wrong match codes with a link",
                format!("With the link that {requester} was sent, {wrong} wrong match codes were entered."),
            ),
            CodesTried::Closed => (
                "A link was closed after wrong match codes",
                format!(
                    "With the link that {requester} was sent, so many wrong match codes were entered that it opens in the \
                     requester’s own browser alone now."
                ),
            ),
        };
        let letter = Letter::default()
            .paragraph(&happened)
            .paragraph(
                "Nothing was handed out for them. Ask the requester, by voice or chat, whether they did it; if not, \
                 somebody else reads their mail. A new link makes the one before it worthless.",
            )
            .link("Look at the request", panel_url);
        self.mail(to, subject, letter)
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
    use crate::access::pending;

    const CODE: &str = "2345-6789";
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
            head.new_link(&to, Some(&device), URL, 24),
            head.link_declined(&to, Some(&device), &message, URL),
            head.certificate_revoked(&to, device.as_str(), &CertificateEnd::Replaced, URL),
            head.certificate_revoked(
                &to,
                device.as_str(),
                &CertificateEnd::Revoked { reason: RevocationReason::KeyCompromise, words: message.clone() },
                URL,
            ),
            head.request_expired(&to, 1_795_348_815, URL),
            head.requests_wait(&to, &[(waiting(&device, &message), Notice::New)], URL),
            head.requests_wait(&to, &[(waiting(&device, &message), Notice::Reminder)], URL),
            head.requests_wait(&to, &[(waiting(&device, &message), Notice::Link)], URL),
            head.certificate_ends(&to, device.as_str(), 1_800_000_000, URL),
            head.codes_tried(&to, &to, CodesTried::Often { wrong: 3 }, URL),
            head.codes_tried(&to, &to, CodesTried::Closed, URL),
            head.link_ended(&to, Some(&device), true, URL),
        ]
    }

    fn waiting(device: &DeviceName, message: &Message) -> AccessRequest {
        let email = "ben@example.org".parse().unwrap();
        let (device_name, message) = (Some(device.clone()), message.clone());
        AccessRequest { email, match_code: CODE.parse().unwrap(), device_name, message, ..pending() }
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
    fn after_the_last_link_nobody_is_sent_to_its_page() {
        let to = "anna@example.org".parse().unwrap();
        let text = |another| {
            let mail = head().link_ended(&to, None, another, URL);
            mail.text.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        assert!(text(true).contains("its page lets you ask") && !text(false).contains("its page"));
        assert!([true, false].iter().all(|another| text(*another).contains(URL)));
    }

    #[test]
    fn subjects_are_one_line_and_differ() {
        let mut subjects: Vec<_> = all().into_iter().map(|mail| mail.subject.0).collect();
        assert!(subjects.iter().all(|s| !s.contains(['\r', '\n'])), "{subjects:?}");
        subjects.sort();
        subjects.dedup();
        assert_eq!(subjects.len(), all().len() - 1, "the two ends of a certificate have one");
        assert_eq!(Subject::new("a\r\nBcc: b\u{85}c ").as_str(), "a  Bcc: b c");
    }

    #[test]
    fn a_notice_names_some_and_counts_all() {
        let to: EmailAddress = "admin@example.org".parse().unwrap();
        let one = waiting(&"Laptop".parse().unwrap(), &Message::default());
        let news: Vec<_> = (0..25).map(|_| (one.clone(), Notice::New)).collect();
        let mail = head().requests_wait(&to, &news, URL);
        assert!(mail.subject.as_str().starts_with("25 requests for access"), "{:?}", mail.subject);
        assert_eq!(mail.text.matches("ben@example.org asks").count(), 20);
        assert!(mail.text.contains("And 5 more."));
    }

    #[test]
    fn no_mail_holds_a_match_code() {
        for mail in all() {
            for part in [&mail.text, &mail.html, &mail.subject.0] {
                assert!(!part.contains(CODE) && !part.contains(&CODE.replace('-', "")), "{part}");
            }
        }
    }

    #[test]
    fn an_empty_reason_leaves_no_gap() {
        let to = "a@example.org".parse().unwrap();
        let end =
            CertificateEnd::Revoked { reason: RevocationReason::Unspecified, words: Message::default() };
        for mail in [
            head().request_rejected(&to, &Message::default(), URL),
            head().certificate_revoked(&to, "Laptop", &end, URL),
            head().link_declined(&to, None, &Message::default(), URL),
        ] {
            assert!(!mail.text.contains("wrote") && !mail.html.contains("blockquote"), "{}", mail.text);
        }
    }
}
