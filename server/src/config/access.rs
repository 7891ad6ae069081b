//! Lifetimes, rate limits and resource limits.

use ::analysis::PictureLimits;
use protocol::analysis::{MAX_IMAGE_BYTES, MAX_IMAGE_PIXELS};
use serde::Deserialize;

use super::source::ConfigReader;

const MILLION: u32 = 1_000_000;
#[expect(clippy::cast_possible_truncation, reason = "some dozens")]
const MAX_MEGABYTES: u32 = (MAX_IMAGE_BYTES / MILLION as usize) as u32;
#[expect(clippy::cast_possible_truncation, reason = "some dozens")]
const MAX_MEGAPIXELS: u32 = (MAX_IMAGE_PIXELS / MILLION as u64) as u32;

/// Lifetimes and numbers of access requests, links, certificates and reminders.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Access {
    /// A request that is not decided within this time expires.
    pub request_lifetime_hours: u32,
    /// From the approval until its download link expires.
    pub link_lifetime_hours: u32,
    /// From the invitation until its set-up link expires.
    pub setup_lifetime_hours: u32,
    pub certificate_days: u32,
    /// How long before a certificate expires its owner gets the last reminder.
    pub reminder_days: u32,
    /// Pending requests in total. Further ones are refused with 503.
    pub max_pending: u32,
    /// Pending requests per e-mail address. Further ones are silently suppressed.
    pub max_pending_per_address: u32,
    /// Whether administrators get mails about new requests.
    pub notices: bool,
    /// The minimum interval between two mails to administrators about requests. Requests in between are collected.
    pub notice_minutes: u32,
    /// The minimum interval between two reminders of a request, and between two requests for a new link.
    pub reminder_hours: u32,
    /// How often a requester may remind the administrators of a request, and request a new link. 0: never.
    pub max_reminders: u32,
    /// Download links per request, the first included.
    pub max_links: u32,
}

impl Default for Access {
    fn default() -> Self {
        Self {
            request_lifetime_hours: 72,
            link_lifetime_hours: 24,
            setup_lifetime_hours: 72,
            certificate_days: 90,
            reminder_days: 7,
            max_pending: 1_000,
            max_pending_per_address: 3,
            notices: true,
            notice_minutes: 10,
            reminder_hours: 24,
            max_reminders: 3,
            max_links: 5,
        }
    }
}

impl Access {
    pub(super) fn read(reader: &mut ConfigReader) -> Self {
        let section: Self = reader.section("access");
        reader.range("access.request_lifetime_hours", section.request_lifetime_hours, 1, 8_760);
        reader.range("access.link_lifetime_hours", section.link_lifetime_hours, 1, 720);
        reader.range("access.setup_lifetime_hours", section.setup_lifetime_hours, 1, 720);
        reader.range("access.certificate_days", section.certificate_days, 1, 825);
        reader.range("access.reminder_days", section.reminder_days, 1, 365);
        reader.range("access.max_pending", section.max_pending, 1, 1_000_000);
        reader.range("access.max_pending_per_address", section.max_pending_per_address, 1, 1_000);
        reader.range("access.notice_minutes", section.notice_minutes, 1, 1_440);
        reader.range("access.reminder_hours", section.reminder_hours, 1, 720);
        reader.range("access.max_reminders", section.max_reminders, 0, 100);
        reader.range("access.max_links", section.max_links, 1, 100);
        section
    }
}

/// The admin panel's sessions.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Admin {
    /// Whether the panel needs a client certificate of the administrator's own account. It is then served under `machines_url`,
    /// and a session is bound to the certificate.
    pub require_certificate: bool,
    pub session_hours: u32,
    /// A session ends after this long without use.
    pub idle_minutes: u32,
}

impl Default for Admin {
    fn default() -> Self {
        Self { require_certificate: false, session_hours: 12, idle_minutes: 60 }
    }
}

impl Admin {
    pub(super) fn read(reader: &mut ConfigReader) -> Self {
        let section: Self = reader.section("admin");
        reader.range("admin.session_hours", section.session_hours, 1, 720);
        reader.range("admin.idle_minutes", section.idle_minutes, 1, 1_440);
        section
    }
}

