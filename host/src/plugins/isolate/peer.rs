//! One end of the socket: calls in both directions, their streams, their cancellation. It is generic: it knows no
//! capability and no method, and both ends are the same but for the parity of the ids that they give out.
//!
//! A frame is written by whoever has one, and a call that is served at once is answered by the reader itself, so a
//! short call costs no task. Whatever the other side sends, memory stays bounded: by [`MAX_CALLS`], by the window of
//! each stream and by the limits of the writer; going beyond is a [`PeerError`], and ends everything.
use super::{
    frame::{Decoder, Frame, FrameError, Kind, Outgoing, WireCall},
    stream::{Credit, Inlet, Item, Target, pump},
    writer::{Admission, Writer},
};
use futures_util::{FutureExt, future::BoxFuture};
use openclaw_plugin_api::abi::{Call, Chunks, Fault, LogRecord, Source, sink_pair, source_pair};
use std::{
    collections::HashMap,
    future::poll_fn,
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
};
use tokio::{
    io::AsyncReadExt,
    net::{UnixStream, unix::OwnedReadHalf},
    runtime::Handle,
    sync::{oneshot, watch},
    task::AbortHandle,
};

/// Calls that may be open at once in each direction.
pub(super) const MAX_CALLS: usize = 1024;
/// Calls of the other side that are tolerated: it may learn of the end of one before we have noted it.
const MAX_SERVED: usize = 2 * MAX_CALLS;
/// Chunks between the code that writes or reads a stream and the socket.
const HANDOVER: usize = 1;

/// What a call resolves to.
pub type Outcome = Result<Vec<u8>, Fault>;

/// Which end this is. It decides the parity of ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The gateway.
    Host,
    /// The plugin's process.
    Child,
}

/// Why a call failed.
#[derive(Debug)]
pub enum Failure {
    /// The other side answered so, or the call could not be sent.
    Fault(Fault),
    /// The other side is gone, or this one was closed.
    Gone,
}

/// Why a connection was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PeerError {
    /// The other side closed it, or died.
    #[error("the other side closed the connection")]
    Closed,
    /// This side closed it.
    #[error("the connection was closed here")]
    ClosedHere,
    /// Bytes that are no frame.
    #[error("the other side broke the protocol: {0}")]
    Frame(#[from] FrameError),
    /// More chunks or credits than the window of a stream has.
    #[error("the other side broke the protocol: it ignores the window of a stream")]
    Window,
    /// An id of the wrong side, or one that is in use.
    #[error("the other side broke the protocol: it uses the id {id} wrongly")]
    Id {
        /// The id.
        id: u32,
    },
    /// More calls than may be open.
    #[error("the other side broke the protocol: more than {MAX_SERVED} calls are open")]
    Calls,
}

