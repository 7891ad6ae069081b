//! How long things live, and how much of them anybody may ask for.

use ::analysis::PictureLimits;
use protocol::analysis::{MAX_IMAGE_BYTES, MAX_IMAGE_PIXELS};
use serde::Deserialize;

use super::source::Reading;

const MILLION: u32 = 1_000_000;

/// The lives of requests, links and certificates.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Access {
    /// A request that nobody decided within this time expires.
    pub request_lifetime_hours: u32,
    /// From the approval to the end of its download link.
    pub link_lifetime_hours: u32,
    /// From the invitation to the end of its set-up link.
    pub setup_lifetime_hours: u32,
    pub certificate_days: u32,
    /// How long before a certificate's end its owner is reminded for the last time.
    pub reminder_days: u32,
    /// Requests that wait for a decision, in all. More are refused with 503.
    pub max_pending: u32,
    /// Requests that wait for a decision, per e-mail address. More are silently suppressed.
    pub max_pending_per_address: u32,
    /// Mail administrators about new requests.
    pub notices: bool,
    /// At least this long between two mails to administrators about requests; what comes in between is gathered.
    pub notice_minutes: u32,
    /// Between two reminders of one request, and between two asks for a new link.
    pub reminder_hours: u32,
    /// How often a requester may remind the administrators of one request, and ask for a new link. 0: not at all.
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
    pub(super) fn read(from: &mut Reading) -> Self {
        let section: Self = from.section("access");
        from.range("access.request_lifetime_hours", section.request_lifetime_hours, 1, 8_760);
        from.range("access.link_lifetime_hours", section.link_lifetime_hours, 1, 720);
        from.range("access.setup_lifetime_hours", section.setup_lifetime_hours, 1, 720);
        from.range("access.certificate_days", section.certificate_days, 1, 825);
        from.range("access.reminder_days", section.reminder_days, 1, 365);
        from.range("access.max_pending", section.max_pending, 1, 1_000_000);
        from.range("access.max_pending_per_address", section.max_pending_per_address, 1, 1_000);
        from.range("access.notice_minutes", section.notice_minutes, 1, 1_440);
        from.range("access.reminder_hours", section.reminder_hours, 1, 720);
        from.range("access.max_reminders", section.max_reminders, 0, 100);
        from.range("access.max_links", section.max_links, 1, 100);
        section
    }
}

/// The admin panel's sessions.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Admin {
    /// Open the panel only to provisioned machines. It is then reached through `machines_url`.
    pub require_certificate: bool,
    pub session_hours: u32,
    /// A session ends when it was not used for so long.
    pub idle_minutes: u32,
}

impl Default for Admin {
    fn default() -> Self {
        Self { require_certificate: false, session_hours: 12, idle_minutes: 60 }
    }
}

impl Admin {
    pub(super) fn read(from: &mut Reading) -> Self {
        let section: Self = from.section("admin");
        from.range("admin.session_hours", section.session_hours, 1, 720);
        from.range("admin.idle_minutes", section.idle_minutes, 1, 1_440);
        section
    }
}

/// How much anybody may ask for. What is per network counts each address alone and, eightfold, its neighbours
/// (IPv4 /24).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Connections at once, per listener.
    pub connections: u32,
    /// Tries to sign in, per network and minute.
    pub sign_in_per_minute: u32,
    /// Tries to sign in, per account and hour.
    pub sign_in_per_account_and_hour: u32,
    /// Requests for access, per network and hour; also, silently, per e-mail address.
    pub access_requests_per_hour: u32,
    /// Looks at and posts to links with a token, per network and minute.
    pub links_per_minute: u32,
    /// Renewals of certificates, per machine and hour.
    pub renewals_per_hour: u32,
    /// Password hashes at once. Each takes 19 MiB.
    pub password_hashes: u32,
    /// Analyses at once, on the whole server.
    pub analyses: u32,
    /// Analyses per person and minute.
    pub analyses_per_minute: u32,
    /// The largest picture that is taken. Only lowers what the protocol allows: every client checks that much before it
    /// sends, and the memory of a picture that is being decoded was measured for it. Clients are not told of a lower
    /// limit beforehand (that would need another answer, another field in the desktop program and one in the page,
    /// for what an operator seldom changes); the server's refusal names the limit and stands at the picture.
    pub upload_megabytes: u32,
    pub upload_megapixels: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4_096,
            sign_in_per_minute: 10,
            sign_in_per_account_and_hour: 100,
            access_requests_per_hour: 10,
            links_per_minute: 60,
            renewals_per_hour: 20,
            password_hashes: 4,
            analyses: 4,
            analyses_per_minute: 20,
            upload_megabytes: 20,
            upload_megapixels: 64,
        }
    }
}

impl Limits {
    pub(super) fn read(from: &mut Reading) -> Self {
        let section: Self = from.section("limits");
        for (field, value, most) in [
            ("limits.connections", section.connections, 1_000_000),
            ("limits.sign_in_per_minute", section.sign_in_per_minute, 1_000_000),
            ("limits.sign_in_per_account_and_hour", section.sign_in_per_account_and_hour, 1_000_000),
            ("limits.access_requests_per_hour", section.access_requests_per_hour, 1_000_000),
            ("limits.links_per_minute", section.links_per_minute, 1_000_000),
            ("limits.renewals_per_hour", section.renewals_per_hour, 1_000_000),
            ("limits.password_hashes", section.password_hashes, 256),
            ("limits.analyses", section.analyses, 1_024),
            ("limits.analyses_per_minute", section.analyses_per_minute, 100_000),
            ("limits.upload_megabytes", section.upload_megabytes, MAX_IMAGE_BYTES as u32 / MILLION),
            ("limits.upload_megapixels", section.upload_megapixels, MAX_IMAGE_PIXELS as u32 / MILLION),
        ] {
            from.range(field, value, 1, most);
        }
        section
    }

    /// How large an uploaded picture may be.
    pub fn pictures(&self) -> PictureLimits {
        PictureLimits {
            bytes: self.upload_megabytes as usize * MILLION as usize,
            pixels: u64::from(self.upload_megapixels) * u64::from(MILLION),
        }
    }
}
