//! What conversations have cost, counted from their transcripts: by day, by model, by conversation.
//!
//! Days are those of the gateway's clock in UTC. Transcripts are read piece by piece, so that counting holds up no turn.
use super::{
    count::{Count, DAY_MS, Span, Sum, date, tokens},
    existing,
};
use crate::{
    agent::about::About,
    app::Gateway,
    gateway::Failure,
    journal::{Entry, EntryKind, Session},
    methods::{journal, params},
    route::Delivery,
};
use openclaw_plugin_api::{Message, Role};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Days if the caller doesn't say.
const DEFAULT_DAYS: i64 = 30;
/// Days at most.
const MAX_DAYS: i64 = 3_660;
/// Entries that are read at once.
const PIECE: u32 = 500;
/// Conversations of one answer if the caller doesn't say.
const DEFAULT_LIMIT: usize = 50;
/// Conversations of one answer at most.
const MAX_LIMIT: usize = 1_000;
/// Points or lines of one conversation at most; of more, the newest.
const MAX_POINTS: usize = 2_000;
/// Characters of a line.
const LINE: usize = 2_000;

/// Parameters of `usage.cost` and `sessions.usage`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Params {
    days: Option<i64>,
    key: Option<String>,
    agent_id: Option<String>,
    #[serde(rename = "agentScope")]
    _agent_scope: Option<String>,
    start_date: Option<String>,
    end_date: Option<String>,
    #[serde(rename = "mode")]
    _mode: Option<String>,
    range: Option<String>,
    #[serde(rename = "groupBy")]
    _group_by: Option<String>,
    #[serde(rename = "includeHistorical")]
    _include_historical: Option<bool>,
    #[serde(rename = "utcOffset")]
    _utc_offset: Option<String>,
    #[serde(rename = "timeZone")]
    _time_zone: Option<String>,
    limit: Option<usize>,
    #[serde(rename = "includeContextWeight")]
    _include_context_weight: Option<bool>,
    #[serde(rename = "refresh")]
    _refresh: Option<bool>,
}

/// Parameters of methods about one conversation.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct One {
    key: String,
    #[serde(default, rename = "agentId")]
    _agent_id: Option<String>,
    #[serde(default)]
    limit: Option<usize>,
}

/// What was spent, day by day.
pub(in crate::methods) async fn cost(gateway: &Gateway, given: Value) -> Result<Value, Failure> {
    let asked: Params = params("usage.cost", given)?;
    let span = span(&asked, gateway.now_ms(), "usage.cost")?;
    let mut count = Count::default();
    for id in journal(gateway.desk(), crate::journal::Journal::transcripts).await? {
        count.merge(read(gateway, id, span).await?);
    }
    Ok(json!({
        "updatedAt": gateway.now_ms(), "days": span.to_day - span.from_day + 1, "daily": count.daily(),
        "totals": count.all.json(),
    }))
}

/// What vendors say is left of accounts: no vendor is asked for that, so there is nothing to tell.
pub(in crate::methods) fn status(gateway: &Gateway) -> Value {
    json!({ "updatedAt": gateway.now_ms(), "providers": [] })
}

/// What conversations have cost.
pub(in crate::methods) async fn usage(gateway: &Gateway, given: Value) -> Result<Value, Failure> {
    let asked: Params = params("sessions.usage", given)?;
    let span = span(&asked, gateway.now_ms(), "sessions.usage")?;
    let limit = asked.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT);
    let key = asked.key.as_ref().map(|key| key.to_lowercase());
    let mut sessions = journal(gateway.desk(), |j| j.sessions(10_000)).await?;
    sessions.retain(|session| {
        key.as_ref().is_none_or(|key| *key == session.key)
            && asked
                .agent_id
                .as_ref()
                .is_none_or(|agent| *agent == session.agent)
            && session.updated_ms.div_euclid(DAY_MS) >= span.from_day
    });
    let (mut all, mut rows) = (Count::default(), Vec::new());
    let mut agents: BTreeMap<String, Sum> = BTreeMap::new();
    let mut channels: BTreeMap<String, Sum> = BTreeMap::new();
    for session in &sessions {
        let count = read_all(gateway, session, span).await?;
        agents.entry(session.agent.clone()).or_default().merge(&count.all);
        if let Ok(place) = serde_json::from_str::<Delivery>(&session.route) {
            channels.entry(place.channel).or_default().merge(&count.all);
        }
        if rows.len() < limit {
            let (provider, model) = super::row::parts(&session.model);
            let mut usage = count.all.json();
            usage["messageCounts"] = messages(&count);
            usage["lastActivity"] = json!(count.last_ms);
            rows.push(json!({
                "key": session.key, "sessionId": session.session_id, "updatedAt": session.updated_ms,
                "agentId": session.agent, "modelProvider": provider, "model": model, "usage": usage,
                "chatType": if session.key.contains(":group:") { "group" } else { "direct" },
            }));
        }
        all.merge(count);
    }
    let aggregates = aggregates(&mut all, sessions.len(), &agents, &channels);
    Ok(json!({
        "updatedAt": gateway.now_ms(), "startDate": date(span.from_day), "endDate": date(span.to_day),
        "sessions": rows, "totals": all.all.json(), "aggregates": aggregates,
    }))
}