/// What serves the other side.
pub trait Serve: Send + Sync + 'static {
    /// Serves one call. Its future must not block; dropping it cancels the call.
    fn call(&self, call: Call<'_>) -> BoxFuture<'static, Outcome>;
    /// Takes a log event, and how many were dropped before it.
    fn log(&self, record: &LogRecord<'_>, dropped: u32);
}

/// One end of a connection. Clones are the same end; it lives until either side closes it.
#[derive(Clone)]
pub struct Peer(Arc<Inner>);

/// What the tasks of a peer share.
pub(super) struct Inner {
    pub(super) writer: Writer,
    pub(super) runtime: Handle,
    side: Side,
    open: Mutex<Open>,
    ended: watch::Sender<Option<PeerError>>,
}

/// Calls that are open.
#[derive(Default)]
struct Open {
    closed: bool,
    calls: HashMap<u32, Entry>,
    /// How many of them are ours.
    ours: usize,
    last: u32,
}

/// One open call of either side. It is over when all three parts are.
struct Entry {
    role: Role,
    /// The stream that this side writes.
    outlet: Option<Arc<Credit>>,
    /// The stream that this side reads.
    inlet: Option<Inlet>,
}

enum Role {
    Waiting(oneshot::Sender<Outcome>),
    Serving(AbortHandle),
    Answered,
}

/// Cancels a call that nobody waits for any more.
struct CancelOnDrop {
    peer: Arc<Inner>,
    id: u32,
    answered: bool,
}

// === impl Peer ===

impl Peer {
    /// Takes a socket. Must be called in a runtime; its tasks run there.
    pub fn start(socket: UnixStream, side: Side, serve: Arc<dyn Serve>) -> Self {
        let (reader, writer) = socket.into_split();
        let inner = Arc::new(Inner {
            writer: Writer::new(writer),
            runtime: Handle::current(),
            side,
            open: Mutex::default(),
            ended: watch::Sender::new(None),
        });
        let reading = inner.clone();
        tokio::spawn(async move {
            let mut ended = reading.ended.subscribe();
            let error = tokio::select! {
                error = reading.read(reader, &*serve) => error,
                _ = ended.wait_for(Option::is_some) => return,
            };
            reading.end(error);
        });
        let writing = inner.clone();
        tokio::spawn(async move { writing.writer.run().await });
        Self(inner)
    }

    /// Calls the other side. The call leaves at once if there is room for it; dropping the future cancels it.
    pub fn call(
        &self,
        call: Call<'_>,
    ) -> impl Future<Output = Result<Vec<u8>, Failure>> + Send + 'static + use<> {
        let begun = self.0.begin(call);
        async move { begun?.await }
    }

    /// Sends a log event, or drops it if too many wait.
    pub fn log(&self, record: &LogRecord<'_>) {
        self.0.writer.log(record);
    }

    /// Closes the connection. Every open call fails, every call that is served is dropped.
    pub fn close(&self) {
        self.0.end(PeerError::ClosedHere);
    }

    /// Resolves when the connection is closed, with the reason.
    pub async fn ended(&self) -> PeerError {
        let mut ended = self.0.ended.subscribe();
        let reason = ended.wait_for(Option::is_some).await.map(|reason| *reason);
        reason.ok().flatten().unwrap_or(PeerError::ClosedHere)
    }

    /// Calls that are open, of both sides.
    #[cfg(test)]
    pub(super) fn open_calls(&self) -> usize {
        self.0.lock().calls.len()
    }

    /// Bytes that wait for the socket.
    #[cfg(test)]
    pub(super) fn queued(&self) -> usize {
        self.0.writer.queued()
    }
}

impl std::fmt::Debug for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Peer")
            .field("side", &self.0.side)
            .finish_non_exhaustive()
    }
}

// === impl Inner: calls of this side ===

