//! Which agent and which conversation a call may name.
use crate::config::Hooks;

/// Beginnings of keys that belong to the gateway.
const RESERVED: &[&str] = &["subagent:", "cron:", "acp:"];
/// Longest key, bytes.
const MAX_KEY: usize = 256;

/// What operators allow.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rules {
    default_key: Option<String>,
    request_keys: bool,
    prefixes: Option<Vec<String>>,
    agents: Option<Vec<String>>,
}

impl Rules {
    pub(crate) fn new(hooks: &Hooks) -> Self {
        Self {
            default_key: hooks.default_session_key.clone(),
            request_keys: hooks.allow_request_session_key,
            prefixes: hooks.allowed_session_key_prefixes.clone(),
            agents: hooks.allowed_agent_ids.clone(),
        }
    }

    /// The conversation of a call that names this one in its body.
    pub(crate) fn of_request(&self, named: Option<&str>, id: &str) -> Result<String, String> {
        match named.map(str::trim).filter(|key| !key.is_empty()) {
            None => Ok(self.usual(id)),
            Some(_) if !self.request_keys => {
                Err("sessionKey is the operator's; see hooks.allowRequestSessionKey".to_owned())
            }
            Some(key) => self.checked(key),
        }
    }

    /// The conversation of a mapping that names this one.
    pub(crate) fn of_mapping(&self, named: Option<&str>, id: &str) -> Result<String, String> {
        match named.map(str::trim).filter(|key| !key.is_empty()) {
            None => Ok(self.usual(id)),
            Some(key) => self.checked(key),
        }
    }

    /// May this agent be named?
    pub(crate) fn agent(&self, named: Option<&str>) -> Result<String, String> {
        let named = named.map(str::trim).unwrap_or_default();
        let allowed = match &self.agents {
            Some(list) => list.iter().any(|id| id == "*" || id.eq_ignore_ascii_case(named)),
            None => true,
        };
        match named.is_empty() || allowed {
            true => Ok(named.to_owned()),
            false => Err(format!(
                "agent {named} can't be named here; see hooks.allowedAgentIds"
            )),
        }
    }

    fn usual(&self, id: &str) -> String {
        let key = self.default_key.clone().filter(|key| !key.is_empty());
        key.unwrap_or_else(|| format!("hook:{id}")).to_lowercase()
    }

    fn checked(&self, key: &str) -> Result<String, String> {
        let key = key.to_lowercase();
        let whole = key.strip_prefix("agent:").and_then(|rest| rest.split_once(':'));
        let own = whole.map_or(key.as_str(), |(_, rest)| rest);
        if key.len() > MAX_KEY || key.chars().any(char::is_control) {
            return Err(format!("sessionKey has more than {MAX_KEY} bytes, or is no text"));
        }
        if RESERVED.iter().any(|reserved| own.starts_with(reserved)) {
            return Err("sessionKey belongs to the gateway; choose another one".to_owned());
        }
        let fits = |prefix: &String| own.starts_with(&prefix.to_lowercase());
        match self.prefixes.as_ref().is_none_or(|list| list.iter().any(fits)) {
            true => Ok(key),
            false => Err("sessionKey does not begin as hooks.allowedSessionKeyPrefixes wants".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(value: serde_json::Value) -> Rules {
        Rules::new(&serde_json::from_value(value).expect("valid"))
    }

    #[test]
    fn a_call_names_its_conversation_only_if_it_may() {
        let strict = rules(serde_json::json!({}));
        assert_eq!(strict.of_request(None, "R1"), Ok("hook:r1".into()));
        assert!(strict.of_request(Some("hook:a"), "r1").is_err());
        assert_eq!(strict.of_mapping(Some("Hook:A"), "r1"), Ok("hook:a".into()));
        let open = rules(serde_json::json!({
            "allowRequestSessionKey": true, "allowedSessionKeyPrefixes": ["hook:"], "defaultSessionKey": "hook:all",
        }));
        assert_eq!(open.of_request(None, "r1"), Ok("hook:all".into()));
        assert_eq!(open.of_request(Some("hook:a"), "r1"), Ok("hook:a".into()));
        assert_eq!(
            open.of_request(Some("agent:x:hook:a"), "r1"),
            Ok("agent:x:hook:a".into())
        );
        for key in ["main", "agent:main:main", "agent:main:telegram:1", "xhook:"] {
            assert!(open.of_request(Some(key), "r1").is_err(), "{key}");
        }
    }

    #[test]
    fn keys_of_the_gateway_are_nobodys() {
        let open = rules(serde_json::json!({"allowRequestSessionKey": true}));
        for key in ["cron:1", "agent:main:subagent:1", "ACP:x", "a\nb"] {
            assert!(open.of_request(Some(key), "r1").is_err(), "{key}");
            assert!(open.of_mapping(Some(key), "r1").is_err(), "{key}");
        }
    }

    #[test]
    fn agents_are_named_as_far_as_they_are_listed() {
        let named =
            |list: serde_json::Value, id| rules(serde_json::json!({"allowedAgentIds": list})).agent(Some(id));
        assert!(rules(serde_json::json!({})).agent(Some("any")).is_ok());
        assert!(named(serde_json::json!(["*"]), "any").is_ok());
        assert!(named(serde_json::json!(["work"]), "Work").is_ok());
        assert!(named(serde_json::json!(["work"]), "main").is_err());
        assert!(named(serde_json::json!([]), "main").is_err());
        assert!(named(serde_json::json!([]), "").is_ok(), "nobody is named");
    }
}
