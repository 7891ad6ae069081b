//! People: setting up an account, and signing in to the panel.

pub mod api;
mod login;
mod recovery;
mod setup;

pub use login::LoginPage;
pub use setup::{SetupForm, SetupPage};
