//! Which agent and which conversation a request is for.
//!
//! A request belongs to a conversation of its own unless it names one: by `user`, or by `x-openclaw-session-key`.
use crate::{config::Config, error::Refusal};
use openclaw_plugin_api::HttpCall;

/// Beginnings of session keys that belong to the gateway.
const RESERVED: &[&str] = &["subagent:", "cron:", "acp:"];
/// Who asks and is not the owner: somebody whose token permits no more than to write.
const SOMEBODY: &str = "openai-http";
/// Longest `user` or session key, characters.
const MAX_KEY: usize = 256;

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// Agent; empty for the default one.
    pub(crate) agent: String,
    /// Conversation.
    pub(crate) session_key: String,
    /// Model in place of the agent's own; empty for that.
    pub(crate) model: String,
    /// Who asks; empty for the owner.
    pub(crate) sender: &'static str,
    /// The conversation goes on over requests, so that what an earlier one said need not be told again.
    pub(crate) lasting: bool,
}

/// Reads the names in a request.
pub(crate) fn target(
    config: &Config,
    call: &HttpCall,
    model: &str,
    user: Option<&str>,
) -> Result<Target, Refusal> {
    let named = call.header("x-openclaw-agent-id").map(str::to_owned);
    let agent = match (named, agent_of(model)) {
        (_, None) => {
            let message = format!("there is no model \"{model}\"; use openclaw or openclaw/<agent id>");
            return Err(Refusal::invalid("model", message));
        }
        (Some(named), _) => named,
        (None, Some(agent)) => agent.to_owned(),
    };
    let agents = config.agents();
    if !agent.is_empty() && agent != "main" && !agents.contains(&agent) {
        let message = format!("there is no agent \"{agent}\"; GET /v1/models lists them");
        return Err(Refusal::invalid("model", message));
    }
    let (key, lasting) = session(call, user)?;
    let owner = if agent.is_empty() {
        config.default_agent()
    } else {
        &agent
    };
    Ok(Target {
        session_key: match key.starts_with("agent:") {
            true => key,
            false => format!("agent:{owner}:{key}"),
        },
        agent,
        sender: if call.caller_is_owner { "" } else { SOMEBODY },
        model: call.header("x-openclaw-model").unwrap_or_default().to_owned(),
        lasting,
    })
}

fn session(call: &HttpCall, user: Option<&str>) -> Result<(String, bool), Refusal> {
    if let Some(key) = call
        .header("x-openclaw-session-key")
        .filter(|key| !key.is_empty())
    {
        let lower = key.to_lowercase();
        if is_reserved(&lower) || key.len() > MAX_KEY {
            let message = "this session key belongs to the gateway, or is too long; choose another one";
            return Err(Refusal::invalid("x-openclaw-session-key", message));
        }
        return Ok((lower, true));
    }
    match user.filter(|user| !user.is_empty()) {
        Some(user) if user.len() > MAX_KEY => Err(Refusal::invalid("user", "user is too long")),
        Some(user) => Ok((format!("openai-user:{}", user.to_lowercase()), true)),
        None => Ok((format!("openai:{}", call.request_id), false)),
    }
}

/// Does the key of a conversation, with or without its agent, belong to the gateway?
pub(crate) fn is_reserved(key: &str) -> bool {
    let lower = key.to_lowercase();
    let rest = lower.strip_prefix("agent:").and_then(|rest| rest.split_once(':'));
    let rest = rest.map_or(lower.as_str(), |(_, rest)| rest);
    RESERVED.iter().any(|reserved| rest.starts_with(reserved))
}

/// The agent in a model's name; empty for the default one.
fn agent_of(model: &str) -> Option<&str> {
    match model {
        "openclaw" | "openclaw/default" => Some(""),
        _ => ["openclaw/", "openclaw:", "agent:"]
            .iter()
            .find_map(|prefix| model.strip_prefix(prefix))
            .filter(|id| !id.is_empty()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(headers: &[(&str, &str)]) -> HttpCall {
        HttpCall {
            request_id: "r1".into(),
            headers: headers
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            ..HttpCall::default()
        }
    }

    fn config() -> Config {
        serde_json::from_value(serde_json::json!({"agents": {"list": [{"id": "work"}]}})).expect("valid")
    }

    #[test]
    fn models_name_agents() {
        let agent = |model: &str| target(&config(), &call(&[]), model, None).map(|t| t.agent);
        for (model, expected) in [
            ("openclaw", ""),
            ("openclaw/default", ""),
            ("openclaw/work", "work"),
            ("openclaw:work", "work"),
            ("agent:work", "work"),
            ("openclaw/main", "main"),
        ] {
            assert_eq!(agent(model).as_deref(), Ok(expected), "{model}");
        }
        for model in ["gpt-4o", "", "openclaw/", "openclaw/nobody"] {
            assert_eq!(
                agent(model).map_err(|refusal| refusal.status),
                Err(400),
                "{model}"
            );
        }
    }

    #[test]
    fn a_conversation_is_its_own_unless_it_is_named() {
        let key = |headers: &[(&str, &str)], user| {
            let target = target(&config(), &call(headers), "openclaw", user).expect("a target");
            (target.session_key, target.lasting)
        };
        assert_eq!(key(&[], None), ("agent:work:openai:r1".into(), false));
        assert_eq!(key(&[], Some("Ann")), ("agent:work:openai-user:ann".into(), true));
        let named = |key| [("x-openclaw-session-key", key)];
        assert_eq!(key(&named("desk"), Some("Ann")), ("agent:work:desk".into(), true));
        assert_eq!(key(&named("agent:work:x"), None), ("agent:work:x".into(), true));
    }

    #[test]
    fn keys_of_the_gateway_are_refused() {
        for key in ["cron:1", "subagent:x", "agent:main:cron:1", "agent:work:acp:x"] {
            let call = call(&[("x-openclaw-session-key", key)]);
            assert!(target(&config(), &call, "openclaw", None).is_err(), "{key}");
        }
    }
}
