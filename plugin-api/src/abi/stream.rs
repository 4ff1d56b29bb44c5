//! Byte streams: a bounded channel on the receiver's side, reached through a vtable from the other.
use super::{Fault, Ptr, Reply, SinkObj, SinkVt, SinkVtRef, SourceObj, SourceVt, SourceVtRef};
use abi_stable::{
    prefix_type::WithMetadata,
    std_types::{RErr, ROk, ROption, RSlice, RVec},
};
use async_ffi::{ContextExt, FfiContext, FfiPoll};
use futures_channel::mpsc;
use futures_core::Stream;
use std::{
    fmt,
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll},
};

/// Writing end, wherever the reader is. Dropping it ends the stream.
pub struct Sink(SinkObj);

/// Reading end, wherever the writer is. Dropping it tells the writer to stop.
pub struct Source(SourceObj);

/// What the owner of a [`sink_pair`] reads.
pub struct Chunks(mpsc::Receiver<Vec<u8>>);

/// What the owner of a [`source_pair`] writes to.
pub struct Feed(mpsc::Sender<Result<Vec<u8>, Fault>>);

/// A stream that the other side writes: hand over the [`Sink`], read the [`Chunks`]. `capacity` is in chunks.
pub fn sink_pair(capacity: usize) -> (Sink, Chunks) {
    let (tx, rx) = mpsc::channel(capacity);
    (
        Sink(SinkObj {
            this: Ptr::new(Box::new(tx)),
            vt: SinkVtRef(Vts::SINK.as_prefix()),
        }),
        Chunks(rx),
    )
}

/// A stream that the other side reads: write to the [`Feed`], hand over the [`Source`]. `capacity` is in chunks.
pub fn source_pair(capacity: usize) -> (Feed, Source) {
    let (tx, rx) = mpsc::channel(capacity);
    (
        Feed(tx),
        Source(SourceObj {
            this: Ptr::new(Box::new(rx)),
            vt: SourceVtRef(Vts::SOURCE.as_prefix()),
        }),
    )
}

// === impl Sink ===

impl Sink {
    pub(super) fn from_object(object: SinkObj) -> Self {
        Self(object)
    }

    pub(super) fn into_object(self) -> SinkObj {
        self.0
    }

    /// Writes one chunk, waiting for room. False: the reader went away, so stop producing.
    pub async fn send(&mut self, bytes: &[u8]) -> bool {
        loop {
            if !poll_fn(|cx| self.poll_ready(cx)).await {
                return false;
            }
            match self.push(bytes) {
                0 => return true,
                1 => return false,
                _ => {}
            }
        }
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        // SAFETY: the object is alive, and `&mut self` makes this the only use of it.
        match cx.with_ffi_context(|cx| unsafe { self.0.vt.poll_ready()(self.0.this, cx) }) {
            FfiPoll::Ready(open) => Poll::Ready(open),
            FfiPoll::Pending => Poll::Pending,
            FfiPoll::Panicked => Poll::Ready(false),
        }
    }

    fn push(&mut self, bytes: &[u8]) -> u8 {
        // SAFETY: as above; the bytes are copied before the call returns.
        unsafe { self.0.vt.push()(self.0.this, RSlice::from_slice(bytes)) }
    }
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sink")
    }
}

// === impl Source ===

impl Source {
    pub(super) fn from_object(object: SourceObj) -> Self {
        Self(object)
    }

    pub(super) fn into_object(self) -> SourceObj {
        self.0
    }

    /// The next chunk; `None` at the end; an error is the last item.
    pub async fn next(&mut self) -> Option<Result<Vec<u8>, Fault>> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// See [`Source::next`].
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Vec<u8>, Fault>>> {
        // SAFETY: the object is alive, and `&mut self` makes this the only use of it.
        match cx.with_ffi_context(|cx| unsafe { self.0.vt.poll_next()(self.0.this, cx) }) {
            FfiPoll::Ready(item) => Poll::Ready(item.into_option().map(reply_to_result)),
            FfiPoll::Pending => Poll::Pending,
            FfiPoll::Panicked => Poll::Ready(Some(Err(Fault::new(
                "panic",
                "the writer of this stream panicked",
            )))),
        }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Source")
    }
}

