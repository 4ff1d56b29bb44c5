//! `approval.*`: questions and their ends, whatever they are about; here they are all about commands. And
//! `exec.approval.grants.list`: permissions that a job has for good, of which this gateway gives none: rules are for agents.
//! OpenClaw's page calls it an error if nobody answers that.
use super::{gone, word};
use crate::{
    app::Gateway,
    approvals::{Decision, Ending, Record, ResolveError},
    gateway::{Caller, Failure, Method, Scope},
    methods::params,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

/// Ends on one page if the client doesn't say.
const DEFAULT_LIMIT: usize = 50;
/// The only kind of question here.
const KIND: &str = "exec";

/// Parameters of `approval.history`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct History {
    #[serde(default)]
    #[schemars(length(min = 1, max = 512))]
    cursor: Option<String>,
    #[serde(default)]
    #[schemars(range(min = 1, max = 100))]
    limit: Option<usize>,
    #[serde(default)]
    kind: Option<String>,
}

/// Parameters of `approval.resolve`. Who answers is known from the connection.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Resolve {
    #[schemars(length(min = 1))]
    id: String,
    kind: String,
    decision: String,
}

/// Parameters of `exec.approval.grants.list`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Grants {
    #[serde(default, rename = "limit")]
    #[schemars(range(min = 1, max = 500))]
    _limit: Option<u32>,
}

pub(super) fn methods() -> Vec<Method> {
    vec![
        Method::new("approval.history", Scope::Approvals).with::<History>(),
        Method::new("approval.get", Scope::Approvals).with::<super::One>(),
        Method::new("approval.resolve", Scope::Approvals).with::<Resolve>(),
        Method::new("exec.approval.grants.list", Scope::Approvals).with::<Grants>(),
    ]
}

pub(super) async fn call(
    gateway: &Gateway,
    method: &str,
    given: Value,
    caller: &Caller,
) -> Result<Value, Failure> {
    let desk = gateway.desk();
    match method {
        "approval.history" => history(gateway, &params(method, given)?),
        "approval.get" => {
            let super::One { id } = params(method, given)?;
            let record = desk.approvals.find(&id);
            let record = record.ok_or_else(|| gone(ResolveError::Unknown(id)))?;
            Ok(json!({ "approval": snapshot(&record) }))
        }
        "approval.resolve" => {
            let Resolve { id, kind, decision } = params(method, given)?;
            let decision = word(&decision)
                .filter(|_| kind == KIND)
                .ok_or_else(|| Failure::invalid("invalid approval.resolve params"))?;
            let done = desk
                .approvals
                .resolve(desk, &id, decision, &caller.client.id)
                .await;
            let applied = match done {
                Ok(_) => true,
                // whoever comes second is told how it ended
                Err(ResolveError::Decided(_)) => false,
                Err(error) => return Err(gone(error)),
            };
            let record = desk.approvals.find(&id);
            let record = record.ok_or_else(|| gone(ResolveError::Unknown(id)))?;
            Ok(json!({ "applied": applied, "approval": snapshot(&record) }))
        }
        "exec.approval.grants.list" => Ok(json!({ "grants": [] })),
        _ => Err(Failure::unknown_method(method)),
    }
}

/// What has ended, the newest first.
fn history(gateway: &Gateway, asked: &History) -> Result<Value, Failure> {
    let wanted = asked.kind.as_deref().is_none_or(|kind| kind == KIND);
    let past = if wanted {
        gateway.desk().approvals.past()
    } else {
        Vec::new()
    };
    page(&past, asked)
}

fn page(past: &[Record], asked: &History) -> Result<Value, Failure> {
    let from = match &asked.cursor {
        None => 0,
        Some(cursor) => past
            .iter()
            .position(|record| record.id == *cursor)
            .map(|at| at + 1)
            .ok_or_else(|| Failure::invalid("invalid approval.history cursor"))?,
    };
    let rest = &past[from..];
    let shown = &rest[..rest.len().min(asked.limit.unwrap_or(DEFAULT_LIMIT))];
    let mut answer = json!({ "items": shown.iter().map(snapshot).collect::<Vec<_>>() });
    if let Some(last) = shown.last().filter(|_| shown.len() < rest.len()) {
        answer["nextCursor"] = json!(last.id);
    }
    Ok(answer)
}

