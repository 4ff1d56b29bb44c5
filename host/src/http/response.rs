//! A response, and its body in pieces.
//!
//! Invariants: never more bytes than permitted, on the wire or decoded; never a longer wait than permitted; and a body
//! that was cut short is an error, not an end.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderMap};
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::decode::Gunzip;
use super::error::{Error, Phase, Result, origin};
use super::failure::classify;
use super::policy::Egress;

/// The response to a request. Dropping it ends the exchange.
pub struct Response {
    status: u16,
    headers: HeaderMap,
    url: Url,
    egress: Arc<Egress>,
    rules: Rules,
    /// `None` after the end or a failure.
    wire: Option<reqwest::Response>,
    gunzip: Option<Gunzip>,
    received: u64,
    decoded: u64,
    failed: Option<Error>,
}

/// What a body is held to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    pub(super) ends: Option<Instant>,
    pub(super) idle: Option<Duration>,
    pub(super) max: u64,
    pub(super) decompress: bool,
}

impl Response {
    pub(super) fn new(
        mut wire: reqwest::Response,
        url: Url,
        egress: Arc<Egress>,
        rules: Rules,
    ) -> Result<Self> {
        if wire.content_length().is_some_and(|length| length > rules.max) {
            return Err(Error::too_large(&url, rules.max));
        }
        let status = wire.status().as_u16();
        let mut headers = std::mem::take(wire.headers_mut());
        let encoding = headers
            .get(CONTENT_ENCODING)
            .map(|value| value.as_bytes().trim_ascii().to_ascii_lowercase());
        let gunzip =
            (rules.decompress && matches!(encoding.as_deref(), Some(b"gzip" | b"x-gzip"))).then(Gunzip::new);
        if gunzip.is_some() {
            // both speak of the body as it came, which nobody will see
            headers.remove(CONTENT_ENCODING);
            headers.remove(CONTENT_LENGTH);
        }
        let wire = Some(wire);
        Ok(Self {
            status,
            headers,
            url,
            egress,
            rules,
            wire,
            gunzip,
            received: 0,
            decoded: 0,
            failed: None,
        })
    }

    /// Status code.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Headers, in order; without those of an encoding that was undone.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// URL of the last step of redirects. It may hold secrets: never log it.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The next piece of the body, `None` at its end. A failure is final and repeats. Safe to cancel.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        match self.next().await {
            Ok(chunk) => Ok(chunk),
            Err(error) => {
                self.wire = None;
                self.failed = Some(error.clone());
                Err(self.egress.count_error(error))
            }
        }
    }

    /// The body as a whole.
    pub async fn bytes(mut self) -> Result<Bytes> {
        let mut whole = BytesMut::new();
        while let Some(chunk) = self.chunk().await? {
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.freeze())
    }

    async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            if let Some(piece) = self.decoded_piece()? {
                return Ok(Some(piece));
            }
            let chunk = self.wire_chunk().await?;
            match (&mut self.gunzip, chunk) {
                (None, chunk) => return Ok(chunk),
                (Some(gunzip), Some(chunk)) => gunzip.feed(chunk),
                (Some(gunzip), None) => {
                    let rest = gunzip
                        .finish()
                        .map_err(|_| Error::cut(&self.url, "the gzip stream is not complete"))?;
                    self.gunzip = None;
                    return rest.map(|piece| self.admit_decoded(piece)).transpose();
                }
            }
        }
    }

    fn decoded_piece(&mut self) -> Result<Option<Bytes>> {
        let Some(gunzip) = &mut self.gunzip else {
            return Ok(None);
        };
        let piece = gunzip
            .piece()
            .map_err(|_| Error::protocol(&self.url, "its gzip stream is corrupt"))?;
        piece.map(|piece| self.admit_decoded(piece)).transpose()
    }

    fn admit_decoded(&mut self, piece: Bytes) -> Result<Bytes> {
        self.decoded = self.decoded.saturating_add(piece.len() as u64);
        if self.decoded > self.rules.max {
            Err(Error::too_large(&self.url, self.rules.max))
        } else {
            Ok(piece)
        }
    }

    async fn wire_chunk(&mut self) -> Result<Option<Bytes>> {
        let Some(wire) = &mut self.wire else {
            return Ok(None);
        };
        let idle = self.rules.idle.map(|idle| (Instant::now() + idle, Phase::Idle));
        let total = self.rules.ends.map(|ends| (ends, Phase::Total));
        let chunk = match [idle, total].into_iter().flatten().min_by_key(|(at, _)| *at) {
            None => wire.chunk().await,
            Some((at, phase)) => timeout_at(at, wire.chunk())
                .await
                .map_err(|_| Error::timeout(&self.url, phase))?,
        };
        let Some(chunk) = chunk.map_err(|error| classify(&self.url, error))? else {
            self.wire = None;
            return Ok(None);
        };
        self.egress.count_in(chunk.len());
        self.received = self.received.saturating_add(chunk.len() as u64);
        if self.received > self.rules.max {
            Err(Error::too_large(&self.url, self.rules.max))
        } else {
            Ok(Some(chunk))
        }
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("origin", &origin(&self.url))
            .field("received", &self.received)
            .finish_non_exhaustive()
    }
}