impl Inner {
    fn begin(
        self: &Arc<Self>,
        call: Call<'_>,
    ) -> Result<impl Future<Output = Result<Vec<u8>, Failure>> + Send + 'static + use<>, Failure> {
        let (tx, rx) = oneshot::channel();
        let credit = call.input.as_ref().map(|_| Credit::new());
        let wire = WireCall {
            method: call.method,
            target: call.target,
            meta: call.meta,
            body: call.body,
            has_out: call.out.is_some(),
            has_input: call.input.is_some(),
        };
        let entry = Entry {
            role: Role::Waiting(tx),
            outlet: credit.clone(),
            inlet: call.out.map(|sink| Inlet::new(Target::Sink(sink))),
        };
        let id = self.lock().add(self.side, entry)?;
        let guard = CancelOnDrop {
            peer: self.clone(),
            id,
            answered: false,
        };
        let frame = Outgoing::call(id, wire).map_err(|e| Failure::Fault(Fault::new("invalid_input", e)))?;
        let waiting = match self.writer.try_data(frame) {
            Admission::Sent => None,
            Admission::Full(frame) => Some(frame),
            Admission::Closed => return Err(Failure::Gone),
        };
        let mut input = call.input.zip(credit);
        if waiting.is_none() {
            input
                .take()
                .into_iter()
                .for_each(|(source, credit)| self.feed(id, source, credit));
        }
        Ok(async move {
            // Taken as a whole: a block would capture its fields one by one, and drop them so.
            let mut guard = guard;
            if let Some(frame) = waiting {
                if !guard.peer.writer.data(frame).await {
                    return Err(Failure::Gone);
                }
                input
                    .take()
                    .into_iter()
                    .for_each(|(source, credit)| guard.peer.feed(id, source, credit));
            }
            let outcome = rx.await;
            guard.answered = outcome.is_ok();
            drop(guard);
            outcome.map_err(|_| Failure::Gone)?.map_err(Failure::Fault)
        })
    }

    /// Sends what the callee is to read.
    fn feed(self: &Arc<Self>, id: u32, mut source: Source, credit: Arc<Credit>) {
        let peer = self.clone();
        self.runtime.spawn(async move {
            pump(&peer, id, &credit, &AtomicBool::new(false), |cx| {
                source.poll_next(cx)
            })
            .await;
        });
    }

    fn complete(&self, id: u32, outcome: Outcome) {
        let mut open = self.lock();
        let Some(entry) = open.calls.get_mut(&id) else {
            return;
        };
        let role = std::mem::replace(&mut entry.role, Role::Answered);
        open.forget_if_over(self.side, id);
        drop(open);
        if let Role::Waiting(caller) = role {
            // The caller may have gone away just now.
            let _ = caller.send(outcome);
        }
    }
}

// === impl Inner: calls of the other side ===

impl Inner {
    fn serve(self: &Arc<Self>, id: u32, wire: WireCall<'_>, serve: &dyn Serve) -> Result<(), PeerError> {
        self.lock().check_new(self.side, id)?;
        let (out, chunks) = wire.has_out.then(|| sink_pair(HANDOVER)).unzip();
        let (feed, input) = wire.has_input.then(|| source_pair(HANDOVER)).unzip();
        let streams = wire.has_out || wire.has_input;
        let WireCall {
            method,
            target,
            meta,
            body,
            ..
        } = wire;
        let mut call = serve.call(Call {
            method,
            target,
            meta,
            body,
            out,
            input,
        });
        let mut answer = None;
        if !streams {
            // Nobody is to be woken: if the call is not ready, its task polls it again.
            if let Poll::Ready(outcome) = call.poll_unpin(&mut Context::from_waker(Waker::noop())) {
                match self.writer.try_data(reply(id, outcome)) {
                    Admission::Sent | Admission::Closed => return Ok(()),
                    Admission::Full(frame) => answer = Some(frame),
                }
            }
        }
        let credit = chunks.as_ref().map(|_| Credit::new());
        let out = chunks.zip(credit.clone());
        let mut open = self.lock();
        if open.closed {
            return Ok(());
        }
        let peer = self.clone();
        let task = self.runtime.spawn(async move {
            match answer {
                Some(answer) => peer.answer(id, answer).await,
                None => peer.work(id, call, out).await,
            }
        });
        let role = Role::Serving(task.abort_handle());
        let inlet = feed.map(|feed| Inlet::new(Target::Feed(feed)));
        open.calls.insert(
            id,
            Entry {
                role,
                outlet: credit,
                inlet,
            },
        );
        Ok(())
    }

