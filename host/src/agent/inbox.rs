//! Takes events of channels, durably, and gives them to the sorter.
//!
//! Bounded: as many events are under way as there are places; beyond that the platform keeps them.
use super::{
    desk::Desk,
    gate::Gate,
    lane::Lanes,
    sorter::{Sorter, Taken},
};
use crate::journal::{Accepted, JournalError, Pending, Settled};
use openclaw_plugin_api::{Error, ErrorKind, Inbound, Result};
use std::{sync::Arc, time::Duration};
use tokio::sync::{Semaphore, mpsc};

/// Events that are under way at once.
const PLACES: usize = 1000;
/// Longest id that is taken from a platform, bytes.
const MAX_ID: usize = 256;
/// Events of begun turns that are read at a start: more were never under way at once.
const MAX_BEGUN: u32 = 1000;
/// Events that are read at once when an earlier process left some.
const PAGE: u32 = 200;

/// Takes events and brings them on their way.
#[derive(Debug)]
pub struct Inbox {
    desk: Arc<Desk>,
    places: Arc<Semaphore>,
    sorted: mpsc::Sender<Taken>,
    gate: Arc<Gate>,
}

impl Inbox {
    /// An inbox that takes events from now on. What an earlier process left comes by [`Inbox::resume`].
    pub fn start(desk: Arc<Desk>, lanes: Arc<Lanes>) -> Arc<Self> {
        let (sorted, taken) = mpsc::channel(PLACES);
        let sorter = Sorter::new(desk.clone(), lanes);
        let gate = sorter.gate();
        tokio::spawn(sorter.sort(taken));
        Arc::new(Self {
            desk,
            places: Arc::new(Semaphore::new(PLACES)),
            sorted,
            gate,
        })
    }

    /// Whether the sender of an event may write where it is, as it looks now.
    pub async fn admits(&self, channel: &str, event: Inbound) -> Result<bool> {
        let desk = &self.desk;
        let (gate, rules) = (self.gate.clone(), self.gate.rules(&desk.config()));
        let (info, now) = (desk.registry.channel_info(channel), desk.clock.now_ms());
        let channel = channel.to_owned();
        let judged = desk
            .journal
            .run(move |_| gate.admits(&rules, &channel, &info, &event, now));
        judged.await.map_err(unusable)
    }

    /// Takes one event. When this returns well, it is on the disk; a repeat has no effect.
    pub async fn accept(self: &Arc<Self>, channel: &str, event: Inbound) -> Result<()> {
        check(&event)?;
        let (inbox, channel) = (self.clone(), channel.to_owned());
        // a caller that goes away must not leave an event in the journal that nobody works on
        tokio::spawn(async move { inbox.take(channel, event).await }).await?
    }

    async fn take(&self, channel: String, event: Inbound) -> Result<()> {
        let journal = &self.desk.journal;
        if let Some(trouble) = journal.trouble() {
            return Err(Error::new(
                ErrorKind::Overloaded,
                format_args!("the journal can't write: {}", trouble.why),
            ));
        }
        let place = self.places.clone().try_acquire_owned().map_err(|_| {
            Error::new(
                ErrorKind::Overloaded,
                format_args!("{PLACES} events are waiting; try again later"),
            )
            .with_retry_after(Duration::from_secs(1))
        })?;
        let (name, now) = (channel.clone(), self.desk.clock.now_ms());
        let (account, id) = (event.account_id.clone(), event.event_id.clone());
        let body = serde_json::to_vec(&event)?;
        let taken = journal
            .run(move |j| j.accept(&name, &account, &id, &body, now))
            .await;
        if let Accepted::New(row) = taken.map_err(unusable)? {
            let taken = Taken {
                row,
                turn: String::new(),
                preview: String::new(),
                channel,
                event,
                place,
                more: false,
            };
            // there is room for as many as there are places; without a reader the process is ending
            let _ = self.sorted.send(taken).await;
        }
        journal.synced().await.map_err(unusable)
    }

    /// Takes up what an earlier process left: the turns that it began, then what waited, in its order.
    pub async fn resume(&self) -> std::result::Result<usize, JournalError> {
        // what comes in from now on has a higher row and is on its way already
        let end = self.desk.journal.run(|j| j.last_event()).await?;
        let begun = self.desk.journal.run(|j| j.begun(MAX_BEGUN)).await?;
        let (mut last, mut count) = (0, begun.len());
        let mut begun = begun.into_iter().peekable();
        while let Some(pending) = begun.next() {
            let more = begun.peek().is_some_and(|next| next.turn == pending.turn);
            self.take_up(pending, more).await;
        }
        loop {
            let mut page = self.desk.journal.run(move |j| j.pending(last, PAGE)).await?;
            page.retain(|pending| pending.id <= end);
            let Some(newest) = page.last() else {
                return Ok(count);
            };
            last = newest.id;
            count += page.len();
            for pending in page {
                self.take_up(pending, false).await;
            }
        }
    }

    async fn take_up(&self, pending: Pending, more: bool) {
        let event = match serde_json::from_slice(&pending.event) {
            Ok(event) => event,
            Err(error) => {
                let why = format!("the event can't be read: {error}");
                return self.desk.settle(vec![pending.id], Settled::Failed(why)).await;
            }
        };
        let Ok(place) = self.places.clone().acquire_owned().await else {
            return;
        };
        let taken = Taken {
            row: pending.id,
            turn: pending.turn,
            preview: pending.preview,
            channel: pending.channel,
            event,
            place,
            more,
        };
        let _ = self.sorted.send(taken).await;
    }
}

fn check(event: &Inbound) -> Result<()> {
    let ids = [
        &event.event_id,
        &event.account_id,
        &event.chat.id,
        &event.sender.id,
        &event.message_id,
    ];
    if event.event_id.is_empty() || ids.iter().any(|id| id.len() > MAX_ID) {
        return Err(Error::invalid(format_args!(
            "an event has an id, and no id is longer than {MAX_ID} bytes"
        )));
    }
    Ok(())
}

fn unusable(error: JournalError) -> Error {
    Error::new(ErrorKind::Overloaded, error)
}
