//! How a service reacts to an error of a layer below it, whatever that layer is.

/// What follows from an error for whoever asked for the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorClass {
    /// A fault of the server: only the log says what it was.
    Internal,
    /// A text that cannot be stored, such as one with a NUL character.
    InvalidText,
    /// Too much at once. It passes by itself.
    Overload,
    /// Nothing can be stored until an operator makes room.
    StorageFull,
    /// The storage is gone: what is written now would be lost.
    StorageLost,
}

/// An error of the server's lower layers. With `?` it becomes a service's error.
pub trait ClassifiedError: std::error::Error + Send + Sync + 'static {
    fn class(&self) -> ErrorClass {
        ErrorClass::Internal
    }
}

/// An error and all that caused it, for the log.
pub fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let chain = std::iter::successors(Some(error), |e| e.source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