fn aggregates(
    all: &mut Count,
    sessions: usize,
    agents: &BTreeMap<String, Sum>,
    channels: &BTreeMap<String, Sum>,
) -> Value {
    let tools: Vec<_> = all
        .tools
        .iter()
        .map(|(name, count)| json!({ "name": name, "count": count }))
        .collect();
    let models = all.models.iter().map(|((provider, model), sum)| {
        json!({ "provider": provider, "model": model, "count": sum.requests, "totals": sum.json() })
    });
    let mut providers: BTreeMap<&str, Sum> = BTreeMap::new();
    for ((provider, _), sum) in &all.models {
        providers.entry(provider).or_default().merge(sum);
    }
    let by_provider = providers
        .iter()
        .map(|(id, sum)| json!({ "provider": id, "count": sum.requests, "totals": sum.json() }));
    let by_agent = agents
        .iter()
        .map(|(id, sum)| json!({ "agentId": id, "totals": sum.json() }));
    let by_channel = channels
        .iter()
        .map(|(id, sum)| json!({ "channel": id, "totals": sum.json() }));
    let mut found = json!({
        "sessionCount": sessions, "messages": messages(all),
        "tools": {
            "totalCalls": all.tools.values().sum::<u64>(), "uniqueTools": tools.len(), "tools": tools,
        },
        "byModel": models.collect::<Vec<_>>(), "byProvider": by_provider.collect::<Vec<_>>(),
        "byAgent": by_agent.collect::<Vec<_>>(), "byChannel": by_channel.collect::<Vec<_>>(), "daily": all.daily(),
    });
    found["latency"] = all.latency();
    found
}

fn messages(count: &Count) -> Value {
    json!({
        "total": count.users + count.answers + count.results, "user": count.users, "assistant": count.answers,
        "toolCalls": count.tools.values().sum::<u64>(), "toolResults": count.results, "errors": count.errors,
    })
}

/// What one conversation has cost, request by request.
pub(in crate::methods) async fn timeseries(gateway: &Gateway, given: Value) -> Result<Value, Failure> {
    let asked: One = params("sessions.usage.timeseries", given)?;
    let session = existing(gateway, &asked.key).await?;
    let (mut points, mut tokens_so_far, mut cost_so_far) = (Vec::new(), 0, 0.0);
    each(gateway, &session.session_id, 0, |entry| {
        let Some(usage) = About::of(entry).usage else {
            return;
        };
        tokens_so_far += tokens(&usage);
        cost_so_far += usage.cost;
        points.push(json!({
            "timestamp": entry.created_ms, "input": usage.input, "output": usage.output,
            "cacheRead": usage.cache_read, "cacheWrite": usage.cache_write, "totalTokens": tokens(&usage),
            "cost": usage.cost, "cumulativeTokens": tokens_so_far, "cumulativeCost": cost_so_far,
        }));
    })
    .await?;
    let over = points.len().saturating_sub(MAX_POINTS);
    points.drain(..over);
    Ok(json!({ "sessionId": session.session_id, "points": points }))
}

/// What was said in one conversation, with what each message cost.
pub(in crate::methods) async fn logs(gateway: &Gateway, given: Value) -> Result<Value, Failure> {
    let asked: One = params("sessions.usage.logs", given)?;
    let session = existing(gateway, &asked.key).await?;
    let mut lines = Vec::new();
    each(gateway, &session.session_id, 0, |entry| {
        let Ok(message) = serde_json::from_str::<Message>(&entry.body) else {
            return;
        };
        let about = About::of(entry);
        let role = match message.role {
            Role::User => "user",
            Role::Assistant => "assistant",
            _ => "toolResult",
        };
        let content: String = message.plain_text().chars().take(LINE).collect();
        let spent = about
            .usage
            .map_or(u64::from(entry.tokens), |usage| tokens(&usage));
        let mut line =
            json!({ "timestamp": entry.created_ms, "role": role, "content": content, "tokens": spent });
        if let Some(usage) = about.usage {
            line["cost"] = json!(usage.cost);
        }
        lines.push(line);
    })
    .await?;
    let over = lines
        .len()
        .saturating_sub(asked.limit.unwrap_or(200).clamp(1, MAX_POINTS));
    lines.drain(..over);
    Ok(json!({ "logs": lines }))
}

