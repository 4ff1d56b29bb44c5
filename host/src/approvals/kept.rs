//! Questions in the journal: written down, found again at a start, forgotten after a while.
use super::{Approvals, Ending, Outcome, Record, post};
use crate::agent::Desk;
use std::sync::Arc;

/// Questions that are remembered after their end, so that a second answer is told of the first.
const MAX_PAST: usize = 200;
/// Where the journal has questions.
const KEPT: &str = "host:approvals";

impl Approvals {
    /// Denies what an earlier process left open, and says so where it was asked.
    pub async fn recover(self: &Arc<Self>, desk: &Arc<Desk>) {
        let now = desk.clock.now_ms();
        let kept = desk.journal.run(move |j| {
            let keys = j.keys(KEPT, "", now)?;
            let values = keys.iter().map(|key| j.get(KEPT, key, now));
            values.collect::<Result<Vec<_>, _>>()
        });
        let kept = match kept.await {
            Ok(kept) => kept,
            Err(error) => {
                tracing::error!(target: "openclaw::approvals", %error, "what was asked before can't be read");
                return;
            }
        };
        let records = kept.into_iter().flatten();
        let mut records: Vec<Record> = records
            .filter_map(|value| serde_json::from_slice(&value).ok())
            .collect();
        records.sort_by_key(|record| record.created_ms);
        for mut record in records {
            let was_open = record.outcome.is_none();
            if was_open {
                record.outcome = Some(Outcome {
                    ending: Ending::Restarted,
                    by: String::new(),
                    at_ms: now,
                });
                tracing::warn!(
                    target: "openclaw::approvals", id = record.id, agent = record.question.agent_id,
                    "denied: the gateway was restarted before anybody answered"
                );
            }
            if was_open {
                self.keep(desk, record.clone()).await;
                let desk = desk.clone();
                tokio::spawn(async move { post::amend(&desk, &record).await });
            } else {
                self.state().past.push_back(record);
            }
        }
    }

    /// Notes where a question is shown. If it has ended meanwhile, it is shown so.
    pub(super) async fn shown(self: &Arc<Self>, desk: &Arc<Desk>, record: &Record) {
        let _writing = self.writing.lock().await;
        let known = {
            let mut state = self.state();
            let open = state.open.get_mut(&record.id);
            open.map(|open| {
                open.record.posts.clone_from(&record.posts);
                open.record.clone()
            })
        };
        match known {
            Some(known) => self.keep(desk, known).await,
            None => {
                if let Some(mut ended) = self.find(&record.id) {
                    ended.posts.clone_from(&record.posts);
                    let desk = desk.clone();
                    tokio::spawn(async move { post::amend(&desk, &ended).await });
                }
            }
        }
    }

    /// Writes a question down; one that has ended is remembered for a while.
    pub(super) async fn keep(&self, desk: &Desk, record: Record) {
        let forgotten = {
            let mut state = self.state();
            if record.outcome.is_some() {
                state.past.push_back(record.clone());
            }
            let full = state.past.len() > MAX_PAST;
            full.then(|| state.past.pop_front()).flatten()
        };
        let (value, now) = (
            serde_json::to_vec(&record).unwrap_or_default(),
            desk.clock.now_ms(),
        );
        let kept = desk.journal.run(move |j| {
            if let Some(old) = forgotten {
                j.delete(KEPT, &old.id)?;
            }
            j.put(KEPT, &record.id, &value, None, now)
        });
        if let Err(error) = kept.await {
            tracing::error!(target: "openclaw::approvals", %error, "an approval is not kept: after a restart nobody knows of it");
        }
    }
}
