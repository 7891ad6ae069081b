//! Cuts bytes into lines, wherever the pieces of the network end, in time linear to their length.

use bytes::{Bytes, BytesMut};

use super::super::error::ProviderError;

/// The longest single line of a stream.
const MAX_LINE_BYTES: usize = 1 << 20;

#[derive(Debug, Default)]
pub(super) struct LineParser {
    held: BytesMut,
    /// So much of it has no line feed.
    searched: usize,
    ended: bool,
}

impl LineParser {
    pub fn push(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
    }

    /// Nothing more comes: what is held is the last line, which needs no line feed.
    pub fn end(&mut self) {
        self.ended = true;
    }

    /// Whether the last line was taken.
    pub fn has_ended(&self) -> bool {
        self.ended && self.held.is_empty()
    }

    pub fn next_line(&mut self) -> Result<Option<Bytes>, ProviderError> {
        if let Some(at) = self.held[self.searched..].iter().position(|byte| *byte == b'\n') {
            let line = self.held.split_to(self.searched + at + 1).freeze();
            self.searched = 0;
            return Ok(Some(line));
        }
        self.searched = self.held.len();
        if self.searched > MAX_LINE_BYTES {
            return Err(ProviderError::TooLong(MAX_LINE_BYTES));
        }
        if self.ended && !self.held.is_empty() {
            self.searched = 0;
            return Ok(Some(self.held.split().freeze()));
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(pieces: &[&[u8]]) -> Result<Vec<Bytes>, ProviderError> {
        let (mut parser, mut lines) = (LineParser::default(), Vec::new());
        for piece in pieces {
            parser.push(piece);
            while let Some(line) = parser.next_line()? {
                lines.push(line);
            }
        }
        parser.end();
        while let Some(line) = parser.next_line()? {
            lines.push(line);
        }
        assert!(parser.has_ended());
        Ok(lines)
    }

    #[test]
    fn lines_come_whole_however_the_pieces_are_cut() {
        let whole: [&[u8]; 3] = [b"{\"a\":1}\n", b"\n", b"last"];
        assert_eq!(cut(&[b"{\"a\":1}\n\nlast"]).unwrap(), whole);
        assert_eq!(cut(&[b"{\"a", b"\":1}", b"\n\nla", b"", b"st"]).unwrap(), whole);
    }

    #[test]
    fn a_line_without_end_is_refused() {
        static LONG: [u8; MAX_LINE_BYTES] = [b'x'; MAX_LINE_BYTES];
        assert!(matches!(cut(&[&LONG, b"x", b"\n"]), Err(ProviderError::TooLong(_))));
    }
}
