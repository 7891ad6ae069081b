//! How often something may be tried: token buckets in memory.
//!
//! Addresses count as networks, since one machine has many: an IPv4 address and, eightfold, its /24; for IPv6 the /64.
//! Memory is bounded: when there are too many buckets the idlest go, which are the fullest.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use domain::clock::Clock;
use protocol::Problem;
use sha2::{Digest, Sha256};

use crate::documented_errors::DocumentedErrors;

/// How many of the neighbours in an IPv4 /24 may be busy at once.
const NEIGHBOURS: f64 = 8.0;

/// Instants are floating-point numbers here: what is so near to a whole try is one.
const ROUNDING: f64 = 1e-4;

/// So many tries at once, and as many again over each period.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    name: &'static str,
    tries: f64,
    period: f64,
}

impl Rule {
    /// `name` tells apart what is limited; `tries` is at least 1.
    pub fn new(name: &'static str, tries: u32, period: Duration) -> Self {
        Self { name, tries: f64::from(tries.max(1)), period: period.as_secs_f64() }
    }

    pub fn per_hour(name: &'static str, tries: u32) -> Self {
        Self::new(name, tries, Duration::from_secs(3_600))
    }

    pub fn per_minute(name: &'static str, tries: u32) -> Self {
        Self::new(name, tries, Duration::from_secs(60))
    }

    fn times(self, factor: f64) -> Self {
        Self { tries: self.tries * factor, ..self }
    }
}

/// Counts attempts. One implementation holds them in memory; servers that share a database may share another.
#[async_trait]
pub trait RateLimiter: Send + Sync + std::fmt::Debug {
    /// Counts an attempt from an address. 429 with the time to wait when there were too many; that one is not counted.
    async fn check_address(&self, rule: Rule, address: IpAddr) -> Result<(), Problem>;

    /// Counts an attempt by a name: an account, an e-mail address.
    async fn check_key(&self, rule: Rule, key: &str) -> Result<(), Problem>;
}

/// What an operation with a rate limit answers besides.
#[derive(Debug)]
pub struct RateLimited;

/// Counts attempts of this process.
#[derive(Debug)]
pub struct InMemoryRateLimiter {
    clock: Arc<dyn Clock>,
    capacity: usize,
    buckets: Mutex<HashMap<Key, Bucket>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key(&'static str, Who);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Who {
    Address(Ipv4Addr),
    Network4([u8; 3]),
    Network6([u16; 4]),
    /// The hash of whatever was named: of fixed size, and no name stays in memory.
    Text([u8; 32]),
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    left: f64,
    /// Seconds since the Unix epoch.
    filled_at: f64,
}

#[async_trait]
impl RateLimiter for InMemoryRateLimiter {
    async fn check_address(&self, rule: Rule, address: IpAddr) -> Result<(), Problem> {
        match address.to_canonical() {
            IpAddr::V4(address) => {
                let [a, b, c, _] = address.octets();
                self.check(&[
                    (rule, Who::Address(address)),
                    (rule.times(NEIGHBOURS), Who::Network4([a, b, c])),
                ])
            }
            IpAddr::V6(address) => self.check(&[(rule, Who::Network6(network6(address)))]),
        }
    }

    async fn check_key(&self, rule: Rule, key: &str) -> Result<(), Problem> {
        self.check(&[(rule, Who::Text(Sha256::digest(key).into()))])
    }
}

impl InMemoryRateLimiter {
    /// Holds at most `capacity` buckets, of about 100 bytes each.
    pub fn new(clock: Arc<dyn Clock>, capacity: usize) -> Self {
        Self { clock, capacity: capacity.max(4), buckets: Mutex::new(HashMap::new()) }
    }

