//! The text of every mail, one function each.

mod account;
mod certificate_expiry;

use domain::access::{AccessRequest, Notice};
use protocol::access::{DeviceName, EmailAddress, Message};
use protocol::certificate::RevocationReason;

use super::body::MailBody;
use super::{Mail, Subject};

/// Requests named in one notice to administrators.
const MOST_NAMED: usize = 20;

/// Renders mails in the organisation's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailTemplates {
    pub organisation: String,
}

/// Why a set-up link is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A new person.
    Invitation,
    /// Somebody who lost the password or the second factor.
    Reset,
}

/// Why a certificate ended before it expired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateEnd {
    /// Its machine has got another one.
    Replaced,
    /// An administrator revoked it.
    Revoked { reason: RevocationReason, words: Message },
}

/// Why administrators are notified of wrong match codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodesTried {
    /// Too many for a typo.
    Often { wrong: i64 },
    /// So many that only the requesting browser can still use the link.
    Closed,
}

impl MailTemplates {
    /// To the requester: the request has arrived.
    pub fn request_received(&self, to: &EmailAddress, status_url: &str, request_hours: u32) -> Mail {
        let body = MailBody::default()
            .paragraph("We received your request for access. An administrator will review it.")
            .paragraph(&format!(
                "They will ask you for the match code you were shown. It proves that the request is yours, so it is not in \
                 this mail. The request stays open for {}.",
                hours(request_hours)
            ))
            .link("Check its status", status_url)
            .paragraph("If you did not request access, you can ignore this mail.");
        self.mail(to, "We received your access request", body)
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
        let body = MailBody::default()
            .paragraph(&format!("Your request for access was approved. Use this link to get the certificate for {machine}."))
            .link("Get the certificate", download_url)
            .paragraph(&format!(
                "Open it on that machine, in the browser you used for the request, or have your match code ready. It \
                 works once, within {}.",
                hours(link_hours)
            ))
            .paragraph("If you did not request access, tell your administrator.");
        self.mail(to, "Your access request was approved", body)
    }

    /// To the requester: a new link that replaces the former one.
    pub fn new_link(
        &self,
        to: &EmailAddress,
        device: Option<&DeviceName>,
        download_url: &str,
        link_hours: u32,
    ) -> Mail {
        let machine = device.map_or_else(|| "your machine".to_owned(), |name| format!("“{name}”"));
        let body = MailBody::default()
            .paragraph(&format!(
                "An administrator sent you a new link to the certificate for {machine}. The old link no longer works."
            ))
            .link("Get the certificate", download_url)
            .paragraph(&format!(
                "Open it on that machine, in the browser you used for the request, or have your match code ready. It \
                 works once, within {}. If you already have a certificate, it is revoked when you get the new one.",
                hours(link_hours)
            ))
            .paragraph("If you did not ask for a new link, tell your administrator.");
        self.mail(to, "A new link to your certificate", body)
    }

    /// To the requester: the request for a new link was declined.
    pub fn link_declined(
        &self,
        to: &EmailAddress,
        device: Option<&DeviceName>,
        reason: &Message,
        request_url: &str,
    ) -> Mail {
        let machine = device.map_or_else(|| "your machine".to_owned(), |name| format!("“{name}”"));
        let body = MailBody::default()
            .paragraph(&format!(
                "You asked for a new link to the certificate for {machine}. An administrator decided not to send one."
            ))
            .message_of_administrator(reason)
            .paragraph("If you still need a certificate, request access again.")
            .link("Request access", request_url);
        self.mail(to, "No new link to your certificate", body)
    }

    /// To the requester: the link expired unused. Only the hash of its address is stored, so this mail cannot contain it.
    /// `another`: its page accepts a request for a new one.
    pub fn link_ended(
        &self,
        to: &EmailAddress,
        device: Option<&DeviceName>,
        another: bool,
        request_url: &str,
    ) -> Mail {
        let machine = device.map_or_else(|| "your machine".to_owned(), |name| format!("“{name}”"));
        let body = MailBody::default()
            .paragraph(&format!("The link to the certificate for {machine} expired before it was used."))
            .paragraph(if another {
                "Open the link in the earlier mail: its page lets you ask for a new one. If you no longer have that mail, \
                 request access again."
            } else {
                "Request access again, and an administrator will review it as before."
            })
            .link("Request access", request_url);
        self.mail(to, "The link to your certificate has expired", body)
    }

    /// To the requester: rejected, with the administrator's reason.
    pub fn request_rejected(&self, to: &EmailAddress, reason: &Message, request_url: &str) -> Mail {
        let body = MailBody::default()
            .paragraph("Your request for access was rejected.")
            .message_of_administrator(reason)
            .link("Request access again", request_url);
        self.mail(to, "Your request for access was rejected", body)
    }

