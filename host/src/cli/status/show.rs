//! The status for people: an overview, then tables of what there is, then what to do.
use super::gather::{Status, os};
use crate::{
    checkup::{Severity, Summary},
    cli::{channels::table, findings, gateway::service, health::problems, output},
};
use serde_json::Value;
use std::fmt::Write as _;

/// Findings of the audit that are named.
const SHOWN: usize = 5;

/// The text.
pub(super) fn text(status: &Status) -> String {
    let mut text = String::new();
    overview(status, &mut text);
    let answer = status.answer();
    for problem in problems(answer) {
        line(&mut text, &format!("\nproblem: {problem}"));
    }
    let accounts = status.accounts();
    if output::list(&accounts["channelOrder"]).next().is_some() {
        line(&mut text, &format!("\n{}", table(accounts)));
    }
    if let Some(usage) = status
        .gateway
        .as_ref()
        .ok()
        .and_then(|asked| asked.usage.as_ref())
    {
        spent(usage, &mut text);
    }
    sessions(answer, &mut text);
    failures(answer, &mut text);
    audit(status, &mut text);
    next(status, &mut text);
    text
}

pub(super) fn line(text: &mut String, line: &str) {
    writeln!(text, "{line}").expect("a String takes every write");
}

/// What was spent, and what vendors say is left.
fn spent(usage: &Value, text: &mut String) {
    let (days, sum) = (&usage["cost"]["days"], &usage["cost"]["totals"]);
    let tokens = output::tokens(sum["totalTokens"].as_u64().unwrap_or(0));
    let cost = sum["totalCost"].as_f64().unwrap_or(0.0);
    line(
        text,
        &format!(
            "\nUsage in {days} days: {tokens} tokens, ${cost:.4}; `openclaw gateway usage-cost` has each day"
        ),
    );
    if output::list(&usage["providers"]).next().is_none() {
        line(text, "No vendor is asked what is left.");
    }
    for vendor in output::list(&usage["providers"]) {
        let name = output::text(&vendor["displayName"]);
        for window in output::list(&vendor["windows"]) {
            let label = output::text(&window["label"]);
            line(
                text,
                &format!("  {name}: {label}: {} % used", window["usedPercent"]),
            );
        }
    }
}

/// Names and values, a line each.
pub(super) fn overview(status: &Status, text: &mut String) {
    let answer = status.answer();
    let mut rows: Vec<(&str, String)> = Vec::new();
    let gateway = match &status.gateway {
        Ok(asked) => format!(
            "{} (PID {}), {} in {} ms",
            output::text(&answer["runtimeVersion"]),
            answer["pid"],
            status.url,
            asked.latency_ms
        ),
        Err(why) => format!("not reachable at {}: {why}", status.url),
    };
    rows.push(("Gateway", gateway));
    if let Some(page) = &status.dashboard {
        rows.push(("Dashboard", page.clone()));
    }
    rows.push(("Program", format!("openclaw {}", env!("CARGO_PKG_VERSION"))));
    rows.push(("System", output::text(&os()["label"])));
    rows.push(("Config", config(status)));
    let service = status.service.as_ref().map(service::line);
    let service = service
        .as_deref()
        .and_then(|line| line.strip_prefix("Service: ").map(str::to_owned));
    rows.push(("Service", service.unwrap_or_else(|| "not installed".into())));
    rows.push(("Agents", agents(status)));
    if status.reachable() {
        traffic(answer, &mut rows);
    }
    let on = status
        .setting
        .assembly
        .specs
        .iter()
        .filter(|spec| spec.reason.is_on())
        .count();
    let plugins = |key: &str| output::list(&answer["plugins"][key]).count();
    rows.push((
        "Plugins",
        match status.reachable() {
            true => format!("{} loaded, {} failed", plugins("loaded"), plugins("errors")),
            false => format!("{on} on"),
        },
    ));
    for (name, value) in rows {
        line(text, &format!("{name:<10} {value}"));
    }
}

fn config(status: &Status) -> String {
    let path = status.setting.paths.config_file.display();
    let faults = status.setting.warnings.len();
    match (status.setting.configured, faults) {
        (false, _) => format!("{path} does not exist"),
        (true, 0) => path.to_string(),
        (true, n) => format!("{path}, {n} remarks (openclaw config validate)"),
    }
}

fn agents(status: &Status) -> String {
    let rows = status.agents();
    let names: Vec<_> = rows
        .iter()
        .map(|row| match row["model"].as_str() {
            Some(model) => format!("{} ({model})", output::text(&row["id"])),
            None => output::text(&row["id"]),
        })
        .collect();
    names.join(", ")
}

