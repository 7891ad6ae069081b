//! How the desktop program judges the server that it enrols with: its link says so, since nobody else could.

use protocol::access::DownloadOffer;
use protocol::enrolment::judged_by_system;

use super::Access;

impl Access {
    /// Only a server that may show a certificate of another authority lets the system judge it: who stands in between could
    /// otherwise have the weaker judgement by failing the stronger one.
    pub(super) fn saying_who_judges(&self, mut offer: DownloadOffer) -> DownloadOffer {
        if !self.env.config.machines.tls.is_of_own_authority() {
            offer.desktop_link = offer.desktop_link.as_deref().map(judged_by_system);
        }
        offer
    }
}
