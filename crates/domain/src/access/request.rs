//! The lifecycle of an access request: pending → approved → redeemed, or pending → rejected. Pending requests and links
//! expire with time; [`AccessRequest::state_at`] computes that from the clock.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{DeviceName, EmailAddress, MatchCode, Message, Platform};
use crate::id::{AccessRequestId, CertificateId};
use crate::text::Invalid;

/// The state of a request, without its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum RequestState {
    /// The link can be used.
    Approved,
    /// Nobody decided in time, or the link was not used in time.
    Expired,
    /// Waits for an administrator's decision.
    Pending,
    /// The link has been used.
    Redeemed,
    Rejected,
}

impl RequestState {
    pub const ALL: [Self; 5] = [Self::Pending, Self::Approved, Self::Redeemed, Self::Rejected, Self::Expired];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Expired => "expired",
            Self::Pending => "pending",
            Self::Redeemed => "redeemed",
            Self::Rejected => "rejected",
        }
    }
}

impl FromStr for RequestState {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::ALL
            .into_iter()
            .find(|s| s.as_str() == text)
            .ok_or(Invalid("pending, approved, redeemed, rejected or expired"))
    }
}

/// An access request. Transitions consume it and return it in its new state.
#[derive(Debug, Clone)]
pub struct AccessRequest {
    pub id: AccessRequestId,
    pub email: EmailAddress,
    pub match_code: MatchCode,
    pub platform: Option<Platform>,
    pub device_name: Option<DeviceName>,
    pub message: Message,
    /// Seconds since the Unix epoch.
    pub requested_at: i64,
    pub reminders: Reminders,
    pub state: State,
}

/// How many reminders (or requests for a new link) the requester has sent, and when the last one was sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reminders {
    pub sent: i64,
    /// Seconds since the Unix epoch.
    pub last_at: Option<i64>,
}

impl Reminders {
    /// When the next one is accepted, in seconds since the Unix epoch, for something that is pending since `since`. `None`:
    /// the maximum is reached.
    pub fn next(self, since: i64, rules: ReminderRules) -> Option<i64> {
        let next = self.last_at.map_or(since + rules.initial_delay, |last| last + rules.interval);
        (self.sent < rules.max).then_some(next)
    }
}

/// How often reminders are accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReminderRules {
    /// Seconds from the request to the first one.
    pub initial_delay: i64,
    /// Seconds between two of them, at least.
    pub interval: i64,
    /// How many are accepted.
    pub max: i64,
}

/// A pending notice to administrators about a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// The holder requested a new link.
    Link,
    /// The request is new.
    New,
    /// The requester sent a reminder.
    Reminder,
}

impl Notice {
    /// The notice with this name in the database.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "link" => Some(Self::Link),
            "new" => Some(Self::New),
            "reminder" => Some(Self::Reminder),
            _ => None,
        }
    }
}

/// The state of a request with its data. Expiry is not a state of its own: see [`AccessRequest::state_at`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    Pending {
        /// Seconds since the Unix epoch.
        expires_at: i64,
    },
    Approved {
        decision: Decision,
        grant: Grant,
    },
    Rejected {
        decision: Decision,
        reason: String,
    },
    Redeemed {
        decision: Decision,
        grant: Grant,
        redemption: Redemption,
    },
}

/// Who decided, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The administrator's e-mail address.
    pub by: String,
    /// Seconds since the Unix epoch.
    pub at: i64,
}

/// The download link of an approved request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Seconds since the Unix epoch.
    pub expires_at: i64,
    /// How many wrong match codes were sent with the link.
    pub wrong_codes: i64,
    /// The number of this link among those of the request, counted from 1.
    pub number: i64,
    /// The requests for a new link that its holder has sent.
    pub link_requests: Reminders,
}

impl Grant {
    fn new(number: i64, expires_at: i64) -> Self {
        Self { expires_at, wrong_codes: 0, number, link_requests: Reminders::default() }
    }
}

/// The use of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redemption {
    /// Seconds since the Unix epoch.
    pub at: i64,
    /// The certificate that was issued.
    pub certificate_id: CertificateId,
    /// SHA-256 of the certificate signing request; `None`: the server generated the key.
    pub csr_hash: Option<Vec<u8>>,
}

