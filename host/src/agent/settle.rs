//! Events that are answered without a turn: a command's answer, an invitation, or nothing at all.
use super::{client, desk::Desk, sorter::Taken};
use crate::{
    deliver::{Body, lane_of, message_to},
    journal::{JournalError, Settled},
};
use openclaw_plugin_api::InboundKind;

/// What a command of the platform's menu is answered with when there is nothing to say: the platform shows that it waits.
pub(super) const DONE: &str = "✅ Done.";

/// Answers without a turn.
pub(super) async fn reply(
    desk: &Desk,
    taken: &Taken,
    text: Option<String>,
    how: Settled,
) -> Result<(), JournalError> {
    if let Some(ask) = client::of(taken) {
        return client::told(desk, &ask, taken.row, text, how).await;
    }
    let event = &taken.event;
    let waits = event.kind == InboundKind::Command && matches!(how, Settled::Done);
    let text = text.or_else(|| waits.then(|| DONE.to_owned()));
    let lane = lane_of(&taken.channel, event);
    let key = format!("event-{}", taken.row);
    let message = text.map(|text| message_to(event, text, format!("{key}:0")));
    let replies: Vec<_> = message
        .map(|message| Body::new(message).to(&lane, &taken.channel))
        .into_iter()
        .collect();
    let (rows, now) = (vec![taken.row], desk.clock.now_ms());
    let written = desk
        .insist(move |j| j.reply(&rows, &how, &replies, "", &[], now))
        .await?;
    if !written.is_empty() {
        desk.outbox.wake(&lane);
    }
    Ok(())
}

/// Says something beside the answer that is to come.
pub(super) async fn aside(desk: &Desk, taken: &Taken, text: Option<String>) -> Result<(), JournalError> {
    let lane = lane_of(&taken.channel, &taken.event);
    let message = text.map(|text| message_to(&taken.event, text, format!("event-{}:aside", taken.row)));
    let replies: Vec<_> = message
        // the event waits still, and is read once more if the gateway ends before its turn
        .map(|message| Body::new(message).once(&lane, &taken.channel))
        .into_iter()
        .collect();
    let now = desk.clock.now_ms();
    desk.insist(move |j| j.reply(&[], &Settled::Done, &replies, "", &[], now))
        .await?;
    desk.outbox.wake(&lane);
    Ok(())
}