    /// To a person: the link to set up their password and second factor.
    pub fn set_up(&self, to: &EmailAddress, purpose: Purpose, setup_url: &str, link_hours: u32) -> Mail {
        let (subject, opening) = match purpose {
            Purpose::Invitation => (
                "Set up your account",
                format!(
                    "An account was created for you at {}. Choose a password and set up your second factor.",
                    self.organisation
                ),
            ),
            Purpose::Reset => (
                "Set up your account again",
                format!(
                    "An administrator at {} has reset the password, second factor and recovery codes of your account. Use \
                     this link to choose new ones. Every session of your account has been signed out.",
                    self.organisation
                ),
            ),
        };
        let body = MailBody::default()
            .paragraph(&opening)
            .link("Set up your account", setup_url)
            .paragraph(&format!("The link works once, within {}.", hours(link_hours)))
            .paragraph("If you did not expect this, tell your administrator and do not open the link.");
        self.mail(to, subject, body)
    }

    /// To a person: the account was set up, which nobody else may have done.
    pub fn account_set_up(&self, to: &EmailAddress, start_url: &str) -> Mail {
        let body = MailBody::default()
            .paragraph(&format!(
                "A password and second factor were set for your account at {}. Every other session has been signed out.",
                self.organisation
            ))
            .paragraph("If that was not you, tell your administrator right away: someone else used your link.")
            .link("Open the start page", start_url);
        self.mail(to, "Your sign-in is set up", body)
    }

    /// To the requester: nobody decided in time.
    pub fn request_expired(&self, to: &EmailAddress, requested_at: i64, request_url: &str) -> Mail {
        let body = MailBody::default()
            .paragraph(&format!(
                "Nobody reviewed your access request of {} in time, so it has expired.",
                app::instant::date(requested_at)
            ))
            .paragraph("You can request access again. It helps to let an administrator know, too.")
            .link("Request access again", request_url)
            .paragraph("If you did not request access, you can ignore this mail.");
        self.mail(to, "Your access request has expired", body)
    }

    /// To a machine's owner: its certificate is no longer valid.
    pub fn certificate_revoked(
        &self,
        to: &EmailAddress,
        device: &str,
        end: &CertificateEnd,
        request_url: &str,
    ) -> Mail {
        let body = MailBody::default();
        let body = match end {
            CertificateEnd::Replaced => body
                .paragraph(&format!(
                    "The old certificate of “{device}” was revoked because a new one was downloaded with the link you were sent."
                ))
                .paragraph("If that was not you, tell your administrator right away: someone has your link and your code."),
            CertificateEnd::Revoked { reason, words } => {
                let body = body.paragraph(&format!(
                    "An administrator revoked the certificate of “{device}”. The assistant no longer works on that machine."
                ));
                let body = match reason.label() {
                    Some(reason) => body.paragraph(&format!("Reason: {}.", reason.to_lowercase())),
                    None => body,
                };
                body.message_of_administrator(words).paragraph("If you need a new one, request access again.")
            }
        };
        self.mail(to, "Your certificate was revoked", body.link("Request access", request_url))
    }

    /// To an administrator: news about requests. It never contains a match code.
    pub fn requests_wait(
        &self,
        to: &EmailAddress,
        news: &[(AccessRequest, Notice)],
        panel_url: &str,
    ) -> Mail {
        let subject = match news {
            [(_, Notice::New)] => "New access request".to_owned(),
            [(_, Notice::Reminder)] => "Reminder: an access request is waiting".to_owned(),
            [(_, Notice::Link)] => "New link requested".to_owned(),
            all => format!("{} access requests", all.len()),
        };
        let mut body = MailBody::default();
        for (request, notice) in news.iter().take(MOST_NAMED) {
            let (requester, device) = (&request.email, request.device_name.as_ref());
            let machine = device.map_or_else(String::new, |name| format!(" for “{name}”"));
            body = match notice {
                Notice::New => body
                    .paragraph(&format!("{requester} requested access{machine}."))
                    .quote(request.message.as_str()),
                Notice::Reminder => {
                    body.paragraph(&format!("{requester} sent a reminder about their access request{machine}."))
                }
                Notice::Link => body.paragraph(&format!(
                    "{requester} can no longer use the link to their certificate and asked for a new one{machine}."
                )),
            };
        }
        if news.len() > MOST_NAMED {
            body = body.paragraph(&format!("And {} more.", news.len() - MOST_NAMED));
        }
        let body = body
            .paragraph(
                "Before you approve a request, have the person read you their match code, and compare it with the one in \
                 the panel.",
            )
            .link("Review requests", panel_url);
        self.mail(to, &subject, body)
    }

