//! Rate limits: token buckets in memory.
//!
//! A client may have many addresses, so networks are counted. An IPv4 address counts by itself, and its /24 may have eight
//! times as much. An IPv6 address counts as its /64; its /56 may have four times as much and its /48 eight times, since
//! providers assign any of these to one site. Memory is bounded: if there are too many buckets, those that were idle
//! longest, and so are the fullest, are evicted.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::clock::Clock;
use parking_lot::Mutex;
use protocol::Problem;
use sha2::{Digest, Sha256};

use crate::documented_errors::DocumentedErrors;
use crate::network::Network;

/// Prefix lengths, and how many times the limit such a network has.
const V4: [(u8, f64); 2] = [(32, 1.0), (24, 8.0)];
const V6: [(u8, f64); 3] = [(64, 1.0), (56, 4.0), (48, 8.0)];

/// Tolerance for rounding errors of the floating-point arithmetic, in tokens and seconds.
const EPSILON: f64 = 1e-4;

/// A limit: a burst of this many attempts, and as many again over each period.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    name: &'static str,
    attempts: f64,
    /// In seconds.
    period: f64,
}

impl Rule {
    /// `name` distinguishes what is limited; `attempts` is at least 1.
    pub fn new(name: &'static str, attempts: u32, period: Duration) -> Self {
        Self { name, attempts: f64::from(attempts.max(1)), period: period.as_secs_f64() }
    }

    pub fn per_hour(name: &'static str, attempts: u32) -> Self {
        Self::new(name, attempts, Duration::from_hours(1))
    }

    pub fn per_minute(name: &'static str, attempts: u32) -> Self {
        Self::new(name, attempts, Duration::from_mins(1))
    }

    pub fn name(self) -> &'static str {
        self.name
    }

    /// The size of the burst.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "made of a u32, at least 1")]
    pub fn attempts(self) -> u32 {
        self.attempts as u32
    }

    pub fn period(self) -> Duration {
        Duration::from_secs_f64(self.period)
    }

    fn times(self, factor: f64) -> Self {
        Self { attempts: self.attempts * factor, ..self }
    }
}

/// Counts attempts.
#[async_trait]
pub trait RateLimiter: Send + Sync + std::fmt::Debug {
    /// Counts an attempt from an address. 429 with the seconds to wait if there were too many; a rejected attempt does not
    /// count.
    async fn check_address(&self, rule: Rule, address: IpAddr) -> Result<(), Problem>;

    /// Counts an attempt for a key, such as an account or an e-mail address. Errors as those of [`Self::check_address`].
    async fn check_key(&self, rule: Rule, key: &str) -> Result<(), Problem>;
}

/// Documents the 429 of an operation with a rate limit.
#[derive(Debug)]
pub struct RateLimited;

/// Counts the attempts of this process.
#[derive(Debug)]
pub struct InMemoryRateLimiter {
    clock: Arc<dyn Clock>,
    capacity: usize,
    buckets: Mutex<HashMap<Key, Bucket>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key(&'static str, Subject);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Subject {
    Network(Network),
    /// The SHA-256 of a key: of fixed size, and no personal data stays in memory.
    Hashed([u8; 32]),
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    tokens: f64,
    /// Seconds since the Unix epoch.
    refilled_at: f64,
}

#[async_trait]
impl RateLimiter for InMemoryRateLimiter {
    async fn check_address(&self, rule: Rule, address: IpAddr) -> Result<(), Problem> {
        let address = address.to_canonical();
        let widths = if address.is_ipv4() { V4.as_slice() } else { V6.as_slice() };
        let network = |&(prefix, factor): &(u8, f64)| {
            (rule.times(factor), Subject::Network(Network::containing(address, prefix)))
        };
        self.check(&widths.iter().map(network).collect::<Vec<_>>())
    }

    async fn check_key(&self, rule: Rule, key: &str) -> Result<(), Problem> {
        self.check(&[(rule, Subject::Hashed(Sha256::digest(key).into()))])
    }
}

impl InMemoryRateLimiter {
    /// Holds at most `capacity` buckets, of about 100 bytes each.
    pub fn new(clock: Arc<dyn Clock>, capacity: usize) -> Self {
        Self { clock, capacity: capacity.max(4), buckets: Mutex::new(HashMap::new()) }
    }

