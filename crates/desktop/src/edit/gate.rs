//! The one way from a proposal to the keyboard.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::{CONFIRMATION_LIFETIME, Digest, OFFER_LIFETIME, Proposal, Refusal, Target, TargetKind};

/// How many proposals wait for the user at most; the oldest is dropped.
const MAX_OFFERS: usize = 32;

static GATES: AtomicU64 = AtomicU64::new(0);

/// Names an offer, for the dialog. Only its own gate knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OfferId {
    gate: u64,
    number: u64,
}

impl std::fmt::Display for OfferId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.gate, self.number)
    }
}

/// What the dialog shows: exactly what would be typed, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    pub id: OfferId,
    pub proposal: Proposal,
    pub target: Target,
    pub digest: Digest,
}

/// The user's yes to one text in one place, once. Neither made nor copied anywhere else.
#[derive(Debug)]
pub struct Confirmation {
    gate: u64,
    number: u64,
    digest: Digest,
    expires_at: Instant,
}

/// A confirmed change, on its way to the program.
#[derive(Debug)]
pub struct Edit {
    proposal: Proposal,
    target: Target,
}

impl Edit {
    pub fn proposal(&self) -> &Proposal {
        &self.proposal
    }

    pub fn target(&self) -> &Target {
        &self.target
    }
}

#[derive(Debug)]
struct Waiting {
    proposal: Proposal,
    target: Target,
    digest: Digest,
    expires_at: Instant,
    confirmed: bool,
}

/// Holds what was proposed until the user has decided.
#[derive(Debug)]
pub struct Gate {
    id: u64,
    last: u64,
    waiting: HashMap<u64, Waiting>,
}

impl Default for Gate {
    fn default() -> Self {
        Self { id: GATES.fetch_add(1, Ordering::Relaxed), last: 0, waiting: HashMap::new() }
    }
}

impl Gate {
    pub fn new() -> Self {
        Self::default()
    }

    /// Refuses what must not be typed there, before the user is asked.
    pub fn propose(&mut self, proposal: Proposal, target: Target, now: Instant) -> Result<Offer, Refusal> {
        admissible(&proposal, &target)?;
        self.waiting.retain(|_, waiting| now < waiting.expires_at);
        if self.waiting.len() >= MAX_OFFERS
            && let Some(oldest) = self.waiting.keys().min().copied()
        {
            self.waiting.remove(&oldest);
        }
        self.last += 1;
        let digest = Digest::of(&proposal, &target);
        let offer = Offer {
            id: OfferId { gate: self.id, number: self.last },
            proposal: proposal.clone(),
            target: target.clone(),
            digest,
        };
        let expires_at = now + OFFER_LIFETIME;
        self.waiting.insert(self.last, Waiting { proposal, target, digest, expires_at, confirmed: false });
        Ok(offer)
    }

    /// The user has confirmed what the dialog showed; `shown` is its digest. An offer is confirmed once at most, and is
    /// gone after a digest that is not its own.
    pub fn confirm(&mut self, id: OfferId, shown: Digest, now: Instant) -> Result<Confirmation, Refusal> {
        if id.gate != self.id {
            return Err(Refusal::Unknown);
        }
        let waiting = self.waiting.get_mut(&id.number).ok_or(Refusal::Unknown)?;
        let refusal = if waiting.confirmed {
            Refusal::Unknown
        } else if now >= waiting.expires_at {
            Refusal::Expired
        } else if waiting.digest != shown {
            Refusal::Different
        } else {
            waiting.confirmed = true;
            let expires_at = now + CONFIRMATION_LIFETIME;
            return Ok(Confirmation { gate: self.id, number: id.number, digest: shown, expires_at });
        };
        self.waiting.remove(&id.number);
        Err(refusal)
    }

    /// Like [`Self::confirm`], with only some of the changes that the dialog showed. An offer is gone if none is chosen.
    pub fn confirm_changes(
        &mut self,
        id: OfferId,
        shown: Digest,
        chosen: &[bool],
        now: Instant,
    ) -> Result<Confirmation, Refusal> {
        let whole = self.confirm(id, shown, now)?;
        let waiting = self.waiting.get_mut(&id.number).ok_or(Refusal::Unknown)?;
        match waiting.proposal.with_changes(chosen) {
            Ok(proposal) => {
                waiting.digest = Digest::of(&proposal, &waiting.target);
                waiting.proposal = proposal;
                Ok(Confirmation { digest: waiting.digest, ..whole })
            }
            Err(refusal) => {
                self.waiting.remove(&id.number);
                Err(refusal)
            }
        }
    }

    /// The user has declined, or the dialog was closed.
    pub fn decline(&mut self, id: OfferId) {
        if id.gate == self.id {
            self.waiting.remove(&id.number);
        }
    }

    /// Exchanges a confirmation for the change that it is for.
    pub fn admit(&mut self, confirmation: Confirmation, now: Instant) -> Result<Edit, Refusal> {
        if confirmation.gate != self.id {
            return Err(Refusal::Unknown);
        }
        let waiting = self.waiting.remove(&confirmation.number).ok_or(Refusal::Unknown)?;
        if now >= confirmation.expires_at {
            return Err(Refusal::Expired);
        }
        let Waiting { proposal, target, confirmed, .. } = waiting;
        if !confirmed || Digest::of(&proposal, &target) != confirmation.digest {
            return Err(Refusal::Different);
        }
        admissible(&proposal, &target)?;
        Ok(Edit { proposal, target })
    }
}

fn admissible(proposal: &Proposal, target: &Target) -> Result<(), Refusal> {
    match target.kind {
        TargetKind::Foreign => return Err(Refusal::ForeignWindow),
        TargetKind::Password => return Err(Refusal::Password),
        TargetKind::Terminal if proposal.text().contains(['\n', '\t']) => {
            return Err(Refusal::LineFeedInTerminal);
        }
        TargetKind::Field | TargetKind::Terminal => {}
    }
    // A terminal's selection is of its output: what is pasted goes to the cursor.
    if target.kind == TargetKind::Terminal && proposal.replaces().is_none() {
        return Ok(());
    }
    if proposal.replaces() == target.selection.as_deref() { Ok(()) } else { Err(Refusal::Selection) }
}
