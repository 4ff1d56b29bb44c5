//! One worker for each lane that has something to send: it takes the lane's replies from the journal one by one.
//!
//! Bounded by the journal: a worker holds one reply, and there are as many workers as lanes with open replies. A worker
//! that breaks off is begun again; what it had under way is then a reply that a killed process left.
use super::{Body, Tally, verdict::judge};
use crate::{
    clock::Clock,
    journal::{Delivery, Journal, JournalError, Outcome, SendState},
    plugins::registry::Registry,
};
use futures_util::{FutureExt, future::BoxFuture};
use openclaw_plugin_api::{ChannelInfo, Receipt, Result};
use std::{
    collections::HashMap,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::{Notify, watch};

/// Lanes that are taken up at a start.
const MAX_LANES: u32 = 10_000;
/// How long to wait when the journal can't be used.
const JOURNAL_WAIT: Duration = Duration::from_secs(5);

/// The reply of a lane that is to be sent next, and when it was taken.
type Next = std::result::Result<Option<(Delivery, i64)>, JournalError>;

/// What brings messages to their platforms.
pub trait Carrier: Send + Sync + 'static {
    /// What a channel can do.
    fn info(&self, channel: &str) -> Arc<ChannelInfo>;

    /// One try of what is queued since then.
    fn carry<'a>(&'a self, body: Body, channel: &'a str, queued_ms: i64) -> BoxFuture<'a, Result<Receipt>>;
}

/// Sends what stands in the journal's outbox.
pub struct Outbox {
    journal: Journal,
    carrier: Arc<dyn Carrier>,
    clock: Clock,
    workers: Mutex<HashMap<String, Arc<Worker>>>,
    /// Rung after each try.
    tried: Notify,
    /// Rung when a worker has left.
    left: Notify,
    /// Nothing more is begun.
    closed: watch::Sender<bool>,
    tally: Tally,
}

/// A worker's bell. `rung` is read and written under the lock of the map.
#[derive(Debug, Default)]
struct Worker {
    bell: Notify,
    rung: std::sync::atomic::AtomicBool,
}

impl Outbox {
    /// An outbox that has nothing to do yet.
    pub fn new(journal: Journal, carrier: Arc<dyn Carrier>, clock: Clock) -> Arc<Self> {
        Arc::new(Self {
            journal,
            carrier,
            clock,
            workers: Mutex::default(),
            tried: Notify::new(),
            left: Notify::new(),
            closed: watch::channel(false).0,
            tally: Tally::default(),
        })
    }

    /// Lanes in which something is being sent.
    pub fn at_work(&self) -> usize {
        let workers = self.workers.lock().unwrap_or_else(PoisonError::into_inner);
        workers.len()
    }

    /// What became of what was tried.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Takes up what an earlier process left.
    pub async fn resume(self: &Arc<Self>) -> std::result::Result<usize, JournalError> {
        let lanes = self.journal.run(|j| j.open_lanes(MAX_LANES)).await?;
        for lane in &lanes {
            self.wake(lane);
        }
        Ok(lanes.len())
    }

    /// Begins nothing more, and waits until the outcome of what is being sent is noted: what the platform has must not
    /// be sent again by the next process. False: something was still under way when `patience` ended.
    pub async fn close(&self, patience: Duration) -> bool {
        self.closed.send_replace(true);
        let empty = async {
            loop {
                // before the look, so that nobody leaves unseen between the two
                let left = self.left.notified();
                tokio::pin!(left);
                left.as_mut().enable();
                if self
                    .workers
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .is_empty()
                {
                    return;
                }
                left.await;
            }
        };
        tokio::time::timeout(patience, empty).await.is_ok()
    }