/// Rate limits and resource limits. "Per network": an IPv4 address counts by itself, and its /24 may have eight times as much; an
/// IPv6 address counts as its /64, and its /56 may have four times as much and its /48 eight times.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Concurrent connections per listener. Fewer if the system allows too few open files.
    pub connections: u32,
    /// Concurrent connections per IPv4 address or IPv6 /64, of both listeners together. Wider networks may have more, up to four
    /// times as many. Behind a proxy, concurrent requests.
    pub connections_per_address: u32,
    /// Sign-in attempts per account and network, or per machine, and minute. A network may have six times as many over all
    /// accounts.
    pub sign_in_per_minute: u32,
    /// Sign-in attempts per account and network, or per machine, and hour. All networks where an account's person has not signed
    /// in may have a fifth of it in an hour, and as many in a day.
    pub sign_in_per_account_and_hour: u32,
    /// Access requests per network and hour, and per e-mail address and hour, where further ones are silently suppressed.
    pub access_requests_per_hour: u32,
    /// Requests to links with a token, per network and minute.
    pub links_per_minute: u32,
    /// Certificate renewals per machine and hour.
    pub renewals_per_hour: u32,
    /// Concurrent password hashes. Each takes 19 MiB of memory.
    pub password_hashes: u32,
    /// Concurrent analyses on the whole server.
    pub analyses: u32,
    /// Concurrent analyses per person, from the upload to the end of the answer.
    pub analyses_per_person: u32,
    /// Analyses per person and minute.
    pub analyses_per_minute: u32,
    /// The largest accepted picture, in millions of bytes. It can only be lower than the limit of the protocol: clients check
    /// that one before they upload, and the memory for decoding was measured with it. Clients do not know a lower limit in
    /// advance; the server's error names it.
    pub upload_megabytes: u32,
    /// The largest accepted picture, in millions of pixels.
    pub upload_megapixels: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4_096,
            connections_per_address: 256,
            sign_in_per_minute: 10,
            sign_in_per_account_and_hour: 100,
            access_requests_per_hour: 10,
            links_per_minute: 60,
            renewals_per_hour: 20,
            password_hashes: 4,
            analyses: 4,
            analyses_per_person: 2,
            analyses_per_minute: 20,
            upload_megabytes: 20,
            upload_megapixels: 64,
        }
    }
}

impl Limits {
    pub(super) fn read(reader: &mut ConfigReader) -> Self {
        let section: Self = reader.section("limits");
        for (field, value, max) in [
            ("limits.connections", section.connections, 1_000_000),
            ("limits.connections_per_address", section.connections_per_address, 1_000_000),
            ("limits.sign_in_per_minute", section.sign_in_per_minute, 1_000_000),
            ("limits.sign_in_per_account_and_hour", section.sign_in_per_account_and_hour, 1_000_000),
            ("limits.access_requests_per_hour", section.access_requests_per_hour, 1_000_000),
            ("limits.links_per_minute", section.links_per_minute, 1_000_000),
            ("limits.renewals_per_hour", section.renewals_per_hour, 1_000_000),
            ("limits.password_hashes", section.password_hashes, 256),
            ("limits.analyses", section.analyses, 1_024),
            ("limits.analyses_per_person", section.analyses_per_person, 1_024),
            ("limits.analyses_per_minute", section.analyses_per_minute, 100_000),
            ("limits.upload_megabytes", section.upload_megabytes, MAX_MEGABYTES),
            ("limits.upload_megapixels", section.upload_megapixels, MAX_MEGAPIXELS),
        ] {
            reader.range(field, value, 1, max);
        }
        section
    }

    /// The limits of an uploaded picture.
    pub fn picture_limits(&self) -> PictureLimits {
        PictureLimits {
            bytes: self.upload_megabytes as usize * MILLION as usize,
            pixels: u64::from(self.upload_megapixels) * u64::from(MILLION),
        }
    }
}
