//! Timing: rounds of many, the median and the least of them, so that one disturbed round counts for little.
use std::time::{Duration, Instant};

/// Rounds of each measurement.
pub const ROUNDS: usize = 15;

/// What was measured.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Figure {
    /// What.
    pub name: String,
    /// Unit of the numbers.
    pub unit: &'static str,
    /// Least of the rounds.
    pub min: f64,
    /// Median of the rounds.
    pub median: f64,
    /// What it should be at most, if the project set a target.
    pub target: Option<f64>,
}

impl Figure {
    /// From the values of all rounds.
    pub fn new(
        name: impl Into<String>,
        unit: &'static str,
        mut values: Vec<f64>,
        target: Option<f64>,
    ) -> Self {
        values.sort_by(f64::total_cmp);
        let median = values.get(values.len() / 2).copied().unwrap_or(f64::NAN);
        Self {
            name: name.into(),
            unit,
            min: values.first().copied().unwrap_or(f64::NAN),
            median,
            target,
        }
    }
}

/// Nanoseconds of one call of `f`, which does `per_call` things.
pub fn nanos(name: &str, target: Option<f64>, calls: usize, per_call: usize, mut f: impl FnMut()) -> Figure {
    for _ in 0..calls / 10 + 1 {
        f();
    }
    let rounds = (0..ROUNDS).map(|_| {
        let begin = Instant::now();
        for _ in 0..calls {
            f();
        }
        begin.elapsed().as_secs_f64() * 1e9 / (calls * per_call) as f64
    });
    Figure::new(name, "ns", rounds.collect(), target)
}

/// Milliseconds of each of some things that can't be repeated thousands of times.
pub fn millis(name: &str, target: Option<f64>, times: impl IntoIterator<Item = Duration>) -> Figure {
    Figure::new(
        name,
        "ms",
        times.into_iter().map(|t| t.as_secs_f64() * 1e3).collect(),
        target,
    )
}

/// Runs a benchmark on two threads, as many as the machines have for which there are targets.
pub fn on_two_threads<T>(work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    runtime.map_err(|e| e.to_string())?.block_on(work)
}

/// Resident memory of a process and the anonymous part of it, KB.
pub fn memory(pid: u32) -> Option<(f64, f64)> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let field = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        line.split_whitespace().nth(1)?.parse::<f64>().ok()
    };
    Some((field("VmRSS:")?, field("RssAnon:")?))
}
