//! Modes: the personas that an administrator designs.

pub mod api;
mod editor;
mod list;

pub use editor::ModeEditorPage;
pub use list::ModesPage;
