//! Passwords: Argon2id with OWASP's parameters, and a limit on concurrent hashes (`limits.password_hashes`).

use std::sync::Arc;

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use domain::code::opaque_string;
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
        let (password, salt) = (Zeroizing::new(opaque_string(password.expose())), salt(random)?);
        Ok(self.limit.run(move || hash_now(&password, &salt)).await??)
    }

    /// Whether `password` matches `hash`. Without a hash it never does, and takes the same time. A hash of an earlier version may
    /// be of the password as it was typed, so that is tried too if it differs.
    pub async fn verify(&self, password: &str, hash: Option<&str>) -> Result<bool, ServiceError> {
        let known = hash.is_some();
        let hash = hash.unwrap_or(&self.dummy_hash).to_owned();
        let mut spellings = vec![Zeroizing::new(opaque_string(password))];
        if spellings.iter().all(|spelling| spelling.as_str() != password) {
            spellings.push(Zeroizing::new(password.to_owned()));
        }
        let matches = self.limit.run(move || {
            PasswordHash::new(&hash).is_ok_and(|parsed| {
                spellings
                    .iter()
                    .any(|password| Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok())
            })
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

    #[tokio::test]
    async fn both_spellings_of_a_password_match() {
        let random = SeededRandom::new(1);
        let passwords = Passwords::new(1, &random).unwrap();
        let (composed, decomposed) =
            ("Gr\u{FC}\u{DF}e aus K\u{F6}ln 12", "Gru\u{308}\u{DF}e aus Ko\u{308}ln 12");
        for set in [composed, decomposed] {
            let hash = passwords.hash(&set.parse().unwrap(), &random).await.unwrap();
            for typed in [composed, decomposed] {
                assert!(passwords.verify(typed, Some(&hash)).await.unwrap(), "{set} {typed}");
            }
        }
        // As an earlier version hashed it.
        let as_typed = hash_now(decomposed, &salt(&random).unwrap()).unwrap();
        assert!(passwords.verify(decomposed, Some(&as_typed)).await.unwrap());
        assert!(!passwords.verify("Gruesse aus Koeln 12", Some(&as_typed)).await.unwrap());
    }
}
