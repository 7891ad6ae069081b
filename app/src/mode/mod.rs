//! Modes: the personas that administrators define.

pub mod api;
mod conflict;
mod editor;
mod list;

pub use editor::ModeEditorPage;
pub use list::ModesPage;