/// The request is not in a state that allows this transition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an access request that is {} cannot be {wanted}", .actual.as_str())]
pub struct InvalidTransition {
    pub actual: RequestState,
    /// The new state, as a participle.
    pub wanted: &'static str,
}

impl AccessRequest {
    /// Approves a pending request that has not expired. `now` and `grant_expires_at`: seconds since the Unix epoch.
    pub fn approve(self, by: &str, now: i64, grant_expires_at: i64) -> Result<Self, InvalidTransition> {
        match self.state {
            State::Pending { expires_at } if expires_at > now => {
                let decision = Decision { by: by.to_owned(), at: now };
                let grant = Grant::new(1, grant_expires_at);
                Ok(Self { state: State::Approved { decision, grant }, ..self })
            }
            _ => Err(self.invalid_transition("approved", now)),
        }
    }

    /// Rejects a pending request that has not expired. `now`: seconds since the Unix epoch.
    pub fn reject(self, by: &str, now: i64, reason: &Message) -> Result<Self, InvalidTransition> {
        match self.state {
            State::Pending { expires_at } if expires_at > now => {
                let decision = Decision { by: by.to_owned(), at: now };
                Ok(Self { state: State::Rejected { decision, reason: reason.as_str().to_owned() }, ..self })
            }
            _ => Err(self.invalid_transition("rejected", now)),
        }
    }

    /// Replaces the link of an approved or redeemed request, for a lost package or an expired link. `now` and
    /// `grant_expires_at`: seconds since the Unix epoch.
    pub fn reissue_link(self, now: i64, grant_expires_at: i64) -> Result<Self, InvalidTransition> {
        match self.state {
            State::Approved { decision, grant } | State::Redeemed { decision, grant, .. } => {
                let grant = Grant::new(grant.number + 1, grant_expires_at);
                Ok(Self { state: State::Approved { decision, grant }, ..self })
            }
            _ => Err(self.invalid_transition("given a new link", now)),
        }
    }

    /// Uses the link of an approved request, if it has not expired.
    pub fn redeem(self, redemption: Redemption) -> Result<Self, InvalidTransition> {
        match self.state {
            State::Approved { decision, grant } if grant.expires_at > redemption.at => {
                Ok(Self { state: State::Redeemed { decision, grant, redemption }, ..self })
            }
            _ => Err(self.invalid_transition("redeemed", redemption.at)),
        }
    }

    /// The state at `now` (seconds since the Unix epoch).
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

    /// When the present state expires, in seconds since the Unix epoch.
    pub fn expires_at(&self) -> Option<i64> {
        match &self.state {
            State::Pending { expires_at } => Some(*expires_at),
            State::Approved { grant, .. } => Some(grant.expires_at),
            State::Rejected { .. } | State::Redeemed { .. } => None,
        }
    }

    /// The administrator's decision, if there is one.
    pub fn decision(&self) -> Option<&Decision> {
        match &self.state {
            State::Pending { .. } => None,
            State::Approved { decision, .. }
            | State::Rejected { decision, .. }
            | State::Redeemed { decision, .. } => Some(decision),
        }
    }

    /// The reason of a rejection, if the administrator gave one.
    pub fn reason(&self) -> Option<&str> {
        match &self.state {
            State::Rejected { reason, .. } if !reason.is_empty() => Some(reason),
            _ => None,
        }
    }

    /// The present link, which may have expired or been used.
    pub fn grant(&self) -> Option<&Grant> {
        match &self.state {
            State::Approved { grant, .. } | State::Redeemed { grant, .. } => Some(grant),
            State::Pending { .. } | State::Rejected { .. } => None,
        }
    }

    /// When the next reminder is accepted, in seconds since the Unix epoch. `None`: no more reminders, or the request is not
    /// pending.
    pub fn next_reminder(&self, rules: ReminderRules, now: i64) -> Option<i64> {
        match self.state_at(now) {
            RequestState::Pending => self.reminders.next(self.requested_at, rules),
            _ => None,
        }
    }

    /// When the holder of an expired or used link may request a new one, in seconds since the Unix epoch. `None`: no more
    /// requests, or the link is still valid.
    pub fn next_link_request(&self, rules: ReminderRules, now: i64) -> Option<i64> {
        let grant = match self.state_at(now) {
            RequestState::Expired | RequestState::Redeemed => self.grant(),
            RequestState::Approved | RequestState::Pending | RequestState::Rejected => None,
        };
        grant.and_then(|grant| grant.link_requests.next(now, rules))
    }

