//! Decompression of response bodies (gzip), in steps of bounded size.
//!
//! Invariant: one step takes at most `DECODE_STEP` compressed bytes, so memory stays small whatever a body claims; the
//! caller counts what comes out and stops where it likes.

use std::io::{self, Write as _};

use bytes::{Buf as _, Bytes};
use flate2::write::MultiGzDecoder;

use super::limits::DECODE_STEP;

/// A body's decompressor: fed with wire chunks, asked for pieces until there is none.
#[derive(Debug)]
pub(super) struct Gunzip {
    decoder: MultiGzDecoder<Vec<u8>>,
    input: Bytes,
    started: bool,
}

impl Gunzip {
    pub(super) fn new() -> Self {
        Self {
            decoder: MultiGzDecoder::new(Vec::new()),
            input: Bytes::new(),
            started: false,
        }
    }

    /// Takes the next chunk from the wire; the one before must be used up.
    pub(super) fn feed(&mut self, chunk: Bytes) {
        debug_assert!(self.input.is_empty(), "the chunk before is used up");
        self.started |= !chunk.is_empty();
        self.input = chunk;
    }

    /// The next decoded piece, or `None` when more input is needed.
    pub(super) fn piece(&mut self) -> io::Result<Option<Bytes>> {
        while !self.input.is_empty() {
            let step = self.input.len().min(DECODE_STEP);
            let used = self.decoder.write(&self.input[..step])?;
            if used == 0 {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "data after the end of the gzip stream",
                ));
            }
            self.input.advance(used);
            // without it, the last lines of a slow stream would wait in the decoder for the next ones
            self.decoder.flush()?;
            if let Some(piece) = self.take() {
                return Ok(Some(piece));
            }
        }
        Ok(None)
    }

    /// What was still inside when the wire ended; fails if the stream is not complete.
    pub(super) fn finish(&mut self) -> io::Result<Option<Bytes>> {
        // a body without any byte (HEAD, 204, 304) is a complete one
        if self.started {
            self.decoder.try_finish()?;
        }
        Ok(self.take())
    }

    fn take(&mut self) -> Option<Bytes> {
        let piece = std::mem::take(self.decoder.get_mut());
        (!piece.is_empty()).then(|| piece.into())
    }
}
