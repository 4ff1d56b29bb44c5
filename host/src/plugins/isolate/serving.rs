//! How a call of the other side is served: at once by the reader if it can be answered at once, else by a task.
use super::{
    budget::MAX_HELD,
    frame::{Kind, Outgoing, WireCall},
    open::{Entry, Role},
    peer::{Inner, Outcome, PeerError, Serve},
    stream::{Credit, Inlet, Target, pump},
    writer::Admission,
};
use futures_util::{FutureExt, future::BoxFuture};
use openclaw_plugin_api::abi::{Call, Chunks, Fault, sink_pair, source_pair};
use std::{
    future::{poll_fn, ready},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
};

/// Chunks between the code that writes or reads a stream and the socket.
const HANDOVER: usize = 1;

// === impl Inner: calls of the other side ===

impl Inner {
    pub(super) fn serve(
        self: &Arc<Self>,
        id: u32,
        wire: WireCall<'_>,
        serve: &dyn Serve,
    ) -> Result<(), PeerError> {
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
        let held = self.budget.take(body.len());
        let mut call = match &held {
            Some(_) => serve.call(Call {
                method,
                target,
                meta,
                body,
                out,
                input,
            }),
            None => Box::pin(ready(Err(crowded()))),
        };
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
            let _held = held;
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

/// Why a call is not begun. Its caller may try again.
fn crowded() -> Fault {
    let text = format_args!(
        "calls and streams of this process hold more than {} MB of the gateway; try again later",
        MAX_HELD >> 20
    )
    .to_string();
    Fault::new("overloaded", text)
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