    /// Takes a token from each bucket, or from none if one of them is empty.
    fn check(&self, all: &[(Rule, Subject)]) -> Result<(), Problem> {
        let now = self.clock.now().unix_timestamp_nanos() as f64 / 1e9;
        let mut buckets = self.buckets.lock();
        let mut refilled = Vec::with_capacity(all.len());
        let mut wait = 0.0_f64;
        for (rule, subject) in all {
            let key = Key(rule.name, subject.clone());
            let bucket = buckets
                .get(&key)
                .map_or(Bucket { tokens: rule.attempts, refilled_at: now }, |b| b.refill(now, *rule));
            if bucket.tokens + EPSILON < 1.0 {
                wait = wait.max((1.0 - bucket.tokens) * rule.period / rule.attempts);
            }
            refilled.push((key, bucket));
        }
        if wait > 0.0 {
            for (key, bucket) in refilled {
                // After the clock was set back, a bucket must refill from the new time on, and not stay empty until the
                // clock has caught up with the old one.
                if let Some(stored) = buckets.get_mut(&key).filter(|stored| stored.refilled_at > now) {
                    *stored = bucket;
                }
            }
            let wait = Duration::try_from_secs_f64((wait - EPSILON).ceil().max(1.0));
            return Err(Problem::too_many_requests(wait.map_or(u64::MAX, |wait| wait.as_secs())));
        }
        for (key, bucket) in refilled {
            if buckets.len() >= self.capacity && !buckets.contains_key(&key) {
                evict(&mut buckets);
            }
            buckets.insert(key, Bucket { tokens: bucket.tokens - 1.0, ..bucket });
        }
        Ok(())
    }
}

impl DocumentedErrors for RateLimited {
    fn problems() -> Vec<Problem> {
        vec![Problem::too_many_requests(20)]
    }
}

impl Bucket {
    /// The bucket with the tokens that time has added. A clock that was set back adds none.
    fn refill(self, now: f64, rule: Rule) -> Self {
        let elapsed = (now - self.refilled_at).max(0.0);
        Self {
            tokens: (self.tokens + elapsed * rule.attempts / rule.period).min(rule.attempts),
            refilled_at: now,
        }
    }
}

/// Evicts the quarter that was idle longest, so that evictions are rare.
fn evict(buckets: &mut HashMap<Key, Bucket>) {
    let mut by_age: Vec<(f64, Key)> =
        buckets.iter().map(|(key, bucket)| (bucket.refilled_at, key.clone())).collect();
    let quarter = by_age.len() / 4;
    let (oldest, _, _) = by_age.select_nth_unstable_by(quarter, |(a, _), (b, _)| a.total_cmp(b));
    for (_, key) in oldest {
        buckets.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::clock::ManualClock;

    fn limiter(capacity: usize) -> (Arc<ManualClock>, InMemoryRateLimiter) {
        let clock = Arc::new(ManualClock::at(1_700_000_000));
        (clock.clone(), InMemoryRateLimiter::new(clock, capacity))
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[tokio::test]
    async fn a_bucket_refills_with_time() {
        let (clock, limiter) = limiter(100);
        let rule = Rule::per_minute("sign-in", 3);
        let a = address("192.0.2.1");
        for _ in 0..3 {
            limiter.check_address(rule, a).await.unwrap();
        }
        let problem = limiter.check_address(rule, a).await.unwrap_err();
        assert_eq!((problem.status, problem.retry_after), (429, Some(20)));
        clock.advance(19);
        assert_eq!(limiter.check_address(rule, a).await.unwrap_err().retry_after, Some(1));
        clock.advance(1);
        limiter.check_address(rule, a).await.unwrap();
        limiter.check_address(rule, a).await.unwrap_err();
        limiter.check_address(Rule::per_minute("another", 3), a).await.unwrap();
        clock.advance(86_400);
        for _ in 0..3 {
            limiter.check_address(rule, a).await.unwrap();
        }
        limiter.check_address(rule, a).await.unwrap_err();
        clock.advance(-86_400);
        limiter.check_address(rule, a).await.unwrap_err();
    }

    #[tokio::test]
    async fn a_bucket_refills_after_the_clock_was_set_back() {
        let (clock, limiter) = limiter(100);
        let rule = Rule::per_minute("sign-in", 3);
        let (a, other) = (address("192.0.2.1"), address("192.0.2.2"));
        clock.advance(86_400);
        for _ in 0..3 {
            limiter.check_address(rule, a).await.unwrap();
        }
        limiter.check_address(rule, a).await.unwrap_err();
        clock.advance(-86_400);
        assert_eq!(limiter.check_address(rule, a).await.unwrap_err().retry_after, Some(20));
        limiter.check_address(rule, other).await.unwrap();
        clock.advance(20);
        limiter.check_address(rule, a).await.unwrap();
        limiter.check_address(rule, a).await.unwrap_err();
    }

    #[tokio::test]
    async fn addresses_count_as_networks() {
        let (_, limiter) = limiter(1_000);
        let rule = Rule::per_minute("sign-in", 2);
        // One address has no tokens left; the others in its /24 do, until the /24 has none.
        let mut allowed = 0;
        for n in 0..64 {
            allowed +=
                usize::from(limiter.check_address(rule, address(&format!("192.0.2.{n}"))).await.is_ok());
        }
        assert_eq!(allowed, 16, "eight times two");
        limiter.check_address(rule, address("192.0.3.1")).await.unwrap();
        // A rejected attempt takes no token of the other bucket.
        let own = address("198.51.100.1");
        let mut allowed = 0;
        for _ in 0..50 {
            allowed += usize::from(limiter.check_address(rule, own).await.is_ok());
        }
        assert_eq!(allowed, 2);
        limiter.check_address(rule, address("198.51.100.2")).await.unwrap();
        // An IPv6 /64 is one client; an IPv4-mapped address counts as IPv4.
        limiter.check_address(rule, address("2001:db8::1")).await.unwrap();
        limiter.check_address(rule, address("2001:db8::2")).await.unwrap();
        limiter.check_address(rule, address("2001:db8::3")).await.unwrap_err();
        limiter.check_address(rule, address("2001:db8:0:1::1")).await.unwrap();
        limiter.check_address(rule, address("::ffff:198.51.100.1")).await.unwrap_err();
    }

    #[tokio::test]
    async fn the_addresses_of_one_site_do_not_add_up() {
        let (_, limiter) = limiter(100_000);
        let rule = Rule::per_hour("requests", 10);
        let allowed = async |addresses: Vec<IpAddr>| {
            let mut allowed = 0;
            for address in addresses {
                allowed += usize::from(limiter.check_address(rule, address).await.is_ok());
            }
            allowed
        };
        // Each from a /64 of its own.
        let of_one_56 = (0..256).map(|n| address(&format!("2001:db8:0:{n:x}::1"))).collect();
        assert_eq!(allowed(of_one_56).await, 40);
        let of_one_48 = (0..2_000).map(|n| address(&format!("2001:db8:1:{:x}::1", n * 32))).collect();
        assert_eq!(allowed(of_one_48).await, 80);
        limiter.check_address(rule, address("2001:db8:2::1")).await.unwrap();
    }

    #[tokio::test]
    async fn each_key_has_a_bucket() {
        let (_, limiter) = limiter(100);
        let rule = Rule::per_hour("mail", 1);
        limiter.check_key(rule, "a@example.org").await.unwrap();
        limiter.check_key(rule, "a@example.org").await.unwrap_err();
        limiter.check_key(rule, "b@example.org").await.unwrap();
    }

    #[tokio::test]
    async fn memory_is_bounded_and_idle_buckets_are_evicted() {
        let (clock, limiter) = limiter(100);
        let rule = Rule::per_hour("mail", 1);
        limiter.check_key(rule, "old").await.unwrap();
        clock.advance(1);
        for n in 0..10_000 {
            limiter.check_key(rule, &format!("{n}")).await.unwrap();
            assert!(limiter.buckets.lock().len() <= 100);
        }
        limiter.check_key(rule, "old").await.unwrap();
        clock.advance(1);
        limiter.check_key(rule, "new").await.unwrap();
        for n in 0..50 {
            limiter.check_key(rule, &format!("more {n}")).await.unwrap();
        }
        limiter.check_key(rule, "new").await.unwrap_err();
    }
}