/// A question as every client may see it: without where it would run and what would run with it.
fn snapshot(record: &Record) -> Value {
    let asked = &record.question;
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let mut shown = json!({
        "id": record.id, "urlPath": "#/approvals", "createdAtMs": record.created_ms,
        "expiresAtMs": record.expires_ms, "status": "pending",
        "presentation": {
            "kind": KIND, "commandText": asked.command, "commandPreview": null, "warningText": text(&asked.warning),
            "host": text(&asked.host), "nodeId": asked.node_id, "agentId": text(&asked.agent_id),
            "allowedDecisions": asked.allowed(),
        },
    });
    let Some(outcome) = &record.outcome else {
        if let Some(key) = text(&asked.session_key) {
            shown["sourceSessionKey"] = json!(key);
        }
        return shown;
    };
    let (status, decision, reason) = ended(outcome.ending);
    shown["status"] = json!(status);
    shown["reason"] = json!(reason);
    if let Some(decision) = decision {
        shown["decision"] = json!(decision);
    }
    shown["resolvedAtMs"] = json!(outcome.at_ms);
    shown["source"] = json!({});
    for (field, value) in [("agentId", &asked.agent_id), ("sessionKey", &asked.session_key)] {
        if let Some(value) = text(value) {
            shown["source"][field] = json!(value);
        }
    }
    shown["resolver"] = match outcome.by.as_str() {
        "" => json!({ "kind": "system" }),
        by if by.contains(':') => json!({ "kind": "channel", "id": by }),
        by => json!({ "kind": "runtime", "id": by }),
    };
    shown
}

/// The state, the answer and the reason that an end has on the wire.
fn ended(ending: Ending) -> (&'static str, Option<Decision>, &'static str) {
    match ending {
        Ending::Answered(Decision::Deny) => ("denied", Some(Decision::Deny), "user"),
        Ending::Answered(allowed) => ("allowed", Some(allowed), "user"),
        Ending::Expired => ("expired", None, "timeout"),
        Ending::Withdrawn => ("cancelled", None, "run-aborted"),
        Ending::Restarted => ("cancelled", None, "gateway-restart"),
        Ending::Unreachable => ("denied", Some(Decision::Deny), "no-route"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::approvals::{Outcome, Question};

    fn record(id: &str, ending: Ending, by: &str) -> Record {
        Record {
            id: id.into(),
            question: Question {
                command: "rm -r build".into(),
                cwd: "/home/ada".into(),
                agent_id: "main".into(),
                session_key: "agent:main:main".into(),
                ..Question::default()
            },
            created_ms: 1,
            expires_ms: 9,
            outcome: Some(Outcome {
                ending,
                by: by.into(),
                at_ms: 5,
            }),
            posts: Vec::new(),
        }
    }

    #[test]
    fn an_end_is_told_without_where_it_would_have_run() {
        let shown = snapshot(&record("a", Ending::Answered(Decision::AllowOnce), "chat:7"));
        assert_eq!(
            (&shown["status"], &shown["decision"], &shown["resolver"]["kind"]),
            (&json!("allowed"), &json!("allow-once"), &json!("channel"))
        );
        assert!(!shown.to_string().contains("/home/ada"), "{shown}");
        let shown = snapshot(&record("a", Ending::Restarted, ""));
        assert_eq!(
            (&shown["status"], &shown["reason"], &shown["resolver"]["kind"]),
            (&json!("cancelled"), &json!("gateway-restart"), &json!("system"))
        );
        assert!(shown.get("decision").is_none());
    }

    #[test]
    fn pages_follow_each_other_without_a_gap() {
        let past: Vec<_> = ["c", "b", "a"].map(|id| record(id, Ending::Expired, "")).to_vec();
        let ask = |cursor: Option<&str>| History {
            cursor: cursor.map(str::to_owned),
            limit: Some(2),
            kind: None,
        };
        let first = page(&past, &ask(None)).expect("a page");
        assert_eq!(first["nextCursor"], "b");
        let second = page(&past, &ask(Some("b"))).expect("a page");
        assert_eq!(
            (&second["items"][0]["id"], second.get("nextCursor")),
            (&json!("a"), None)
        );
        page(&past, &ask(Some("x"))).expect_err("a cursor of somebody else");
    }
}
