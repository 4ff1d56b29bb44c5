//! Server-sent events out of the pieces in which a body arrives, as most model vendors stream.
//!
//! It does no I/O and reconnects nowhere. Invariant: where the body is cut into pieces makes no difference, and no more
//! than the limit waits for the end of its event.
//!
//! ```
//! use openclaw_plugin_api::sse::Decoder;
//! let mut decoder = Decoder::new();
//! decoder.push(b"event: ping\ndata: {}\n")?;
//! assert!(decoder.next_event().is_none());
//! decoder.push(b"\n")?;
//! let event = decoder.next_event().expect("it is whole now");
//! assert_eq!((event.event.as_str(), event.data.as_str()), ("ping", "{}"));
//! # Ok::<(), openclaw_plugin_api::Error>(())
//! ```
use crate::{Error, ErrorKind, Result};
use std::collections::VecDeque;

/// Longest event unless [`Decoder::with_limit`] says otherwise. Bytes.
pub const MAX_EVENT: usize = 8 << 20;

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// One event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Event {
    /// Its name; empty if it has none.
    pub event: String,
    /// Its lines of data, joined by line feeds. What is not UTF-8 is replaced.
    pub data: String,
}

/// Turns pieces of a body into events.
#[derive(Debug)]
pub struct Decoder {
    limit: usize,
    /// The line that has not ended.
    line: Vec<u8>,
    /// The last byte was a carriage return, so a line feed now belongs to it.
    after_return: bool,
    /// No line was read yet: a byte order mark may come.
    at_start: bool,
    event: String,
    /// `None` before the event's first line of data.
    data: Option<String>,
    whole: VecDeque<Event>,
    /// Nothing after an event that is too long can be trusted.
    too_long: bool,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::with_limit(MAX_EVENT)
    }
}

// === impl Decoder ===

impl Decoder {
    /// A decoder for one body.
    pub fn new() -> Self {
        Self::default()
    }

    /// A decoder that takes no event longer than this. Bytes.
    pub fn with_limit(limit: usize) -> Self {
        Self {
            limit,
            line: Vec::new(),
            after_return: false,
            at_start: true,
            event: String::new(),
            data: None,
            whole: VecDeque::new(),
            too_long: false,
        }
    }

    /// Takes the next piece of the body. An error means that an event is too long; what was whole before it can still
    /// be read.
    pub fn push(&mut self, mut piece: &[u8]) -> Result<()> {
        while !piece.is_empty() && !self.too_long {
            if std::mem::take(&mut self.after_return) && piece[0] == b'\n' {
                piece = &piece[1..];
                continue;
            }
            let end = piece.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let (part, rest) = piece.split_at(end.unwrap_or(piece.len()));
            let waiting = self.line.len() + self.event.len() + self.data.as_ref().map_or(0, String::len);
            self.too_long = waiting + part.len() > self.limit;
            if self.too_long {
                break;
            }
            self.line.extend_from_slice(part);
            piece = rest;
            if let Some((end, rest)) = rest.split_first() {
                self.after_return = *end == b'\r';
                self.end_line();
                piece = rest;
            }
        }
        if self.too_long {
            self.line = Vec::new();
            self.data = None;
            return Err(Error::new(
                ErrorKind::Server,
                format_args!(
                    "the stream holds an event of more than {} bytes; try again or ask for less",
                    self.limit
                ),
            ));
        }
        Ok(())
    }

    /// The next event that is whole.
    pub fn next_event(&mut self) -> Option<Event> {
        self.whole.pop_front()
    }

    /// The body has ended: the event that lacks only the empty line behind it. Events that were whole before must have
    /// been read. The standard drops such an event; some services forget that line.
    pub fn finish(mut self) -> Option<Event> {
        self.end_line();
        self.end_event();
        self.whole.pop_back()
    }

