//! Model servers and their models.

pub mod api;
mod editor;
mod form;
mod list;
mod servers;

pub use editor::ProviderEditorPage;
pub use list::ProvidersPage;
