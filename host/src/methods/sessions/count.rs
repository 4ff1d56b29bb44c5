//! Counting what transcripts say was spent: requests, tokens, tools, days.
use crate::{
    agent::about::About,
    journal::{Entry, EntryKind},
};
use openclaw_plugin_api::{Content, Message, Role, Usage};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// One day, milliseconds.
pub(super) const DAY_MS: i64 = 86_400_000;

/// A span of days, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) from_day: i64,
    pub(super) to_day: i64,
}

/// A sum of requests.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Sum {
    pub(super) usage: Usage,
    pub(super) requests: u64,
    /// Requests whose price nobody knows.
    pub(super) unpriced: u64,
}

/// What was counted.
#[derive(Debug, Default)]
pub(super) struct Count {
    pub(super) all: Sum,
    pub(super) days: BTreeMap<i64, Sum>,
    pub(super) models: BTreeMap<(String, String), Sum>,
    pub(super) tools: BTreeMap<String, u64>,
    pub(super) users: u64,
    pub(super) answers: u64,
    pub(super) results: u64,
    pub(super) errors: u64,
    pub(super) took_ms: Vec<u64>,
    pub(super) last_ms: i64,
}

// === impl Sum ===

impl Sum {
    pub(super) fn add(&mut self, usage: &Usage) {
        let sum = &mut self.usage;
        sum.input += usage.input;
        sum.output += usage.output;
        sum.cache_read += usage.cache_read;
        sum.cache_write += usage.cache_write;
        sum.cost += usage.cost;
        self.requests += 1;
        self.unpriced += u64::from(usage.cost == 0.0);
    }

    pub(super) fn merge(&mut self, other: &Self) {
        let requests = self.requests + other.requests;
        let unpriced = self.unpriced + other.unpriced;
        self.add(&other.usage);
        (self.requests, self.unpriced) = (requests, unpriced);
    }

    pub(super) fn json(&self) -> Value {
        let usage = &self.usage;
        json!({
            "input": usage.input, "output": usage.output, "cacheRead": usage.cache_read,
            "cacheWrite": usage.cache_write, "totalTokens": tokens(usage), "totalCost": usage.cost,
            "missingCostEntries": self.unpriced,
        })
    }
}

// === impl Count ===

impl Count {
    pub(super) fn add(&mut self, entry: &Entry, span: Span) {
        let day = entry.created_ms.div_euclid(DAY_MS);
        if day < span.from_day || day > span.to_day || entry.kind == EntryKind::Compaction {
            return;
        }
        let Ok(message) = serde_json::from_str::<Message>(&entry.body) else {
            return;
        };
        let about = About::of(entry);
        self.last_ms = self.last_ms.max(entry.created_ms);
        self.errors += u64::from(!about.error.is_empty() || message.is_error);
        match message.role {
            Role::User => self.users += 1,
            Role::Assistant => self.answers += 1,
            _ => self.results += 1,
        }
        for part in &message.content {
            if let Content::ToolCall { name, .. } = part {
                *self.tools.entry(name.clone()).or_default() += 1;
            }
        }
        if let Some(usage) = &about.usage {
            self.all.add(usage);
            self.days.entry(day).or_default().add(usage);
            self.models
                .entry((about.provider, about.model))
                .or_default()
                .add(usage);
            self.took_ms.push(about.took_ms);
        }
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.all.merge(&other.all);
        for (day, sum) in other.days {
            self.days.entry(day).or_default().merge(&sum);
        }
        for (model, sum) in other.models {
            self.models.entry(model).or_default().merge(&sum);
        }
        for (tool, times) in other.tools {
            *self.tools.entry(tool).or_default() += times;
        }
        self.users += other.users;
        self.answers += other.answers;
        self.results += other.results;
        self.errors += other.errors;
        self.took_ms.extend(other.took_ms);
    }

    pub(super) fn daily(&self) -> Vec<Value> {
        let days = self.days.iter().map(|(day, sum)| {
            let mut row = sum.json();
            row["date"] = json!(date(*day));
            row
        });
        days.collect()
    }

    pub(super) fn latency(&mut self) -> Value {
        self.took_ms.sort_unstable();
        let (all, count) = (&self.took_ms, self.took_ms.len());
        let sum: u64 = all.iter().sum();
        let p95 = all.get((count * 95 / 100).min(count.saturating_sub(1)));
        json!({
            "count": count, "avgMs": sum.checked_div(count as u64).unwrap_or(0),
            "minMs": all.first().copied().unwrap_or(0), "maxMs": all.last().copied().unwrap_or(0),
            "p95Ms": p95.copied().unwrap_or(0),
        })
    }
}

/// All tokens of a request.
pub(super) fn tokens(usage: &Usage) -> u64 {
    usage.input + usage.output + usage.cache_read + usage.cache_write
}

/// A day since 1970 as people write it.
pub(super) fn date(day: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(day.saturating_mul(DAY_MS));
    at.map(|at| at.strftime("%Y-%m-%d").to_string())
        .unwrap_or_default()
}
