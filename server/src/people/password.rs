//! Passwords: Argon2id with OWASP's parameters, and a bound on how many hashes run at once.

use std::sync::Arc;

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use protocol::Problem;
use protocol::people::NewPassword;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use zeroize::Zeroizing;

use crate::failure::{Failure, Refusal};
use crate::random::Random;

/// How many requests may wait for their turn before the next is told to come back.
const MAX_WAITING: usize = 64;

/// Hashes and checks passwords, a few at a time.
#[derive(Debug, Clone)]
pub struct Passwords {
    running: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    /// The hash of a password that nobody has: an unknown person costs the same as a known one.
    nobody: Arc<str>,
}

impl Passwords {
    pub fn new(random: &dyn Random) -> Result<Self, Failure> {
        let permits = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let mut secret = [0; 16];
        random.fill(&mut secret);
        Ok(Self {
            running: Arc::new(Semaphore::new(permits)),
            waiting: Arc::new(Semaphore::new(MAX_WAITING + permits)),
            nobody: hash_now(&hex::encode(secret), &salt(random)?)?.into(),
        })
    }

    pub async fn hash(&self, password: &NewPassword, random: &dyn Random) -> Result<String, Refusal> {
        let (password, salt) = (Zeroizing::new(password.expose().to_owned()), salt(random)?);
        let permits = self.permits().await?;
        let hash = tokio::task::spawn_blocking(move || {
            // The permits move in: a request that is dropped must not free them while its hash still runs.
            let _permits = permits;
            hash_now(&password, &salt)
        });
        Ok(hash.await??)
    }

    /// Whether `password` is the one of `hash`. `None`: nobody's, at the same cost.
    pub async fn verify(&self, password: &str, hash: Option<&str>) -> Result<bool, Refusal> {
        let known = hash.is_some();
        let hash = hash.unwrap_or(&self.nobody).to_owned();
        let password = Zeroizing::new(password.to_owned());
        let permits = self.permits().await?;
        let matches = tokio::task::spawn_blocking(move || {
            let _permits = permits;
            PasswordHash::new(&hash)
                .is_ok_and(|parsed| Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok())
        });
        Ok(matches.await? && known)
    }

    async fn permits(&self) -> Result<(OwnedSemaphorePermit, OwnedSemaphorePermit), Refusal> {
        let busy = || Problem::unavailable("Many people are signing in at the moment.", 2);
        let waiting = Arc::clone(&self.waiting).try_acquire_owned().map_err(|_| busy())?;
        let running = Arc::clone(&self.running).acquire_owned().await.map_err(|_| busy())?;
        Ok((waiting, running))
    }
}

fn salt(random: &dyn Random) -> Result<SaltString, Failure> {
    let mut bytes = [0; 16];
    random.fill(&mut bytes);
    SaltString::encode_b64(&bytes).map_err(|_| Failure::Other("a salt could not be encoded"))
}

fn hash_now(password: &str, salt: &SaltString) -> Result<String, Failure> {
    // OWASP Password Storage Cheat Sheet: Argon2id, 19 MiB, two passes, one lane.
    let params = Params::new(19 * 1024, 2, 1, None).map_err(|_| Failure::Other("Argon2's parameters"))?;
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password(password.as_bytes(), salt)
        .map(|hash| hash.to_string())
        .map_err(|_| Failure::Other("a password could not be hashed"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SeededRandom;

    #[tokio::test]
    async fn a_password_matches_itself_alone() {
        let random = SeededRandom::new(1);
        let passwords = Passwords::new(&random).unwrap();
        let hash = passwords.hash(&"correct horse battery".parse().unwrap(), &random).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(passwords.verify("correct horse battery", Some(&hash)).await.unwrap());
        assert!(!passwords.verify("correct horse batterz", Some(&hash)).await.unwrap());
        assert!(!passwords.verify("correct horse battery", None).await.unwrap());
    }
}
