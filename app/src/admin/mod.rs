//! The panel's frame and its first page.

pub mod api;
mod frame;
mod keys;
mod menu;
mod overview;
mod palette;

pub use frame::AdminFrame;
pub use overview::OverviewPage;
