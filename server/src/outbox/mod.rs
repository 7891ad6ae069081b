//! The outbox: a mail is written in the same transaction as what caused it, and sent by a job that may run twice.
//!
//! A mail's id is its Message-ID, so that a receiver recognises one that was sent twice after a crash. Without an SMTP
//! server mails are kept, and an administrator copies them.

mod ending;
mod job;

use std::sync::Arc;

use app::outbox::{MailRow, MailState};
use app::services::OutboxService;
use app::visit::Administrator;
use async_trait::async_trait;
use protocol::Problem;
use protocol::access::{EmailAddress, Message, Page};
use tokio::sync::Notify;

use crate::access::{AccessRequest, Notice};
use crate::environment::Environment;
use crate::failure::{Failure, Refusal};
use crate::mail::{CertificateEnd, CodesTried, Letterhead, Mail, Mailer};
use crate::secret::Token;
use crate::store::{StoredMail, Tx};

/// How many rows the administrator's list shows at once.
const PAGE_SIZE: u32 = 50;

#[derive(Clone)]
pub struct Outbox {
    env: Arc<Environment>,
    /// `None`: mails are kept.
    mailer: Option<Arc<dyn Mailer>>,
    /// Wakes the job before its next round.
    due: Arc<Notify>,
}

impl std::fmt::Debug for Outbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outbox").field("sends", &self.mailer.is_some()).finish_non_exhaustive()
    }
}

/// What a mail's row holds, sealed.
#[derive(serde::Serialize, serde::Deserialize)]
struct Body {
    text: String,
    html: String,
}

impl Outbox {
    pub fn new(env: Arc<Environment>, mailer: Option<Arc<dyn Mailer>>) -> Self {
        Self { env, mailer, due: Arc::default() }
    }

    /// Tells the job that a mail has been committed.
    pub fn wake(&self) {
        self.due.notify_one();
    }

    pub async fn request_received(
        &self,
        tx: &mut Tx,
        request: &AccessRequest,
        status: &Token,
    ) -> Result<(), Refusal> {
        let url = self.env.config.public_url.join(&format!("/public/request-status/{}", status.expose()));
        let hours = self.env.config.access.request_lifetime_hours;
        self.put(tx, self.letterhead().request_received(&request.email, &url, hours)).await
    }

    /// Tells every administrator what is new about these requests.
    pub async fn notice(&self, tx: &mut Tx, news: &[(AccessRequest, Notice)]) -> Result<(), Refusal> {
        let url = self.env.config.public_url.join("/admin/requests?state=waiting");
        for admin in tx.administrators().await? {
            self.put(tx, self.letterhead().requests_wait(&admin, news, &url)).await?;
        }
        Ok(())
    }

    /// Tells every administrator that somebody who has a link does not know its code.
    pub async fn codes_tried(
        &self,
        tx: &mut Tx,
        request: &AccessRequest,
        tried: CodesTried,
    ) -> Result<(), Refusal> {
        let url = self.env.config.public_url.join(&format!("/admin/requests/{}", request.id));
        for admin in tx.administrators().await? {
            self.put(tx, self.letterhead().codes_tried(&admin, &request.email, tried, &url)).await?;
        }
        Ok(())
    }

    /// Tells the requester that nobody decided in time.
    pub async fn expired(&self, tx: &mut Tx, request: &AccessRequest) -> Result<(), Refusal> {
        let url = self.env.config.public_url.join("/request-access");
        self.put(tx, self.letterhead().request_expired(&request.email, request.requested_at, &url)).await
    }

    /// Tells the requester that the link to the certificate was not used in time. `another`: its page takes the wish for
    /// a new one.
    pub async fn link_ended(
        &self,
        tx: &mut Tx,
        request: &AccessRequest,
        another: bool,
    ) -> Result<(), Refusal> {
        let url = self.env.config.public_url.join("/request-access");
        let mail = self.letterhead().link_ended(&request.email, request.device_name.as_ref(), another, &url);
        self.put(tx, mail).await
    }

    pub async fn approved(&self, tx: &mut Tx, request: &AccessRequest, link: &Token) -> Result<(), Refusal> {
        let url = self.env.config.public_url.join(&format!("/public/download-certs/{}", link.expose()));
        let hours = self.env.config.access.link_lifetime_hours;
        self.put(
            tx,
            self.letterhead().request_approved(&request.email, request.device_name.as_ref(), &url, hours),
        )
        .await
    }

    pub async fn new_link(&self, tx: &mut Tx, request: &AccessRequest, link: &Token) -> Result<(), Refusal> {
        let url = self.env.config.public_url.join(&format!("/public/download-certs/{}", link.expose()));
        let hours = self.env.config.access.link_lifetime_hours;
        let mail = self.letterhead().new_link(&request.email, request.device_name.as_ref(), &url, hours);
        self.put(tx, mail).await
    }

    pub async fn link_declined(
        &self,
        tx: &mut Tx,
        request: &AccessRequest,
        reason: &Message,
    ) -> Result<(), Refusal> {
        let url = self.env.config.public_url.join("/request-access");
        let device = request.device_name.as_ref();
        self.put(tx, self.letterhead().link_declined(&request.email, device, reason, &url)).await
    }

