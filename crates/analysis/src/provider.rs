//! Model servers.
//!
//! Always holds: text arrives in pieces as the model produces it; an answer that was cut off is an error, never a
//! short answer; dropping the future of [`Provider::answer`] closes the request, and with it ends the model's
//! work; redirects are not followed, so that pictures and keys go only where the configuration says; what a server
//! may send is bounded, and so is every wait.

mod config;
mod connect;
mod error;
mod interface;
mod ollama;
mod openai;
mod timeouts;
mod transport;

pub use config::{FieldError, ProviderConfig, ProviderKind, READER, selectable_names, validate_all};
pub use connect::{ConnectError, connect};
pub use error::ProviderError;
pub use interface::{PromptPicture, PromptRequest, Provider};
pub use transport::http_client;
