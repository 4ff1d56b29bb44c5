//! The last things that happened, for whoever asks how stable the gateway is: no words of anybody, only what happened,
//! when, and how long it took.
use serde_json::{Map, Value, json};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Things that are remembered.
pub const CAPACITY: usize = 1_000;
/// Those that are given where nobody says how many.
pub const USUAL: usize = 50;
/// Exporters whose state is known.
const EXPORTERS: usize = 16;
/// What exporters' states are called.
const EXPORTER: &str = "telemetry.exporter";

/// What happened last.
#[derive(Debug, Default)]
pub struct Stability(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    seq: u64,
    records: VecDeque<Record>,
    dropped: u64,
    exporters: BTreeMap<String, Record>,
    exporter_seq: u64,
}

#[derive(Debug, Clone)]
struct Record {
    seq: u64,
    ts: i64,
    kind: &'static str,
    rest: Map<String, Value>,
}

/// What is asked for.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// How many, the last ones.
    pub limit: Option<usize>,
    /// Only of this kind.
    pub kind: Option<String>,
    /// Only those behind this one.
    pub since_seq: Option<u64>,
}

// === impl Stability ===

impl Stability {
    /// Something happened.
    pub fn note(&self, ts: i64, kind: &'static str, rest: Value) {
        let mut known = self.known();
        known.seq += 1;
        let seq = known.seq;
        if known.records.len() >= CAPACITY {
            known.records.pop_front();
            known.dropped += 1;
        }
        known.records.push_back(Record::new(seq, ts, kind, rest));
    }

    /// An exporter is in another state.
    pub fn exporter(&self, ts: i64, name: &str, signal: &str, outcome: &str, reason: Option<&str>) {
        let mut known = self.known();
        known.exporter_seq += 1;
        let seq = known.exporter_seq;
        let rest = json!({ "source": name, "target": signal, "outcome": outcome, "reason": reason });
        let key = format!("{name} {signal}");
        if known.exporters.len() < EXPORTERS || known.exporters.contains_key(&key) {
            known.exporters.insert(key, Record::new(seq, ts, EXPORTER, rest));
        }
    }

    /// What is known, as the protocol tells it.
    pub fn snapshot(&self, query: &Query, now_ms: i64) -> Value {
        let known = self.known();
        let of_exporters = query.kind.as_deref() == Some(EXPORTER);
        let mut found: Vec<_> = match of_exporters {
            true => known.exporters.values().cloned().collect(),
            false => known.records.iter().cloned().collect(),
        };
        let (capacity, dropped) = match of_exporters {
            true => (EXPORTERS, 0),
            false => (CAPACITY, known.dropped),
        };
        drop(known);
        found.sort_by_key(|record| record.seq);
        found.retain(|record| {
            query.kind.as_deref().is_none_or(|kind| kind == record.kind)
                && query.since_seq.is_none_or(|seq| record.seq > seq)
        });
        let limit = query.limit.unwrap_or(USUAL).clamp(1, CAPACITY);
        let shown = &found[found.len().saturating_sub(limit)..];
        let at = jiff::Timestamp::from_millisecond(now_ms).unwrap_or_default();
        let mut answer = json!({
            "generatedAt": at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(), "capacity": capacity, "count": found.len(),
            "dropped": dropped, "events": shown.iter().map(Record::value).collect::<Vec<_>>(),
            "summary": summary(&found),
        });
        if let (Some(first), Some(last)) = (found.first(), found.last()) {
            answer["firstSeq"] = json!(first.seq);
            answer["lastSeq"] = json!(last.seq);
        }
        answer
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn summary(records: &[Record]) -> Value {
    let mut by_type: BTreeMap<&str, u64> = BTreeMap::new();
    for record in records {
        *by_type.entry(record.kind).or_default() += 1;
    }
    let mut summary = json!({ "byType": by_type });
    let memory: Vec<_> = records
        .iter()
        .filter_map(|record| record.rest.get("memory"))
        .collect();
    if let Some(latest) = memory.last() {
        let most = memory
            .iter()
            .filter_map(|memory| memory["rssBytes"].as_u64())
            .max();
        // nothing here watches for a shortage of memory, so none was counted
        summary["memory"] = json!({ "latest": latest, "maxRssBytes": most, "pressureCount": 0 });
    }
    summary
}

// === impl Record ===

impl Record {
    fn new(seq: u64, ts: i64, kind: &'static str, rest: Value) -> Self {
        let mut rest = match rest {
            Value::Object(rest) => rest,
            _ => Map::new(),
        };
        rest.retain(|_, value| !value.is_null());
        Self { seq, ts, kind, rest }
    }

    fn value(&self) -> Value {
        let mut value = json!({ "seq": self.seq, "ts": self.ts, "type": self.kind });
        if let Value::Object(fields) = &mut value {
            fields.extend(self.rest.clone());
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_ones_are_known_and_the_others_counted() {
        let known = Stability::default();
        for n in 0..CAPACITY as i64 + 5 {
            known.note(
                n,
                "run.completed",
                json!({ "outcome": "completed", "model": null }),
            );
        }
        known.note(
            9,
            "diagnostic.memory.sample",
            json!({ "memory": { "rssBytes": 7 } }),
        );
        let all = known.snapshot(&Query::default(), 0);
        assert_eq!((&all["dropped"], &all["count"]), (&json!(6), &json!(CAPACITY)));
        assert_eq!(all["events"].as_array().map(Vec::len), Some(USUAL));
        assert_eq!(all["summary"]["memory"]["maxRssBytes"], 7);
        assert_eq!(all["generatedAt"], "1970-01-01T00:00:00.000Z");
        let some = Query {
            limit: Some(2),
            kind: Some("run.completed".into()),
            since_seq: Some(1_000),
        };
        let some = known.snapshot(&some, 0);
        assert_eq!(
            (&some["count"], &some["firstSeq"], &some["lastSeq"]),
            (&json!(5), &json!(1_001), &json!(1_005))
        );
        let event = &some["events"][1];
        assert!(
            event["outcome"] == "completed" && event.get("model").is_none(),
            "{event}"
        );
    }

    #[test]
    fn an_exporter_has_one_state() {
        let known = Stability::default();
        known.exporter(1, "otel", "traces", "started", None);
        known.exporter(2, "otel", "traces", "failure", Some("timeout"));
        let query = Query {
            kind: Some(EXPORTER.into()),
            ..Query::default()
        };
        let answer = known.snapshot(&query, 0);
        assert_eq!(
            (&answer["count"], &answer["events"][0]["reason"]),
            (&json!(1), &json!("timeout"))
        );
    }
}
