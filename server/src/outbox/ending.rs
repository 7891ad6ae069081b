//! Mails about certificates that end.

use protocol::access::EmailAddress;

use super::Outbox;
use crate::failure::Refusal;
use crate::secret::Token;
use crate::store::{MachineCertificate, Tx};

impl Outbox {
    /// The link leads to the machines' host: on that one the browser shows the certificate.
    pub async fn certificate_ends(
        &self,
        tx: &mut Tx,
        owner: &EmailAddress,
        certificate: &MachineCertificate,
        link: &Token,
    ) -> Result<(), Refusal> {
        let path = format!("/public/download-certs/{}", link.expose());
        let url = self.env.config.machines_url.join(&path);
        let (device, ends_at) = (&certificate.device_name, certificate.not_after);
        self.put(tx, self.letterhead().certificate_ends(owner, device, ends_at, &url)).await
    }
}
