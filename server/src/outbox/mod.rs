//! The transactional outbox: a mail is written in the transaction of its cause and sent by a job, at least once.
//!
//! A mail's id is its Message-ID, so that the receiver can recognise a duplicate after a crash. Without an SMTP server
//! mails stay here, and an administrator copies and sends them.

mod account;
mod admin;
mod certificate_expiry;
mod job;

use std::sync::Arc;

use domain::access::{AccessRequest, Notice};
use domain::id::MailId;
use domain::secret::Token;
use protocol::ServiceError;
use protocol::access::{EmailAddress, Message};
use store::Tx;
use tokio::sync::Notify;

use crate::environment::Environment;
use crate::failure::Failure;
use crate::mail::{CertificateEnd, CodesTried, Mail, MailTemplates, Mailer, Subject};

#[derive(Clone)]
pub struct Outbox {
    env: Arc<Environment>,
    /// `None`: mails are not sent.
    mailer: Option<Arc<dyn Mailer>>,
    /// Starts the job before its next interval.
    due: Arc<Notify>,
}

impl std::fmt::Debug for Outbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outbox").field("sends", &self.mailer.is_some()).finish_non_exhaustive()
    }
}

/// The encrypted content of a mail's row.
#[derive(serde::Serialize, serde::Deserialize)]
struct Body {
    text: String,
    html: String,
}

impl Outbox {
    pub fn new(env: Arc<Environment>, mailer: Option<Arc<dyn Mailer>>) -> Self {
        Self { env, mailer, due: Arc::default() }
    }

    /// Whether there is a mail server. Without one, administrators copy the mails.
    pub fn sends(&self) -> bool {
        self.mailer.is_some()
    }

    /// Notifies the job that a mail has been committed.
    pub fn notify_job(&self) {
        self.due.notify_one();
    }

    pub async fn request_received(
        &self,
        tx: &mut Tx,
        request: &AccessRequest,
        status: &Token,
    ) -> Result<(), ServiceError> {
        let url = self.env.config.public_url.join(&format!("/public/request-status/{}", status.expose()));
        let hours = self.env.config.access.request_lifetime_hours;
        self.put(tx, self.templates().request_received(&request.email, &url, hours)).await
    }

    /// Mails every administrator the news about these requests.
    pub async fn notice(&self, tx: &mut Tx, news: &[(AccessRequest, Notice)]) -> Result<(), ServiceError> {
        let url = self.env.config.public_url.join("/admin/requests?state=waiting");
        for admin in tx.accounts().administrators().await? {
            self.put_notice(tx, self.templates().requests_wait(&admin, news, &url)).await?;
        }
        Ok(())
    }

    /// Mails every administrator that somebody with a link does not know its match code.
    pub async fn codes_tried(
        &self,
        tx: &mut Tx,
        request: &AccessRequest,
        tried: CodesTried,
    ) -> Result<(), ServiceError> {
        let url = self.env.config.public_url.join(&format!("/admin/requests/{}", request.id));
        for admin in tx.accounts().administrators().await? {
            self.put_notice(tx, self.templates().codes_tried(&admin, &request.email, tried, &url)).await?;
        }
        Ok(())
    }

    /// Mails the requester that nobody decided in time.
    pub async fn expired(&self, tx: &mut Tx, request: &AccessRequest) -> Result<(), ServiceError> {
        let url = self.env.config.public_url.join("/request-access");
        self.put(tx, self.templates().request_expired(&request.email, request.requested_at, &url)).await
    }

    /// Mails the requester that the link to the certificate expired unused. `another`: its page accepts a request for a new
    /// one.
    pub async fn link_ended(
        &self,
        tx: &mut Tx,
        request: &AccessRequest,
        another: bool,
    ) -> Result<(), ServiceError> {
        let url = self.env.config.public_url.join("/request-access");
        let mail = self.templates().link_ended(&request.email, request.device_name.as_ref(), another, &url);
        self.put(tx, mail).await
    }

    pub async fn approved(
        &self,
        tx: &mut Tx,
        request: &AccessRequest,
        link: &Token,
    ) -> Result<(), ServiceError> {
        let url = self.env.config.public_url.join(&format!("/public/download-certs/{}", link.expose()));
        let hours = self.env.config.access.link_lifetime_hours;
        self.put(
            tx,
            self.templates().request_approved(&request.email, request.device_name.as_ref(), &url, hours),
        )
        .await
    }

