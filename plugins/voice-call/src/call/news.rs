//! What changes in calls, for whoever follows it: the newest records, each with a place in the order of changes.
//!
//! Invariant: it is bounded, and whoever follows too slowly misses records and never holds anybody up.
use super::{Calls, Record};
use std::{collections::VecDeque, time::Duration};

/// Records that are remembered.
const MAX_NEWS: usize = 256;
/// Longest that somebody waits at once.
const PATIENCE: Duration = Duration::from_secs(20);

/// The newest changes.
#[derive(Debug)]
pub(super) struct News {
    /// Which process told them.
    process: String,
    /// Number of the next one.
    next: u64,
    records: VecDeque<Record>,
}

// === impl News ===

impl News {
    pub(super) fn new() -> Self {
        Self {
            process: crate::clock::token(),
            next: 0,
            records: VecDeque::new(),
        }
    }

    fn add(&mut self, record: Record) {
        if self.records.len() >= MAX_NEWS {
            self.records.pop_front();
        }
        self.records.push_back(record);
        self.next += 1;
    }

    /// Where whoever follows is now.
    fn place(&self) -> String {
        format!("{}.{}", self.process, self.next)
    }

    /// What came after a place. One of an earlier process, or none, is before everything.
    fn after(&self, place: &str) -> Vec<Record> {
        let (process, seen) = place.split_once('.').unwrap_or_default();
        let seen = seen.parse::<u64>().ok().filter(|_| process == self.process);
        let fresh = self.next - seen.unwrap_or(0).min(self.next);
        let fresh = usize::try_from(fresh)
            .unwrap_or(usize::MAX)
            .min(self.records.len());
        self.records
            .range(self.records.len() - fresh..)
            .cloned()
            .collect()
    }
}

// === impl Calls ===

impl Calls {
    /// Where whoever follows from now on begins.
    pub(crate) fn place(&self) -> String {
        self.news().place()
    }

    /// Records that changed after a place, and the place behind them. Waits for one, not for ever, and looks so often.
    pub(crate) async fn follow(&self, place: &str, every: Duration) -> (Vec<Record>, String) {
        let mut waited = Duration::ZERO;
        loop {
            {
                let news = self.news();
                let fresh = news.after(place);
                if !fresh.is_empty() || waited >= PATIENCE {
                    return (fresh, news.place());
                }
            }
            self.0.host.sleep(every).await;
            waited += every;
        }
    }

    pub(super) fn tell_followers(&self, record: &Record) {
        self.news().add(record.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::tests::{ADA, Lab, OURS};
    use serde_json::json;

    const RINGING: [(&str, &str); 5] = [
        ("CallSid", "CA1"),
        ("Direction", "inbound"),
        ("CallStatus", "ringing"),
        ("From", ADA),
        ("To", OURS),
    ];
    const EVERY: Duration = Duration::from_millis(250);

    #[tokio::test(start_paused = true)]
    async fn who_follows_sees_each_change_once_and_none_twice() {
        let lab = Lab::new("twilio", json!({}));
        let calls = lab.phone.calls.clone();
        let begin = calls.place();
        let (none, same) = calls.follow(&begin, EVERY).await;
        assert!(none.is_empty() && same == begin, "it waits, and not for ever");
        let waiting = tokio::spawn({
            let (calls, begin) = (calls.clone(), begin.clone());
            async move { calls.follow(&begin, EVERY).await }
        });
        tokio::task::yield_now().await;
        lab.form("", &RINGING).await;
        let (fresh, place) = waiting.await.expect("it waits");
        assert_eq!(fresh.len(), 1);
        assert!(calls.follow(&place, EVERY).await.0.is_empty());
        lab.form("type=status", &[("CallSid", "CA1"), ("CallStatus", "completed")])
            .await;
        let (fresh, _) = calls.follow(&place, EVERY).await;
        assert!(fresh.len() == 1 && fresh[0].state.is_end(), "{fresh:?}");
        // the place of an earlier process is before everything of this one
        assert_eq!(calls.follow("other.9", EVERY).await.0.len(), 2);
        for _ in 0..2 * MAX_NEWS {
            calls.tell_followers(&fresh[0]);
        }
        assert_eq!(calls.follow("", EVERY).await.0.len(), MAX_NEWS);
    }
}
