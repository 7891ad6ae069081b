//! The life of an access request: pending → approved → redeemed, or pending → rejected. Whatever waits too long has
//! expired; that is read off the clock and needs no job.

use protocol::access::{DeviceName, EmailAddress, MatchCode, Message, Platform, RequestState};

/// A request for access, in whatever state it is.
#[derive(Debug, Clone)]
pub struct AccessRequest {
    pub id: String,
    pub email: EmailAddress,
    pub match_code: MatchCode,
    pub platform: Option<Platform>,
    pub device_name: Option<DeviceName>,
    pub message: Message,
    pub requested_at: i64,
    pub state: State,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    Pending { expires_at: i64 },
    Approved { decision: Decision, grant: Grant },
    Rejected { decision: Decision, reason: String },
    Redeemed { decision: Decision, grant: Grant, redemption: Redemption },
}

/// Who decided, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The administrator's e-mail address.
    pub by: String,
    pub at: i64,
}

/// The link of an approved request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    pub expires_at: i64,
    /// How often a wrong match code came with the link.
    pub wrong_codes: i64,
}

/// What the link was spent for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redemption {
    pub at: i64,
    pub certificate_id: String,
    /// SHA-256 of the certificate request that was answered; `None`: the server made the key.
    pub csr_hash: Option<Vec<u8>>,
}

/// The request is not in a state that allows this.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an access request that is {} cannot be {wanted}", .actual.as_str())]
pub struct InvalidTransition {
    pub actual: RequestState,
    pub wanted: &'static str,
}

impl AccessRequest {
    pub fn approve(self, by: &str, now: i64, grant_expires_at: i64) -> Result<Self, InvalidTransition> {
        match self.state {
            State::Pending { expires_at } if expires_at > now => {
                let decision = Decision { by: by.to_owned(), at: now };
                let grant = Grant { expires_at: grant_expires_at, wrong_codes: 0 };
                Ok(Self { state: State::Approved { decision, grant }, ..self })
            }
            _ => Err(self.refuse("approved", now)),
        }
    }

    pub fn reject(self, by: &str, now: i64, reason: &Message) -> Result<Self, InvalidTransition> {
        match self.state {
            State::Pending { expires_at } if expires_at > now => {
                let decision = Decision { by: by.to_owned(), at: now };
                Ok(Self { state: State::Rejected { decision, reason: reason.as_str().to_owned() }, ..self })
            }
            _ => Err(self.refuse("rejected", now)),
        }
    }

    pub fn redeem(self, redemption: Redemption) -> Result<Self, InvalidTransition> {
        match self.state {
            State::Approved { decision, grant } if grant.expires_at > redemption.at => {
                Ok(Self { state: State::Redeemed { decision, grant, redemption }, ..self })
            }
            _ => Err(self.refuse("redeemed", redemption.at)),
        }
    }

    pub fn state_at(&self, now: i64) -> RequestState {
        match &self.state {
            State::Pending { expires_at } if *expires_at <= now => RequestState::Expired,
            State::Pending { .. } => RequestState::Pending,
            State::Approved { grant, .. } if grant.expires_at <= now => RequestState::Expired,
            State::Approved { .. } => RequestState::Approved,
            State::Rejected { .. } => RequestState::Rejected,
            State::Redeemed { .. } => RequestState::Redeemed,
        }
    }

    /// When the present state ends by itself.
    pub fn expires_at(&self) -> Option<i64> {
        match &self.state {
            State::Pending { expires_at } => Some(*expires_at),
            State::Approved { grant, .. } => Some(grant.expires_at),
            State::Rejected { .. } | State::Redeemed { .. } => None,
        }
    }

    pub fn decision(&self) -> Option<&Decision> {
        match &self.state {
            State::Pending { .. } => None,
            State::Approved { decision, .. }
            | State::Rejected { decision, .. }
            | State::Redeemed { decision, .. } => Some(decision),
        }
    }

    pub fn reason(&self) -> Option<&str> {
        match &self.state {
            State::Rejected { reason, .. } if !reason.is_empty() => Some(reason),
            _ => None,
        }
    }

    pub fn grant(&self) -> Option<&Grant> {
        match &self.state {
            State::Approved { grant, .. } | State::Redeemed { grant, .. } => Some(grant),
            State::Pending { .. } | State::Rejected { .. } => None,
        }
    }

    /// The machine's name: as asked for, or one that tells whose it is.
    pub fn machine_name(&self) -> String {
        self.device_name.as_ref().map_or_else(
            || {
                let owner: String = self.email.as_str().chars().take(40).collect();
                format!("Machine of {owner}")
            },
            |name| name.as_str().to_owned(),
        )
    }

    fn refuse(&self, wanted: &'static str, now: i64) -> InvalidTransition {
        InvalidTransition { actual: self.state_at(now), wanted }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pending() -> AccessRequest {
        AccessRequest {
            id: "r".into(),
            email: "anna@example.org".parse().unwrap(),
            match_code: "2345-6789".parse().unwrap(),
            platform: None,
            device_name: None,
            message: Message::default(),
            requested_at: 0,
            state: State::Pending { expires_at: 100 },
        }
    }

    fn redemption(at: i64) -> Redemption {
        Redemption { at, certificate_id: "c".into(), csr_hash: None }
    }

    #[test]
    fn a_request_is_approved_once_and_redeemed_once() {
        let approved = pending().approve("admin", 10, 50).unwrap();
        assert_eq!(approved.state_at(10), RequestState::Approved);
        assert!(approved.clone().approve("other", 11, 50).is_err());
        assert!(approved.clone().reject("other", 11, &Message::default()).is_err());
        let redeemed = approved.redeem(redemption(20)).unwrap();
        assert_eq!(redeemed.state_at(1_000), RequestState::Redeemed);
        assert!(redeemed.redeem(redemption(21)).is_err());
    }

    #[test]
    fn what_waits_too_long_has_expired() {
        assert_eq!(pending().state_at(99), RequestState::Pending);
        assert_eq!(pending().state_at(100), RequestState::Expired);
        assert_eq!(pending().approve("admin", 100, 200).unwrap_err().actual, RequestState::Expired);
        let approved = pending().approve("admin", 10, 50).unwrap();
        assert_eq!(approved.state_at(50), RequestState::Expired);
        assert!(approved.redeem(redemption(50)).is_err());
    }

    #[test]
    fn nothing_but_an_approved_request_is_redeemed() {
        assert!(pending().redeem(redemption(1)).is_err());
        let rejected = pending().reject("admin", 1, &"no".parse().unwrap()).unwrap();
        assert_eq!(rejected.reason(), Some("no"));
        assert!(rejected.redeem(redemption(2)).is_err());
    }
}
