//! Mails about what happened to a person's account.

use protocol::access::EmailAddress;

use super::MailTemplates;
use crate::mail::Mail;
use crate::mail::body::MailBody;

impl MailTemplates {
    /// To an account's owner: wrong codes came after the right password.
    pub fn wrong_codes(&self, to: &EmailAddress, count: i64, start_url: &str) -> Mail {
        let body = MailBody::default()
            .paragraph(&format!(
                "Someone entered the password of your account at {}, and then {count} wrong codes. They were not signed in.",
                self.organisation
            ))
            .paragraph(
                "If that was not you, someone knows your password. Ask your administrator for a new set-up link, choose \
                 a new password, and stop using the old one anywhere else.",
            )
            .link("Open the start page", start_url);
        self.mail(to, "Wrong codes after your password", body)
    }

    /// To an account's owner: there are new recovery codes.
    pub fn recovery_codes_renewed(&self, to: &EmailAddress, account_url: &str) -> Mail {
        let body = MailBody::default()
            .paragraph(&format!(
                "New recovery codes were created for your account at {}. The old ones no longer work.",
                self.organisation
            ))
            .paragraph(
                "If that was not you, tell your administrator right away: someone is signed in as you.",
            )
            .link("Review your account", account_url);
        self.mail(to, "You have new recovery codes", body)
    }
}
