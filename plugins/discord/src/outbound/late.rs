//! A message that was queued so long ago that Discord may have forgotten its nonce: is it there already?
//!
//! Invariant: what was delivered to a channel is found as long as fewer than [`PAGES`] pages were written since.
use super::{adapt, compose::Draft, once::in_doubt};
use crate::{
    account::Connection,
    rest::{Request, Route},
    wire::Message,
};
use openclaw_plugin_api::{ErrorKind, Result};
use std::time::{Duration, SystemTime};

/// How long a nonce is relied on; Discord says "the past few minutes".
const NONCE_HOLDS: Duration = Duration::from_secs(120);
/// Clocks may differ by so much.
const SLACK: Duration = Duration::from_secs(30);
/// Messages of a page, which is Discord's maximum.
const PAGE: usize = 100;
/// Pages that are read.
const PAGES: usize = 20;
/// First millisecond of Discord's ids.
const EPOCH_MS: u64 = 1_420_070_400_000;

/// Was it queued so long ago? 0 means that nobody knows.
pub(super) fn is_late(queued_ms: u64) -> bool {
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    queued_ms != 0 && now.saturating_sub(Duration::from_millis(queued_ms)) > NONCE_HOLDS
}

/// The message that a draft became in an earlier try.
pub(super) async fn find(
    connection: &Connection,
    channel: &str,
    draft: &Draft,
    queued_ms: u64,
) -> Result<Option<String>> {
    let since = queued_ms
        .saturating_sub(SLACK.as_millis() as u64)
        .saturating_sub(EPOCH_MS);
    let mut after = since << 22;
    for _ in 0..PAGES {
        let request = Request::get(Route::messages(channel))
            .query("limit", PAGE)
            .query("after", after);
        let page: Vec<Message> = connection.rest.call(request).await.map_err(|error| {
            let waits = error.retry_after().is_some();
            let error = error.into_error();
            // nothing was sent by looking, so it can be looked for again
            if waits || error.kind().is_transient() || error.kind() == ErrorKind::Closed {
                return error;
            }
            in_doubt(&format!(
                "an earlier try may have arrived, and the channel can't be read ({error})"
            ))
        })?;
        if let Some(found) = page.iter().find(|message| is_it(connection, message, draft)) {
            return Ok(Some(found.id.clone()));
        }
        let newest = page
            .iter()
            .filter_map(|message| message.id.parse::<u64>().ok())
            .max();
        match newest {
            Some(newest) if page.len() == PAGE && newest > after => after = newest,
            _ => return Ok(None),
        }
    }
    Err(in_doubt(
        "an earlier try may have arrived, and too much was written since to look for it",
    ))
}

fn is_it(connection: &Connection, message: &Message, draft: &Draft) -> bool {
    if message.author.id != connection.user_id() || connection.user_id().is_empty() {
        return false;
    }
    // Where Discord or this process still knows under which nonce it was sent, that decides.
    let known = message
        .nonce
        .clone()
        .or_else(|| connection.memory.nonce_of(&message.id));
    if let Some(nonce) = known {
        return nonce == draft.nonce;
    }
    // It may have been taken without its largest files.
    let mut form = draft.clone();
    loop {
        let is_same = message.content.trim() == adapt::content(&form).trim();
        if is_same && message.attachments.len() == form.files.len() {
            return true;
        }
        if !adapt::shrink(&mut form) {
            return false;
        }
    }
}
