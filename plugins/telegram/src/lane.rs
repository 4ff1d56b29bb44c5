//! What belongs together and in which order: updates of one chat or topic, albums and long texts joined.
//!
//! Pure bookkeeping without time; [`crate::intake`] waits and delivers.
use crate::api::{Message, Update};
use std::{collections::VecDeque, time::Duration};

/// Silence after which an album is whole.
const ALBUM_SILENCE: Duration = Duration::from_millis(500);
/// Silence after which a long text is whole.
const PASTE_SILENCE: Duration = Duration::from_millis(1500);
/// A text of this length may go on in the next message, characters.
const PASTE_FROM: usize = 4000;
/// Most parts of a long text.
const PASTE_PARTS: usize = 12;
/// Longest text that is joined, characters.
const PASTE_CHARS: usize = 50_000;
/// Most files of an album; Telegram's own limit is 10.
const ALBUM_PARTS: usize = 20;

/// The updates of one chat or topic, in order.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    entries: VecDeque<Entry>,
}

/// What is handed over as one.
#[derive(Debug)]
pub(crate) struct Entry {
    /// The updates that it is made of.
    pub(crate) ids: Vec<i64>,
    /// What happened; for joined messages the parts, in order.
    pub(crate) event: Event,
    /// Being delivered: nothing joins it any more.
    closed: bool,
}

/// What happened.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    /// New messages that belong together; nearly always one.
    Messages(Vec<Message>),
    /// Anything else.
    Other(Box<Update>),
}

impl Lane {
    /// Puts an update at the end, or into the entry that it belongs to.
    pub(crate) fn push(&mut self, mut update: Update) {
        let id = update.update_id;
        let new = update.message.take().or_else(|| update.channel_post.take());
        let Some(message) = new else {
            self.entries.push_back(Entry {
                ids: vec![id],
                event: Event::Other(Box::new(update)),
                closed: false,
            });
            return;
        };
        if let Some(Entry {
            ids,
            event: Event::Messages(parts),
            closed: false,
        }) = self.entries.back_mut()
            && belongs(parts, &message)
        {
            ids.push(id);
            parts.push(*message);
            return;
        }
        self.entries.push_back(Entry {
            ids: vec![id],
            event: Event::Messages(vec![*message]),
            closed: false,
        });
    }

    /// How long the first entry has to wait for more, and how many parts it has.
    pub(crate) fn waits(&self) -> Option<(Duration, usize)> {
        let Event::Messages(parts) = &self.entries.front()?.event else {
            return None;
        };
        let first = parts.first()?;
        if first.media_group_id.is_some() {
            return (parts.len() < ALBUM_PARTS).then_some((ALBUM_SILENCE, parts.len()));
        }
        let is_open = parts.last().is_some_and(may_go_on) && parts.len() < PASTE_PARTS;
        (is_open && self.entries.len() == 1).then_some((PASTE_SILENCE, parts.len()))
    }

    /// Closes the first entry and gives what is to be delivered.
    pub(crate) fn close(&mut self) -> Option<Event> {
        let entry = self.entries.front_mut()?;
        entry.closed = true;
        Some(entry.event.clone())
    }

    /// The first entry was delivered; gives its updates.
    pub(crate) fn settle(&mut self) -> Vec<i64> {
        self.entries
            .pop_front()
            .map(|entry| entry.ids)
            .unwrap_or_default()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

fn belongs(parts: &[Message], next: &Message) -> bool {
    let Some(last) = parts.last() else {
        return false;
    };
    if last.media_group_id.is_some() || next.media_group_id.is_some() {
        return last.media_group_id == next.media_group_id && parts.len() < ALBUM_PARTS;
    }
    let length: usize = parts.iter().map(|part| part.text.chars().count()).sum();
    let sender = |message: &Message| message.from.as_ref().map(|user| user.id);
    may_go_on(last)
        && parts.len() < PASTE_PARTS
        && !next.text.is_empty()
        && !next.text.starts_with('/')
        && length + next.text.chars().count() <= PASTE_CHARS
        && sender(last) == sender(next)
        // what somebody else wrote does not become the words of the person who passes it on
        && last.forward_origin.is_some() == next.forward_origin.is_some()
        && (0..=1).contains(&(next.message_id - last.message_id))
}

/// Is the text so long that the app may have cut it?
fn may_go_on(message: &Message) -> bool {
    message.text.len() >= PASTE_FROM && message.text.chars().count() >= PASTE_FROM
}

#[cfg(test)]
mod tests {
    use super::*;

    fn update(id: i64, message: Message) -> Update {
        Update {
            update_id: id,
            message: Some(Box::new(message)),
            ..Update::default()
        }
    }

    fn text(id: i64, text: &str) -> Update {
        update(
            id,
            Message {
                message_id: id,
                text: text.into(),
                ..Message::default()
            },
        )
    }

    fn photo(id: i64, group: &str) -> Update {
        update(
            id,
            Message {
                message_id: id,
                media_group_id: Some(group.into()),
                ..Message::default()
            },
        )
    }

    fn lane(updates: Vec<Update>) -> Lane {
        let mut lane = Lane::default();
        updates.into_iter().for_each(|update| lane.push(update));
        lane
    }

    #[test]
    fn an_album_is_one_entry_until_it_is_closed() {
        let mut lane = lane(vec![photo(1, "a"), photo(2, "a"), photo(3, "b")]);
        assert_eq!(lane.waits(), Some((ALBUM_SILENCE, 2)));
        assert!(matches!(lane.close(), Some(Event::Messages(parts)) if parts.len() == 2));
        assert_eq!(lane.settle(), [1, 2]);
        lane.close();
        lane.push(photo(4, "b"));
        assert_eq!(lane.settle(), [3], "nothing joins what is being delivered");
        assert!(!lane.is_empty());
    }

    #[test]
    fn only_long_texts_wait_and_only_their_next_message_joins() {
        let long = "x".repeat(PASTE_FROM);
        assert_eq!(lane(vec![text(1, "short")]).waits(), None);
        assert_eq!(lane(vec![text(1, &long)]).waits(), Some((PASTE_SILENCE, 1)));
        let joined = lane(vec![text(1, &long), text(2, "the rest")]);
        assert_eq!(joined.entries.len(), 1);
        assert_eq!(joined.waits(), None, "a short part ends it");
        assert_eq!(lane(vec![text(1, &long), text(3, "later")]).entries.len(), 2);
        assert_eq!(lane(vec![text(1, &long), text(2, "/stop")]).entries.len(), 2);
        let mut forwarded = text(2, "somebody else wrote this");
        if let Some(message) = &mut forwarded.message {
            message.forward_origin = Some(crate::api::MessageOrigin::Unknown);
        }
        assert_eq!(lane(vec![text(1, &long), forwarded]).entries.len(), 2);
        let parts = (1..=20).map(|id| text(id, &long)).collect();
        assert_eq!(lane(parts).entries[0].ids.len(), PASTE_PARTS);
    }
}
