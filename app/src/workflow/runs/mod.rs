//! The runs of a workflow: a list, and each on the drawing.

pub mod api;
mod detail;
mod list;

pub use detail::RunPage;
pub use list::RunsPage;
