//! The administrators' side of the outbox: the list of mails, and what to do about those that were not sent.

use app::request_context::Administrator;
use app::services::OutboxService;
use async_trait::async_trait;
use domain::audit::Action;
use domain::id::MailId;
use domain::mail::{DELIVERED_BODY_KEPT, StoredMail};
use protocol::access::Page;
use protocol::outbox::{MailRow, MailState};
use protocol::{Problem, ServiceError};

use super::Outbox;

/// Rows per page of the list.
const PAGE_SIZE: u32 = 50;

#[async_trait]
impl OutboxService for Outbox {
    #[tracing::instrument(skip_all, level = "debug", name = "outbox.list")]
    async fn list(
        &self,
        _: &Administrator,
        state: Option<MailState>,
        page: u32,
    ) -> Result<Page<MailRow>, ServiceError> {
        let stored = self.env.store.read().await?.mails().list(state, page, PAGE_SIZE).await?;
        let rows = stored.rows.into_iter().map(|mail| self.row(mail)).collect();
        Ok(Page { rows, total: stored.total, page: stored.page, page_size: stored.page_size })
    }

    #[tracing::instrument(
        skip_all,
        level = "debug",
        name = "outbox.retry",
        fields(account_id = %admin.account_id, mail_id = id)
    )]
    async fn retry(&self, admin: &Administrator, id: &str) -> Result<(), ServiceError> {
        let (id, now) = (&known(id)?, self.env.now());
        let mut tx = self.env.store.begin().await?;
        if !tx.mails().retry(id, now).await? {
            return Err(Problem::conflict("This mail has not failed. Reload the list.").into());
        }
        tx.audit_log().append(now, &admin.account_id, Action::MailRetried, id, "").await?;
        tx.commit().await?;
        self.notify_job();
        Ok(())
    }

    #[tracing::instrument(
        skip_all,
        level = "debug",
        name = "outbox.delivered",
        fields(account_id = %admin.account_id, mail_id = id)
    )]
    async fn delivered(&self, admin: &Administrator, id: &str) -> Result<(), ServiceError> {
        let (id, now) = (&known(id)?, self.env.now());
        let mut tx = self.env.store.begin().await?;
        if !tx.mails().mark_delivered_otherwise(id, now).await? {
            return Err(Problem::conflict("This mail no longer needs you. Reload the list.").into());
        }
        tx.audit_log().append(now, &admin.account_id, Action::MailDeliveredOtherwise, id, "").await?;
        Ok(tx.commit().await?)
    }

    #[tracing::instrument(
        skip_all,
        level = "debug",
        name = "outbox.take_back",
        fields(account_id = %admin.account_id, mail_id = id)
    )]
    async fn take_back(&self, admin: &Administrator, id: &str) -> Result<(), ServiceError> {
        let (id, now) = (&known(id)?, self.env.now());
        let mut tx = self.env.store.begin().await?;
        if !tx.mails().take_back(id, now - DELIVERED_BODY_KEPT).await? {
            return Err(Problem::conflict("The text of this mail was deleted. Reload the list.").into());
        }
        tx.audit_log().append(now, &admin.account_id, Action::MailTakenBack, id, "").await?;
        Ok(tx.commit().await?)
    }

    #[tracing::instrument(
        skip_all,
        level = "debug",
        name = "outbox.retry_all",
        fields(account_id = %admin.account_id)
    )]
    async fn retry_all(&self, admin: &Administrator) -> Result<u64, ServiceError> {
        let now = self.env.now();
        let mut tx = self.env.store.begin().await?;
        let retried = tx.mails().retry_all(now).await?;
        if retried > 0 {
            tx.audit_log()
                .append(now, &admin.account_id, Action::MailRetried, "all", &format!("{retried} mails"))
                .await?;
        }
        tx.commit().await?;
        self.notify_job();
        Ok(retried)
    }
}

impl Outbox {
    fn row(&self, mail: StoredMail) -> MailRow {
        // The cleanup deletes such a body only once an hour.
        let past = mail.sent_at.is_some_and(|sent| sent <= self.env.now() - DELIVERED_BODY_KEPT);
        let text = match self.open(&mail.id, mail.body_sealed.as_deref()) {
            Ok(body) => body.map(|body| body.text).filter(|_| !past),
            Err(error) => {
                // One unreadable mail does not hide the others.
                error.log("reading a mail");
                None
            }
        };
        MailRow {
            text,
            id: mail.id.into_string(),
            to: mail.recipient,
            subject: mail.subject,
            state: mail.state,
            notice: mail.notice,
            attempts: mail.attempts,
            last_error: mail.last_error,
            created_at: mail.created_at,
            sent_at: mail.sent_at,
        }
    }
}

/// What is no id is the id of no mail.
fn known(id: &str) -> Result<MailId, Problem> {
    id.parse().map_err(|_| Problem::not_found())
}
