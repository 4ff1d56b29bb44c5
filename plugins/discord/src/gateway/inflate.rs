//! Transport compression: one zlib stream over all messages of a connection.
//!
//! Invariant: no message makes more than [`MAX_MESSAGE`] bytes, whatever it says of itself.
use flate2::{Decompress, FlushDecompress, Status};

/// Longest message after decompression, bytes. The longest that Discord sends is a large server's GUILD_CREATE.
pub(crate) const MAX_MESSAGE: usize = 32 << 20;
/// What a message ends with.
const END: [u8; 4] = [0x00, 0x00, 0xff, 0xff];
/// Bytes by which the output grows.
const STEP: usize = 16 << 10;

/// Why a message can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InflateError {
    /// It is not what it should be.
    #[error("the compressed stream is broken; the connection begins anew")]
    Broken,
    /// It is too long.
    #[error("a message is longer than {MAX_MESSAGE} bytes; the connection begins anew")]
    TooLong,
}

/// The stream of one connection.
#[derive(Debug)]
pub(crate) struct Inflate {
    stream: Decompress,
    /// A message whose end has not come.
    partial: Vec<u8>,
}

impl Inflate {
    pub(crate) fn new() -> Self {
        Self {
            stream: Decompress::new(true),
            partial: Vec::new(),
        }
    }

    /// Takes one message of the socket; gives a message of the gateway once it is whole.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<Option<Vec<u8>>, InflateError> {
        let mut rest = bytes;
        loop {
            if self.partial.len() >= MAX_MESSAGE {
                return Err(InflateError::TooLong);
            }
            self.partial.reserve(STEP);
            let (before, length) = (self.stream.total_in(), self.partial.len());
            let status = self
                .stream
                .decompress_vec(rest, &mut self.partial, FlushDecompress::Sync)
                .map_err(|_| InflateError::Broken)?;
            let read = usize::try_from(self.stream.total_in() - before).map_err(|_| InflateError::Broken)?;
            rest = &rest[read..];
            let is_full = self.partial.len() == self.partial.capacity();
            match status {
                Status::StreamEnd => return Err(InflateError::Broken),
                _ if rest.is_empty() && !is_full => break,
                // neither read nor wrote: it never will
                _ if read == 0 && self.partial.len() == length && !is_full => {
                    return Err(InflateError::Broken);
                }
                _ => {}
            }
        }
        Ok(bytes.ends_with(&END).then(|| std::mem::take(&mut self.partial)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compress, Compression, FlushCompress};

    fn deflate(stream: &mut Compress, text: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(text.len() + 1024);
        stream
            .compress_vec(text, &mut out, FlushCompress::Sync)
            .expect("compressed");
        out
    }

    #[test]
    fn messages_share_one_stream_and_may_come_in_pieces() {
        let (mut writer, mut reader) = (Compress::new(Compression::default(), true), Inflate::new());
        let long = "again and again ".repeat(10_000);
        for text in ["{\"op\":10}", "{\"op\":10}", &long] {
            let bytes = deflate(&mut writer, text.as_bytes());
            let (head, tail) = bytes.split_at(bytes.len() / 2);
            assert_eq!(reader.push(head).expect("a piece"), None);
            assert_eq!(
                reader.push(tail).expect("whole").as_deref(),
                Some(text.as_bytes())
            );
        }
        assert_eq!(reader.push(b"not zlib"), Err(InflateError::Broken));
    }

    #[test]
    fn a_bomb_is_an_error_and_not_memory() {
        let (mut writer, mut reader) = (Compress::new(Compression::best(), true), Inflate::new());
        let bytes = deflate(&mut writer, &vec![0; MAX_MESSAGE + STEP]);
        assert!(bytes.len() < 1 << 20);
        assert_eq!(reader.push(&bytes), Err(InflateError::TooLong));
    }
}
