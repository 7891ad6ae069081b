//! Access tokens: JWTs by RFC 9068 and RFC 8725, bound to a certificate by RFC 8705 §3.1.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::id::{AccountId, SessionId};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::vault::Vault;

/// RFC 9068 §2.1: no other kind of token is accepted as an access token.
const TYPE: &str = "at+jwt";
const AUDIENCE: &str = "aiwe-native";
const ALGORITHM: Algorithm = Algorithm::HS256;
/// How many seconds the clock of another server on the same database may be ahead of this one's. It counts for the start of a
/// token's time alone (RFC 7519 §4.1.5): its end is no later.
const LEEWAY: i64 = 10;

/// Signs and verifies access tokens. The key is derived from the data key.
pub struct Tokens {
    issuer: String,
    signing: EncodingKey,
    verifying: DecodingKey,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

/// The claims of a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    iss: String,
    aud: String,
    /// The account's id.
    pub sub: AccountId,
    /// The session's id.
    pub sid: SessionId,
    pub iat: i64,
    pub nbf: i64,
    pub exp: i64,
    pub cnf: Confirmation,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    /// SHA-256 over the certificate's DER, base64url.
    #[serde(rename = "x5t#S256")]
    pub thumbprint: String,
}

impl Tokens {
    pub fn new(vault: &Vault, issuer: &str) -> Self {
        let key = vault.derive("native-access-token");
        Self {
            issuer: issuer.to_owned(),
            signing: EncodingKey::from_secret(key.as_ref()),
            verifying: DecodingKey::from_secret(key.as_ref()),
        }
    }

    /// A token for a session, bound to the certificate with this fingerprint (SHA-256, hexadecimal).
    pub fn sign(
        &self,
        account_id: &AccountId,
        session_id: &SessionId,
        fingerprint: &str,
        now: i64,
        expires_at: i64,
    ) -> Result<String, Failure> {
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: AUDIENCE.to_owned(),
            sub: account_id.clone(),
            sid: session_id.clone(),
            iat: now,
            nbf: now,
            exp: expires_at,
            cnf: Confirmation { thumbprint: thumbprint(fingerprint)? },
        };
        let header = Header { typ: Some(TYPE.to_owned()), ..Header::new(ALGORITHM) };
        jsonwebtoken::encode(&header, &claims, &self.signing)
            .map_err(|_| Failure::Other("a token could not be signed"))
    }

    /// The claims of a token that this server signed for the certificate with this fingerprint, within its validity period.
    /// `None` for any other, without a reason.
    pub fn verify(&self, token: &str, fingerprint: &str, now: i64) -> Option<Claims> {
        let header = jsonwebtoken::decode_header(token).ok()?;
        if header.alg != ALGORITHM || header.typ.as_deref() != Some(TYPE) {
            return None;
        }
        let mut validation = Validation::new(ALGORITHM);
        validation.set_audience(&[AUDIENCE]);
        validation.set_issuer(&[&self.issuer]);
        validation.set_required_spec_claims(&["exp", "nbf", "aud", "iss", "sub"]);
        // The library reads the system clock; ours is a parameter, so the times are compared here.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        let claims = jsonwebtoken::decode::<Claims>(token, &self.verifying, &validation).ok()?.claims;
        let begun = claims.nbf.max(claims.iat) <= now.saturating_add(LEEWAY);
        let in_time = begun && now < claims.exp;
        let bound = thumbprint(fingerprint).is_ok_and(|expected| expected == claims.cnf.thumbprint);
        (in_time && bound).then_some(claims)
    }
}

fn thumbprint(fingerprint: &str) -> Result<String, Failure> {
    let bytes = hex::decode(fingerprint).map_err(|_| Failure::Other("a fingerprint is not hexadecimal"))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const MACHINE: &str = "aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11";
    const OTHER: &str = "bb22bb22bb22bb22bb22bb22bb22bb22bb22bb22bb22bb22bb22bb22bb22bb22";

    fn tokens() -> Tokens {
        Tokens::new(&Vault::new([3; 32]), "https://localhost:8443")
    }

    fn forge(header: &Header, change: impl FnOnce(&mut Value)) -> String {
        let mut claims = json!({
            "iss": "https://localhost:8443", "aud": AUDIENCE, "sub": "a", "sid": "s", "iat": 100, "nbf": 100, "exp": 200,
            "cnf": { "x5t#S256": thumbprint(MACHINE).unwrap() },
        });
        change(&mut claims);
        jsonwebtoken::encode(header, &claims, &tokens().signing).unwrap()
    }

    fn header() -> Header {
        Header { typ: Some(TYPE.to_owned()), ..Header::new(ALGORITHM) }
    }

    #[test]
    fn a_token_is_valid_only_on_its_machine_and_in_its_period() {
        let tokens = tokens();
        let token = tokens.sign(&"a".parse().unwrap(), &"s".parse().unwrap(), MACHINE, 100, 200).unwrap();
        assert_eq!(tokens.verify(&token, MACHINE, 100).unwrap().sid.as_str(), "s");
        assert!(tokens.verify(&token, OTHER, 100).is_none());
        // Made by a server whose clock is ahead.
        assert!(tokens.verify(&token, MACHINE, 97).is_some());
        assert!(tokens.verify(&token, MACHINE, 100 - LEEWAY).is_some());
        assert!(tokens.verify(&token, MACHINE, 100 - LEEWAY - 1).is_none());
        assert!(tokens.verify(&token, MACHINE, 199).is_some());
        assert!(tokens.verify(&token, MACHINE, 200).is_none());
        assert!(
            Tokens::new(&Vault::new([4; 32]), "https://localhost:8443")
                .verify(&token, MACHINE, 100)
                .is_none()
        );
    }

    #[test]
    fn a_corpus_of_bad_tokens_is_rejected() {
        assert!(
            tokens().verify(&forge(&header(), |_| ()), MACHINE, 150).is_some(),
            "the helper can make valid ones too"
        );
        let with = |change: fn(&mut Value)| forge(&header(), change);
        let good = forge(&header(), |_| ());
        let (head, rest) = good.split_once('.').unwrap();
        let payload = rest.split_once('.').unwrap().0;
        let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"at+jwt"}"#);
        let swapped = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","typ":"at+jwt"}"#);
        let bad = [
            String::new(),
            "a.b.c".to_owned(),
            format!("{none}.{payload}."),
            format!("{swapped}.{rest}"),
            format!("{head}.{payload}."),
            format!("{head}.{payload}.AAAA"),
            forge(&Header::new(ALGORITHM), |_| ()),
            forge(&Header { typ: Some(TYPE.to_owned()), ..Header::new(Algorithm::HS512) }, |_| ()),
            with(|c| c["aud"] = "other".into()),
            with(|c| c["iss"] = "https://elsewhere".into()),
            with(|c| c["exp"] = 120.into()),
            with(|c| c["nbf"] = 180.into()),
            with(|c| c["iat"] = 180.into()),
            with(|c| c["cnf"] = json!({ "x5t#S256": "AAAA" })),
            with(|c| _ = c.as_object_mut().unwrap().remove("cnf")),
            with(|c| _ = c.as_object_mut().unwrap().remove("exp")),
            with(|c| _ = c.as_object_mut().unwrap().remove("aud")),
            with(|c| _ = c.as_object_mut().unwrap().remove("sid")),
        ];
        for token in bad {
            assert!(tokens().verify(&token, MACHINE, 150).is_none(), "{token}");
        }
    }
}