    /// Drives a call and the stream that it writes. What was written before the answer leaves before it.
    async fn work(&self, id: u32, mut call: BoxFuture<'static, Outcome>, out: Option<(Chunks, Arc<Credit>)>) {
        let Some((mut chunks, credit)) = out else {
            let outcome = call.await;
            return self.answer(id, reply(id, outcome)).await;
        };
        let idle = AtomicBool::new(false);
        let mut writing = pin!(
            pump(self, id, &credit, &idle, move |cx| chunks
                .poll_next(cx)
                .map(|chunk| chunk.map(Ok)))
            .fuse()
        );
        let mut written = false;
        let outcome = poll_fn(|cx| {
            let outcome = call.poll_unpin(cx);
            written = written || writing.as_mut().poll(cx).is_ready();
            outcome
        });
        let outcome = outcome.await;
        drop(call);
        poll_fn(|cx| {
            written = written || writing.as_mut().poll(cx).is_ready();
            if written || idle.load(Ordering::Relaxed) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
        self.answer(id, reply(id, outcome)).await;
        if !written {
            // The plugin has kept the sink: the stream outlives the call.
            writing.await;
        }
    }

    async fn answer(&self, id: u32, frame: Outgoing) {
        self.writer.data(frame).await;
        let mut open = self.lock();
        if let Some(entry) = open.calls.get_mut(&id) {
            entry.role = Role::Answered;
            open.forget_if_over(self.side, id);
        }
    }
}

// === impl Inner: streams and the end ===

impl Inner {
    /// This side has written all of a stream.
    pub(super) fn end_outlet(&self, id: u32, fault: Option<&Fault>) {
        self.update(id, |entry| entry.outlet = None);
        self.writer.control(&match fault {
            Some(fault) => Outgoing::fault(Kind::EndFault, id, fault),
            None => Outgoing::empty(Kind::End, id),
        });
    }

    /// The reader on this side went away.
    pub(super) fn stop_inlet(&self, id: u32) {
        self.inlet_done(id);
        self.writer.control(&Outgoing::empty(Kind::Stop, id));
    }

    /// The reader on this side has got everything.
    pub(super) fn inlet_done(&self, id: u32) {
        self.update(id, |entry| entry.inlet = None);
    }

    async fn read(self: &Arc<Self>, mut socket: OwnedReadHalf, serve: &dyn Serve) -> PeerError {
        let mut decoder = Decoder::default();
        loop {
            match socket.read_buf(decoder.space()).await {
                Ok(0) | Err(_) => return PeerError::Closed,
                Ok(_) => {}
            }
            let mut corked = false;
            loop {
                let (frame, more) = match decoder.next() {
                    Ok(Some(next)) => next,
                    Ok(None) => break,
                    Err(error) => return error.into(),
                };
                if more && !corked {
                    corked = true;
                    self.writer.cork();
                }
                if let Err(error) = self.take(frame, serve) {
                    return error;
                }
            }
            if corked {
                self.writer.uncork();
            }
        }
    }

    fn take(self: &Arc<Self>, frame: Frame<'_>, serve: &dyn Serve) -> Result<(), PeerError> {
        match frame {
            Frame::Call { id, call } => self.serve(id, call, serve),
            Frame::Reply { id, outcome } => {
                if !self.side.owns(id) {
                    return Err(PeerError::Id { id });
                }
                self.complete(id, outcome);
                Ok(())
            }
            Frame::Chunk { id, bytes } => self.take_item(id, Item::Chunk(bytes)),
            Frame::End { id, fault } => self.take_item(id, Item::End(fault)),
            Frame::Credit { id, chunks } => {
                let credit = self.lock().calls.get(&id).and_then(|entry| entry.outlet.clone());
                credit.map_or(Ok(()), |credit| credit.grant(chunks))
            }
            Frame::Stop { id } => {
                let credit = self.update(id, |entry| entry.outlet.take()).flatten();
                credit.into_iter().for_each(|credit| credit.stop());
                Ok(())
            }
            Frame::Cancel { id } => {
                if self.side.owns(id) {
                    return Err(PeerError::Id { id });
                }
                let entry = self.lock().remove(self.side, id);
                entry.into_iter().for_each(Entry::abort);
                Ok(())
            }
            Frame::Log(line) => {
                serve.log(&line.record(), line.dropped);
                Ok(())
            }
        }
    }

    fn take_item(self: &Arc<Self>, id: u32, item: Item) -> Result<(), PeerError> {
        let inlet = self.lock().calls.get(&id).and_then(|entry| entry.inlet.clone());
        // What crossed a cancellation on its way belongs to nobody.
        inlet.map_or(Ok(()), |inlet| inlet.push(self, id, item))
    }

    fn end(&self, reason: PeerError) {
        let first = self.ended.send_if_modified(|ended| {
            let first = ended.is_none();
            ended.get_or_insert(reason);
            first
        });
        if !first {
            return;
        }
        self.writer.close();
        let mut open = self.lock();
        open.closed = true;
        let calls = std::mem::take(&mut open.calls);
        drop(open);
        calls.into_values().for_each(Entry::abort);
    }

    fn update<T>(&self, id: u32, change: impl FnOnce(&mut Entry) -> T) -> Option<T> {
        let mut open = self.lock();
        let changed = open.calls.get_mut(&id).map(change);
        open.forget_if_over(self.side, id);
        changed
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Open ===

impl Open {
    fn add(&mut self, side: Side, entry: Entry) -> Result<u32, Failure> {
        if self.closed {
            return Err(Failure::Gone);
        }
        if self.ours >= MAX_CALLS {
            let text = format_args!("more than {MAX_CALLS} calls to this process are open; try again later")
                .to_string();
            return Err(Failure::Fault(Fault::new("overloaded", text)));
        }
        let id = loop {
            self.last = self.last.wrapping_add(2);
            let id = self.last | side.parity();
            if !self.calls.contains_key(&id) {
                break id;
            }
        };
        self.ours += 1;
        self.calls.insert(id, entry);
        Ok(id)
    }

    fn check_new(&self, side: Side, id: u32) -> Result<(), PeerError> {
        if side.owns(id) || self.calls.contains_key(&id) {
            return Err(PeerError::Id { id });
        }
        if self.calls.len() - self.ours.min(self.calls.len()) >= MAX_SERVED {
            return Err(PeerError::Calls);
        }
        Ok(())
    }

    fn remove(&mut self, side: Side, id: u32) -> Option<Entry> {
        let entry = self.calls.remove(&id)?;
        if side.owns(id) {
            self.ours -= 1;
        }
        Some(entry)
    }

    fn forget_if_over(&mut self, side: Side, id: u32) {
        if self.calls.get(&id).is_some_and(Entry::is_over) {
            self.remove(side, id);
        }
    }
}

// === impl Entry ===

impl Entry {
    fn is_over(&self) -> bool {
        matches!(self.role, Role::Answered) && self.outlet.is_none() && self.inlet.is_none()
    }

    /// Ends all three parts. Whoever waits for the outcome sees that its sender is gone.
    fn abort(self) {
        if let Role::Serving(task) = self.role {
            task.abort();
        }
        self.outlet.into_iter().for_each(|credit| credit.stop());
        self.inlet.into_iter().for_each(|inlet| inlet.close());
    }
}

// === impl CancelOnDrop ===

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        if self.answered {
            return;
        }
        let entry = self.peer.lock().remove(self.peer.side, self.id);
        if let Some(entry) = entry {
            entry.abort();
            self.peer.writer.control(&Outgoing::empty(Kind::Cancel, self.id));
        }
    }
}

// === impl Side ===

impl Side {
    fn parity(self) -> u32 {
        match self {
            Self::Host => 1,
            Self::Child => 0,
        }
    }

    fn owns(self, id: u32) -> bool {
        id & 1 == self.parity()
    }
}

/// The frame that answers a call. An answer that is too long for one is a fault instead.
fn reply(id: u32, outcome: Outcome) -> Outgoing {
    let fault = match outcome {
        Ok(body) => match Outgoing::new(Kind::Reply, id, body) {
            Ok(frame) => return frame,
            Err(error) => Fault::new("rejected", format_args!("the answer does not fit: {error}")),
        },
        Err(fault) => fault,
    };
    Outgoing::fault(Kind::Fault, id, &fault)
}
