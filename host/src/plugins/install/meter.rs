//! Stops an archive that unpacks to more than it may, while it is read and not after.

use std::io::{self, Read};

use super::unpack::{Limits, UnpackError};

/// The ratio of compression is not judged before so many bytes came out.
const RATIO_FREE: u64 = 1024 * 1024;

/// A reader that counts what comes out of an archive and stops at its bounds.
pub(super) struct Meter<R> {
    inner: R,
    allowed: u64,
    limits: Limits,
    out: u64,
    /// The bound that was hit.
    pub(super) hit: Option<UnpackError>,
    /// Whether the end of the input was reached.
    pub(super) ended: bool,
}

// === impl Meter ===

impl<R: Read> Meter<R> {
    /// Meters `inner`, which unpacks an archive of `packed` bytes.
    pub(super) fn new(inner: R, packed: u64, limits: Limits) -> Self {
        let allowed = packed
            .saturating_mul(limits.ratio)
            .max(RATIO_FREE)
            .min(limits.bytes);
        Self {
            inner,
            allowed,
            limits,
            out: 0,
            hit: None,
            ended: false,
        }
    }

    /// Reads what is left, so that the checksum at the end is verified.
    pub(super) fn drain(&mut self) -> io::Result<()> {
        io::copy(self, &mut io::sink()).map(drop)
    }
}

impl<R: Read> Read for Meter<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.out += read as u64;
        self.ended |= read == 0 && !buffer.is_empty();
        if self.out > self.allowed {
            self.hit = Some(if self.allowed == self.limits.bytes {
                UnpackError::TooMuch {
                    limit: self.limits.bytes,
                    what: "bytes",
                }
            } else {
                UnpackError::TooMuch {
                    limit: self.limits.ratio,
                    what: "times its own size in it",
                }
            });
            return Err(io::Error::other("a bound of the archive is exceeded"));
        }
        Ok(read)
    }
}
