//! The panel's frame and its first page.

pub mod api;
mod frame;
mod overview;

pub use frame::AdminFrame;
pub use overview::OverviewPage;
