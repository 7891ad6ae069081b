//! The mails that the server has sent or waits to send.

pub mod api;
mod list;

pub use list::OutboxPage;
