//! People: setting up an account, signing in to the panel, one's own account, and those of others.

mod account;
pub mod api;
mod devices;
mod list;
mod login;
mod person;
mod recovery;
mod setup;

pub use account::{AccountPage, RenewCodesForm};
pub use list::PeoplePage;
pub use login::LoginPage;
pub use person::{InvitePage, PersonPage};
pub use setup::{SetupForm, SetupPage};
