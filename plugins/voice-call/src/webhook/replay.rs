//! Webhooks that come twice: the second gets the answer of the first, and has no effect.
//!
//! The memory is the plugin's durable store, so it outlives the process. Invariant: an answer is remembered before it is
//! given, and a webhook that could not be dealt with is not remembered at all.
use crate::provider::Reply;
use futures_channel::oneshot;
use openclaw_plugin_api::{Host, Result};
use std::{
    collections::HashMap,
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// How long an answer is remembered. Carriers try again for seconds, not for minutes.
const MEMORY: Duration = Duration::from_secs(10 * 60);

/// The memory.
#[derive(Clone)]
pub(crate) struct Replays {
    host: Host,
    under_way: UnderWay,
}

/// Webhooks that are being dealt with, and who waits for the same answer. As many as the host lets in at once.
type UnderWay = Arc<Mutex<HashMap<String, Vec<oneshot::Sender<Reply>>>>>;

/// Gives the place of a webhook back, whatever happens.
struct Turn<'t> {
    under_way: &'t UnderWay,
    key: &'t str,
}

// === impl Replays ===

impl Replays {
    pub(crate) fn new(host: &Host) -> Self {
        Self {
            host: host.clone(),
            under_way: UnderWay::default(),
        }
    }

    /// The answer to this webhook, and whether it was found out just now.
    pub(crate) async fn once<F>(&self, key: &str, work: F) -> Result<(Reply, bool)>
    where
        F: Future<Output = Result<Reply>>,
    {
        loop {
            match self.join(key) {
                None => break,
                Some(answer) => {
                    if let Ok(reply) = answer.await {
                        return Ok((reply, false));
                    }
                    // the other one failed: now it is our turn
                }
            }
        }
        let turn = Turn {
            under_way: &self.under_way,
            key,
        };
        let place = format!("replay/{key}");
        if let Some(reply) = self.host.store().get_json(&place).await? {
            return Ok((turn.end(reply), false));
        }
        let reply = work.await?;
        let kept = serde_json::to_vec(&reply)?;
        self.host.store().add(&place, kept, Some(MEMORY)).await?;
        Ok((turn.end(reply), true))
    }

    /// Waits in line, if somebody is dealing with it.
    fn join(&self, key: &str) -> Option<oneshot::Receiver<Reply>> {
        let mut under_way = lock(&self.under_way);
        if let Some(waiting) = under_way.get_mut(key) {
            let (answer, answered) = oneshot::channel();
            waiting.push(answer);
            return Some(answered);
        }
        under_way.insert(key.to_owned(), Vec::new());
        None
    }
}

// === impl Turn ===

impl Turn<'_> {
    fn end(self, reply: Reply) -> Reply {
        let waiting = lock(self.under_way).remove(self.key).unwrap_or_default();
        for answer in waiting {
            // whoever waited may have gone
            let _ = answer.send(reply.clone());
        }
        // the place is given back already, and may be somebody else's by now
        std::mem::forget(self);
        reply
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        // who still waits learns that there is no answer, and tries itself
        drop(lock(self.under_way).remove(self.key));
    }
}

fn lock(under_way: &UnderWay) -> MutexGuard<'_, HashMap<String, Vec<oneshot::Sender<Reply>>>> {
    under_way.lock().unwrap_or_else(PoisonError::into_inner)
}

impl std::fmt::Debug for Replays {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Replays").finish_non_exhaustive()
    }
}
