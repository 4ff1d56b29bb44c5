//! How far a message of several parts got, kept where it outlives the account and the process: a further try goes on
//! behind the parts that people have seen.
use crate::account::Account;
use openclaw_plugin_api::Result;
use serde_json::json;
use std::time::Duration;

/// How long a part is remembered: longer than the host tries.
const REMEMBERED: Duration = Duration::from_secs(26 * 3600);

/// The messages that the first parts became in earlier tries. `all` is how many parts there are.
pub(super) async fn of(account: &Account, key: &str, all: usize) -> Result<Vec<Vec<i64>>> {
    let mut known = account.sent.progress(key);
    if key.is_empty() || !known.is_empty() {
        return Ok(known);
    }
    let store = account.api.host().store();
    // The last part is never noted: with it nothing is left to do.
    while known.len() + 1 < all {
        match store.get_json(&name(account, key, (known.len(), all))).await? {
            Some(ids) => known.push(ids),
            None => break,
        }
    }
    Ok(known)
}

/// Notes a part that was delivered, unless it is the last.
pub(super) async fn note(account: &Account, key: &str, part: (usize, usize), ids: &[i64]) {
    if key.is_empty() || part.0 + 1 >= part.1 {
        return;
    }
    let (store, ids) = (account.api.host().store(), json!(ids).to_string());
    if let Err(error) = store.add(&name(account, key, part), ids, Some(REMEMBERED)).await {
        tracing::warn!(account = account.id, %error, "could not note what was sent");
    }
}

/// By bot, for another one has sent nothing yet; with the number of parts, for a text that is cut in another way has others.
fn name(account: &Account, key: &str, (part, all): (usize, usize)) -> String {
    format!("sent/{}/{key}/{part}of{all}", account.api.bot_id())
}
