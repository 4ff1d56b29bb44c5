//! How fast turns were.
use crate::call::Record;
use serde_json::{Value, json};

/// Figures over these calls.
pub(super) fn summary(records: &[Record]) -> Value {
    let latencies = records
        .iter()
        .filter_map(|record| record.metadata.last_turn_latency_ms);
    let waits = records
        .iter()
        .filter_map(|record| record.metadata.last_turn_listen_wait_ms);
    json!({
        "recordsScanned": records.len(),
        "turnLatency": figures(latencies.collect()),
        "listenWait": figures(waits.collect()),
    })
}

fn figures(mut all: Vec<u64>) -> Value {
    all.sort_unstable();
    let (Some(min), Some(max)) = (all.first(), all.last()) else {
        return json!({ "count": 0 });
    };
    let sum: u64 = all.iter().sum();
    let at = |percent: usize| all[(all.len() * percent).div_ceil(100).max(1) - 1];
    json!({
        "count": all.len(), "minMs": min, "maxMs": max, "avgMs": sum / all.len() as u64,
        "p50Ms": at(50), "p95Ms": at(95),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_of_the_nearest_rank() {
        assert_eq!(figures(vec![]), json!({"count": 0}));
        assert_eq!(
            figures((1..=100).rev().collect()),
            json!({"count": 100, "minMs": 1, "maxMs": 100, "avgMs": 50, "p50Ms": 50, "p95Ms": 95})
        );
        assert_eq!(figures(vec![7])["p95Ms"], 7);
    }
}