/// What was said in any branch of a conversation.
async fn read_all(gateway: &Gateway, session: &Session, span: Span) -> Result<Count, Failure> {
    let id = session.session_id.clone();
    let mut count = Count::default();
    for branch in journal(gateway.desk(), move |j| j.branches(&id)).await? {
        count.merge(read(gateway, branch.session_id, span).await?);
    }
    Ok(count)
}

/// What was said in a transcript itself: what is copied there counts where it was said.
async fn read(gateway: &Gateway, session_id: String, span: Span) -> Result<Count, Failure> {
    let id = session_id.clone();
    let copied = journal(gateway.desk(), move |j| j.copied(&id)).await?;
    let mut count = Count::default();
    each(gateway, &session_id, copied, |entry| count.add(entry, span)).await?;
    Ok(count)
}

/// Looks at each entry of a transcript behind a place, oldest first.
async fn each(
    gateway: &Gateway,
    session_id: &str,
    behind: i64,
    mut look: impl FnMut(&Entry),
) -> Result<(), Failure> {
    let mut last = behind;
    loop {
        let id = session_id.to_owned();
        let piece = journal(gateway.desk(), move |j| j.behind(&id, last, PIECE)).await?;
        let Some(newest) = piece.last().map(|entry| entry.seq) else {
            return Ok(());
        };
        last = newest;
        piece
            .iter()
            .filter(|entry| entry.kind != EntryKind::Compaction)
            .for_each(&mut look);
    }
}

fn span(asked: &Params, now_ms: i64, method: &str) -> Result<Span, Failure> {
    let today = now_ms.div_euclid(DAY_MS);
    let days = match (asked.days, asked.range.as_deref()) {
        (Some(days), _) => days.clamp(1, MAX_DAYS),
        (None, Some("7d")) => 7,
        (None, Some("90d")) => 90,
        (None, Some("1y")) => 365,
        (None, Some("all")) => MAX_DAYS,
        (None, _) => DEFAULT_DAYS,
    };
    let day = |name: &str, written: &Option<String>| match written {
        None => Ok(None),
        Some(text) => day_of(text).map(Some).ok_or_else(|| {
            Failure::params(
                method,
                format_args!("at /{name}: must be a date such as 2026-01-31"),
            )
        }),
    };
    let to_day = day("endDate", &asked.end_date)?.unwrap_or(today);
    let from_day = day("startDate", &asked.start_date)?.unwrap_or(to_day - days + 1);
    Ok(Span { from_day, to_day })
}

fn day_of(text: &str) -> Option<i64> {
    let date: jiff::civil::Date = text.parse().ok()?;
    let at = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(at.timestamp().as_millisecond().div_euclid(DAY_MS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::about;
    use openclaw_plugin_api::Usage;

    #[test]
    fn days_are_named_and_found() {
        assert_eq!(day_of("1970-01-02"), Some(1));
        assert_eq!(date(1), "1970-01-02");
        assert_eq!(day_of("soon"), None);
        let asked = Params {
            days: Some(7),
            ..Params::default()
        };
        let week = span(&asked, 10 * DAY_MS, "usage.cost").expect("a span");
        assert_eq!((week.from_day, week.to_day), (4, 10));
    }

    #[test]
    fn requests_are_counted_by_day_and_model() {
        let about = About {
            provider: "p".into(),
            model: "m".into(),
            usage: Some(Usage {
                input: 3,
                output: 2,
                ..Usage::default()
            }),
            ..About::default()
        };
        let said = Message::text(Role::Assistant, "x");
        let mut entry = about::entry("t", EntryKind::Message, &said, &about);
        entry.created_ms = 5 * DAY_MS + 1;
        let span = Span {
            from_day: 5,
            to_day: 5,
        };
        let mut count = Count::default();
        count.add(&entry, span);
        count.add(&entry, span);
        entry.created_ms = 6 * DAY_MS;
        count.add(&entry, span);
        assert_eq!((count.answers, count.all.requests), (2, 2));
        assert_eq!(count.daily()[0]["totalTokens"], 10);
        assert_eq!(count.daily()[0]["date"], "1970-01-06");
        assert_eq!(count.models.len(), 1);
    }
}
