//! The two halves of a byte stream that crosses the socket: [`pump`] writes chunks as frames, [`Inlet`] hands chunks
//! that came in to their reader.
//!
//! At most [`WINDOW`] chunks are under way or waiting on the reader's side: each costs the writer a credit, and the
//! reader's side gives credits back as it hands chunks over. More than that is a breach of the protocol. How large they
//! may be in all is said in [`super::budget`].
use super::{
    budget::Held,
    frame::{Kind, Outgoing},
    peer::{Inner, PeerError},
};
use futures_util::FutureExt;
use openclaw_plugin_api::abi::{Fault, Feed, Sink};
use std::{
    collections::VecDeque,
    future::poll_fn,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
};
use tokio::task::AbortHandle;

/// Chunks of one stream that may wait in the process of its reader.
pub(super) const WINDOW: u32 = 16;
/// Credits that are given back together.
const GRANT: u32 = WINDOW / 2;

/// What the writer of a stream may still send. One task waits for it.
#[derive(Debug)]
pub(super) struct Credit(Mutex<CreditState>);

#[derive(Debug)]
struct CreditState {
    left: u32,
    stopped: bool,
    waker: Option<Waker>,
}

/// Who reads what comes in.
pub(super) enum Target {
    /// The caller: what the callee writes.
    Sink(Sink),
    /// The callee: what the caller writes.
    Feed(Feed),
}

/// The receiving half of one stream.
#[derive(Clone)]
pub(super) struct Inlet(Arc<Mutex<InletState>>);

struct InletState {
    delivery: Delivery,
    /// Chunks received and not yet given back as credits.
    owed: u32,
    /// Of these, the ones that were handed over.
    consumed: u32,
}

enum Delivery {
    /// Nothing waits; the next chunk is handed over by whoever receives it.
    Idle(Target),
    /// A task waits for the reader to make room.
    Waiting {
        queue: VecDeque<Item>,
        task: Option<AbortHandle>,
    },
    Closed,
}

/// One item of a stream that came in.
pub(super) enum Item {
    Chunk(Vec<u8>, Held),
    End(Option<Fault>),
}

// === impl Credit ===