    fn end_line(&mut self) {
        let mut bytes = std::mem::take(&mut self.line);
        if std::mem::take(&mut self.at_start) && bytes.starts_with(BYTE_ORDER_MARK) {
            bytes.drain(..BYTE_ORDER_MARK.len());
        }
        if bytes.is_empty() {
            self.end_event();
        } else {
            let line = String::from_utf8_lossy(&bytes);
            let (field, value) = line.split_once(':').unwrap_or((&line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "event" => self.event = value.to_owned(),
                "data" => match &mut self.data {
                    Some(data) => {
                        data.push('\n');
                        data.push_str(value);
                    }
                    None => self.data = Some(value.to_owned()),
                },
                // Comments have no field; ids and retries are for those who reconnect.
                _ => {}
            }
        }
        // The allocation is used again for the next line.
        bytes.clear();
        self.line = bytes;
    }

    fn end_event(&mut self) {
        let event = std::mem::take(&mut self.event);
        if let Some(data) = self.data.take() {
            self.whole.push_back(Event { event, data });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// All events of a body in these pieces, and whether one was too long.
    fn read<'a>(limit: usize, pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<(String, String)>, bool) {
        let mut decoder = Decoder::with_limit(limit);
        let mut events = Vec::new();
        let mut too_long = false;
        for piece in pieces {
            too_long = decoder.push(piece).is_err();
            events.extend(std::iter::from_fn(|| decoder.next_event()));
        }
        events.extend(decoder.finish());
        let events = events.into_iter().map(|e| (e.event, e.data)).collect();
        (events, too_long)
    }

    fn whole(body: &str) -> Vec<(String, String)> {
        read(MAX_EVENT, [body.as_bytes()]).0
    }

    fn pair(event: &str, data: &str) -> (String, String) {
        (event.into(), data.into())
    }

    #[test]
    fn every_way_to_end_a_line_ends_it() {
        for end in ["\n", "\r\n", "\r"] {
            let body = ["event: a", "data:one", "data: two", "", "data: three", "", ""].join(end);
            assert_eq!(
                whole(&body),
                [pair("a", "one\ntwo"), pair("", "three")],
                "{end:?}"
            );
        }
    }

    #[test]
    fn what_is_no_data_makes_no_event() {
        let body = "\u{feff}data: 1\n\n: here\n\nevent: lonely\n\nid: 7\nretry: 1\ndatum: x\n\ndata\n\ndata:  \u{e9}\n\n";
        assert_eq!(whole(body), [pair("", "1"), pair("", ""), pair("", " \u{e9}")]);
    }

    #[test]
    fn the_last_event_needs_no_empty_line() {
        assert_eq!(
            whole("data: 1\n\ndata: [DONE]"),
            [pair("", "1"), pair("", "[DONE]")]
        );
    }

    #[test]
    fn an_event_that_is_too_long_is_an_error_that_stays() {
        let mut decoder = Decoder::with_limit(16);
        decoder.push(b"data: ok\n\ndata: ").expect("short");
        let error = decoder.push(&[b'x'; 17]).expect_err("too long");
        assert_eq!(error.kind(), ErrorKind::Server);
        assert!(error.message().contains("16 bytes"), "{error}");
        assert!(decoder.push(b"\n\ndata: 2\n\n").is_err());
        assert_eq!(decoder.next_event().map(|event| event.data), Some("ok".into()));
        assert_eq!(decoder.next_event(), None);
        // Many short lines are one event too.
        assert!(Decoder::with_limit(16).push(&b"data: xx\n".repeat(20)).is_err());
    }

    proptest! {
        #[test]
        fn it_does_not_matter_where_a_body_is_cut(
            body in proptest::collection::vec(prop_oneof![
                Just("data:".to_owned()), Just("data: ".to_owned()), Just("event:".to_owned()),
                Just("\n".to_owned()), Just("\r".to_owned()), Just("\r\n".to_owned()), Just("\u{feff}".to_owned()),
                Just(":".to_owned()), Just("é🦀".to_owned()), "[a-z ]{0,6}"
            ], 0..60),
            cuts in proptest::collection::vec(1_usize..8, 1..200),
            limit in prop_oneof![Just(24_usize), Just(MAX_EVENT)],
        ) {
            let body = body.concat().into_bytes();
            let mut rest = body.as_slice();
            let mut pieces = Vec::new();
            for cut in cuts {
                let (piece, after) = rest.split_at(cut.min(rest.len()));
                pieces.push(piece);
                rest = after;
            }
            pieces.push(rest);
            prop_assert_eq!(read(limit, pieces), read(limit, [body.as_slice()]));
        }
    }
}
