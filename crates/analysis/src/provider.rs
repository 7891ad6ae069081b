//! Model servers.
//!
//! Always holds: text arrives in pieces as the model produces it; an answer that was cut off is an error, never a
//! short answer; dropping the future of [`Provider::answer`] closes the request, and with it ends the model's
//! work; redirects are not followed, so that pictures and keys go only where the configuration says; what a server
//! may send is bounded, and so is every wait; what a model thinks is kept apart from what it answers; what a server says is
//! passed on without keys and addresses.

mod addresses;
mod client;
mod config;
mod connect;
mod error;
mod fields;
mod interface;
mod learned;
mod ollama;
mod openai;
mod pool;
mod probe;
mod reasoning;
mod refusal;
mod retry;
mod server;
mod set;
mod stream;
mod timeouts;
pub(crate) mod tokens;
mod words;

pub use addresses::is_refused_url;
pub use client::{checking_http_client, http_client};
pub use config::{FieldError, ProviderConfig, ProviderKind, READER, selectable_names, validate_all};
pub use connect::{ConnectError, connect};
pub use error::ProviderError;
pub use interface::{AnswerPiece, Completion, PromptPicture, PromptRequest, Provider, ServerNumber, Turn};
pub use probe::{ModelInfo, ModelState, ServerProbe};
pub use set::ProviderSet;
