//! A machine's next certificate, and a token that counts with it.

use protocol::native::{Renew, Renewed};

use super::{Native, Person};
use crate::certificate::read_request;
use crate::failure::Refusal;
use crate::http::Rule;
use crate::store::{MachineCertificate, SessionRecord, Tx};

impl Native {
    /// Renews the certificate that the person comes with.
    pub async fn renew(&self, person: &Person, renew: &Renew) -> Result<Renewed, Refusal> {
        let current = &person.machine.certificate;
        let rule = Rule::per_hour("renew", self.env.config.limits.renewals_per_hour);
        self.limits.check_key(rule, &current.machine_id)?;
        let request = read_request(&renew.csr)?;
        let mut tx = self.env.store.begin().await?;
        let next = self.certificates.renew(&mut tx, current, &person.account.email, &request).await?;
        let session = self.session_with(&mut tx, &person.session, &next).await?;
        tx.commit().await?;
        let now = self.env.now();
        let token =
            self.tokens.sign(&session.account_id, &session.id, &next.fingerprint, now, session.expires_at)?;
        Ok(Renewed {
            certificate: self.certificates.chain_pem(&next),
            authorities: self.certificates.roots_pem(),
            not_after: next.not_after,
            access_token: token,
            token_type: "Bearer".to_owned(),
            expires_in: (session.expires_at - now).unsigned_abs(),
        })
    }

    /// The same session with the new certificate. It ends when the old one does: a renewal is no second factor.
    async fn session_with(
        &self,
        tx: &mut Tx,
        former: &SessionRecord,
        next: &MachineCertificate,
    ) -> Result<SessionRecord, Refusal> {
        if let Some(session) = tx.renewed_session(former, &next.id).await? {
            return Ok(session);
        }
        let (id, now) = (self.env.new_id(), self.env.now());
        let session = SessionRecord { id, certificate_id: Some(next.id.clone()), ..former.clone() };
        tx.insert_session(&session, None, now).await?;
        tx.audit(now, &session.account_id, "session.opened", &session.id, "desktop, renewed certificate")
            .await?;
        Ok(session)
    }
}
