//! What is counted of turns, models and tools. Cheap to note, read as a whole; every label has few values, whatever
//! happens.
use openclaw_plugin_api::Usage;
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Upper bounds of durations, seconds; the last bucket has none.
const BOUNDS: [f64; 14] = [
    0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 60.0, 120.0, 300.0, 900.0,
];
/// Models that are told apart; more are one.
const MAX_MODELS: usize = 100;
/// Tools and agents that are told apart.
const MAX_NAMES: usize = 200;
/// What stands for all others.
const OTHER: &str = "other";

/// Counts.
#[derive(Debug, Default)]
pub struct Meter(Mutex<Tallies>);

/// All counts at one moment.
#[derive(Debug, Clone, Default)]
pub struct Tallies {
    /// By agent, who asked, and how it ended.
    pub turns: BTreeMap<(String, &'static str, &'static str), u64>,
    /// From the wish to the end, by how it ended.
    pub turn_seconds: BTreeMap<&'static str, Histogram>,
    /// From the wish to the turn's beginning.
    pub wait_seconds: Histogram,
    /// By provider and model.
    pub models: BTreeMap<(String, String), ModelTally>,
    /// By tool and how it ended.
    pub tools: BTreeMap<(String, &'static str), u64>,
    /// How long tools take.
    pub tool_seconds: Histogram,
    /// How often conversations were shortened.
    pub compactions: u64,
}

/// What is counted of one model.
#[derive(Debug, Clone, Default)]
pub struct ModelTally {
    /// Requests that were answered.
    pub answered: u64,
    /// Requests that were not.
    pub failed: u64,
    /// How long answers take.
    pub seconds: Histogram,
    /// How long their first words take.
    pub first_seconds: Histogram,
    /// What was used.
    pub usage: Usage,
}

/// How many took how long.
#[derive(Debug, Clone, Default)]
pub struct Histogram {
    counts: [u64; BOUNDS.len() + 1],
    sum: f64,
}

// === impl Histogram ===

impl Histogram {
    fn add(&mut self, ms: i64) {
        #[expect(clippy::cast_precision_loss, reason = "durations are small")]
        let seconds = ms.max(0) as f64 / 1000.0;
        let at = BOUNDS.partition_point(|bound| *bound < seconds);
        self.counts[at] += 1;
        self.sum += seconds;
    }

    /// Seconds in all.
    pub fn sum(&self) -> f64 {
        self.sum
    }

    /// How many in all.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// How many by upper bound.
    pub fn buckets(&self) -> Vec<(f64, u64)> {
        let bounds = BOUNDS.into_iter().chain([f64::INFINITY]);
        bounds.zip(self.counts).collect()
    }
}

// === impl Meter ===

impl Meter {
    /// All counts.
    pub fn read(&self) -> Tallies {
        self.tallies().clone()
    }

    pub(super) fn turn_began(&self, waited_ms: i64) {
        self.tallies().wait_seconds.add(waited_ms);
    }

    pub(super) fn turn_ended(&self, agent: &str, source: &'static str, how: &'static str, ms: i64) {
        let mut tallies = self.tallies();
        let known = tallies.turns.keys().any(|(known, ..)| known == agent);
        let agent = if known || tallies.turns.len() < MAX_NAMES {
            agent
        } else {
            OTHER
        };
        *tallies.turns.entry((agent.to_owned(), source, how)).or_default() += 1;
        tallies.turn_seconds.entry(how).or_default().add(ms);
    }

    pub(super) fn model_began_to_answer(&self, provider: &str, model: &str, ms: i64) {
        self.model(provider, model, |tally| tally.first_seconds.add(ms));
    }

    pub(super) fn model_answered(&self, provider: &str, model: &str, ms: i64, usage: &Usage) {
        self.model(provider, model, |tally| {
            tally.answered += 1;
            tally.seconds.add(ms);
            let sum = &mut tally.usage;
            sum.input += usage.input;
            sum.output += usage.output;
            sum.cache_read += usage.cache_read;
            sum.cache_write += usage.cache_write;
            sum.cost += usage.cost.max(0.0);
        });
    }

    pub(super) fn model_failed(&self, provider: &str, model: &str) {
        self.model(provider, model, |tally| tally.failed += 1);
    }

    pub(super) fn tool_ended(&self, tool: &str, how: &'static str, ms: i64) {
        let mut tallies = self.tallies();
        let known = tallies.tools.keys().any(|(known, _)| known == tool);
        let tool = if known || tallies.tools.len() < MAX_NAMES {
            tool
        } else {
            OTHER
        };
        *tallies.tools.entry((tool.to_owned(), how)).or_default() += 1;
        tallies.tool_seconds.add(ms);
    }

    pub(super) fn compacted(&self) {
        self.tallies().compactions += 1;
    }

    fn model(&self, provider: &str, model: &str, note: impl FnOnce(&mut ModelTally)) {
        let mut tallies = self.tallies();
        let mut key = (provider.to_owned(), model.to_owned());
        if tallies.models.len() >= MAX_MODELS && !tallies.models.contains_key(&key) {
            key = (OTHER.to_owned(), OTHER.to_owned());
        }
        note(tallies.models.entry(key).or_default());
    }

    fn tallies(&self) -> MutexGuard<'_, Tallies> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_have_few_values_whatever_happens() {
        let meter = Meter::default();
        for n in 0..1_000 {
            meter.model_failed("p", &n.to_string());
            meter.tool_ended(&n.to_string(), "ok", 1);
            meter.turn_ended(&n.to_string(), "client", "answered", 1);
        }
        let tallies = meter.read();
        assert!(tallies.models.len() <= MAX_MODELS + 1 && tallies.tools.len() <= MAX_NAMES + 1);
        assert!(tallies.turns.len() <= MAX_NAMES + 1);
        assert_eq!(
            tallies.models.values().map(|tally| tally.failed).sum::<u64>(),
            1_000
        );
        assert_eq!(tallies.turns.values().sum::<u64>(), 1_000);
    }

    #[test]
    fn durations_are_in_their_buckets() {
        let mut histogram = Histogram::default();
        [0, 50, 51, 1_000_000]
            .into_iter()
            .for_each(|ms| histogram.add(ms));
        let buckets = histogram.buckets();
        assert_eq!((buckets[0], buckets[1]), ((0.05, 2), (0.1, 1)));
        assert_eq!((buckets[BOUNDS.len()].1, histogram.count()), (1, 4));
    }
}
