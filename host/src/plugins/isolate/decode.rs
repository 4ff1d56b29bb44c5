//! From bytes to frames. Whatever comes in, decoding gives a frame, asks for more, or says what is wrong; it never
//! panics, and never holds more than one frame of [`MAX_FRAME`] bytes and a read beyond it.
use super::frame::{
    CALL_HEADER, Frame, FrameError, HAS_INPUT, HAS_OUT, HEADER, Kind, MAX_FRAME, MAX_META, MAX_METHOD,
    MAX_TARGET, MAX_TEXT, WireCall, WireFault,
};
use openclaw_plugin_api::abi::Fault;
use serde::Deserialize;

/// Buffer of a decoder that has nothing large to hold.
const READ_BUFFER: usize = 8 << 10;

/// Cuts bytes into frames.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    buffer: Vec<u8>,
    start: usize,
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
