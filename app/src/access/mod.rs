//! Access: the request and its status, the download of the package, and the administrator's decision.

pub mod api;
pub mod redeem;

mod bulk;
mod confirm;
mod decide;
mod desktop;
mod download;
mod list;
mod listing;
mod news;
mod notes;
mod outcome;
mod panel;
mod pending;
mod reissue;
mod request;
mod state;
mod status;
mod steps;

pub use confirm::ConfirmPage;
pub use download::DownloadPage;
pub use list::{NothingOpen, RequestsPage};
pub use news::NewsWatch;
pub use panel::RequestPanel;
pub use pending::PendingRequests;
pub use request::RequestAccessPage;
pub use state::StateBadge;
pub use status::{RequestStatusPage, StatusWatch};