    /// The requested name of the machine, or one derived from the e-mail address.
    pub fn machine_name(&self) -> String {
        self.device_name.as_ref().map_or_else(
            || {
                let owner: String = self.email.as_str().chars().take(40).collect();
                format!("Machine of {owner}")
            },
            |name| name.as_str().to_owned(),
        )
    }

    fn invalid_transition(&self, wanted: &'static str, now: i64) -> InvalidTransition {
        InvalidTransition { actual: self.state_at(now), wanted }
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A request that was made at 0 and expires at 100.
    pub fn pending() -> AccessRequest {
        AccessRequest {
            id: "r".parse().unwrap(),
            email: "anna@example.org".parse().unwrap(),
            match_code: "2345-6789".parse().unwrap(),
            platform: None,
            device_name: None,
            message: Message::default(),
            requested_at: 0,
            reminders: Reminders::default(),
            state: State::Pending { expires_at: 100 },
        }
    }

    fn redemption(at: i64) -> Redemption {
        Redemption { at, certificate_id: "c".parse().unwrap(), csr_hash: None }
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
    fn pending_requests_and_links_expire() {
        assert_eq!(pending().state_at(99), RequestState::Pending);
        assert_eq!(pending().state_at(100), RequestState::Expired);
        assert_eq!(pending().approve("admin", 100, 200).unwrap_err().actual, RequestState::Expired);
        let approved = pending().approve("admin", 10, 50).unwrap();
        assert_eq!(approved.state_at(50), RequestState::Expired);
        assert!(approved.redeem(redemption(50)).is_err());
    }

    #[test]
    fn reminders_are_limited_in_number_and_frequency() {
        let rules = ReminderRules { initial_delay: 10, interval: 30, max: 2 };
        let reminded = |sent, last_at| AccessRequest { reminders: Reminders { sent, last_at }, ..pending() };
        assert_eq!(pending().next_reminder(rules, 0), Some(10));
        assert_eq!(reminded(1, Some(12)).next_reminder(rules, 12), Some(42));
        assert_eq!(reminded(2, Some(42)).next_reminder(rules, 99), None);
        assert_eq!(pending().next_reminder(rules, 100), None, "it has expired");
        assert_eq!(pending().next_reminder(ReminderRules { max: 0, ..rules }, 0), None);
        let approved = pending().approve("admin", 10, 50).unwrap();
        assert_eq!(approved.next_reminder(rules, 20), None);
    }

    #[test]
    fn a_link_can_be_reissued() {
        let approved = pending().approve("admin", 10, 50).unwrap();
        let redeemed = approved.clone().redeem(redemption(20)).unwrap();
        for former in [approved.clone(), redeemed] {
            let again = former.reissue_link(60, 90).unwrap();
            assert_eq!((again.state_at(60), again.expires_at()), (RequestState::Approved, Some(90)));
            assert_eq!(again.grant().unwrap().number, 2);
            assert_eq!(again.decision().unwrap().at, 10, "who approved stays");
        }
        assert!(pending().reissue_link(1, 90).is_err());
        assert!(pending().reject("admin", 1, &Message::default()).unwrap().reissue_link(2, 90).is_err());
    }

    #[test]
    fn a_new_link_is_requested_only_after_the_old_one_ended() {
        let rules = ReminderRules { initial_delay: 0, interval: 30, max: 1 };
        assert_eq!(pending().next_link_request(rules, 0), None);
        assert_eq!(pending().next_link_request(rules, 100), None, "it never had a link");
        let approved = pending().approve("admin", 10, 50).unwrap();
        assert_eq!(approved.next_link_request(rules, 49), None);
        assert_eq!(approved.next_link_request(rules, 50), Some(50));
        assert_eq!(approved.redeem(redemption(20)).unwrap().next_link_request(rules, 21), Some(21));
    }

    #[test]
    fn only_an_approved_request_is_redeemed() {
        assert!(pending().redeem(redemption(1)).is_err());
        let rejected = pending().reject("admin", 1, &"no".parse().unwrap()).unwrap();
        assert_eq!(rejected.reason(), Some("no"));
        assert!(rejected.redeem(redemption(2)).is_err());
    }
}
