//! Access: asking for it, following the request, fetching the package, and the administrator's decision.

pub mod api;
pub mod redeem;

mod ask;
mod decide;
mod desktop;
mod download;
mod list;
mod state;
mod status;
mod steps;

pub use ask::RequestAccessPage;
pub use decide::RequestPanel;
pub use download::DownloadPage;
pub use list::{NothingOpen, PendingRequests, RequestsPage};
pub use state::StateBadge;
pub use status::RequestStatusPage;
