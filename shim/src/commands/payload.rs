//! The arguments of a command as one value.

use serde::de::{DeserializeOwned, Error};
use tauri::Runtime;
use tauri::ipc::{CommandArg, CommandItem, InvokeBody, InvokeError};

/// Everything that the page gave to `invoke`. Tauri itself takes each field by the name of a function's parameter, which
/// would be a second place that says what a command takes.
pub struct Payload<T>(pub T);

impl<'de, R: Runtime, T: DeserializeOwned> CommandArg<'de, R> for Payload<T> {
    fn from_command(command: CommandItem<'de, R>) -> Result<Self, InvokeError> {
        let arguments = match command.message.payload() {
            InvokeBody::Json(arguments) => T::deserialize(arguments),
            InvokeBody::Raw(_) => Err(serde_json::Error::custom("expected JSON")),
        };
        arguments
            .map(Self)
            .map_err(|error| tauri::Error::InvalidArgs(command.name, command.key, error).into())
    }
}
