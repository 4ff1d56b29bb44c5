//! What Discord has no key for, done at most once all the same: a note in the host's store before it, and what came of it
//! after.
//!
//! Invariant: a try whose outcome nobody knows is not repeated.
use crate::{account::Connection, rest::RestError};
use openclaw_plugin_api::{Error, ErrorKind, Result};
use std::time::Duration;

/// How long a key is remembered: longer than the host tries.
const REMEMBERED: Duration = Duration::from_secs(26 * 3600);

/// Does something that gives the id of a message, once for each key. An empty key is none.
pub(crate) async fn once(
    connection: &Connection,
    key: &str,
    work: impl Future<Output = std::result::Result<String, RestError>>,
) -> Result<String> {
    if key.is_empty() {
        return work.await.map_err(RestError::into_error);
    }
    let store = connection.host().store();
    let key = format!("once/{}/{key}", connection.id);
    if !store.add(&key, Vec::new(), Some(REMEMBERED)).await? {
        return match store.get(&key).await? {
            Some(id) if !id.is_empty() => Ok(String::from_utf8_lossy(&id).into_owned()),
            _ => Err(in_doubt("an earlier try of it was broken off")),
        };
    }
    match work.await {
        Ok(id) => {
            // Without the id a further try would be held for one in doubt, which shows nothing twice either.
            if let Err(error) = store.put(&key, id.clone()).await {
                tracing::debug!(account = connection.id, %error, "could not note what was sent");
            }
            Ok(id)
        }
        Err(RestError::Unknown { why, .. } | RestError::Answer { why, .. }) => Err(in_doubt(&why)),
        Err(error) => {
            store.delete(&key).await?;
            Err(error.into_error())
        }
    }
}

/// Final for the host: another try could show it twice.
pub(super) fn in_doubt(why: &str) -> Error {
    Error::new(
        ErrorKind::Rejected,
        format_args!(
            "discord: {why}; the message may be there or not, and is not sent again: look into the channel"
        ),
    )
}
