//! What changes in calls, for whoever follows it: the newest record of each call, with its place in the order of changes.
//!
//! Invariant: it is bounded, by calls and so by bytes, and whoever follows too slowly misses changes and never holds
//! anybody up.
use super::{Calls, Record};
use std::{collections::VecDeque, time::Duration};

/// Calls that are remembered, and how many of them may be over.
const MAX_NEWS: usize = 256;
const MAX_OVER: usize = 16;
/// Longest that somebody waits at once.
const PATIENCE: Duration = Duration::from_secs(20);

/// The newest changes.
#[derive(Debug)]
pub(super) struct News {
    /// Which process told them.
    process: String,
    /// Number of the next one.
    next: u64,
    /// Each with its number, one of each call.
    records: VecDeque<(u64, Record)>,
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
        self.records.retain(|(_, known)| known.call_id != record.call_id);
        self.records.push_back((self.next, record));
        self.next += 1;
        let is_over = |(_, record): &(u64, Record)| record.state.is_end();
        let oldest_over = self.records.iter().position(is_over);
        if self.records.len() > MAX_NEWS {
            self.records.pop_front();
        } else if let Some(oldest) = oldest_over
            && self.records.iter().filter(|known| is_over(known)).count() > MAX_OVER
        {
            self.records.remove(oldest);
        }
    }

    /// Where whoever follows is now.
    fn place(&self) -> String {
        format!("{}.{}", self.process, self.next)
    }

    /// What came after a place. One of an earlier process, or none, is before everything.
    fn after(&self, place: &str) -> Vec<Record> {
        let (process, seen) = place.split_once('.').unwrap_or_default();
        let seen = seen.parse::<u64>().ok().filter(|_| process == self.process);
        let fresh = self
            .records
            .iter()
            .filter(|(number, _)| *number >= seen.unwrap_or(0));
        fresh.map(|(_, record)| record.clone()).collect()
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
    use crate::call::{
        CallId, State,
        tests::{ADA, Lab, OURS},
    };
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
        assert_eq!(calls.follow("other.9", EVERY).await.0, fresh);
        for _ in 0..2 * MAX_NEWS {
            calls.tell_followers(&fresh[0]);
        }
        assert_eq!(calls.follow("", EVERY).await.0, fresh, "of one call there is one");
        let other = |number: usize, state| Record {
            call_id: CallId::given(&number.to_string()),
            state,
            ..fresh[0].clone()
        };
        for number in 0..2 * MAX_OVER {
            calls.tell_followers(&other(number, State::Completed));
        }
        let last: Vec<_> = (MAX_OVER..2 * MAX_OVER)
            .map(|number| other(number, State::Completed))
            .collect();
        assert_eq!(calls.follow("", EVERY).await.0, last);
        for number in 0..2 * MAX_NEWS {
            calls.tell_followers(&other(number, State::Listening));
        }
        assert_eq!(calls.follow("", EVERY).await.0.len(), MAX_NEWS);
    }
}
