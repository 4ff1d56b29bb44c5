//! What waits for a turn of a conversation: how many, what is left out when there are more, and what goes together.
use super::job::Job;
use crate::config::{QueueDrop, QueueMode};
use std::{collections::VecDeque, time::Duration};

/// How much of a message that is left out is kept for the summary, characters.
const SUMMARY_CHARS: usize = 160;
/// Lines of the summary; older ones are only counted.
const SUMMARY_LINES: usize = 20;

/// How a conversation queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueRules {
    /// What happens with a message that comes while a turn runs.
    pub mode: QueueMode,
    /// How many may wait.
    pub cap: usize,
    /// What is left out beyond that.
    pub drop: QueueDrop,
    /// How long to wait for more after a turn.
    pub debounce: Duration,
}

/// What waits.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: VecDeque<Job>,
}

impl Queue {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Takes one more. Gives back what gets no turn.
    pub(super) fn push(&mut self, job: Job, rules: &QueueRules) -> Vec<Job> {
        self.waiting.push_back(job);
        let events = self.waiting.iter().filter(|job| is_new(job)).count();
        if events <= rules.cap.max(1) {
            return Vec::new();
        }
        match rules.drop {
            QueueDrop::New => self.remove(self.waiting.iter().rposition(is_new)),
            QueueDrop::Old => self.remove(self.waiting.iter().position(is_new)),
            QueueDrop::Summarize => self.summarize(),
        }
    }

    /// The oldest whose answer another one can give is left to that, which says in short what it was about. Where there
    /// is none, the oldest gets no turn.
    fn summarize(&mut self) -> Vec<Job> {
        let pair = (0..self.waiting.len()).find_map(|at| Some((at, self.heir_of(at)?)));
        let Some((oldest, heir)) = pair else {
            return self.remove(self.waiting.iter().position(is_new));
        };
        if let Some(job) = self.waiting.remove(oldest) {
            // it stood before its heir
            self.waiting[heir - 1].inherit(job, SUMMARY_CHARS, SUMMARY_LINES);
        }
        Vec::new()
    }

    fn heir_of(&self, at: usize) -> Option<usize> {
        let job = self.waiting.get(at).filter(|job| is_new(job))?;
        let mut later = self.waiting.iter().enumerate().skip(at + 1);
        let (heir, _) = later.find(|(_, next)| job.goes_with(next))?;
        Some(heir)
    }

    fn remove(&mut self, at: Option<usize>) -> Vec<Job> {
        at.and_then(|at| self.waiting.remove(at)).into_iter().collect()
    }

    /// Takes back what came too late for a turn: ahead of what waits, but for what came earlier from the same place.
    pub(super) fn put_back(&mut self, jobs: Vec<Job>) {
        for job in jobs.into_iter().rev() {
            let older = self.waiting.iter().rposition(|older| older.is_before(&job));
            self.waiting.insert(older.map_or(0, |at| at + 1), job);
        }
    }

    /// The one that gets the next turn.
    pub(super) fn first(&self) -> Option<&Job> {
        self.waiting.front()
    }

    /// Does one wait that is like this?
    pub(super) fn any(&self, like: impl Fn(&Job) -> bool) -> bool {
        self.waiting.iter().any(like)
    }

    /// Takes out the one whose run this is.
    pub(super) fn take(&mut self, run_id: &str) -> Option<Job> {
        let at = self.waiting.iter().position(|job| job.run_id() == Some(run_id))?;
        self.waiting.remove(at)
    }

    pub(super) fn clear(&mut self) -> Vec<Job> {
        let (events, others): (Vec<_>, Vec<_>) = self.waiting.drain(..).partition(Job::is_event);
        // whoever waits for an answer himself is not the chat's to stop
        self.waiting.extend(others);
        events
    }

    /// The one that waits, if it is the only one.
    pub(super) fn only(&mut self) -> Option<Job> {
        if self.waiting.len() == 1 {
            self.waiting.pop_front()
        } else {
            None
        }
    }

    /// What gets the next turn.
    pub(super) fn batch(&mut self, rules: &QueueRules) -> Vec<Job> {
        let Some(first) = self.waiting.pop_front() else {
            return Vec::new();
        };
        let mut batch = vec![first];
        if !batch[0].turn().is_empty() {
            // what an earlier process answered together stays together
            let waiting = std::mem::take(&mut self.waiting);
            let (mates, rest): (Vec<_>, _) = waiting.into_iter().partition(|next| batch[0].goes_with(next));
            self.waiting = rest.into();
            batch.extend(mates);
            return batch;
        }
        let alone = |job: &Job| job.queue_mode().unwrap_or(rules.mode) == QueueMode::Followup;
        while let Some(next) = self.waiting.front() {
            let together = !alone(&batch[0]) && !alone(next);
            let belongs = batch[0].goes_with(next) && (together || batch[0].is_debounced_with(next));
            if !belongs {
                break;
            }
            batch.extend(self.waiting.pop_front());
        }
        batch
    }
}

/// An event whose turn has not begun; one whose turn has is never left out.
fn is_new(job: &Job) -> bool {
    job.is_event() && job.turn().is_empty()
}

#[cfg(test)]
mod tests;
