//! The mail before a certificate expires.

use protocol::access::EmailAddress;

use super::MailTemplates;
use crate::mail::Mail;
use crate::mail::body::MailBody;

impl MailTemplates {
    /// To a machine's owner: its certificate is about to expire, and how to renew it.
    pub fn certificate_expires(&self, to: &EmailAddress, device: &str, ends_at: i64, url: &str) -> Mail {
        let body = MailBody::default()
            .paragraph(&format!(
                "The certificate of “{device}” ends on {}. After that the machine can no longer use the assistant.",
                app::instant::readable(ends_at)
            ))
            .paragraph(
                "If the desktop program runs on the machine, it renews the certificate by itself while you are signed in: \
                 you need not do anything else.",
            )
            .paragraph(
                "If you use the assistant in a browser, open this link on that machine while the certificate is still \
                 valid. The browser asks which certificate to use: choose this machine’s.",
            )
            .link("Get the next certificate", url)
            .paragraph("The link works once, and only on that machine.");
        self.mail(to, &format!("The certificate of “{device}” is about to end"), body)
    }
}
