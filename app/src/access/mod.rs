//! Access: asking for it, following the request, fetching the package, and the administrator's decision.

pub mod api;
pub mod redeem;

mod ask;
mod bulk;
mod decide;
mod desktop;
mod download;
mod list;
mod listing;
mod news;
mod notes;
mod panel;
mod pending;
mod relink;
mod state;
mod status;
mod steps;

pub use ask::RequestAccessPage;
pub use download::DownloadPage;
pub use list::{NothingOpen, RequestsPage};
pub use news::NewsWatch;
pub use panel::RequestPanel;
pub use pending::PendingRequests;
pub use state::StateBadge;
pub use status::{RequestStatusPage, StatusWatch};
