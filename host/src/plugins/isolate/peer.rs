//! One end of the socket: calls in both directions, their streams, their cancellation. It is generic: it knows no
//! capability and no method, and both ends are the same but for the parity of the ids that they give out.
//!
//! A frame is written by whoever has one, and a call that is served at once is answered by the reader itself, so a
//! short call costs no task. Whatever the other side sends, memory stays bounded: by [`super::open::MAX_CALLS`], by the
//! window of each stream, by [`super::budget::MAX_HELD`] and by the limits of the writer; going beyond is a [`PeerError`], and ends everything.
use super::{
    budget::Budget,
    decode::Decoder,
    frame::{Frame, Kind, Outgoing, WireCall},
    open::{Entry, Open, Role, Side},
    stream::{Credit, Inlet, Item, Target, pump},
    writer::{Admission, Writer},
};
use futures_util::future::BoxFuture;
use openclaw_plugin_api::abi::{Call, Fault, LogRecord, Source};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicBool};
use tokio::{
    io::AsyncReadExt,
    net::{UnixStream, unix::OwnedReadHalf},
    runtime::Handle,
    sync::{oneshot, watch},
};

pub use super::error::{Failure, PeerError};

/// What a call resolves to.
pub type Outcome = Result<Vec<u8>, Fault>;

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
    pub(super) side: Side,
    pub(super) budget: Budget,
    open: Mutex<Open>,
    ended: watch::Sender<Option<PeerError>>,
}

/// A connection that nobody reads is over, even if it is a panic or the end of the runtime that stops the reader.
struct EndOnDrop(Arc<Inner>);

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
        Self::bounded(socket, side, serve, Budget::of(side))
    }

    pub(super) fn bounded(socket: UnixStream, side: Side, serve: Arc<dyn Serve>, budget: Budget) -> Self {
        let (reader, writer) = socket.into_split();
        let inner = Arc::new(Inner {
            writer: Writer::new(writer),
            runtime: Handle::current(),
            side,
            budget,
            open: Mutex::default(),
            ended: watch::Sender::new(None),
        });
        let reading = inner.clone();
        tokio::spawn(async move {
            let reading = EndOnDrop(reading);
            let reading = &reading.0;
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
            Frame::Chunk { id, bytes } => {
                let held = self.budget.take(bytes.len()).ok_or(PeerError::Held)?;
                self.take_item(id, Item::Chunk(bytes, held))
            }
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

    pub(super) fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl EndOnDrop ===

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        self.0.end(PeerError::ClosedHere);
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
