//! Passwords: Argon2id with OWASP's parameters, and a bound on how many hashes run at once (`limits.password_hashes`).

use std::sync::Arc;

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use protocol::people::NewPassword;
use zeroize::Zeroizing;

use crate::failure::{Failure, Refusal};
use crate::random::Random;
use crate::turns::Turns;

/// Hashes and checks passwords, a few at a time.
#[derive(Debug, Clone)]
pub struct Passwords {
    turns: Turns,
    /// The hash of a password that nobody has: an unknown person costs the same as a known one.
    nobody: Arc<str>,
}

impl Passwords {
    pub fn new(at_once: usize, random: &dyn Random) -> Result<Self, Failure> {
        let mut secret = [0; 16];
        random.fill(&mut secret);
        Ok(Self {
            turns: Turns::new(at_once, "Many people are signing in at the moment."),
            nobody: hash_now(&hex::encode(secret), &salt(random)?)?.into(),
        })
    }

    pub async fn hash(&self, password: &NewPassword, random: &dyn Random) -> Result<String, Refusal> {
        let (password, salt) = (Zeroizing::new(password.expose().to_owned()), salt(random)?);
        Ok(self.turns.run(move || hash_now(&password, &salt)).await??)
    }

    /// Whether `password` is the one of `hash`. `None`: nobody's, at the same cost.
    pub async fn verify(&self, password: &str, hash: Option<&str>) -> Result<bool, Refusal> {
        let known = hash.is_some();
        let hash = hash.unwrap_or(&self.nobody).to_owned();
        let password = Zeroizing::new(password.to_owned());
        let matches = self.turns.run(move || {
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
    use super::*;
    use crate::random::SeededRandom;

    #[tokio::test]
    async fn a_password_matches_itself_alone() {
        let random = SeededRandom::new(1);
        let passwords = Passwords::new(1, &random).unwrap();
        let hash = passwords.hash(&"correct horse battery".parse().unwrap(), &random).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(passwords.verify("correct horse battery", Some(&hash)).await.unwrap());
        assert!(!passwords.verify("correct horse batterz", Some(&hash)).await.unwrap());
        assert!(!passwords.verify("correct horse battery", None).await.unwrap());
    }
}
