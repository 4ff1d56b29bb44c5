//! The wire format: `u32` length, `u8` kind, `u32` call id, payload; integers are little-endian.
//!
//! It knows no sockets and no state. Frames are made here and read in `decode`. Every part has a limit, and a text
//! that is too long for its place is cut by its sender.
use openclaw_plugin_api::abi::{Fault, Level, LogRecord};
use serde::{Deserialize, Serialize};

/// Version of this protocol. Both sides say theirs in the first frame and must agree.
pub(super) const PROTOCOL: u32 = 1;
/// Longest frame, bytes, without its length field.
pub(super) const MAX_FRAME: usize = 32 << 20;
/// Longest method id, bytes.
pub(super) const MAX_METHOD: usize = 256;
/// Longest target, bytes.
pub(super) const MAX_TARGET: usize = 4 << 10;
/// Longest meta object, bytes.
pub(super) const MAX_META: usize = 64 << 10;
/// Longest log event or fault, bytes.
pub(super) const MAX_TEXT: usize = 128 << 10;
/// Longest part of a log event or fault that its sender puts into a frame, bytes: escaping may make it six times
/// as long.
const MAX_PART: usize = 4 << 10;

/// Kind and call id.
pub(super) const HEADER: usize = 5;
/// Flags, and the lengths of method, target and meta.
pub(super) const CALL_HEADER: usize = 1 + 2 + 2 + 4;
pub(super) const HAS_OUT: u8 = 1;
pub(super) const HAS_INPUT: u8 = 2;

/// What is wrong with bytes of the other side, or with a frame that is too long to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Longer than any frame may be.
    #[error("a frame of {len} bytes is longer than {MAX_FRAME}; send the data in a stream")]
    TooLong {
        /// Its length.
        len: usize,
    },
    /// No such kind, or one that has no place here.
    #[error("a frame has the kind {kind}, which means nothing here; run both sides from the same release")]
    Kind {
        /// The number.
        kind: u8,
    },
    /// Its payload is not what its kind says.
    #[error("a frame of the kind {kind} is malformed; run both sides from the same release")]
    Malformed {
        /// The number.
        kind: u8,
    },
    /// A part of a call is longer than it may be.
    #[error("the {part} of a call is {len} bytes long, more than {max}; put the data into its body")]
    Part {
        /// Which one.
        part: &'static str,
        /// Its length.
        len: usize,
        /// The limit.
        max: usize,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    /// First frame in each direction; the id is the protocol's version.
    Hello = 1,
    Call = 2,
    Reply = 3,
    Fault = 4,
    /// One item of a stream, in either direction.
    Chunk = 5,
    /// The writer of a stream is done.
    End = 6,
    /// The writer of a stream failed.
    EndFault = 7,
    /// The reader of a stream makes room for more chunks.
    Credit = 8,
    /// The reader of a stream went away.
    Stop = 9,
    /// The caller went away.
    Cancel = 10,
    Log = 11,
}

/// What came in.
#[derive(Debug)]
pub(super) enum Frame<'a> {
    Call {
        id: u32,
        call: WireCall<'a>,
    },
    Reply {
        id: u32,
        outcome: Result<Vec<u8>, Fault>,
    },
    Chunk {
        id: u32,
        bytes: Vec<u8>,
    },
    End {
        id: u32,
        fault: Option<Fault>,
    },
    Credit {
        id: u32,
        chunks: u32,
    },
    Stop {
        id: u32,
    },
    Cancel {
        id: u32,
    },
    Log(LogLine),
}

/// A call without its streams.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct WireCall<'a> {
    pub(super) method: &'a str,
    pub(super) target: &'a str,
    pub(super) meta: &'a str,
    pub(super) body: Vec<u8>,
    pub(super) has_out: bool,
    pub(super) has_input: bool,
}

/// A log event on the wire.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct LogLine {
    level: u8,
    target: String,
    message: String,
    fields: String,
    file: String,
    line: u32,
    /// Events that were dropped before this one.
    pub(super) dropped: u32,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct WireFault {
    pub(super) code: String,
    pub(super) message: String,
    pub(super) detail: String,
}

/// A frame on its way out. The body is kept apart so that it need not be copied when the socket takes it at once.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) head: Vec<u8>,
    pub(super) body: Vec<u8>,
}

