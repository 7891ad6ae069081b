//! Workflows: graphs that administrators make, by which a mode answers.

pub mod api;
mod drawing;
mod editor;
mod list;

pub use editor::WorkflowEditorPage;
pub use list::WorkflowsPage;
