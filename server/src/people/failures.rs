//! Failed sign-ins in the audit log: gathered per account, network and hour, so that a stranger cannot fill the disk.
//!
//! They are counted in memory and written by a job, which has no part in how long a sign-in takes. A number is written soon
//! after the first failure, when it has grown tenfold, and when its hour is over.

use std::collections::HashMap;
use std::time::Duration;

use domain::audit::{Action, Actor};
use domain::id::AccountId;
use parking_lot::Mutex;
use protocol::ServiceError;
use tokio_util::sync::CancellationToken;

use super::People;
use super::limits::network;
use super::sign_in::Origin;
use crate::job;

const JOB: &str = "failed sign-ins";
const FLUSH_INTERVAL: Duration = Duration::from_secs(10);
const HOUR: i64 = 3600;
/// Combinations of account and network that are counted at once. What is beyond is counted in all.
const MAX_COUNTED: usize = 10_000;
/// Entries written in an hour. What is beyond is counted in all.
const MAX_ENTRIES: u32 = 500;
/// The subject of tries for an address without an account.
const UNKNOWN: &str = "unknown";

/// What was wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Wrong {
    Code,
    Password,
}

/// What is counted as one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    /// `None`: the address has no account.
    account: Option<AccountId>,
    place: &'static str,
    network: String,
    wrong: Wrong,
}

#[derive(Debug, Clone, Copy, Default)]
struct Count {
    /// When the first of the hour was, in seconds since the Unix epoch.
    since: i64,
    tries: u64,
    /// How many of them have been written.
    written: u64,
}

#[derive(Debug, Default)]
pub(super) struct Failures(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    by_key: HashMap<Key, Count>,
    /// Those that are not in `by_key`, or had no entry of their own.
    rest: Count,
    /// The hour, since 1970, of `entries`.
    hour: i64,
    entries: u32,
}

/// An entry to be written.
struct Due {
    subject: String,
    detail: String,
}

impl Counts {
    fn add(&mut self, key: Key, now: i64) {
        let is_new = !self.by_key.contains_key(&key);
        let count = if is_new && self.by_key.len() >= MAX_COUNTED {
            &mut self.rest
        } else {
            self.by_key.entry(key).or_default()
        };
        if count.tries == 0 {
            count.since = now;
        }
        count.tries += 1;
    }

    /// What is to be written now. What is over is forgotten.
    fn due(&mut self, now: i64) -> Vec<Due> {
        if self.hour != now.div_euclid(HOUR) {
            (self.hour, self.entries) = (now.div_euclid(HOUR), 0);
        }
        let Self { by_key, rest, entries, .. } = self;
        let mut due = Vec::new();
        by_key.retain(|key, count| {
            if count.is_due(now) {
                if *entries < MAX_ENTRIES {
                    *entries += 1;
                    due.push(key.entry(count.tries));
                } else {
                    if rest.tries == 0 {
                        rest.since = now;
                    }
                    rest.tries += count.tries - count.written;
                }
                count.written = count.tries;
            }
            !count.is_over(now)
        });
        if rest.tries > 0 && rest.is_over(now) {
            let detail = format!("{} more, in all, from several networks", rest.tries);
            due.push(Due { subject: UNKNOWN.to_owned(), detail });
            *rest = Count::default();
        }
        due
    }
}

impl Count {
    fn is_due(&self, now: i64) -> bool {
        let grown = self.written == 0 || self.tries >= self.written.saturating_mul(10);
        self.tries > self.written && (grown || self.is_over(now))
    }

    fn is_over(&self, now: i64) -> bool {
        // A clock that was set back ends the hour, too.
        !(0..HOUR).contains(&(now - self.since))
    }
}

impl Key {
    fn entry(&self, count: u64) -> Due {
        let what = match self.wrong {
            Wrong::Code => "wrong code",
            Wrong::Password => "wrong password",
        };
        let plural = if count == 1 { "" } else { "s" };
        let detail = format!("{}: {count} {what}{plural} from {} within an hour", self.place, self.network);
        let subject = self.account.as_ref().map_or(UNKNOWN, AccountId::as_str).to_owned();
        Due { subject, detail }
    }
}

impl People {
    pub(super) fn record_failure(&self, account: Option<&AccountId>, wrong: Wrong, origin: &Origin) {
        let place = if origin.machine.is_some() { "desktop" } else { "panel" };
        let network = network(origin.address).to_string();
        self.failures.0.lock().add(Key { account: account.cloned(), place, network, wrong }, self.env.now());
    }

    /// Writes what is due to the audit log.
    pub async fn write_failures(&self) -> Result<(), ServiceError> {
        let now = self.env.now();
        let due = self.failures.0.lock().due(now);
        if due.is_empty() {
            return Ok(());
        }
        let mut tx = self.env.store.begin().await?;
        for Due { subject, detail } in due {
            tx.audit_log().append(now, Actor::Visitor, Action::SignInFailed, &subject, &detail).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Writes failed sign-ins to the audit log until `shutdown`.
    pub async fn watch_failures(self, shutdown: CancellationToken) {
        job::every(FLUSH_INTERVAL, &shutdown, JOB, || self.write_failures()).await;
        if let Err(error) = self.write_failures().await {
            error.log(JOB);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(network: usize) -> Key {
        Key { account: None, place: "panel", network: network.to_string(), wrong: Wrong::Password }
    }

    #[test]
    fn a_number_is_written_at_first_when_it_grew_and_at_the_end_of_its_hour() {
        let (mut counts, start) = (Counts::default(), 1_700_000_000);
        let mut written = Vec::new();
        for second in 0..25 {
            counts.add(key(1), start + second);
            written.extend(counts.due(start + second).into_iter().map(|due| due.detail));
        }
        written.extend(counts.due(start + HOUR - 1).into_iter().map(|due| due.detail));
        assert_eq!(written.len(), 2, "{written:?}");
        written.extend(counts.due(start + HOUR).into_iter().map(|due| due.detail));
        let numbers: Vec<_> = written.iter().map(|detail| detail.split(' ').nth(1).unwrap()).collect();
        assert_eq!(numbers, ["1", "10", "25"]);
        assert!(counts.by_key.is_empty());
    }

    #[test]
    fn memory_and_entries_are_bounded() {
        let (mut counts, start) = (Counts::default(), 3_600 * 1_000);
        for network in 0..2 * MAX_COUNTED {
            counts.add(key(network), start);
        }
        assert_eq!(counts.by_key.len(), MAX_COUNTED);
        assert_eq!(counts.due(start).len(), MAX_ENTRIES as usize);
        assert!(counts.due(start + 1).is_empty());
        let rest = counts.due(start + HOUR);
        assert_eq!(rest.len(), 1);
        let expected = format!("{} more", 2 * MAX_COUNTED - MAX_ENTRIES as usize);
        assert!(rest[0].detail.starts_with(&expected), "{}", rest[0].detail);
        assert!(counts.by_key.is_empty());
    }
}
