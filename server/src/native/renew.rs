//! A machine's next certificate, and an access token bound to it.

use domain::account::{Session, SessionKind};
use domain::audit::Action;
use domain::certificate::MachineCertificate;
use protocol::native::{Renew, Renewed};
use protocol::{Problem, ServiceError};
use store::Tx;
use web::Rule;

use super::{Native, Person};
use crate::certificate::read_request;

impl Native {
    /// Renews the certificate of the person's machine.
    #[tracing::instrument(
        skip_all,
        level = "debug",
        name = "native.renew",
        fields(account_id = %person.account.id, certificate_id = %person.machine.certificate.id)
    )]
    pub async fn renew(&self, person: &Person, renew: &Renew) -> Result<Renewed, ServiceError> {
        let current = &person.machine.certificate;
        let rule = Rule::per_hour("renew", self.env.config.limits.renewals_per_hour);
        self.limits.check_key(rule, current.machine_id.as_str()).await?;
        let request = read_request(&renew.csr)?;
        let mut tx = self.env.store.begin().await?;
        let next = self.certificates.renew(&mut tx, current, &person.account.email, &request).await?;
        let now = self.env.now();
        // The person may have signed out since; from here on, `Native::logout` waits for the lock that the renewal holds.
        let former = tx.sessions().find_native(&person.session.id, now).await?;
        let former = former.ok_or_else(Problem::sign_in_required)?;
        let session = self.renewed_session(&mut tx, &former, &next).await?;
        tx.commit().await?;
        let token =
            self.tokens.sign(&session.account_id, &session.id, &next.fingerprint, now, session.expires_at)?;
        Ok(Renewed {
            certificate: self.certificates.chain_pem(&next),
            authorities: self.certificates.roots_pem(),
            not_after: next.not_after,
            access_token: token.into(),
            token_type: "Bearer".to_owned(),
            expires_in: (session.expires_at - now).unsigned_abs(),
        })
    }

    /// The same session for the new certificate. It expires with the old one, since a renewal is not a second factor, and both
    /// end when the person signs out.
    async fn renewed_session(
        &self,
        tx: &mut Tx,
        former: &Session,
        next: &MachineCertificate,
    ) -> Result<Session, ServiceError> {
        if let Some(session) = tx.sessions().find_renewed(former, &next.id).await? {
            return Ok(session);
        }
        let (id, now) = (self.env.new_id(), self.env.now());
        let session =
            Session { id, kind: SessionKind::Native { certificate_id: next.id.clone() }, ..former.clone() };
        tx.sessions().insert(&session, None, now).await?;
        tx.audit_log()
            .append(
                now,
                &session.account_id,
                Action::SessionOpened,
                &session.id,
                "desktop, renewed certificate",
            )
            .await?;
        Ok(session)
    }
}