pub(super) fn reply_to_result(reply: Reply) -> Result<Vec<u8>, Fault> {
    match reply {
        ROk(bytes) => Ok(super::take_bytes(bytes)),
        RErr(fault) => Err(fault),
    }
}

// === impl Chunks ===

impl Chunks {
    /// The next chunk, or `None` when the writer is done.
    pub async fn next(&mut self) -> Option<Vec<u8>> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// See [`Chunks::next`].
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Vec<u8>>> {
        Pin::new(&mut self.0).poll_next(cx)
    }
}

impl fmt::Debug for Chunks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Chunks")
    }
}

// === impl Feed ===

impl Feed {
    /// Writes one chunk, waiting for room. False: the reader went away.
    pub async fn send(&mut self, item: Result<Vec<u8>, Fault>) -> bool {
        if poll_fn(|cx| self.0.poll_ready(cx)).await.is_err() {
            return false;
        }
        self.0.try_send(item).is_ok()
    }
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Feed")
    }
}

// === the vtables ===
// No code of an author runs inside these functions, and a panic in one aborts (rustc's own guard on `extern "C"`).

type Tx = mpsc::Sender<Vec<u8>>;
type Rx = mpsc::Receiver<Result<Vec<u8>, Fault>>;

struct Vts;
impl Vts {
    abi_stable::staticref!(const SINK: WithMetadata<SinkVt> = WithMetadata::new(SinkVt {
        drop: sink_drop, poll_ready: sink_poll_ready, push: sink_push }));
    abi_stable::staticref!(const SOURCE: WithMetadata<SourceVt> = WithMetadata::new(SourceVt {
        drop: source_drop, poll_next: source_poll_next }));
}

unsafe extern "C" fn sink_drop(this: Ptr) {
    // SAFETY: `this` was made by `sink_pair`, and drop is the last call.
    drop(unsafe { this.take::<Tx>() });
}

unsafe extern "C" fn sink_poll_ready(this: Ptr, cx: &mut FfiContext<'_>) -> FfiPoll<bool> {
    // SAFETY: `this` was made by `sink_pair`; the caller has the object exclusively.
    let tx = unsafe { this.get_mut::<Tx>() };
    match cx.with_context(|cx| tx.poll_ready(cx)) {
        Poll::Ready(outcome) => FfiPoll::Ready(outcome.is_ok()),
        Poll::Pending => FfiPoll::Pending,
    }
}

unsafe extern "C" fn sink_push(this: Ptr, bytes: RSlice<'_, u8>) -> u8 {
    // SAFETY: as in `sink_poll_ready`.
    let tx = unsafe { this.get_mut::<Tx>() };
    match tx.try_send(bytes.as_slice().to_vec()) {
        Ok(()) => 0,
        Err(error) if error.is_disconnected() => 1,
        Err(_) => 2,
    }
}

unsafe extern "C" fn source_drop(this: Ptr) {
    // SAFETY: `this` was made by `source_pair`, and drop is the last call.
    drop(unsafe { this.take::<Rx>() });
}

unsafe extern "C" fn source_poll_next(this: Ptr, cx: &mut FfiContext<'_>) -> FfiPoll<ROption<Reply>> {
    // SAFETY: `this` was made by `source_pair`; the caller has the object exclusively.
    let rx = unsafe { this.get_mut::<Rx>() };
    match cx.with_context(|cx| Pin::new(rx).poll_next(cx)) {
        Poll::Ready(item) => FfiPoll::Ready(item.map(|item| item.map(RVec::from).into()).into()),
        Poll::Pending => FfiPoll::Pending,
    }
}
