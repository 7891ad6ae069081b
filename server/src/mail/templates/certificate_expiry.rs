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
                "The certificate of “{device}” expires on {}. After that, the assistant stops working on that machine.",
                app::instant::readable(ends_at)
            ))
            .paragraph(
                "If you use the desktop program, it renews the certificate while you are signed in, and there is nothing to do.",
            )
            .paragraph(
                "If you use the assistant in a browser, open this link on that machine before the certificate expires. When the \
                 browser asks which certificate to use, choose the one with this machine’s name.",
            )
            .link("Get the new certificate", url)
            .paragraph("The link works once, and only on that machine.");
        self.mail(to, &format!("The certificate of “{device}” expires soon"), body)
    }
}
