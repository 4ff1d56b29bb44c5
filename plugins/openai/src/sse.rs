//! Server-sent events out of the pieces in which a body arrives.
//!
//! Only the data of an event is kept: both APIs say in it what the event is. Lines end with a line feed, with or without
//! a carriage return before it. Invariant: at most [`MAX_EVENT`] bytes wait for their end.
use openclaw_plugin_api::{Error, ErrorKind, Result};

/// Longest event. The last one of a response repeats the whole answer. Bytes.
pub const MAX_EVENT: usize = 8 << 20;

/// Events that are on their way.
#[derive(Debug, Default)]
pub struct Decoder {
    /// What arrived and is not read yet begins at `start`; before `scanned` there is no end of a line.
    buffer: Vec<u8>,
    start: usize,
    scanned: usize,
    /// Data of the event that has not ended; `None` before its first line of data.
    data: Option<String>,
}

// === impl Decoder ===

impl Decoder {
    /// Takes the next piece of the body.
    pub fn push(&mut self, piece: &[u8]) -> Result<()> {
        self.buffer.drain(..self.start);
        self.scanned -= self.start;
        self.start = 0;
        let waiting = self.buffer.len() + self.data.as_ref().map_or(0, String::len);
        if waiting + piece.len() > MAX_EVENT {
            return Err(Error::new(
                ErrorKind::Server,
                format_args!(
                    "the stream holds an event of more than {MAX_EVENT} bytes; try again or use another model"
                ),
            ));
        }
        self.buffer.extend_from_slice(piece);
        Ok(())
    }

    /// The data of the next event that is whole.
    pub fn next_data(&mut self) -> Option<String> {
        loop {
            let rest = &self.buffer[self.scanned..];
            let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
                self.scanned = self.buffer.len();
                return None;
            };
            let end = self.scanned + end;
            let line = &self.buffer[self.start..end];
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let event_ends = line.is_empty();
            if let Some(data) = data_of(line) {
                append(&mut self.data, data);
            }
            self.start = end + 1;
            self.scanned = self.start;
            if event_ends && self.data.is_some() {
                return self.data.take();
            }
        }
    }

    /// The event at the end of the body, if the service left out the empty line behind it.
    pub fn finish(mut self) -> Option<String> {
        if let Some(data) = data_of(&self.buffer[self.start..]) {
            append(&mut self.data, data);
        }
        self.data
    }
}

/// The value of a line of data.
fn data_of(line: &[u8]) -> Option<&[u8]> {
    let data = line.strip_prefix(b"data:")?;
    Some(data.strip_prefix(b" ").unwrap_or(data))
}

fn append(event: &mut Option<String>, line: &[u8]) {
    let line = String::from_utf8_lossy(line);
    match event {
        Some(event) => {
            event.push('\n');
            event.push_str(&line);
        }
        None => *event = Some(line.into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str =
        "data: {\"a\":\"é\"}\r\n\r\n: still here\n\nevent: x\ndata:one\ndata: two\n\nid: 7\n\ndata: [DONE]";

    fn read(sizes: usize) -> Vec<String> {
        let mut decoder = Decoder::default();
        let mut events = Vec::new();
        for piece in STREAM.as_bytes().chunks(sizes) {
            decoder.push(piece).expect("short events");
            while let Some(data) = decoder.next_data() {
                events.push(data);
            }
        }
        events.extend(decoder.finish());
        events
    }

    #[test]
    fn it_does_not_matter_where_the_body_is_cut() {
        for size in 1..STREAM.len() {
            assert_eq!(
                read(size),
                ["{\"a\":\"é\"}", "one\ntwo", "[DONE]"],
                "pieces of {size}"
            );
        }
    }

    #[test]
    fn an_event_without_end_is_refused() {
        let mut decoder = Decoder::default();
        let piece = vec![b'x'; MAX_EVENT / 2];
        decoder.push(&piece).expect("half of what is taken");
        assert_eq!(decoder.next_data(), None);
        decoder.push(&piece).expect("all of what is taken");
        assert_eq!(
            decoder.push(b"x").expect_err("too long").kind(),
            ErrorKind::Server
        );
    }
}
