//! Takes events of channels, durably, and gives them to the sorter: each once, and none before an older one that an
//! earlier process left.
//!
//! Bounded: as many events are under way as there are places; beyond that the platform keeps them.
use super::{
    client::CLIENTS,
    desk::Desk,
    gate::Gate,
    lane::Lanes,
    live::End,
    sorter::{Sorter, Taken},
};
use crate::journal::{Accepted, EventState, JournalError, Pending, Settled};
use openclaw_plugin_api::{Error, ErrorKind, Inbound, Result};
use std::{sync::Arc, time::Duration};
use tokio::sync::{RwLock, Semaphore, mpsc};

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
    /// What comes in goes on its way at once. Held while an event is written: it is either seen by the last look for
    /// what was left, or finds that this is over.
    resumed: RwLock<bool>,
}

impl Inbox {
    /// An inbox that takes events from now on. They go on their way after those that an earlier process left, so
    /// [`Inbox::resume`] has to be called.
    pub fn start(desk: Arc<Desk>, lanes: Arc<Lanes>) -> Arc<Self> {
        let (sorted, taken) = mpsc::channel(PLACES);
        let sorter = Sorter::new(desk.clone(), lanes);
        let inbox = Self::to(desk, sorter.gate(), sorted);
        tokio::spawn(sorter.sort(taken));
        Arc::new(inbox)
    }

    fn to(desk: Arc<Desk>, gate: Arc<Gate>, sorted: mpsc::Sender<Taken>) -> Self {
        Self {
            desk,
            places: Arc::new(Semaphore::new(PLACES)),
            sorted,
            gate,
            resumed: RwLock::new(false),
        }
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
        self.accepted(channel, event).await.map(drop)
    }

    async fn accepted(self: &Arc<Self>, channel: &str, event: Inbound) -> Result<Accepted> {
        check(&event)?;
        let (inbox, channel) = (self.clone(), channel.to_owned());
        // a caller that goes away must not leave an event in the journal that nobody works on
        tokio::spawn(async move { inbox.take(channel, event).await }).await?
    }

    /// The same for what a client asks, whose run is open. What is not taken ends it, and so does a repeat of what was
    /// answered before: nobody works on either. What was written and may not be on the disk is worked on, though its sender
    /// hears of the trouble. False: it was answered before.
    pub async fn ask(self: &Arc<Self>, event: Inbound) -> Result<bool> {
        let id = event.event_id.clone();
        let taken = self.accepted(CLIENTS, event).await;
        if matches!(taken, Ok(Accepted::New(_))) {
            return Ok(true);
        }
        let (desk, written) = (&self.desk, id.clone());
        let state = desk
            .journal
            .run(move |j| j.event_state(CLIENTS, "", &written))
            .await;
        let goes_on = !matches!(state, Ok(None | Some(EventState::Settled)));
        if !goes_on {
            desk.live.end(&id, End::Aborted);
        }
        taken.map(|_| goes_on)
    }

    async fn take(&self, channel: String, event: Inbound) -> Result<Accepted> {
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
        let resumed = self.resumed.read().await;
        let taken = journal
            .run(move |j| j.accept(&name, &account, &id, &body, now))
            .await;
        let goes_on = *resumed;
        drop(resumed);
        // what does not go on here is brought on its way with what was left
        let taken = taken.map_err(unusable)?;
        if let Accepted::New(row) = taken
            && goes_on
        {
            let event = Taken {
                row,
                turn: String::new(),
                preview: String::new(),
                channel,
                event,
                place,
                more: false,
            };
            // there is room for as many as there are places; without a reader the process is ending
            let _ = self.sorted.send(event).await;
        }
        journal.synced().await.map_err(unusable)?;
        Ok(taken)
    }

    /// Takes up what an earlier process left: the turns that it began, then what waited, in its order, then what has
    /// come in meanwhile.
    pub async fn resume(&self) -> std::result::Result<usize, JournalError> {
        let taken_up = self.take_up_all().await;
        if taken_up.is_err() {
            // what can't be read must not hold up what comes in
            *self.resumed.write().await = true;
        }
        taken_up
    }

    async fn take_up_all(&self) -> std::result::Result<usize, JournalError> {
        let begun = self.desk.journal.run(|j| j.begun(MAX_BEGUN)).await?;
        let (mut last, mut count) = (0, begun.len());
        let mut begun = begun.into_iter().peekable();
        while let Some(pending) = begun.next() {
            let more = begun.peek().is_some_and(|next| next.turn == pending.turn);
            self.take_up(pending, more).await;
        }
        loop {
            let mut resumed = self.resumed.write().await;
            let page = self.desk.journal.run(move |j| j.pending(last, PAGE)).await?;
            let Some(newest) = page.last() else {
                *resumed = true;
                return Ok(count);
            };
            last = newest.id;
            drop(resumed);
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

#[cfg(test)]
mod tests;