    /// There is something new in a lane.
    pub fn wake(self: &Arc<Self>, lane: &str) {
        use std::sync::atomic::Ordering::Relaxed;
        if *self.closed.borrow() {
            return;
        }
        let mut workers = self.workers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(worker) = workers.get(lane) {
            worker.rung.store(true, Relaxed);
            worker.bell.notify_one();
            return;
        }
        let worker = Arc::<Worker>::default();
        workers.insert(lane.to_owned(), worker.clone());
        drop(workers);
        let (outbox, lane) = (self.clone(), lane.to_owned());
        tokio::spawn(async move { outbox.keep_working(&lane, &worker).await });
    }

    /// Waits until a reply is settled. None: it was not within `patience`, and is still on its way.
    pub async fn settled(
        &self,
        id: i64,
        patience: Duration,
    ) -> std::result::Result<Option<Outcome>, JournalError> {
        let wait = async {
            loop {
                // before the look, so that nothing is missed between the two
                let tried = self.tried.notified();
                tokio::pin!(tried);
                tried.as_mut().enable();
                if let Some(outcome) = self.journal.run(move |j| j.outcome(id)).await? {
                    return Ok(Some(outcome));
                }
                tried.await;
            }
        };
        tokio::time::timeout(patience, wait).await.unwrap_or(Ok(None))
    }

    /// A worker that breaks off must not leave its lane without one.
    async fn keep_working(&self, lane: &str, worker: &Worker) {
        while AssertUnwindSafe(self.work(lane, worker))
            .catch_unwind()
            .await
            .is_err()
        {
            tracing::error!(target: "openclaw::outbox", lane, "the gateway broke off while it sent a reply; trying again; please report it");
            self.pause(JOURNAL_WAIT).await;
        }
    }

    async fn work(&self, lane: &str, worker: &Worker) {
        let mut next = self.next(lane).await;
        loop {
            next = match next {
                Ok(Some((delivery, now))) => self.wait_and_try(delivery, now, worker).await,
                Ok(None) if self.leave(lane, worker) => return,
                Ok(None) => self.next(lane).await,
                Err(error) => {
                    tracing::error!(target: "openclaw::outbox", lane, %error, "the journal can't be used; trying again");
                    self.pause(JOURNAL_WAIT).await;
                    self.next(lane).await
                }
            };
        }
    }

    /// Waits, but not for longer than there is something to wait for.
    async fn pause(&self, time: Duration) {
        let mut closed = self.closed.subscribe();
        tokio::select! {
            () = tokio::time::sleep(time) => {}
            Ok(_) = closed.wait_for(|closed| *closed) => {}
        }
    }

    async fn next(&self, lane: &str) -> Next {
        if *self.closed.borrow() {
            return Ok(None);
        }
        let (lane, now) = (lane.to_owned(), self.clock.now_ms());
        let taken = self.journal.run(move |j| j.take_delivery(&lane, now)).await?;
        Ok(taken.map(|delivery| (delivery, now)))
    }

    /// False: something has come in meanwhile.
    fn leave(&self, lane: &str, worker: &Worker) -> bool {
        let mut workers = self.workers.lock().unwrap_or_else(PoisonError::into_inner);
        if worker.rung.swap(false, std::sync::atomic::Ordering::Relaxed) && !*self.closed.borrow() {
            return false;
        }
        workers.remove(lane);
        drop(workers);
        self.left.notify_waiters();
        true
    }

    /// Waits until a reply is due, or tries it. Gives the one that is next then.
    async fn wait_and_try(&self, delivery: Delivery, now_ms: i64, worker: &Worker) -> Next {
        let wait = delivery.due_ms.saturating_sub(now_ms);
        if wait <= 0 {
            return self.deliver(delivery).await;
        }
        let wait = Duration::from_millis(u64::try_from(wait).unwrap_or(0));
        // whoever rings wants the lane looked at again, not the wait cut short: the reply is still not due
        tokio::select! {
            () = self.pause(wait) => {}
            () = worker.bell.notified() => {}
        }
        self.next(&delivery.lane).await
    }

