//! `gateway.restart.preflight` and `gateway.restart.request`: beginning anew in the same process.
use super::params;
use crate::{
    app::{Gateway, restart::Wish},
    gateway::{Failure, Method, Responder, Scope},
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

/// The longest reason, characters.
const MAX_REASON: usize = 200;

/// Parameters of `gateway.restart.request`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct Request {
    /// For the log.
    reason: Option<String>,
    /// Don't wait for turns that run.
    skip_deferral: bool,
    /// Every restart is safe here: what it interrupts goes on afterwards.
    #[serde(rename = "safe")]
    _safe: Option<bool>,
}

pub(super) fn methods() -> Vec<Method> {
    vec![
        Method::new("gateway.restart.preflight", Scope::Read),
        Method::new("gateway.restart.request", Scope::Admin).with::<Request>(),
    ]
}

/// Answers one of them.
pub(super) fn call(
    gateway: &Gateway,
    method: &str,
    params: Value,
    respond: &mut Responder,
) -> Result<Value, Failure> {
    match method {
        "gateway.restart.preflight" => Ok(preflight(gateway)),
        _ => request(gateway, params, respond),
    }
}

/// What a restart would wait for.
fn preflight(gateway: &Gateway) -> Value {
    let runs = gateway.desk().live.active(None);
    let (begun, waiting): (Vec<_>, Vec<_>) = runs.iter().partition(|run| run.began_ms().is_some());
    let of_jobs = begun
        .iter()
        .filter(|run| run.session_key.contains(":cron:"))
        .count();
    judged([
        ("queueSize", "queue", waiting.len(), "turns wait"),
        (
            "pendingReplies",
            "reply",
            gateway.desk().outbox.at_work(),
            "replies are being sent",
        ),
        ("embeddedRuns", "embedded-run", begun.len() - of_jobs, "turns run"),
        ("cronRuns", "cron-run", of_jobs, "jobs run"),
    ])
}

/// From the name of each count, the kind of work, how much of it there is, and the words for it.
fn judged(work: [(&str, &str, usize, &str); 4]) -> Value {
    let total: usize = work.iter().map(|(_, _, count, _)| count).sum();
    let mut counts = json!({ "totalActive": total });
    let (mut blockers, mut words) = (Vec::new(), Vec::new());
    for (name, kind, count, what) in work {
        counts[name] = json!(count);
        if count > 0 {
            let message = format!("{count} {what}");
            blockers.push(json!({ "kind": kind, "count": count, "message": message }));
            words.push(message);
        }
    }
    let summary = match total {
        0 => "safe to restart now".to_owned(),
        _ => format!("restart deferred: {}", words.join("; ")),
    };
    json!({ "safe": total == 0, "counts": counts, "blockers": blockers, "summary": summary })
}

/// Has the gateway begin anew. Whoever asks is told so before it does.
fn request(gateway: &Gateway, given: Value, respond: &mut Responder) -> Result<Value, Failure> {
    let asked: Request = params("gateway.restart.request", given)?;
    if !gateway.desk().config().commands.restart() {
        return Err(Failure::unavailable(
            "restarts are switched off: commands.restart is false",
        ));
    }
    let reason: String = asked
        .reason
        .unwrap_or_default()
        .chars()
        .take(MAX_REASON)
        .collect();
    let preflight = preflight(gateway);
    let wish = if asked.skip_deferral {
        Wish::Now
    } else {
        Wish::WhenIdle
    };
    let joins = gateway.restart().wished() != Wish::None;
    let status = match (joins, wish == Wish::Now || preflight["safe"] == true) {
        (true, _) => "coalesced",
        (false, true) => "scheduled",
        (false, false) => "deferred",
    };
    let answer = json!({
        "ok": true, "status": status, "preflight": preflight,
        "restart": { "pid": std::process::id(), "coalesced": joins, "reason": reason },
    });
    respond.answer(&answer);
    tracing::info!(target: "openclaw::gateway", reason, "a client asks for a restart: {status}");
    gateway.restart().ask(wish);
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_at_work_is_counted_and_named() {
        let idle = judged([("queueSize", "queue", 0, "wait"); 4]);
        assert_eq!(
            idle,
            json!({ "safe": true, "counts": { "queueSize": 0, "totalActive": 0 }, "blockers": [],
                "summary": "safe to restart now" })
        );
        let busy = judged([
            ("queueSize", "queue", 2, "turns wait"),
            ("pendingReplies", "reply", 0, "replies are being sent"),
            ("embeddedRuns", "embedded-run", 1, "turns run"),
            ("cronRuns", "cron-run", 0, "jobs run"),
        ]);
        assert_eq!(busy["safe"], false);
        assert_eq!(busy["counts"]["totalActive"], 3);
        assert_eq!(busy["summary"], "restart deferred: 2 turns wait; 1 turns run");
        assert_eq!(
            busy["blockers"],
            json!([
                { "kind": "queue", "count": 2, "message": "2 turns wait" },
                { "kind": "embedded-run", "count": 1, "message": "1 turns run" },
            ])
        );
    }
}
