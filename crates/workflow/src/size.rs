//! How large a value is as JSON, without writing it.

use std::io::{Result, Write};

use serde::Serialize;

struct Counter(u64);

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.0 = self.0.saturating_add(bytes.len() as u64);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

/// What cannot be serialised is reported where it is stored, and counts as far as it came.
pub(crate) fn serialized_size(value: &impl Serialize) -> u64 {
    let mut counter = Counter(0);
    let _ = serde_json::to_writer(&mut counter, value);
    counter.0
}
