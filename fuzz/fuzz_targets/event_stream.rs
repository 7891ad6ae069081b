//! Server-sent events of a model server: parsed alike however they are cut.
#![no_main]

use libfuzzer_sys::fuzz_target;
use protocol::event_stream::{EventStreamError, EventStreamParser, ServerSentEvent};

fn parse<'a>(
    pieces: impl Iterator<Item = &'a [u8]>,
) -> (Vec<ServerSentEvent>, Option<EventStreamError>, String) {
    let (mut parser, mut events, mut failed) = (EventStreamParser::with_error_field(), Vec::new(), None);
    for piece in pieces {
        parser.push(piece);
        while let Some(event) = parser.next_event() {
            match event {
                Ok(event) => events.push(event),
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
        }
    }
    (events, failed, parser.last_event_id().to_owned())
}

fuzz_target!(|input: (u8, &[u8])| {
    let (size, stream) = input;
    let whole = parse(std::iter::once(stream));
    assert_eq!(parse(stream.chunks(usize::from(size).max(1))), whole);
});
