//! What is counted for each plugin: calls, faults, latency, time in polls, network.
use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// Upper bounds of the latency histogram, microseconds; the last bucket has none.
const BOUNDS_US: [u64; 16] = [
    10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 500_000, 1_000_000,
    10_000_000,
];

/// Counters of one plugin; they live as long as the process, over reloads.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Calls of the plugin that have ended.
    pub calls: AtomicU64,
    /// Those that failed.
    pub faults: AtomicU64,
    /// Those that ran into their deadline.
    pub timeouts: AtomicU64,
    /// Panics.
    pub panics: AtomicU64,
    /// Calls that are running.
    pub in_flight: AtomicU64,
    /// Calls that the plugin made to the host.
    pub host_calls: AtomicU64,
    /// Log events that were dropped because there were too many.
    pub logs_dropped: AtomicU64,
    /// Instances that were replaced after a fault.
    pub restarts: AtomicU64,
    latency: Histogram,
}

#[derive(Debug, Default)]
struct Histogram {
    buckets: [AtomicU64; BOUNDS_US.len() + 1],
    sum_us: AtomicU64,
}

/// The counters at one moment, as `openclaw plugins top --json` shows them.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Snapshot {
    /// Calls of the plugin that have ended.
    pub calls: u64,
    /// Those that failed.
    pub faults: u64,
    /// Those that ran into their deadline.
    pub timeouts: u64,
    /// Panics.
    pub panics: u64,
    /// Calls that are running.
    pub in_flight: u64,
    /// Calls that the plugin made to the host.
    pub host_calls: u64,
    /// Log events that were dropped.
    pub logs_dropped: u64,
    /// Instances that were replaced.
    pub restarts: u64,
    /// Half of the calls took at most this long, microseconds (upper bound of the bucket).
    pub p50_us: u64,
    /// 99 of 100 calls took at most this long, microseconds (upper bound of the bucket).
    pub p99_us: u64,
    /// Mean, microseconds.
    pub mean_us: u64,
    /// How many calls took how long, from the fastest to the slowest.
    pub latency: Vec<Bucket>,
}

/// Calls that took more than the bucket before this one, and at most so long.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Bucket {
    /// Upper bound, microseconds; none for the last bucket.
    pub le_us: Option<u64>,
    /// Calls.
    pub count: u64,
}

impl Metrics {
    /// Counts a call that has ended.
    pub fn record(&self, time: Duration, failed: bool) {
        self.calls.fetch_add(1, Relaxed);
        if failed {
            self.faults.fetch_add(1, Relaxed);
        }
        self.latency
            .record(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    }

    /// The counters now.
    pub fn snapshot(&self) -> Snapshot {
        let calls = self.calls.load(Relaxed);
        Snapshot {
            calls,
            faults: self.faults.load(Relaxed),
            timeouts: self.timeouts.load(Relaxed),
            panics: self.panics.load(Relaxed),
            in_flight: self.in_flight.load(Relaxed),
            host_calls: self.host_calls.load(Relaxed),
            logs_dropped: self.logs_dropped.load(Relaxed),
            restarts: self.restarts.load(Relaxed),
            p50_us: self.latency.quantile(50),
            p99_us: self.latency.quantile(99),
            mean_us: self.latency.sum_us.load(Relaxed).checked_div(calls).unwrap_or(0),
            latency: self.latency.buckets(),
        }
    }
}

impl Histogram {
    fn record(&self, us: u64) {
        let bucket = BOUNDS_US.partition_point(|bound| *bound < us);
        self.buckets[bucket].fetch_add(1, Relaxed);
        self.sum_us.fetch_add(us, Relaxed);
    }

    fn buckets(&self) -> Vec<Bucket> {
        let bounds = BOUNDS_US.iter().copied().map(Some).chain([None]);
        let counts = self.buckets.iter().map(|bucket| bucket.load(Relaxed));
        bounds
            .zip(counts)
            .map(|(le_us, count)| Bucket { le_us, count })
            .collect()
    }

    fn quantile(&self, percent: u64) -> u64 {
        let counts: Vec<u64> = self.buckets.iter().map(|bucket| bucket.load(Relaxed)).collect();
        let rank = (counts.iter().sum::<u64>() * percent).div_ceil(100);
        let mut seen = 0;
        for (count, bound) in counts.iter().zip(BOUNDS_US.iter().chain([&u64::MAX])) {
            seen += count;
            if rank > 0 && seen >= rank {
                return *bound;
            }
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_bounds_of_buckets() {
        let metrics = Metrics::default();
        assert_eq!((metrics.snapshot().p50_us, metrics.snapshot().p99_us), (0, 0));
        for us in 1..=100 {
            metrics.record(Duration::from_micros(us * 10), us > 98);
        }
        let snapshot = metrics.snapshot();
        assert_eq!((snapshot.p50_us, snapshot.p99_us), (500, 1_000));
        let slow = snapshot.latency.iter().find(|bucket| bucket.le_us == Some(1_000));
        assert_eq!(slow.map(|bucket| bucket.count), Some(50));
        assert_eq!((snapshot.calls, snapshot.faults, snapshot.mean_us), (100, 2, 505));
    }
}
