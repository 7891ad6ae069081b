//! Mails about expiring certificates.

use domain::certificate::MachineCertificate;
use domain::secret::Token;
use protocol::ServiceError;
use protocol::access::EmailAddress;
use store::Tx;

use super::Outbox;

impl Outbox {
    /// The link goes to the machines' host, the only one where the browser presents the certificate.
    pub async fn certificate_expires(
        &self,
        tx: &mut Tx,
        owner: &EmailAddress,
        certificate: &MachineCertificate,
        link: &Token,
    ) -> Result<(), ServiceError> {
        let path = format!("/public/download-certs/{}", link.expose());
        let url = self.env.config.machines_url.join(&path);
        let (device, ends_at) = (&certificate.device_name, certificate.not_after);
        self.put(tx, self.templates().certificate_expires(owner, device, ends_at, &url)).await
    }
}
