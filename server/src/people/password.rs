//! Passwords: Argon2id with OWASP's parameters, and a limit on concurrent hashes (`limits.password_hashes`).

use std::sync::Arc;

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use domain::random::Random;
use protocol::ServiceError;
use protocol::people::NewPassword;
use web::ConcurrencyLimit;
use zeroize::Zeroizing;

use crate::failure::Failure;

/// Hashes and verifies passwords, a limited number at a time.
#[derive(Debug, Clone)]
pub struct Passwords {
    limit: ConcurrencyLimit,
    /// The hash of a random password: verifying against it makes an unknown address take as long as a known one.
    dummy_hash: Arc<str>,
}

impl Passwords {
    pub fn new(max_concurrent: usize, random: &dyn Random) -> Result<Self, Failure> {
        let mut secret = [0; 16];
        random.fill(&mut secret);
        Ok(Self {
            limit: ConcurrencyLimit::new(max_concurrent, "Many people are signing in at the moment."),
            dummy_hash: hash_now(&hex::encode(secret), &salt(random)?)?.into(),
        })
    }

    pub async fn hash(&self, password: &NewPassword, random: &dyn Random) -> Result<String, ServiceError> {
        let (password, salt) = (Zeroizing::new(password.expose().to_owned()), salt(random)?);
        Ok(self.limit.run(move || hash_now(&password, &salt)).await??)
    }

    /// Whether `password` matches `hash`. Without a hash it never does, and takes the same time.
    pub async fn verify(&self, password: &str, hash: Option<&str>) -> Result<bool, ServiceError> {
        let known = hash.is_some();
        let hash = hash.unwrap_or(&self.dummy_hash).to_owned();
        let password = Zeroizing::new(password.to_owned());
        let matches = self.limit.run(move || {
            PasswordHash::new(&hash)
                .is_ok_and(|parsed| Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok())
        });
        Ok(matches.await? && known)
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
    use domain::random::SeededRandom;

    use super::*;

    #[tokio::test]
    async fn only_the_right_password_matches() {
        let random = SeededRandom::new(1);
        let passwords = Passwords::new(1, &random).unwrap();
        let hash = passwords.hash(&"correct horse battery".parse().unwrap(), &random).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(passwords.verify("correct horse battery", Some(&hash)).await.unwrap());
        assert!(!passwords.verify("correct horse batterz", Some(&hash)).await.unwrap());
        assert!(!passwords.verify("correct horse battery", None).await.unwrap());
    }
}