    pub async fn rejected(
        &self,
        tx: &mut Tx,
        request: &AccessRequest,
        reason: &Message,
    ) -> Result<(), Refusal> {
        let url = self.env.config.public_url.join("/request-access");
        self.put(tx, self.letterhead().request_rejected(&request.email, reason, &url)).await
    }

    /// Tells a machine's owner that its certificate has ended before its time.
    pub async fn certificate_revoked(
        &self,
        tx: &mut Tx,
        owner: &EmailAddress,
        device: &str,
        end: &CertificateEnd,
    ) -> Result<(), Refusal> {
        let url = self.env.config.public_url.join("/request-access");
        self.put(tx, self.letterhead().certificate_revoked(owner, device, end, &url)).await
    }

    fn letterhead(&self) -> Letterhead {
        Letterhead { organisation: self.env.config.organisation.clone() }
    }

    async fn put(&self, tx: &mut Tx, mail: Mail) -> Result<(), Refusal> {
        let id = self.env.new_id();
        let body = serde_json::to_vec(&Body { text: mail.text, html: mail.html })
            .map_err(|_| Failure::Other("a mail could not be written down"))?;
        let sealed = self.env.vault.seal(&body_context(&id), &body, self.env.random.as_ref())?;
        let deliverable = self.mailer.is_some();
        tx.insert_mail(&id, mail.to.as_str(), mail.subject.as_str(), &sealed, deliverable, self.env.now())
            .await?;
        Ok(())
    }

    fn open(&self, id: &str, sealed: Option<&[u8]>) -> Result<Option<Body>, Refusal> {
        let Some(sealed) = sealed else { return Ok(None) };
        let body = self.env.vault.open(&body_context(id), sealed)?;
        Ok(Some(serde_json::from_slice(&body).map_err(|_| Failure::Other("a stored mail cannot be read"))?))
    }

    async fn page(&self, state: Option<MailState>, page: u32) -> Result<Page<MailRow>, Refusal> {
        let stored = self.env.store.read().await?.mails(state, page, PAGE_SIZE).await?;
        let rows = stored.rows.into_iter().map(|mail| self.row(mail)).collect();
        Ok(Page { rows, total: stored.total, page: stored.page, page_size: stored.page_size })
    }

    fn row(&self, mail: StoredMail) -> MailRow {
        let text = match self.open(&mail.id, mail.body_sealed.as_deref()) {
            Ok(body) => body.map(|body| body.text),
            Err(refusal) => {
                // Into a problem, and so into the log; one mail that cannot be read does not hide the others.
                let _: Problem = refusal.into();
                None
            }
        };
        MailRow {
            text,
            id: mail.id,
            to: mail.recipient,
            subject: mail.subject,
            state: mail.state,
            attempts: mail.attempts,
            last_error: mail.last_error,
            created_at: mail.created_at,
            sent_at: mail.sent_at,
        }
    }

    async fn revive(&self, admin: &Administrator, id: &str) -> Result<(), Refusal> {
        let now = self.env.now();
        let mut tx = self.env.store.begin().await?;
        if !tx.revive_mail(id, now).await? {
            return Err(Problem::conflict("This mail is not given up. Reload the list.").into());
        }
        tx.audit(now, &admin.account_id, "mail.retried", id, "").await?;
        tx.commit().await?;
        self.wake();
        Ok(())
    }

    async fn deliver_otherwise(&self, admin: &Administrator, id: &str) -> Result<(), Refusal> {
        let now = self.env.now();
        let mut tx = self.env.store.begin().await?;
        if !tx.mail_delivered_otherwise(id, now).await? {
            return Err(Problem::conflict("This mail is not left to you any more. Reload the list.").into());
        }
        tx.audit(now, &admin.account_id, "mail.delivered-otherwise", id, "").await?;
        Ok(tx.commit().await?)
    }

    async fn revive_all(&self, admin: &Administrator) -> Result<u64, Refusal> {
        let now = self.env.now();
        let mut tx = self.env.store.begin().await?;
        let revived = tx.revive_mails(now).await?;
        if revived > 0 {
            tx.audit(now, &admin.account_id, "mail.retried", "all", &format!("{revived} mails")).await?;
        }
        tx.commit().await?;
        self.wake();
        Ok(revived)
    }
}

#[async_trait]
impl OutboxService for Outbox {
    async fn list(
        &self,
        _: &Administrator,
        state: Option<MailState>,
        page: u32,
    ) -> Result<Page<MailRow>, Problem> {
        Ok(self.page(state, page).await?)
    }

    async fn retry(&self, admin: &Administrator, id: &str) -> Result<(), Problem> {
        Ok(self.revive(admin, id).await?)
    }

    async fn delivered(&self, admin: &Administrator, id: &str) -> Result<(), Problem> {
        Ok(self.deliver_otherwise(admin, id).await?)
    }

    async fn retry_all(&self, admin: &Administrator) -> Result<u64, Problem> {
        Ok(self.revive_all(admin).await?)
    }
}

fn body_context(id: &str) -> String {
    format!("mail.body:{id}")
}

/// The stored address of a mail. What is in the outbox was checked when it was put there.
fn recipient(text: &str) -> Result<EmailAddress, Failure> {
    text.parse().map_err(|_| Failure::Other("a stored mail has no usable address"))
}
