//! Workflows: graphs that administrators make, by which a mode answers.

pub mod api;
mod channels;
mod drawing;
mod edges;
mod editor;
mod fields;
mod list;
pub mod runs;
mod state;
mod steps;
mod transfer;
mod trial;

pub use editor::WorkflowEditorPage;
pub use list::WorkflowsPage;
pub use runs::{RunPage, RunsPage};
