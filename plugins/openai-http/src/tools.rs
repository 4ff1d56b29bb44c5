//! `POST /tools/invoke`: one tool, without a model.
//!
//! Invariant: tools that run programs, write files or speak for the agent are not served here unless the operator lists
//! them in `gateway.tools.allow`. A tool that is not served looks like one that does not exist.
use crate::{config::Config, target};
use openclaw_plugin_api::{Content, Error, ErrorKind, Host, HttpCall, ToolCall, ToolOrigin, ToolOutput};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// Never served unless the operator says so. Source: OpenClaw's own list for this route.
const DENIED: &[&str] = &[
    "apply_patch",
    "cron",
    "edit",
    "exec",
    "fs_*",
    "gateway",
    "nodes",
    "process",
    "sessions_send",
    "sessions_spawn",
    "shell",
    "spawn",
    "write",
];

/// What a client asks.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Request {
    tool: String,
    name: String,
    args: Map<String, Value>,
    action: Option<String>,
    session_key: Option<String>,
    agent_id: Option<String>,
}

/// Answers one request: a status and a body.
pub(crate) async fn invoke(host: &Host, config: &Config, call: &HttpCall) -> (u16, Value) {
    match run(host, config, call).await {
        Ok(output) => (200, json!({"ok": true, "result": result(&output)})),
        Err(error) => {
            let (status, kind) = match error.kind() {
                ErrorKind::InvalidInput => (400, "invalid_request"),
                ErrorKind::NotFound => (404, "not_found"),
                ErrorKind::Auth | ErrorKind::Refused => (403, "forbidden"),
                ErrorKind::Timeout => (504, "timeout"),
                _ => (500, "tool_error"),
            };
            let error = json!({"type": kind, "message": error.message()});
            (status, json!({"ok": false, "error": error}))
        }
    }
}

async fn run(host: &Host, config: &Config, call: &HttpCall) -> Result<ToolOutput, Error> {
    let mut request: Request = serde_json::from_slice(&call.body)
        .map_err(|error| Error::invalid(format_args!("this is no call of a tool: {error}")))?;
    let name = if request.tool.is_empty() {
        request.name
    } else {
        request.tool
    };
    if name.is_empty() {
        return Err(Error::invalid("tool is missing: name the tool to call"));
    }
    if !is_served(config, &name) {
        let text = format_args!("there is no tool named {name}").to_string();
        return Err(Error::new(ErrorKind::NotFound, text));
    }
    if let Some(action) = request.action {
        request.args.entry("action").or_insert(action.into());
    }
    let agent = request
        .agent_id
        .unwrap_or_else(|| config.default_agent().to_owned());
    let origin = origin(call, agent, request.session_key);
    if target::is_reserved(&origin.session_key) {
        return Err(Error::invalid(
            "this session key belongs to the gateway; choose another one",
        ));
    }
    let arguments = Value::Object(request.args);
    host.capabilities()
        .invoke(&name, &ToolCall { arguments, origin })
        .await
}

/// In whose name a tool is called.
fn origin(call: &HttpCall, agent: String, session: Option<String>) -> ToolOrigin {
    ToolOrigin {
        session_key: session.unwrap_or_else(|| format!("agent:{agent}:main")),
        agent_id: agent,
        call_id: call.request_id.clone(),
        sender_is_owner: call.caller_is_owner,
        ..ToolOrigin::default()
    }
}

fn is_served(config: &Config, name: &str) -> bool {
    let tools = &config.gateway.tools;
    let listed = |list: &[String]| list.iter().any(|pattern| matches(pattern, name));
    let denied = DENIED.iter().any(|pattern| matches(pattern, name));
    !listed(&tools.deny) && (!denied || listed(&tools.allow))
}

fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.to_lowercase(), name.to_lowercase());
    match pattern.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => pattern == name,
    }
}

fn result(output: &ToolOutput) -> Value {
    let parts = output.content.iter().filter_map(|part| match part {
        Content::Text { text } => Some(json!({"type": "text", "text": text})),
        Content::Image { mime_type, data } => {
            Some(json!({"type": "image", "mimeType": mime_type, "data": data}))
        }
        _ => None,
    });
    let mut result = json!({"content": parts.collect::<Vec<_>>(), "isError": output.is_error});
    if !output.details.is_null() {
        result["details"] = output.details.clone();
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_do_harm_needs_the_operators_word() {
        let config = |tools: Value| -> Config {
            serde_json::from_value(json!({"gateway": {"tools": tools}})).expect("valid")
        };
        let usual = config(json!({}));
        assert!(is_served(&usual, "web_fetch"));
        for name in ["exec", "EXEC", "fs_write", "sessions_spawn", "gateway", "cron"] {
            assert!(!is_served(&usual, name), "{name}");
        }
        assert!(is_served(&config(json!({"allow": ["exec"]})), "exec"));
        let both = config(json!({"allow": ["exec"], "deny": ["ex*"]}));
        assert!(!is_served(&both, "exec"), "deny wins");
    }

    #[test]
    fn a_tool_is_called_for_the_owner_only_by_the_owner() {
        for caller_is_owner in [true, false] {
            let call = HttpCall {
                caller_is_owner,
                ..HttpCall::default()
            };
            let origin = origin(&call, "main".into(), None);
            assert_eq!(origin.sender_is_owner, caller_is_owner);
            assert_eq!(origin.session_key, "agent:main:main");
        }
    }
}
