//! The state of the user's sign-in.

use protocol::Secret;

#[derive(Debug, Default)]
pub enum SignIn {
    #[default]
    Out,
    /// The password was right; the server waits for the second factor.
    Challenged(Secret),
    /// With the access token, which is bound to this machine's certificate.
    In(Secret),
}

impl SignIn {
    pub fn challenge(&self) -> Option<Secret> {
        match self {
            Self::Challenged(challenge) => Some(challenge.clone()),
            Self::In(_) | Self::Out => None,
        }
    }

    pub fn token(&self) -> Option<Secret> {
        match self {
            Self::In(token) => Some(token.clone()),
            Self::Challenged(_) | Self::Out => None,
        }
    }

    /// Ends the sign-in of this token. One that began meanwhile stays.
    pub fn end(&mut self, token: &Secret) {
        if matches!(self, Self::In(current) if current == token) {
            *self = Self::Out;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_refusal_does_not_end_a_newer_sign_in() {
        let (old, new) = (Secret::new("old"), Secret::new("new"));
        let mut sign_in = SignIn::In(new.clone());
        sign_in.end(&old);
        assert_eq!(sign_in.token(), Some(new.clone()));
        sign_in.end(&new);
        assert_eq!(sign_in.token(), None);
    }
}
