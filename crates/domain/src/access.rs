//! Access requests: their fields, their lifecycle, and the notes for administrators.

mod fields;
mod list;
mod note;
mod request;
#[cfg(feature = "server")]
pub mod skeleton;
#[cfg(feature = "server")]
mod suppressed;

pub use fields::{DeviceName, EmailAddress, MatchCode, Message, Platform};
pub use list::{AccessRequestFilter, AccessRequestRow, Links};
pub use note::AddressNote;
pub use request::{
    AccessRequest, Decision, Grant, InvalidTransition, Notice, Redemption, ReminderRules, Reminders,
    RequestState, State,
};
#[cfg(feature = "server")]
pub use skeleton::Skeleton;
#[cfg(feature = "server")]
pub use suppressed::SuppressedRequest;
