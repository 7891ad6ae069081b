//! Renews the machine's certificate after two thirds of its life, while somebody is signed in.
//!
//! 1. A new key is stored, then its certificate is requested. To the same key the server gives the same certificate again,
//!    so a lost answer does no harm.
//! 2. The certificate is stored beside the old one, and used once.
//! 3. When the server has accepted it, it becomes the current one, and the old one is removed.
//!
//! Until then everything uses the old one, whatever fails.

mod retry;

use std::sync::Arc;

use keys::{Answer, Chain, KeyError, MachineKey};
use protocol::native::Renewed;
use protocol::{Problem, Secret};

use crate::clock::Random;
use crate::enrolment_store::{EnrolmentStore, EnrolmentStoreError, Next, Record};
use crate::identity::{Identity, new_key};
use crate::native_api::NativeApiClient;
use crate::transport::{Transport, TransportSetupError};
use retry::Retry;

#[derive(Debug)]
pub struct Renewal {
    store: Arc<EnrolmentStore>,
    native_api: Arc<NativeApiClient>,
    record: Record,
    /// Of the current certificate: not before and not after, seconds since the Unix epoch.
    validity: (i64, i64),
    random: Random,
    retry: Retry,
    /// The current certificate, while requests still use the one before.
    ready: Option<Ready>,
}

/// What requests will use as soon as that disturbs no sign-in.
#[derive(Debug)]
struct Ready {
    candidate: Arc<Transport>,
    /// The sign-in that `token` follows.
    former: Option<Secret>,
    token: Option<Secret>,
}

/// What came of an attempt.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It will be tried again.
    Failed,
    NotDue,
    /// This enrolment was replaced or removed: there is nothing to renew any more.
    Ended,
    Renewed,
    /// It is due, but nobody is signed in.
    SignedOut,
    /// It failed a while ago.
    Waiting,
}

