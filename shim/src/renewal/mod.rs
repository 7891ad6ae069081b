//! The machine's next certificate, while somebody is signed in, from two thirds of the life of the one before.
//!
//! 1. A new key is kept, then its certificate is asked for. Asked again with the same key, the server gives the same one,
//!    so an answer that was lost costs nothing.
//! 2. The certificate is kept beside the old one, and used once.
//! 3. Only when the server has taken it does it count, and the old one is removed.
//!
//! Until then everything goes on with the old one, whatever fails.

mod retry;

use std::sync::Arc;

use keys::{Answer, Chain, KeyError, MachineKey};
use protocol::Problem;
use protocol::native::Renewed;

use crate::clock::Random;
use crate::enrolled::{Enrolled, EnrolledError, Next, Record};
use crate::identity::{Identity, new_key};
use crate::native::NativeClient;
use crate::secret::Secret;
use crate::transport::{SetUpError, Transport};
use retry::Retry;

#[derive(Debug)]
pub struct Renewal {
    enrolled: Arc<Enrolled>,
    native: Arc<NativeClient>,
    record: Record,
    /// Of the certificate that counts: from when to when it is good, seconds since the Unix epoch.
    validity: (i64, i64),
    random: Random,
    retry: Retry,
    /// A new certificate that counts and is not used yet.
    ready: Option<Ready>,
}

/// What requests go out with as soon as nobody is disturbed by it.
#[derive(Debug)]
struct Ready {
    candidate: Arc<Transport>,
    /// The sign-in that `token` follows.
    former: Option<Secret>,
    token: Option<Secret>,
}

/// What came of looking after it.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It will be tried again.
    Failed,
    NotDue,
    /// Another enrolment took the place, or this one was removed: there is nothing to renew any more.
    Over,
    Renewed,
    /// It is due, but nobody is signed in.
    SignedOut,
    /// It failed a while ago.
    Waiting,
}

#[derive(Debug, thiserror::Error)]
enum RenewalError {
    #[error(transparent)]
    Enrolled(#[from] EnrolledError),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error("the server refused: {}", .0.title)]
    Server(Problem),
    #[error(transparent)]
    SetUp(#[from] SetUpError),
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
        enrolled: Arc<Enrolled>,
        native: Arc<NativeClient>,
        record: Record,
        validity: (i64, i64),
        random: Random,
    ) -> Self {
        Self { enrolled, native, record, validity, random, retry: Retry::default(), ready: None }
    }

    /// Does what is due. To be called now and then; `now` is in seconds since the Unix epoch.
    pub async fn look_after(&mut self, now: i64) -> Outcome {
        self.use_ready();
        let issued = matches!(self.record.next, Some(Next::Issued { .. }));
        if !issued && now < due_from(self.validity) {
            return Outcome::NotDue;
        }
        if !self.retry.may_try(now) {
            return Outcome::Waiting;
        }
        let renewed = match self.native.token() {
            Some(token) => self.renew(&token).await,
            // It was kept, but the program ended before it was used.
            None if issued => self.use_kept().await,
            None => return Outcome::SignedOut,
        };
        match renewed {
            Ok(()) => {
                tracing::info!("this machine's certificate was renewed");
                self.retry = Retry::default();
                Outcome::Renewed
            }
            Err(RenewalError::Enrolled(EnrolledError::Superseded)) => {
                tracing::info!("another enrolment took the place of the one that was being renewed");
                Outcome::Over
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
        let renewed = self.native.renew(key.request().to_owned()).await?;
        let Renewed { certificate, authorities, access_token, .. } = renewed;
        let chain = key.chain(Answer { certificates: &certificate, roots: &authorities })?;
        let identity = self.keep(key, chain, authorities).await?;
        self.try_out(&identity, Some(token), Some(Secret::new(access_token))).await
    }

    async fn use_kept(&mut self) -> Result<(), RenewalError> {
        let Some(Next::Issued { name, .. }) = self.record.next.clone() else { return Ok(()) };
        let place = self.record.kept_in;
        let identity = self.enrolled.run(move |enrolled| enrolled.identity(place, &name)).await?;
        self.try_out(&identity, None, None).await
    }

    /// The key that was asked with before, or a new one, kept before anybody is asked.
    async fn key(&mut self) -> Result<MachineKey, RenewalError> {
        let (record, random) = (self.record.clone(), self.random);
        let made = self.enrolled.run(move |enrolled| {
            if let Some(next) = &record.next
                && let Some(key) = enrolled.key(record.kept_in, next.name())?
            {
                return Ok((record, key));
            }
            let key = new_key(random).map_err(|_| EnrolledError::NoRandom)?;
            let name = enrolled.keep(record.kept_in, &key, None)?;
            let asked = Record { next: Some(Next::Asked { name }), ..record.clone() };
            enrolled.go_on(&record, &asked)?;
            Ok((asked, key))
        });
        let (record, key) = made.await?;
        self.record = record;
        Ok(key)
    }

    async fn keep(
        &mut self,
        key: MachineKey,
        chain: Chain,
        authorities: String,
    ) -> Result<Identity, RenewalError> {
        let record = self.record.clone();
        let kept = self.enrolled.run(move |enrolled| {
            let name = enrolled.keep(record.kept_in, &key, Some(&chain))?;
            let identity = enrolled.identity(record.kept_in, &name)?;
            let issued = Record { next: Some(Next::Issued { name, authorities }), ..record.clone() };
            enrolled.go_on(&record, &issued)?;
            Ok((issued, identity))
        });
        let (record, identity) = kept.await?;
        self.record = record;
        Ok(identity)
    }

    /// Uses the new certificate once; when the server takes it, it counts.
    async fn try_out(
        &mut self,
        identity: &Identity,
        former: Option<&Secret>,
        token: Option<Secret>,
    ) -> Result<(), RenewalError> {
        let Some(Next::Issued { authorities, .. }) = &self.record.next else { return Ok(()) };
        let trust = self.record.trust(authorities)?;
        let candidate: Arc<Transport> = Arc::new(self.native.transport().with(&trust, identity)?);
        match &token {
            Some(token) => {
                let client = NativeClient::signed_in(Arc::clone(&candidate), token.clone());
                client.session().await?.ok_or(RenewalError::Token)?;
            }
            None => NativeClient::new(Arc::clone(&candidate)).certificate().await?,
        }
        let record = self.record.clone();
        self.record = self.enrolled.run(move |enrolled| enrolled.succeed(&record)).await?;
        self.validity = identity.validity().unwrap_or(self.validity);
        self.ready = Some(Ready { candidate, former: former.cloned(), token });
        if !self.use_ready() {
            // The old one is good for a third of its life yet.
            tracing::info!("somebody signs in with the former certificate; the new one is used afterwards");
        }
        Ok(())
    }

    /// Whether no new certificate waits any more. Whoever signed in meanwhile keeps the former one: the sign-in counts with
    /// it alone.
    fn use_ready(&mut self) -> bool {
        if let Some(Ready { candidate, former, token }) = &self.ready {
            let follows = self.native.go_on_with(candidate, former.as_ref(), token.clone());
            if !follows && !self.native.go_on_with(candidate, None, None) {
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