// === impl Outgoing ===

impl Outgoing {
    pub(super) fn new(kind: Kind, id: u32, body: Vec<u8>) -> Result<Self, FrameError> {
        Self::with_fields(kind, id, &[], body)
    }

    /// A frame whose payload is known to be short.
    fn small(kind: Kind, id: u32, payload: Vec<u8>) -> Self {
        Self::new(kind, id, payload).expect("texts are cut to a length that always fits")
    }

    pub(super) fn empty(kind: Kind, id: u32) -> Self {
        Self::small(kind, id, Vec::new())
    }

    pub(super) fn credit(id: u32, chunks: u32) -> Self {
        Self::small(Kind::Credit, id, chunks.to_le_bytes().to_vec())
    }

    pub(super) fn fault(kind: Kind, id: u32, fault: &Fault) -> Self {
        let detail = fault.detail.as_str();
        let wire = WireFault {
            code: cut(&fault.code).to_owned(),
            message: cut(&fault.message).to_owned(),
            // Half a JSON object is none.
            detail: if detail.len() <= MAX_PART {
                detail.to_owned()
            } else {
                String::new()
            },
        };
        Self::small(kind, id, serde_json::to_vec(&wire).expect("strings become JSON"))
    }

    pub(super) fn call(id: u32, call: WireCall<'_>) -> Result<Self, FrameError> {
        let flags = if call.has_out { HAS_OUT } else { 0 } | if call.has_input { HAS_INPUT } else { 0 };
        let (method, target, meta) = (
            call.method.as_bytes(),
            call.target.as_bytes(),
            call.meta.as_bytes(),
        );
        let fields: [&[u8]; 7] = [
            &[flags],
            &length::<u16>("method", method.len(), MAX_METHOD)?.to_le_bytes(),
            &length::<u16>("target", target.len(), MAX_TARGET)?.to_le_bytes(),
            &length::<u32>("meta", meta.len(), MAX_META)?.to_le_bytes(),
            method,
            target,
            meta,
        ];
        Self::with_fields(Kind::Call, id, &fields, call.body)
    }

    pub(super) fn log(record: &LogRecord<'_>, dropped: u32) -> Self {
        let line = LogLine {
            level: record.level as u8,
            target: cut(record.target).to_owned(),
            message: cut(record.message).to_owned(),
            fields: if record.fields.len() <= MAX_PART {
                record.fields.to_owned()
            } else {
                String::new()
            },
            file: cut(record.file).to_owned(),
            line: record.line,
            dropped,
        };
        Self::small(
            Kind::Log,
            0,
            serde_json::to_vec(&line).expect("strings and numbers become JSON"),
        )
    }

    pub(super) fn len(&self) -> usize {
        self.head.len() + self.body.len()
    }

    fn with_fields(kind: Kind, id: u32, fields: &[&[u8]], body: Vec<u8>) -> Result<Self, FrameError> {
        let fields_len: usize = fields.iter().map(|field| field.len()).sum();
        let len = HEADER.saturating_add(fields_len).saturating_add(body.len());
        let short = u32::try_from(len).ok().filter(|_| len <= MAX_FRAME);
        let short = short.ok_or(FrameError::TooLong { len })?;
        let mut head = Vec::with_capacity(4 + HEADER + fields_len);
        head.extend_from_slice(&short.to_le_bytes());
        head.push(kind as u8);
        head.extend_from_slice(&id.to_le_bytes());
        fields.iter().for_each(|field| head.extend_from_slice(field));
        Ok(Self { head, body })
    }
}

// === impl LogLine ===

impl LogLine {
    pub(super) fn record(&self) -> LogRecord<'_> {
        LogRecord {
            level: Level::from_wire(self.level),
            target: &self.target,
            message: &self.message,
            fields: &self.fields,
            file: &self.file,
            line: self.line,
        }
    }
}

fn length<T: TryFrom<usize>>(part: &'static str, len: usize, max: usize) -> Result<T, FrameError> {
    let short = Some(len)
        .filter(|len| *len <= max)
        .and_then(|len| T::try_from(len).ok());
    short.ok_or(FrameError::Part { part, len, max })
}

/// As much of a text as is sent.
fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_PART)]
}
