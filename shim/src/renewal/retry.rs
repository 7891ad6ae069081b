//! When to try again.

/// Seconds.
const FIRST_DELAY: i64 = 60;
const MAX_DELAY: i64 = 6 * 3600;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retry {
    failures: u32,
    /// Seconds since the Unix epoch.
    next: i64,
}

impl Retry {
    pub fn may_try(self, now: i64) -> bool {
        // A clock that was set back must not make it wait for ever.
        now >= self.next || self.next - now > MAX_DELAY
    }

    /// Twice as long each time, up to six hours.
    pub fn after_failure(self, now: i64) -> Self {
        let delay = FIRST_DELAY.checked_shl(self.failures.min(16)).unwrap_or(MAX_DELAY).min(MAX_DELAY);
        Self { failures: self.failures.saturating_add(1), next: now + delay }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_twice_as_long_each_time_up_to_six_hours() {
        let mut retry = Retry::default();
        assert!(retry.may_try(0));
        for (failures, seconds) in
            [60, 120, 240, 480, 960, 1920, 3840, 7680, 15360, 21600, 21600].into_iter().enumerate()
        {
            retry = retry.after_failure(1_000);
            assert!(!retry.may_try(1_000 + seconds - 1), "{failures}");
            assert!(retry.may_try(1_000 + seconds), "{failures}");
        }
        for _ in 0..100 {
            retry = retry.after_failure(1_000);
        }
        assert!(retry.may_try(1_000 + 21_600));
    }

    #[test]
    fn a_clock_set_back_does_not_stop_it() {
        let retry = Retry::default().after_failure(1_000_000);
        assert!(retry.may_try(1_000));
    }
}
