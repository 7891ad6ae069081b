//! How often something may be tried: token buckets in memory.
//!
//! Addresses count as networks, since one machine has many: an IPv4 address and, eightfold, its /24; for IPv6 the /64.
//! Memory is bounded: when there are too many buckets the idlest go, which are the fullest.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use protocol::Problem;
use sha2::{Digest, Sha256};

use super::refusals::Refuses;
use crate::clock::Clock;

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

/// Counts tries.
#[derive(Debug)]
pub struct RateLimiter {
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

impl RateLimiter {
    /// Holds at most `capacity` buckets, of about 100 bytes each.
    pub fn new(clock: Arc<dyn Clock>, capacity: usize) -> Self {
        Self { clock, capacity: capacity.max(4), buckets: Mutex::new(HashMap::new()) }
    }

    /// Counts a try from an address. 429 with the time to wait when there were too many; that one is not counted.
    pub fn check_address(&self, rule: Rule, address: IpAddr) -> Result<(), Problem> {
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

    /// Counts a try by a name: an account, an e-mail address.
    pub fn check_key(&self, rule: Rule, key: &str) -> Result<(), Problem> {
        self.check(&[(rule, Who::Text(Sha256::digest(key).into()))])
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

impl Refuses for RateLimiter {
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
    use crate::clock::SetClock;

    fn limiter(capacity: usize) -> (Arc<SetClock>, RateLimiter) {
        let clock = Arc::new(SetClock::at(1_700_000_000));
        (clock.clone(), RateLimiter::new(clock, capacity))
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn fills_up_again_with_time() {
        let (clock, limiter) = limiter(100);
        let rule = Rule::per_minute("sign-in", 3);
        let a = address("192.0.2.1");
        for _ in 0..3 {
            limiter.check_address(rule, a).unwrap();
        }
        let problem = limiter.check_address(rule, a).unwrap_err();
        assert_eq!((problem.status, problem.retry_after), (429, Some(20)));
        clock.advance(19);
        assert_eq!(limiter.check_address(rule, a).unwrap_err().retry_after, Some(1));
        clock.advance(1);
        limiter.check_address(rule, a).unwrap();
        limiter.check_address(rule, a).unwrap_err();
        limiter.check_address(Rule::per_minute("another", 3), a).unwrap();
        clock.advance(86_400);
        for _ in 0..3 {
            limiter.check_address(rule, a).unwrap();
        }
        limiter.check_address(rule, a).unwrap_err();
        clock.advance(-86_400);
        limiter.check_address(rule, a).unwrap_err();
    }

    #[test]
    fn networks() {
        let (_, limiter) = limiter(1_000);
        let rule = Rule::per_minute("sign-in", 2);
        // One address is used up; a neighbour is not, until the whole /24 is.
        let passed = (0..64).filter(|n| {
            let a = address(&format!("192.0.2.{n}"));
            limiter.check_address(rule, a).is_ok()
        });
        assert_eq!(passed.count(), 16, "eight times two");
        limiter.check_address(rule, address("192.0.3.1")).unwrap();
        // A refused try costs the other bucket nothing.
        let own = address("198.51.100.1");
        let passed = (0..50).filter(|_| limiter.check_address(rule, own).is_ok()).count();
        assert_eq!(passed, 2);
        limiter.check_address(rule, address("198.51.100.2")).unwrap();
        // IPv6: the /64 is one machine; an IPv4 address in IPv6 is an IPv4 address.
        limiter.check_address(rule, address("2001:db8::1")).unwrap();
        limiter.check_address(rule, address("2001:db8::2")).unwrap();
        limiter.check_address(rule, address("2001:db8::3")).unwrap_err();
        limiter.check_address(rule, address("2001:db8:0:1::1")).unwrap();
        limiter.check_address(rule, address("::ffff:198.51.100.1")).unwrap_err();
    }

    #[test]
    fn keys() {
        let (_, limiter) = limiter(100);
        let rule = Rule::per_hour("mail", 1);
        limiter.check_key(rule, "a@example.org").unwrap();
        limiter.check_key(rule, "a@example.org").unwrap_err();
        limiter.check_key(rule, "b@example.org").unwrap();
    }

    #[test]
    fn memory_is_bounded_and_the_idlest_go() {
        let (clock, limiter) = limiter(100);
        let rule = Rule::per_hour("mail", 1);
        limiter.check_key(rule, "old").unwrap();
        clock.advance(1);
        for n in 0..10_000 {
            limiter.check_key(rule, &format!("{n}")).unwrap();
            assert!(limiter.buckets.lock().unwrap().len() <= 100);
        }
        limiter.check_key(rule, "old").unwrap();
        clock.advance(1);
        limiter.check_key(rule, "new").unwrap();
        for n in 0..50 {
            limiter.check_key(rule, &format!("more {n}")).unwrap();
        }
        limiter.check_key(rule, "new").unwrap_err();
    }
}