fn traffic(answer: &Value, rows: &mut Vec<(&str, String)>) {
    let (inbox, outbox, sessions) = (&answer["inbox"], &answer["outbox"], &answer["sessions"]);
    let defaults = &sessions["defaults"];
    let window = defaults["contextTokens"].as_u64().unwrap_or(0);
    let trouble = output::text(&answer["journal"]["trouble"]);
    rows.push((
        "Model",
        format!(
            "{} ({})",
            output::text(&defaults["model"]),
            output::tokens(window)
        ),
    ));
    rows.push(("Heartbeat", heartbeat(answer)));
    rows.push(("Sessions", sessions["count"].to_string()));
    rows.push((
        "Inbox",
        format!("{} waiting, {} failed", inbox["waiting"], inbox["failed"]),
    ));
    rows.push((
        "Outbox",
        format!(
            "{} pending, {} failed, {} unknown",
            outbox["pending"], outbox["failed"], outbox["unknown"]
        ),
    ));
    rows.push((
        "Journal",
        if trouble.is_empty() {
            "ok".to_owned()
        } else {
            trouble
        },
    ));
    if let Some(bytes) = answer["processMemory"]["rss"].as_u64() {
        rows.push(("Memory", output::bytes(bytes)));
    }
}

fn heartbeat(answer: &Value) -> String {
    let on: Vec<_> = output::list(&answer["heartbeat"]["agents"])
        .filter(|agent| agent["enabled"] == true)
        .map(|agent| {
            format!(
                "{} every {}",
                output::text(&agent["agentId"]),
                output::text(&agent["every"])
            )
        })
        .collect();
    if on.is_empty() {
        "off".to_owned()
    } else {
        on.join(", ")
    }
}

fn sessions(answer: &Value, text: &mut String) {
    let mut table = output::table(&["SESSION", "AGO"]);
    for row in output::list(&answer["sessions"]["recent"]) {
        table.add_row([
            output::text(&row["key"]),
            output::age(row["age"].as_i64().unwrap_or(0)),
        ]);
    }
    if !table.is_empty() {
        line(text, &format!("\n{table}"));
    }
}

fn failures(answer: &Value, text: &mut String) {
    let now = answer["ts"].as_i64().unwrap_or(0);
    let mut table = output::table(&["FAILED", "CHANNEL", "AGO", "WHY"]);
    for row in output::list(&answer["failures"]) {
        table.add_row([
            output::text(&row["kind"]),
            output::text(&row["channel"]),
            output::age(now - row["ts"].as_i64().unwrap_or(now)),
            output::text(&row["error"]),
        ]);
    }
    if !table.is_empty() {
        line(text, &format!("\n{table}"));
    }
}

fn audit(status: &Status, text: &mut String) {
    line(
        text,
        &format!("\nSecurity: {}", findings::summary(&Summary::of(&status.audit))),
    );
    let bad = status
        .audit
        .iter()
        .filter(|finding| finding.severity != Severity::Info);
    for finding in bad.take(SHOWN) {
        line(
            text,
            &format!("  {} {} [{}]", finding.severity.word(), finding.title, finding.id),
        );
    }
}

/// What to do now.
fn next(status: &Status, text: &mut String) {
    let has_bad = status
        .audit
        .iter()
        .any(|finding| finding.severity != Severity::Info);
    let mut steps = Vec::new();
    if !status.reachable() {
        steps.push("openclaw doctor");
    }
    if has_bad {
        steps.push("openclaw security audit");
    }
    if !problems(status.answer()).is_empty() {
        steps.push("openclaw logs");
    }
    if !steps.is_empty() {
        line(text, &format!("\nNext: {}", steps.join("; ")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn usage_is_what_was_spent_and_what_is_left() {
        let cost = json!({ "days": 30, "totals": { "totalTokens": 2500, "totalCost": 0.5 } });
        let mut text = String::new();
        spent(&json!({ "providers": [], "cost": cost }), &mut text);
        assert!(
            text.contains("30 days: 2k tokens, $0.5000") && text.contains("No vendor"),
            "{text}"
        );
        let windows = json!([{ "label": "5h", "usedPercent": 12 }]);
        let vendors = json!([{ "displayName": "Acme", "windows": windows }]);
        text.clear();
        spent(&json!({ "providers": vendors, "cost": cost }), &mut text);
        assert!(
            text.contains("Acme: 5h: 12 % used") && !text.contains("No vendor"),
            "{text}"
        );
    }
}