    /// To an administrator: wrong match codes were entered for the link that was sent to `requester`.
    pub fn codes_tried(
        &self,
        to: &EmailAddress,
        requester: &EmailAddress,
        tried: CodesTried,
        panel_url: &str,
    ) -> Mail {
        let (subject, event) = match tried {
            CodesTried::Often { wrong } => (
                "Wrong match codes for a link",
                format!("{wrong} wrong match codes were entered for the link sent to {requester}."),
            ),
            CodesTried::Closed => (
                "A link was locked after wrong match codes",
                format!(
                    "Too many wrong match codes were entered for the link sent to {requester}. It now works only in their \
                     own browser."
                ),
            ),
        };
        let body = MailBody::default()
            .paragraph(&event)
            .paragraph(
                "No certificate was issued. Ask them, by phone or chat, whether it was them. If not, someone else is reading \
                 their mail. Sending a new link invalidates the old one.",
            )
            .link("Review the request", panel_url);
        self.mail(to, subject, body)
    }

    fn mail(&self, to: &EmailAddress, subject: &str, body: MailBody) -> Mail {
        let (text, html) = body.signed(&self.organisation);
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
    use crate::access::tests::pending;

    const CODE: &str = "2345-6789";
    const URL: &str = "https://a.example.org/x/abc?d=e&f=g";

    fn templates() -> MailTemplates {
        MailTemplates { organisation: "Smith & Sons\r\nBcc: all@example.org".to_owned() }
    }

    fn all() -> Vec<Mail> {
        let to: EmailAddress = "anna@example.org".parse().unwrap();
        let device: DeviceName = "<script>alert('x')</script>".parse().unwrap();
        let message: Message = "Hello <b>you</b>\nhttps://evil.example.net".parse().unwrap();
        let templates = templates();
        vec![
            templates.request_received(&to, URL, 72),
            templates.request_approved(&to, Some(&device), URL, 24),
            templates.request_rejected(&to, &message, URL),
            templates.set_up(&to, Purpose::Invitation, URL, 72),
            templates.set_up(&to, Purpose::Reset, URL, 1),
            templates.account_set_up(&to, URL),
            templates.wrong_codes(&to, 10, URL),
            templates.recovery_codes_renewed(&to, URL),
            templates.new_link(&to, Some(&device), URL, 24),
            templates.link_declined(&to, Some(&device), &message, URL),
            templates.certificate_revoked(&to, device.as_str(), &CertificateEnd::Replaced, URL),
            templates.certificate_revoked(
                &to,
                device.as_str(),
                &CertificateEnd::Revoked { reason: RevocationReason::KeyCompromise, words: message.clone() },
                URL,
            ),
            templates.request_expired(&to, 1_795_348_815, URL),
            templates.requests_wait(&to, &[(waiting(&device, &message), Notice::New)], URL),
            templates.requests_wait(&to, &[(waiting(&device, &message), Notice::Reminder)], URL),
            templates.requests_wait(&to, &[(waiting(&device, &message), Notice::Link)], URL),
            templates.certificate_expires(&to, device.as_str(), 1_800_000_000, URL),
            templates.codes_tried(&to, &to, CodesTried::Often { wrong: 3 }, URL),
            templates.codes_tried(&to, &to, CodesTried::Closed, URL),
            templates.link_ended(&to, Some(&device), true, URL),
        ]
    }

    fn waiting(device: &DeviceName, message: &Message) -> AccessRequest {
        let email = "ben@example.org".parse().unwrap();
        let (device_name, message) = (Some(device.clone()), message.clone());
        AccessRequest { email, match_code: CODE.parse().unwrap(), device_name, message, ..pending() }
    }

    #[test]
    fn every_mail_has_its_link_in_both_parts_and_escapes_user_input() {
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
    fn after_the_last_link_its_page_is_not_mentioned() {
        let to = "anna@example.org".parse().unwrap();
        let text = |another| {
            let mail = templates().link_ended(&to, None, another, URL);
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
        assert_eq!(subjects.len(), all().len() - 1, "the two mails about a revoked certificate share one");
        assert_eq!(Subject::new("a\r\nBcc: b\u{85}c ").as_str(), "a  Bcc: b c");
    }

    #[test]
    fn a_notice_names_the_first_requests_and_counts_the_rest() {
        let to: EmailAddress = "admin@example.org".parse().unwrap();
        let one = waiting(&"Laptop".parse().unwrap(), &Message::default());
        let news: Vec<_> = (0..25).map(|_| (one.clone(), Notice::New)).collect();
        let mail = templates().requests_wait(&to, &news, URL);
        assert!(mail.subject.as_str().starts_with("25 access requests"), "{:?}", mail.subject);
        assert_eq!(mail.text.matches("ben@example.org requested access").count(), 20);
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
    fn an_empty_reason_adds_no_quote() {
        let to = "a@example.org".parse().unwrap();
        let end =
            CertificateEnd::Revoked { reason: RevocationReason::Unspecified, words: Message::default() };
        for mail in [
            templates().request_rejected(&to, &Message::default(), URL),
            templates().certificate_revoked(&to, "Laptop", &end, URL),
            templates().link_declined(&to, None, &Message::default(), URL),
        ] {
            assert!(!mail.text.contains("wrote") && !mail.html.contains("blockquote"), "{}", mail.text);
        }
    }
}
