//! The wire format: `u32` length, `u8` kind, `u32` call id, payload; integers are little-endian.
//!
//! It knows no sockets and no state. Whatever bytes come in, decoding gives a frame, asks for more, or says what is
//! wrong; it never panics, and never holds more than one frame of [`MAX_FRAME`] bytes and a read beyond it.
use openclaw_plugin_api::abi::{Fault, Level, LogRecord};
use serde::{Deserialize, Serialize};

/// Version of this protocol. Both sides say theirs in the first frame and must agree.
pub(super) const PROTOCOL: u32 = 1;
/// Longest frame, bytes, without its length field.
pub(super) const MAX_FRAME: usize = 32 << 20;
/// Longest method id, bytes.
const MAX_METHOD: usize = 256;
/// Longest target, bytes.
const MAX_TARGET: usize = 4 << 10;
/// Longest meta object, bytes.
const MAX_META: usize = 64 << 10;
/// Longest log event or fault, bytes.
const MAX_TEXT: usize = 128 << 10;
/// Longest part of a log event or fault that its sender puts into a frame, bytes: escaping may make it six times
/// as long.
const MAX_PART: usize = 4 << 10;

/// Kind and call id.
const HEADER: usize = 5;
/// Flags, and the lengths of method, target and meta.
const CALL_HEADER: usize = 1 + 2 + 2 + 4;
const HAS_OUT: u8 = 1;
const HAS_INPUT: u8 = 2;
/// Buffer of a decoder that has nothing large to hold.
const READ_BUFFER: usize = 8 << 10;

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
struct WireFault {
    code: String,
    message: String,
    detail: String,
}

/// A frame on its way out. The body is kept apart so that it need not be copied when the socket takes it at once.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) head: Vec<u8>,
    pub(super) body: Vec<u8>,
}

/// Cuts bytes into frames.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    buffer: Vec<u8>,
    start: usize,
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

// === impl Decoder ===

impl Decoder {
    /// Where the next bytes are appended.
    pub(super) fn space(&mut self) -> &mut Vec<u8> {
        self.buffer.drain(..self.start);
        self.start = 0;
        if self.buffer.is_empty() && self.buffer.capacity() > 4 * READ_BUFFER {
            self.buffer = Vec::new();
        }
        if self.buffer.len() == self.buffer.capacity() {
            // Doubling follows what has really arrived; the announced length is only a claim.
            self.buffer.reserve(self.buffer.len().max(READ_BUFFER));
        }
        &mut self.buffer
    }

    /// The next frame and whether another whole one follows it; `None` if more bytes are needed.
    pub(super) fn next(&mut self) -> Result<Option<(Frame<'_>, bool)>, FrameError> {
        let Some(len) = Self::whole(&self.buffer[self.start..])? else {
            return Ok(None);
        };
        let begin = self.start + 4;
        self.start = begin + len;
        // What is wrong with the frame behind is told when it is its turn.
        let more = matches!(Self::whole(&self.buffer[self.start..]), Ok(Some(_)));
        Ok(Some((decode(&self.buffer[begin..begin + len])?, more)))
    }