    /// Takes one from each bucket, or none when one of them is empty.
    fn check(&self, all: &[(Rule, Who)]) -> Result<(), Problem> {
        let now = self.clock.now().unix_timestamp_nanos() as f64 / 1e9;
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let mut filled = Vec::with_capacity(all.len());
        let mut wait = 0.0_f64;
        for (rule, who) in all {
            let key = Key(rule.name, who.clone());
            let bucket =
                buckets.get(&key).map_or(Bucket { left: rule.tries, filled_at: now }, |b| b.at(now, *rule));
            if bucket.left + ROUNDING < 1.0 {
                wait = wait.max((1.0 - bucket.left) * rule.period / rule.tries);
            }
            filled.push((key, bucket));
        }
        if wait > 0.0 {
            return Err(Problem::too_many_requests(((wait - ROUNDING).ceil() as u64).max(1)));
        }
        for (key, bucket) in filled {
            if buckets.len() >= self.capacity && !buckets.contains_key(&key) {
                evict(&mut buckets);
            }
            buckets.insert(key, Bucket { left: bucket.left - 1.0, ..bucket });
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
    /// The bucket as time has filled it. A clock that was set back fills nothing.
    fn at(self, now: f64, rule: Rule) -> Self {
        let passed = (now - self.filled_at).max(0.0);
        Self { left: (self.left + passed * rule.tries / rule.period).min(rule.tries), filled_at: now }
    }
}

/// Removes the idlest quarter at once, so that the search for it is rare.
fn evict(buckets: &mut HashMap<Key, Bucket>) {
    let mut by_age: Vec<(f64, Key)> =
        buckets.iter().map(|(key, bucket)| (bucket.filled_at, key.clone())).collect();
    let quarter = by_age.len() / 4;
    let (idlest, _, _) = by_age.select_nth_unstable_by(quarter, |(a, _), (b, _)| a.total_cmp(b));
    for (_, key) in idlest {
        buckets.remove(key);
    }
}

fn network6(address: Ipv6Addr) -> [u16; 4] {
    let [a, b, c, d, ..] = address.segments();
    [a, b, c, d]
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::clock::SetClock;

    fn limiter(capacity: usize) -> (Arc<SetClock>, InMemoryRateLimiter) {
        let clock = Arc::new(SetClock::at(1_700_000_000));
        (clock.clone(), InMemoryRateLimiter::new(clock, capacity))
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[tokio::test]
    async fn fills_up_again_with_time() {
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
    async fn networks() {
        let (_, limiter) = limiter(1_000);
        let rule = Rule::per_minute("sign-in", 2);
        // One address is used up; a neighbour is not, until the whole /24 is.
        let mut passed = 0;
        for n in 0..64 {
            passed +=
                usize::from(limiter.check_address(rule, address(&format!("192.0.2.{n}"))).await.is_ok());
        }
        assert_eq!(passed, 16, "eight times two");
        limiter.check_address(rule, address("192.0.3.1")).await.unwrap();
        // A refused try costs the other bucket nothing.
        let own = address("198.51.100.1");
        let mut passed = 0;
        for _ in 0..50 {
            passed += usize::from(limiter.check_address(rule, own).await.is_ok());
        }
        assert_eq!(passed, 2);
        limiter.check_address(rule, address("198.51.100.2")).await.unwrap();
        // IPv6: the /64 is one machine; an IPv4 address in IPv6 is an IPv4 address.
        limiter.check_address(rule, address("2001:db8::1")).await.unwrap();
        limiter.check_address(rule, address("2001:db8::2")).await.unwrap();
        limiter.check_address(rule, address("2001:db8::3")).await.unwrap_err();
        limiter.check_address(rule, address("2001:db8:0:1::1")).await.unwrap();
        limiter.check_address(rule, address("::ffff:198.51.100.1")).await.unwrap_err();
    }

    #[tokio::test]
    async fn keys() {
        let (_, limiter) = limiter(100);
        let rule = Rule::per_hour("mail", 1);
        limiter.check_key(rule, "a@example.org").await.unwrap();
        limiter.check_key(rule, "a@example.org").await.unwrap_err();
        limiter.check_key(rule, "b@example.org").await.unwrap();
    }

    #[tokio::test]
    async fn memory_is_bounded_and_the_idlest_go() {
        let (clock, limiter) = limiter(100);
        let rule = Rule::per_hour("mail", 1);
        limiter.check_key(rule, "old").await.unwrap();
        clock.advance(1);
        for n in 0..10_000 {
            limiter.check_key(rule, &format!("{n}")).await.unwrap();
            assert!(limiter.buckets.lock().unwrap().len() <= 100);
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
