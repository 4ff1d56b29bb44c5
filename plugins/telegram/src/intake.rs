//! From updates to events that the host has: each chat in order, all chats at once.
//!
//! Invariant: an update is settled only after the host took the event that it is part of, or when nobody needs it.
use crate::{
    account::Account,
    api::Update,
    inbound,
    lane::{Event, Lane},
    watermark::Watermark,
};
use futures_channel::oneshot;
use futures_util::{
    FutureExt, StreamExt,
    future::{BoxFuture, Either, select},
    stream::FuturesUnordered,
};
use openclaw_plugin_api::{Backoff, ErrorKind, Inbound};
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

/// First and longest wait before an event is offered to the host again.
const OFFER_AGAIN: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(15));
/// Updates from the webhook that are on their way at once; Telegram keeps what is more.
const MAX_OPEN: usize = 100;

/// An update that came by the webhook, and who waits for it.
pub(crate) struct Delivery {
    pub(crate) update: Update,
    pub(crate) settled: oneshot::Sender<()>,
}

/// Updates on their way to the host. Holds at most as many as one answer of Telegram has.
pub(crate) struct Intake {
    account: Arc<Account>,
    lanes: HashMap<String, Lane>,
    flight: FuturesUnordered<BoxFuture<'static, Step>>,
    watermark: Watermark,
    waiting: BTreeMap<i64, oneshot::Sender<()>>,
}

/// What a lane waited for has happened.
enum Step {
    /// Nothing more came for the first entry, which had so many parts.
    Quiet { lane: String, parts: usize },
    /// The host has the first entry.
    Delivered { lane: String },
}

impl Intake {
    pub(crate) fn new(account: Arc<Account>, next: i64) -> Self {
        Self {
            account,
            lanes: HashMap::new(),
            flight: FuturesUnordered::new(),
            watermark: Watermark::new(next),
            waiting: BTreeMap::new(),
        }
    }

    /// What to ask Telegram for.
    pub(crate) fn offset(&self) -> i64 {
        self.watermark.offset()
    }

    /// Is every update that was seen settled?
    pub(crate) fn is_idle(&self) -> bool {
        self.watermark.is_settled()
    }

    /// Takes an update; one that was seen before changes nothing.
    pub(crate) fn take(&mut self, update: Update) {
        if !self.watermark.see(update.update_id) {
            return;
        }
        let Some(name) = inbound::lane_of(&update) else {
            self.settle(update.update_id);
            return;
        };
        let lane = self.lanes.entry(name.clone()).or_default();
        let is_free = lane.is_empty();
        lane.push(update);
        if is_free {
            self.advance(name);
        }
    }

    /// Takes an update from the webhook, or lets go of it, which its caller sees.
    pub(crate) fn take_delivery(&mut self, delivery: Delivery) {
        let id = delivery.update.update_id;
        if self.watermark.has(id) {
            let _ = delivery.settled.send(());
            return;
        }
        if self.watermark.open() >= MAX_OPEN && !self.waiting.contains_key(&id) {
            return;
        }
        // A repeat takes the place of the first: its connection is gone.
        self.waiting.insert(id, delivery.settled);
        self.take(delivery.update);
    }

    /// Does a piece of work, if there is any. Cancel-safe.
    pub(crate) async fn step(&mut self) -> bool {
        match self.flight.next().await {
            None => false,
            Some(step) => {
                self.done(step);
                true
            }
        }
    }

    /// Works while something else is waited for.
    pub(crate) async fn work_while<T>(&mut self, other: impl Future<Output = T> + Send) -> T {
        let mut other = Box::pin(other);
        loop {
            if self.flight.is_empty() {
                return other.await;
            }
            match select(other, self.flight.next()).await {
                Either::Left((value, _)) => return value,
                Either::Right((step, rest)) => {
                    other = rest;
                    if let Some(step) = step {
                        self.done(step);
                    }
                }
            }
        }
    }

    fn done(&mut self, step: Step) {
        let (Step::Quiet { lane: name, .. } | Step::Delivered { lane: name }) = &step;
        let name = name.clone();
        let Some(lane) = self.lanes.get_mut(&name) else {
            return;
        };
        match step {
            Step::Quiet { parts, .. } => match lane.waits() {
                Some((_, now)) if now > parts => self.advance(name),
                _ => self.deliver(name),
            },
            Step::Delivered { .. } => {
                let ids = lane.settle();
                let is_empty = lane.is_empty();
                ids.into_iter().for_each(|id| self.settle(id));
                if is_empty {
                    self.lanes.remove(&name);
                } else {
                    self.advance(name);
                }
            }
        }
    }

    /// Waits for more of the first entry, or delivers it.
    fn advance(&mut self, name: String) {
        let waits = self.lanes.get(&name).and_then(Lane::waits);
        let Some((silence, parts)) = waits else {
            self.deliver(name);
            return;
        };
        let host = self.account.api.host().clone();
        let wait = async move {
            host.sleep(silence).await;
            Step::Quiet { lane: name, parts }
        };
        self.flight.push(wait.boxed());
    }

    fn deliver(&mut self, name: String) {
        let Some(event) = self.lanes.get_mut(&name).and_then(Lane::close) else {
            return;
        };
        let account = self.account.clone();
        let work = async move {
            deliver(&account, event).await;
            Step::Delivered { lane: name }
        };
        self.flight.push(work.boxed());
    }

    fn settle(&mut self, id: i64) {
        self.watermark.settle(id);
        if let Some(waiting) = self.waiting.remove(&id) {
            // Whoever called may be gone; Telegram then calls again, and the host knows the event.
            let _ = waiting.send(());
        }
    }
}

/// Hands over one event, however long the host can't take it.
async fn deliver(account: &Account, event: Event) {
    for event in inbound::events(account, event).await {
        hand_over(account, &event).await;
    }
}

async fn hand_over(account: &Account, event: &Inbound) {
    let mut backoff = Backoff::new(OFFER_AGAIN.0, OFFER_AGAIN.1);
    while let Err(error) = account.host.inbound(event).await {
        if error.kind() == ErrorKind::InvalidInput {
            tracing::error!(event = event.event_id, %error, "dropped: the host will never take this event");
            return;
        }
        if backoff.tries() == 0 {
            tracing::warn!(account = account.id, %error, "the host can't take an event; trying until it does");
        }
        account.api.host().sleep(backoff.next_wait()).await;
    }
    if backoff.tries() > 0 {
        tracing::info!(account = account.id, "the host takes events again");
    }
}
