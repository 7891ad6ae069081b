//! A certificate is about to end.

use protocol::access::EmailAddress;

use super::Letterhead;
use crate::mail::Mail;
use crate::mail::letter::Letter;

impl Letterhead {
    /// To a machine's owner: its certificate ends, and how the machine gets another one.
    pub fn certificate_ends(&self, to: &EmailAddress, device: &str, ends_at: i64, url: &str) -> Mail {
        let letter = Letter::default()
            .paragraph(&format!(
                "The certificate of “{device}” ends on {}. After that the machine does not open the assistant any more.",
                app::instant::readable(ends_at)
            ))
            .paragraph(
                "If the desktop program runs on the machine, it renews the certificate by itself when you are signed in: \
                 you need not do anything else.",
            )
            .paragraph(
                "If you use the assistant in a browser, open this link on that machine, while the certificate is still \
                 good. The browser asks which certificate to show: choose this machine’s.",
            )
            .link("Get the next certificate", url)
            .paragraph("The link works once, and nowhere but on that machine.");
        self.mail(to, &format!("The certificate of “{device}” is about to end"), letter)
    }
}
