//! Time and randomness as parameters, so that tests set them.

/// Seconds since the Unix epoch.
pub type Now = fn() -> i64;

/// Fills the slice; false where the system gives no random bytes.
pub type Random = fn(&mut [u8]) -> bool;

#[expect(clippy::disallowed_methods, reason = "the one place where the machine's clock is read")]
pub fn system_now() -> i64 {
    time::OffsetDateTime::now_utc().unix_timestamp()
}

#[expect(clippy::disallowed_methods, reason = "the one place where the system's randomness is read")]
pub fn system_random(bytes: &mut [u8]) -> bool {
    getrandom::fill(bytes).is_ok()
}