    pub async fn new_link(
        &self,
        tx: &mut Tx,
        request: &AccessRequest,
        link: &Token,
    ) -> Result<(), ServiceError> {
        let url = self.env.config.public_url.join(&format!("/public/download-certs/{}", link.expose()));
        let hours = self.env.config.access.link_lifetime_hours;
        let mail = self.templates().new_link(&request.email, request.device_name.as_ref(), &url, hours);
        self.put(tx, mail).await
    }

    pub async fn link_declined(
        &self,
        tx: &mut Tx,
        request: &AccessRequest,
        reason: &Message,
    ) -> Result<(), ServiceError> {
        let url = self.env.config.public_url.join("/request-access");
        let device = request.device_name.as_ref();
        self.put(tx, self.templates().link_declined(&request.email, device, reason, &url)).await
    }

    pub async fn rejected(
        &self,
        tx: &mut Tx,
        request: &AccessRequest,
        reason: &Message,
    ) -> Result<(), ServiceError> {
        let url = self.env.config.public_url.join("/request-access");
        self.put(tx, self.templates().request_rejected(&request.email, reason, &url)).await
    }

    /// Mails a person that the account's password and second factor were set.
    pub async fn account_set_up(&self, tx: &mut Tx, owner: &EmailAddress) -> Result<(), ServiceError> {
        let url = self.env.config.public_url.join("/");
        self.put(tx, self.templates().account_set_up(owner, &url)).await
    }

    /// Mails a machine's owner that its certificate was revoked or replaced.
    pub async fn certificate_revoked(
        &self,
        tx: &mut Tx,
        owner: &EmailAddress,
        device: &str,
        end: &CertificateEnd,
    ) -> Result<(), ServiceError> {
        let url = self.env.config.public_url.join("/request-access");
        self.put(tx, self.templates().certificate_revoked(owner, device, end, &url)).await
    }

    fn templates(&self) -> MailTemplates {
        MailTemplates { organisation: self.env.config.organisation.clone() }
    }

    async fn put(&self, tx: &mut Tx, mail: Mail) -> Result<(), ServiceError> {
        let (to, subject, id, sealed) = self.seal(mail)?;
        let deliverable = self.sends();
        tx.mails().insert(&id, to.as_str(), subject.as_str(), &sealed, deliverable, self.env.now()).await?;
        Ok(())
    }

    /// Writes a mail to an administrator. Without a mail server nothing is written: what it says is in the panel, and nobody
    /// would copy it there to send it to oneself.
    async fn put_notice(&self, tx: &mut Tx, mail: Mail) -> Result<(), ServiceError> {
        if !self.sends() {
            return Ok(());
        }
        let (to, subject, id, sealed) = self.seal(mail)?;
        tx.mails().insert_notice(&id, to.as_str(), subject.as_str(), &sealed, self.env.now()).await?;
        Ok(())
    }

    fn seal(&self, mail: Mail) -> Result<(EmailAddress, Subject, MailId, Vec<u8>), ServiceError> {
        let id: MailId = self.env.new_id();
        let body = serde_json::to_vec(&Body { text: mail.text, html: mail.html })
            .map_err(|_| Failure::Other("a mail could not be serialised"))?;
        let sealed = self.env.vault.seal(&body_context(&id), &body, self.env.random.as_ref())?;
        Ok((mail.to, mail.subject, id, sealed))
    }

    fn open(&self, id: &MailId, sealed: Option<&[u8]>) -> Result<Option<Body>, ServiceError> {
        let Some(sealed) = sealed else { return Ok(None) };
        let body = self.env.vault.open(&body_context(id), sealed)?;
        Ok(Some(serde_json::from_slice(&body).map_err(|_| Failure::Other("a stored mail cannot be read"))?))
    }
}

fn body_context(id: &MailId) -> String {
    format!("mail.body:{id}")
}

/// The recipient of a stored mail, which was validated when it was written.
fn recipient(text: &str) -> Result<EmailAddress, Failure> {
    text.parse().map_err(|_| Failure::Other("a stored mail has no usable address"))
}