#[derive(Debug, thiserror::Error)]
enum RenewalError {
    #[error(transparent)]
    EnrolmentStore(#[from] EnrolmentStoreError),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error("the server refused: {}", .0.title)]
    Server(Problem),
    #[error(transparent)]
    SetUp(#[from] TransportSetupError),
    #[error("the server does not take the new certificate with the new token")]
    Token,
}

impl From<Problem> for RenewalError {
    fn from(problem: Problem) -> Self {
        Self::Server(problem)
    }
}

impl Renewal {
    pub fn new(
        store: Arc<EnrolmentStore>,
        native_api: Arc<NativeApiClient>,
        record: Record,
        validity: (i64, i64),
        random: Random,
    ) -> Self {
        Self { store, native_api, record, validity, random, retry: Retry::default(), ready: None }
    }

    /// Renews the certificate if it is due. To be called regularly; `now` is in seconds since the Unix epoch.
    pub async fn renew_if_due(&mut self, now: i64) -> Outcome {
        self.use_ready();
        let issued = matches!(self.record.next, Some(Next::Issued { .. }));
        if !issued && now < due_from(self.validity) {
            return Outcome::NotDue;
        }
        if !self.retry.may_try(now) {
            return Outcome::Waiting;
        }
        let renewed = match self.native_api.token() {
            Some(token) => self.renew(&token).await,
            // It was stored, but the program ended before it was used.
            None if issued => self.use_stored().await,
            None => return Outcome::SignedOut,
        };
        match renewed {
            Ok(()) => {
                tracing::info!("this machine's certificate was renewed");
                self.retry = Retry::default();
                Outcome::Renewed
            }
            Err(RenewalError::EnrolmentStore(EnrolmentStoreError::Superseded)) => {
                tracing::info!("the enrolment that was being renewed was replaced or removed");
                Outcome::Ended
            }
            Err(error) => {
                tracing::warn!(%error, source = ?std::error::Error::source(&error), "the renewal failed");
                self.retry = self.retry.after_failure(now);
                Outcome::Failed
            }
        }
    }

    async fn renew(&mut self, token: &Secret) -> Result<(), RenewalError> {
        let key = self.key().await?;
        let renewed = self.native_api.renew(key.request().to_owned()).await?;
        let Renewed { certificate, authorities, access_token, .. } = renewed;
        let chain = key.chain(Answer { certificates: &certificate, roots: &authorities })?;
        let identity = self.store_certificate(key, chain, authorities).await?;
        self.try_out(&identity, Some(token), Some(access_token)).await
    }

    async fn use_stored(&mut self) -> Result<(), RenewalError> {
        let Some(Next::Issued { name, .. }) = self.record.next.clone() else { return Ok(()) };
        let location = self.record.key_location;
        let identity = self.store.run(move |store| store.identity(location, &name)).await?;
        self.try_out(&identity, None, None).await
    }

    /// The key of the last request, or a new one, stored before it is used in a request.
    async fn key(&mut self) -> Result<MachineKey, RenewalError> {
        let (record, random) = (self.record.clone(), self.random);
        let made = self.store.run(move |store| {
            if let Some(next) = &record.next
                && let Some(key) = store.key(record.key_location, next.name())?
            {
                return Ok((record, key));
            }
            let key = new_key(random).map_err(|_| EnrolmentStoreError::NoRandom)?;
            let name = store.store_key(record.key_location, &key, None)?;
            let asked = Record { next: Some(Next::Requested { name }), ..record.clone() };
            store.replace_record(&record, &asked)?;
            Ok((asked, key))
        });
        let (record, key) = made.await?;
        self.record = record;
        Ok(key)
    }

    async fn store_certificate(
        &mut self,
        key: MachineKey,
        chain: Chain,
        authorities: String,
    ) -> Result<Identity, RenewalError> {
        let record = self.record.clone();
        let stored = self.store.run(move |store| {
            let name = store.store_key(record.key_location, &key, Some(&chain))?;
            let identity = store.identity(record.key_location, &name)?;
            let issued = Record { next: Some(Next::Issued { name, authorities }), ..record.clone() };
            store.replace_record(&record, &issued)?;
            Ok((issued, identity))
        });
        let (record, identity) = stored.await?;
        self.record = record;
        Ok(identity)
    }

    /// Uses the new certificate once; when the server accepts it, it becomes the current one.
    async fn try_out(
        &mut self,
        identity: &Identity,
        former: Option<&Secret>,
        token: Option<Secret>,
    ) -> Result<(), RenewalError> {
        let Some(Next::Issued { authorities, .. }) = &self.record.next else { return Ok(()) };
        let trust = self.record.trust(authorities)?;
        let candidate: Arc<Transport> = Arc::new(self.native_api.transport().with(&trust, identity)?);
        match &token {
            Some(token) => {
                let client = NativeApiClient::signed_in(Arc::clone(&candidate), token.clone());
                client.session().await?.ok_or(RenewalError::Token)?;
            }
            None => NativeApiClient::new(Arc::clone(&candidate)).certificate().await?,
        }
        let record = self.record.clone();
        self.record = self.store.run(move |store| store.activate_next(&record)).await?;
        self.validity = identity.validity().unwrap_or(self.validity);
        self.ready = Some(Ready { candidate, former: former.cloned(), token });
        if !self.use_ready() {
            // The old one is still valid for a third of its life.
            tracing::info!("somebody signs in with the former certificate; the new one is used afterwards");
        }
        Ok(())
    }

    /// Returns whether no new certificate waits any more. Whoever signed in meanwhile stays on the former one: the sign-in is
    /// bound to it.
    fn use_ready(&mut self) -> bool {
        if let Some(Ready { candidate, former, token }) = &self.ready {
            let follows = self.native_api.switch_to(candidate, former.as_ref(), token.clone());
            if !follows && !self.native_api.switch_to(candidate, None, None) {
                return false;
            }
            self.ready = None;
        }
        true
    }
}

/// Two thirds of the life.
fn due_from((not_before, not_after): (i64, i64)) -> i64 {
    not_before + (not_after - not_before) / 3 * 2
}

#[cfg(test)]
mod tests;
