//! Server-sent events, parsed as WHATWG HTML §9.2.6 says, in time linear to the stream's length and in bounded memory.
//!
//! Both sides of this project read such streams: the sidebar and the desktop program the server's, the server those of model
//! servers. Of what is for reconnecting, `id` is kept for who joins a stream again ([`EventStreamParser::last_event_id`]); `retry` is
//! ignored.

use std::collections::VecDeque;

/// The longest line, in bytes.
pub const MAX_LINE_BYTES: usize = 1 << 20;
/// The largest event, in bytes: its name and all lines of its data.
pub const MAX_EVENT_BYTES: usize = 4 << 20;

/// U+FEFF in UTF-8, which may precede the first line.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerSentEvent {
    /// `message` when the stream does not name it.
    pub name: String,
    pub data: String,
}

/// A stream beyond the limits. It cannot be read any further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EventStreamError {
    #[error("a line of the event stream is longer than {} bytes", MAX_LINE_BYTES)]
    LineTooLong,
    #[error("an event of the event stream is larger than {} bytes", MAX_EVENT_BYTES)]
    EventTooLarge,
}

/// Takes the stream's bytes, however they are chunked, and gives its events. An event that the stream does not end with a
/// blank line is none. Bytes that are not UTF-8 become U+FFFD.
#[derive(Debug, Default)]
pub struct EventStreamParser {
    /// The start of a line whose end has not arrived.
    line: Vec<u8>,
    first_line_read: bool,
    /// The last byte was a carriage return. A line feed after it belongs to the same line end.
    after_return: bool,
    name: String,
    /// Each line of data with a line feed after it.
    data: String,
    ready: VecDeque<ServerSentEvent>,
    id: String,
    last_event_id: String,
    failed: Option<EventStreamError>,
    error_field: bool,
}

impl EventStreamParser {
    /// Also reads a field that the standard does not know: some model servers report a failure in the line `error: …`. It
    /// becomes an event with that name, whether a blank line follows or not.
    pub fn with_error_field() -> Self {
        Self { error_field: true, ..Self::default() }
    }

    /// Parses the next bytes. The events that they complete are then returned by [`Self::next_event`].
    pub fn push(&mut self, mut bytes: &[u8]) {
        while self.failed.is_none() && !bytes.is_empty() {
            if std::mem::take(&mut self.after_return) && bytes[0] == b'\n' {
                bytes = &bytes[1..];
                continue;
            }
            let end = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let part = &bytes[..end.unwrap_or(bytes.len())];
            if self.line.len() + part.len() > MAX_LINE_BYTES {
                self.failed = Some(EventStreamError::LineTooLong);
                return;
            }
            self.line.extend_from_slice(part);
            let Some(end) = end else { return };
            self.after_return = bytes[end] == b'\r';
            bytes = &bytes[end + 1..];
            let mut line = std::mem::take(&mut self.line);
            self.end_line(&line);
            // Its capacity is used again.
            line.clear();
            self.line = line;
        }
    }

    /// The next complete event. An error comes after the events before it, and nothing comes after an error.
    pub fn next_event(&mut self) -> Option<Result<ServerSentEvent, EventStreamError>> {
        match self.ready.pop_front() {
            Some(event) => Some(Ok(event)),
            None => self.failed.map(Err),
        }
    }

    /// The id of the last complete event, or of one before it: what `Last-Event-ID` is to say when all events that this
    /// parser has given were taken. Empty: there was none.
    pub fn last_event_id(&self) -> &str {
        &self.last_event_id
    }