impl Credit {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(CreditState {
            left: WINDOW,
            stopped: false,
            waker: None,
        })))
    }

    pub(super) fn grant(&self, chunks: u32) -> Result<(), PeerError> {
        let mut state = self.lock();
        let left = state
            .left
            .checked_add(chunks)
            .filter(|left| *left <= WINDOW && chunks > 0);
        state.left = left.ok_or(PeerError::Window)?;
        let waker = state.waker.take();
        drop(state);
        waker.into_iter().for_each(Waker::wake);
        Ok(())
    }

    /// The reader went away.
    pub(super) fn stop(&self) {
        let mut state = self.lock();
        state.stopped = true;
        let waker = state.waker.take();
        drop(state);
        waker.into_iter().for_each(Waker::wake);
    }

    /// Takes one credit. `Ready(false)`: stopped.
    fn poll_take(&self, cx: &mut Context<'_>) -> Poll<bool> {
        let mut state = self.lock();
        if state.stopped {
            return Poll::Ready(false);
        }
        if state.left > 0 {
            state.left -= 1;
            return Poll::Ready(true);
        }
        state.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    fn poll_stopped(&self, cx: &mut Context<'_>) -> bool {
        let mut state = self.lock();
        state.waker = Some(cx.waker().clone());
        state.stopped
    }

    fn lock(&self) -> MutexGuard<'_, CreditState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends a stream until its writer is done, its reader went away, or the socket is closed. `idle` is true while there
/// is nothing to send: what was written so far is with the socket.
pub(super) async fn pump(
    peer: &Inner,
    id: u32,
    credit: &Credit,
    idle: &AtomicBool,
    mut poll_next: impl FnMut(&mut Context<'_>) -> Poll<Option<Result<Vec<u8>, Fault>>>,
) {
    loop {
        let next = poll_fn(|cx| match credit.poll_stopped(cx) {
            true => Poll::Ready(None),
            false => poll_next(cx).map(Some),
        });
        idle.store(true, Ordering::Relaxed);
        let Some(item) = next.await else { return };
        idle.store(false, Ordering::Relaxed);
        let chunk = match item {
            Some(Ok(bytes)) => Outgoing::new(Kind::Chunk, id, bytes),
            Some(Err(fault)) => return peer.end_outlet(id, Some(&fault)),
            None => return peer.end_outlet(id, None),
        };
        let chunk = match chunk {
            Ok(chunk) => chunk,
            Err(error) => return peer.end_outlet(id, Some(&Fault::new("invalid_input", error))),
        };
        if !poll_fn(|cx| credit.poll_take(cx)).await || !peer.writer.data(chunk).await {
            return;
        }
    }
}

// === impl Target ===

impl Target {
    /// Hands one chunk over. False: the reader went away.
    async fn send(&mut self, chunk: Vec<u8>) -> bool {
        match self {
            Self::Sink(sink) => sink.send(&chunk).await,
            Self::Feed(feed) => feed.send(Ok(chunk)).await,
        }
    }

    /// Ends the stream. A sink has no place for a fault; there the call's outcome tells it.
    async fn end(self, fault: Option<Fault>) {
        if let (Self::Feed(mut feed), Some(fault)) = (self, fault) {
            feed.send(Err(fault)).await;
        }
    }
}

// === impl Inlet ===

impl Inlet {
    pub(super) fn new(target: Target) -> Self {
        Self(Arc::new(Mutex::new(InletState {
            delivery: Delivery::Idle(target),
            owed: 0,
            consumed: 0,
        })))
    }

    /// Takes what came in. It is handed over at once if the reader has room, else by a task.
    pub(super) fn push(&self, peer: &Arc<Inner>, id: u32, item: Item) -> Result<(), PeerError> {
        let mut state = self.lock();
        if let Delivery::Closed = state.delivery {
            return Ok(());
        }
        if let Item::Chunk(..) = item {
            if state.owed >= WINDOW {
                return Err(PeerError::Window);
            }
            state.owed += 1;
        }
        if let Delivery::Waiting { queue, .. } = &mut state.delivery {
            queue.push_back(item);
            return Ok(());
        }
        let waiting = Delivery::Waiting {
            queue: VecDeque::new(),
            task: None,
        };
        let Delivery::Idle(mut target) = std::mem::replace(&mut state.delivery, waiting) else {
            return Ok(());
        };
        if let (Target::Sink(sink), Item::Chunk(bytes, _)) = (&mut target, &item) {
            // Nothing is taken from the chunk until the sink is ready, so not being ready costs nothing.
            match sink.send(bytes).now_or_never() {
                Some(true) => {
                    state.delivery = Delivery::Idle(target);
                    state.hand_over(peer, id);
                    return Ok(());
                }
                Some(false) => {
                    state.delivery = Delivery::Closed;
                    drop(state);
                    peer.stop_inlet(id);
                    return Ok(());
                }
                None => {}
            }
        }
        let task = peer
            .runtime
            .spawn(self.clone().deliver(peer.clone(), id, target, item));
        if let Delivery::Waiting { task: slot, .. } = &mut state.delivery {
            *slot = Some(task.abort_handle());
        }
        Ok(())
    }

    /// Nobody reads any more, or nobody may: the call was cancelled or the other side is gone.
    pub(super) fn close(&self) {
        let delivery = std::mem::replace(&mut self.lock().delivery, Delivery::Closed);
        if let Delivery::Waiting { task: Some(task), .. } = delivery {
            task.abort();
        }
    }

    async fn deliver(self, peer: Arc<Inner>, id: u32, mut target: Target, mut item: Item) {
        loop {
            match item {
                Item::Chunk(chunk, _held) => {
                    if !target.send(chunk).await {
                        self.lock().delivery = Delivery::Closed;
                        return peer.stop_inlet(id);
                    }
                }
                Item::End(fault) => {
                    target.end(fault).await;
                    self.lock().delivery = Delivery::Closed;
                    return peer.inlet_done(id);
                }
            }
            let mut state = self.lock();
            state.hand_over(&peer, id);
            let Delivery::Waiting { queue, .. } = &mut state.delivery else {
                return;
            };
            match queue.pop_front() {
                Some(next) => item = next,
                None => {
                    state.delivery = Delivery::Idle(target);
                    return;
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, InletState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl InletState ===

impl InletState {
    /// A chunk is with its reader; credits go back when they are worth a frame.
    fn hand_over(&mut self, peer: &Inner, id: u32) {
        self.consumed += 1;
        if self.consumed >= GRANT {
            self.owed = self.owed.saturating_sub(self.consumed);
            peer.writer.control(&Outgoing::credit(id, self.consumed));
            self.consumed = 0;
        }
    }
}