    async fn deliver(&self, delivery: Delivery) -> Next {
        let id = delivery.id;
        let body: Result<Body> = serde_json::from_str(&delivery.body).map_err(Into::into);
        let idempotent = body
            .as_ref()
            .is_ok_and(|body| body.is_idempotent(&self.carrier.info(&delivery.channel)));
        let repeats = delivery.state == SendState::Sending && !idempotent;
        let outcome = match (body, repeats && delivery.repeated) {
            (Err(error), _) => Outcome::Failed(format!("it can't be read: {error}")),
            (Ok(_), true) => Outcome::Unknown("the gateway was killed twice while it was sent".into()),
            (Ok(body), false) => {
                if delivery.state == SendState::Sending {
                    self.journal.run(move |j| j.sending(id, repeats)).await?;
                }
                let anew = body.anew();
                let sent = self
                    .carrier
                    .carry(body, &delivery.channel, delivery.created_ms)
                    .await;
                self.outcome(&delivery, sent, idempotent, anew)
            }
        };
        report(&delivery, &outcome);
        self.tally.note(&delivery.channel, &outcome);
        let now = self.clock.now_ms();
        // noted, and looked for the next, in one go: each way to the journal and back is two switches between threads
        let next = loop {
            let (outcome, lane) = (outcome.clone(), delivery.lane.clone());
            let closed = *self.closed.borrow();
            let noted = self.journal.run(move |j| match closed {
                true => j.tried(id, &outcome, now).map(|()| None),
                false => j.tried_and_next(id, &outcome, &lane, now),
            });
            match noted.await {
                // forgotten, it would be sent once more
                Err(error) if error.is_passing() => {
                    tracing::error!(target: "openclaw::outbox", id, %error, "can't note a try; noting it again");
                    tokio::time::sleep(JOURNAL_WAIT).await;
                }
                next => break next,
            }
        };
        self.tried.notify_waiters();
        Ok(next?.map(|delivery| (delivery, now)))
    }

    /// `anew`: how it can be sent once its preview is gone, or can't be changed any more.
    fn outcome(
        &self,
        delivery: &Delivery,
        sent: Result<Receipt>,
        idempotent: bool,
        anew: Option<String>,
    ) -> Outcome {
        let judged = match sent {
            Ok(receipt) => return Outcome::Sent(serde_json::to_string(&receipt).unwrap_or_default()),
            Err(error) => judge(delivery, &error, idempotent, self.clock.now_ms()),
        };
        match (judged, anew) {
            (Outcome::Failed(why), Some(body)) => Outcome::Anew(body, why),
            (judged, _) => judged,
        }
    }
}

impl Carrier for Registry {
    fn info(&self, channel: &str) -> Arc<ChannelInfo> {
        self.channel_info(channel)
    }

    fn carry<'a>(&'a self, body: Body, channel: &'a str, queued_ms: i64) -> BoxFuture<'a, Result<Receipt>> {
        Box::pin(body.send(self, channel, queued_ms))
    }
}

impl std::fmt::Debug for Outbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outbox").finish_non_exhaustive()
    }
}

fn report(delivery: &Delivery, outcome: &Outcome) {
    let (lane, id) = (&delivery.lane, delivery.id);
    match outcome {
        Outcome::Sent(_) => tracing::debug!(target: "openclaw::outbox", lane, id, "sent"),
        Outcome::Retry(_, why) if delivery.attempts == 0 => {
            tracing::warn!(target: "openclaw::outbox", lane, id, why, "not sent; it is tried again")
        }
        Outcome::Retry(_, why) => tracing::debug!(target: "openclaw::outbox", lane, id, why, "not sent"),
        Outcome::Anew(_, why) => {
            tracing::warn!(target: "openclaw::outbox", lane, id, why, "its preview can't become it; it is sent as a new message")
        }
        Outcome::Failed(why) => tracing::error!(target: "openclaw::outbox", lane, id, why, "can't be sent"),
        Outcome::Unknown(why) => {
            tracing::warn!(target: "openclaw::outbox", lane, id, why, "may or may not have arrived; not repeated")
        }
    }
}

#[cfg(test)]
mod tests;