    fn end_line(&mut self, mut line: &[u8]) {
        if !std::mem::replace(&mut self.first_line_read, true) {
            line = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line);
        }
        if line.is_empty() {
            self.end_event();
            return;
        }
        let line = String::from_utf8_lossy(line);
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.name),
            "data" => {
                self.data.push_str(value);
                self.data.push('\n');
            }
            "id" if !value.contains('\0') => value.clone_into(&mut self.id),
            "error" if self.error_field => {
                self.ready.push_back(ServerSentEvent { name: "error".to_owned(), data: value.to_owned() });
            }
            // Comments have an empty field name. Unknown fields are ignored too.
            _ => {}
        }
        if self.name.len() + self.data.len() > MAX_EVENT_BYTES {
            self.failed = Some(EventStreamError::EventTooLarge);
        }
    }

    fn end_event(&mut self) {
        self.last_event_id.clone_from(&self.id);
        let name = std::mem::take(&mut self.name);
        let mut data = std::mem::take(&mut self.data);
        // Without any line of data there is no event, whatever its name.
        if data.pop().is_some() {
            let name = if name.is_empty() { "message".to_owned() } else { name };
            self.ready.push_back(ServerSentEvent { name, data });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use proptest::prelude::*;

    use super::*;

    fn parse<'a>(
        chunks: impl IntoIterator<Item = &'a [u8]>,
    ) -> (Vec<(String, String)>, Option<EventStreamError>) {
        let (mut parser, mut events) = (EventStreamParser::default(), Vec::new());
        for chunk in chunks {
            parser.push(chunk);
            while let Some(event) = parser.next_event() {
                match event {
                    Ok(event) => events.push((event.name, event.data)),
                    Err(error) => return (events, Some(error)),
                }
            }
        }
        (events, None)
    }

    fn events(stream: &[u8]) -> Vec<(String, String)> {
        let (events, error) = parse([stream]);
        assert_eq!(error, None);
        events
    }

    fn event(name: &str, data: &str) -> (String, String) {
        (name.to_owned(), data.to_owned())
    }

    #[test]
    fn fields_as_the_standard_says() {
        assert_eq!(
            events(b"data: YHOO\ndata: +2\ndata: 10\n\n"),
            [event("message", "YHOO\n+2\n10")],
            "lines of data are joined"
        );
        assert_eq!(
            events(
                b": comment\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n"
            ),
            [
                event("message", "first event"),
                event("message", "second event"),
                event("message", " third event")
            ]
        );
        assert_eq!(
            events(b"data\n\ndata\ndata\n\ndata:"),
            [event("message", ""), event("message", "\n")],
            "the last one is not complete"
        );
        assert_eq!(
            events(b"event: a\nevent: b\ndata: 1\n\nevent: lost\n\ndata: 2\nretry: 9\nData: x\n data: y\n\n"),
            [event("b", "1"), event("message", "2")]
        );
        assert_eq!(events(b"data: a\xFFb\n\n"), [event("message", "a\u{FFFD}b")]);
        assert!(events(b"").is_empty());
    }

    #[test]
    fn the_last_id_is_that_of_a_complete_event() {
        let mut parser = EventStreamParser::default();
        for (bytes, id) in [
            ("id: 1\ndata: a\n", ""),
            ("\n", "1"),
            ("data: b\n\n", "1"),
            ("id: 2\n\nid: 3\ndata: c", "2"),
            ("\nid: 4\0\n\n", "3"),
            ("id\ndata: d\n\n", ""),
        ] {
            parser.push(bytes.as_bytes());
            assert_eq!(parser.last_event_id(), id, "{bytes:?}");
        }
    }

    #[test]
    fn all_line_ends_and_a_byte_order_mark() {
        let expected = [event("x", "1\n2"), event("message", "3")];
        for end in ["\n", "\r", "\r\n"] {
            for mark in ["", "\u{FEFF}"] {
                let stream = format!("{mark}event: x\ndata: 1\ndata: 2\n\n\ndata: 3\n\n").replace('\n', end);
                assert_eq!(events(stream.as_bytes()), expected, "{stream:?}");
            }
        }
        let marks = "\u{FEFF}\u{FEFF}data: 1\n\n\u{FEFF}data: 2\n\n";
        assert!(events(marks.as_bytes()).is_empty(), "only one is skipped, at the start");
    }

    #[test]
    fn chunks_may_end_anywhere() {
        let stream = "\u{FEFF}event: größe\r\ndata: ü\u{FEFF}\r\n: x\r\n\r\ndata: 日本\rdata: 👩\u{200D}💻\r\rdata\n\n";
        let whole = events(stream.as_bytes());
        assert_eq!(whole.len(), 3);
        for at in 0..=stream.len() {
            let (before, after) = stream.as_bytes().split_at(at);
            assert_eq!(parse([before, after]), (whole.clone(), None), "cut at {at}");
        }
        for length in 1..stream.len() {
            assert_eq!(parse(stream.as_bytes().chunks(length)), (whole.clone(), None), "chunks of {length}");
        }
    }

    #[test]
    fn any_bytes_are_parsed_alike_however_they_are_chunked() {
        // Streams of the bytes that matter, drawn by a linear congruential generator.
        let alphabet = [
            &b"\xEF\xBB\xBF"[..],
            b"\r",
            b"\n",
            b":",
            b" ",
            b"data",
            b"event",
            b"data: x\n",
            b"\xC3",
            b"\xBC",
        ];
        let mut seed = 1_u64;
        let mut draw = |below: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(seed >> 33).unwrap() % below
        };
        for _ in 0..2_000 {
            let stream: Vec<u8> =
                (0..draw(30)).flat_map(|_| alphabet[draw(alphabet.len())].to_vec()).collect();
            let whole = parse([stream.as_slice()]);
            assert_eq!(parse(stream.chunks(1)), whole, "{stream:?}");
            assert_eq!(parse(stream.chunks(1 + draw(7))), whole, "{stream:?}");
        }
    }

    fn streams() -> impl Strategy<Value = Vec<u8>> {
        let parts = ["\u{FEFF}", "\r", "\n", ":", " ", "data", "event", "data: x\n", "error: y\n", "ü", "日"];
        let part = prop_oneof![
            4 => proptest::sample::select(parts.map(|part| part.as_bytes().to_vec()).to_vec()),
            1 => proptest::collection::vec(any::<u8>(), 0..6),
        ];
        proptest::collection::vec(part, 0..40).prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn any_stream_is_parsed_alike_at_any_cuts(stream in streams(), cuts in proptest::collection::vec(0_usize..200, 0..20)) {
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(stream.len())).collect();
            cuts.extend([0, stream.len()]);
            cuts.sort_unstable();
            let pieces = cuts.windows(2).map(|cut| &stream[cut[0]..cut[1]]);
            prop_assert_eq!(parse(pieces), parse([stream.as_slice()]));
        }
    }

    #[test]
    fn a_failure_in_a_field_of_its_own_is_an_event_if_asked_for() {
        let stream = b"data: x\n\nerror: {\"code\":500}\n";
        assert_eq!(events(stream), [event("message", "x")]);
        let mut parser = EventStreamParser::with_error_field();
        parser.push(stream);
        assert!(parser.next_event().is_some());
        let expected = ServerSentEvent { name: "error".into(), data: "{\"code\":500}".into() };
        assert_eq!(parser.next_event(), Some(Ok(expected)));
    }

    #[test]
    fn a_long_line_is_refused_soon_and_cheaply() {
        let mut stream = b"data: before\n\ndata: ".to_vec();
        stream.resize(8 << 20, b'x');
        let begun = Instant::now();
        let (events, error) = parse(stream.chunks(512));
        assert_eq!((events, error), (vec![event("message", "before")], Some(EventStreamError::LineTooLong)));
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());

        let mut parser = EventStreamParser::default();
        parser.push(&stream);
        parser.push(b"\n\ndata: after\n\n");
        assert!(parser.line.capacity() <= MAX_LINE_BYTES, "{}", parser.line.capacity());
        assert!(matches!(parser.next_event(), Some(Ok(_))));
        assert_eq!(parser.next_event(), Some(Err(EventStreamError::LineTooLong)));
    }

    #[test]
    fn a_line_and_an_event_of_the_largest_size_are_read() {
        let line = [&b"data:"[..], vec![b'x'; MAX_LINE_BYTES - 5].as_slice(), b"\n"].concat();
        let largest = [line.repeat(4).as_slice(), b"\n"].concat();
        let (events, error) = parse(largest.chunks(60_000));
        assert_eq!((events.len(), error), (1, None));
        assert_eq!(events[0].1.len(), 4 * (MAX_LINE_BYTES - 4) - 1);
        let (events, error) = parse([line.repeat(5).as_slice(), b"\n\n"]);
        assert_eq!((events.len(), error), (0, Some(EventStreamError::EventTooLarge)));
    }
}