    /// Length of the frame at the beginning, if it is whole.
    fn whole(bytes: &[u8]) -> Result<Option<usize>, FrameError> {
        let Some((len, rest)) = take_u32(bytes) else {
            return Ok(None);
        };
        let len = check_len(len)?;
        Ok((rest.len() >= len).then_some(len))
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

// === the first frame ===
// It is exchanged before there is a peer: by the child with blocking reads, before the process is confined.

/// A length field that may be read, as a size.
pub(super) fn check_len(len: u32) -> Result<usize, FrameError> {
    match usize::try_from(len) {
        Ok(len) if len < HEADER => Err(FrameError::Malformed { kind: 0 }),
        Ok(len) if len <= MAX_FRAME => Ok(len),
        Ok(len) => Err(FrameError::TooLong { len }),
        Err(_) => Err(FrameError::TooLong { len: usize::MAX }),
    }
}

/// What the other side says first: its version and its payload, or that it can't go on.
pub(super) fn decode_hello(frame: &[u8]) -> Result<Result<(u32, &[u8]), Fault>, FrameError> {
    let (kind, id, payload) = split(frame)?;
    if kind == Kind::Hello as u8 {
        return Ok(Ok((id, payload)));
    }
    if kind == Kind::Fault as u8 {
        return Ok(Err(decode_fault(kind, payload)?));
    }
    Err(FrameError::Kind { kind })
}

fn decode(frame: &[u8]) -> Result<Frame<'_>, FrameError> {
    let (kind, id, payload) = split(frame)?;
    let empty = |frame| {
        if payload.is_empty() {
            Ok(frame)
        } else {
            Err(FrameError::Malformed { kind })
        }
    };
    match kind {
        k if k == Kind::Call as u8 => Ok(Frame::Call {
            id,
            call: decode_call(kind, payload)?,
        }),
        k if k == Kind::Reply as u8 => Ok(Frame::Reply {
            id,
            outcome: Ok(payload.to_vec()),
        }),
        k if k == Kind::Fault as u8 => Ok(Frame::Reply {
            id,
            outcome: Err(decode_fault(kind, payload)?),
        }),
        k if k == Kind::Chunk as u8 => Ok(Frame::Chunk {
            id,
            bytes: payload.to_vec(),
        }),
        k if k == Kind::End as u8 => empty(Frame::End { id, fault: None }),
        k if k == Kind::EndFault as u8 => Ok(Frame::End {
            id,
            fault: Some(decode_fault(kind, payload)?),
        }),
        k if k == Kind::Credit as u8 => match take_u32(payload) {
            Some((chunks, [])) => Ok(Frame::Credit { id, chunks }),
            _ => Err(FrameError::Malformed { kind }),
        },
        k if k == Kind::Stop as u8 => empty(Frame::Stop { id }),
        k if k == Kind::Cancel as u8 => empty(Frame::Cancel { id }),
        k if k == Kind::Log as u8 => Ok(Frame::Log(decode_text(kind, payload)?)),
        _ => Err(FrameError::Kind { kind }),
    }
}

fn split(frame: &[u8]) -> Result<(u8, u32, &[u8]), FrameError> {
    let (kind, rest) = frame.split_first().ok_or(FrameError::Malformed { kind: 0 })?;
    let (id, payload) = take_u32(rest).ok_or(FrameError::Malformed { kind: *kind })?;
    Ok((*kind, id, payload))
}

fn decode_call(kind: u8, payload: &[u8]) -> Result<WireCall<'_>, FrameError> {
    let malformed = FrameError::Malformed { kind };
    let (head, rest) = payload.split_at_checked(CALL_HEADER).ok_or(malformed)?;
    let &[flags, m0, m1, t0, t1, e0, e1, e2, e3] = head else {
        return Err(malformed);
    };
    let meta_len = usize::try_from(u32::from_le_bytes([e0, e1, e2, e3])).map_err(|_| malformed)?;
    let (method_len, target_len) = (u16::from_le_bytes([m0, m1]), u16::from_le_bytes([t0, t1]));
    if flags & !(HAS_OUT | HAS_INPUT) != 0 || meta_len > MAX_META {
        return Err(malformed);
    }
    let (method, rest) = take_text(rest, usize::from(method_len), MAX_METHOD).ok_or(malformed)?;
    let (target, rest) = take_text(rest, usize::from(target_len), MAX_TARGET).ok_or(malformed)?;
    let (meta, body) = take_text(rest, meta_len, MAX_META).ok_or(malformed)?;
    let (has_out, has_input) = (flags & HAS_OUT != 0, flags & HAS_INPUT != 0);
    Ok(WireCall {
        method,
        target,
        meta,
        body: body.to_vec(),
        has_out,
        has_input,
    })
}

fn decode_fault(kind: u8, payload: &[u8]) -> Result<Fault, FrameError> {
    let fault: WireFault = decode_text(kind, payload)?;
    Ok(Fault {
        code: fault.code.into(),
        message: fault.message.into(),
        detail: fault.detail.into(),
    })
}

fn decode_text<'a, T: Deserialize<'a>>(kind: u8, payload: &'a [u8]) -> Result<T, FrameError> {
    let short = Some(payload).filter(|payload| payload.len() <= MAX_TEXT);
    short
        .and_then(|json| serde_json::from_slice(json).ok())
        .ok_or(FrameError::Malformed { kind })
}

fn take_u32(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (number, rest) = bytes.split_first_chunk::<4>()?;
    Some((u32::from_le_bytes(*number), rest))
}

fn take_text(bytes: &[u8], len: usize, max: usize) -> Option<(&str, &[u8])> {
    let (text, rest) = bytes.split_at_checked(len).filter(|_| len <= max)?;
    Some((std::str::from_utf8(text).ok()?, rest))
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
