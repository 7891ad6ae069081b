//! The fleet policy in the panel.

pub mod api;
mod editor;
mod form;
mod list;
mod summary;

pub use editor::PolicyEditorPage;
pub use list::PoliciesPage;
