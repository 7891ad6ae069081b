//! Groups of people.

pub mod api;
mod edit;
mod list;

pub use edit::GroupPage;
pub use list::GroupsPage;
