//! Mails to people about their own account.

use domain::secret::Token;
use protocol::ServiceError;
use protocol::access::EmailAddress;
use store::Tx;

use super::Outbox;
use crate::mail::Purpose;

impl Outbox {
    /// Mails a person the link to set the account up.
    pub async fn setup_link(
        &self,
        tx: &mut Tx,
        to: &EmailAddress,
        purpose: Purpose,
        link: &Token,
    ) -> Result<(), ServiceError> {
        let url = self.env.config.public_url.join(&format!("/setup/{}", link.expose()));
        let hours = self.env.config.access.setup_lifetime_hours;
        self.put(tx, self.templates().set_up(to, purpose, &url, hours)).await
    }

    /// Mails an account's owner that somebody knows the password and tries codes.
    pub async fn wrong_codes(
        &self,
        tx: &mut Tx,
        owner: &EmailAddress,
        count: i64,
    ) -> Result<(), ServiceError> {
        let url = self.env.config.public_url.join("/");
        self.put(tx, self.templates().wrong_codes(owner, count, &url)).await
    }

    /// Mails an account's owner that the recovery codes were replaced.
    pub async fn recovery_codes_renewed(
        &self,
        tx: &mut Tx,
        owner: &EmailAddress,
    ) -> Result<(), ServiceError> {
        let url = self.env.config.public_url.join("/account");
        self.put(tx, self.templates().recovery_codes_renewed(owner, &url)).await
    }
}
