//! Modes: the personas that administrators define.

pub mod api;
mod conflict;
mod draft;
mod editor;
mod list;

pub use editor::ModeEditorPage;
pub use list::ModesPage;
