//! Webhooks: what calls have to bring, and what they may decide.
use super::{Finding, Ground, Severity};
use crate::config::is_unfilled;
use serde_json::Value;

/// Shortest token that nobody guesses, characters.
const STRONG: usize = 24;

/// Judges `hooks`, if there are any.
pub(super) fn hooks(ground: &Ground) -> Vec<Finding> {
    let hooks = &ground.value()["hooks"];
    if hooks["enabled"] != true {
        return Vec::new();
    }
    let mut findings = token(hooks, ground);
    let by_exposure = if ground.exposed {
        Severity::Critical
    } else {
        Severity::Warn
    };
    if hooks["path"] == "/" {
        findings.push(
            Finding::critical("hooks.path_root", "webhooks are everywhere")
                .because("hooks.path is \"/\", so every address of the gateway is one")
                .remedy("openclaw config unset hooks.path"),
        );
    }
    if hooks["allowRequestSessionKey"] == true {
        findings.push(
            Finding::new(
                by_exposure,
                "hooks.request_session_key_enabled",
                "calls choose the conversation",
            )
            .because("hooks.allowRequestSessionKey is on: who may call can write into any conversation")
            .remedy("openclaw config unset hooks.allowRequestSessionKey"),
        );
        if !has_entries(&hooks["allowedSessionKeyPrefixes"]) {
            findings.push(
                Finding::new(
                    by_exposure,
                    "hooks.request_session_key_prefixes_missing",
                    "calls may name any conversation",
                )
                .because("hooks.allowedSessionKeyPrefixes is empty")
                .remedy("openclaw config set hooks.allowedSessionKeyPrefixes '[\"hook:\"]'"),
            );
        }
    }
    let agents = &hooks["allowedAgentIds"];
    if !has_entries(agents)
        || agents
            .as_array()
            .is_some_and(|ids| ids.iter().any(|id| id == "*"))
    {
        findings.push(
            Finding::warn(
                "hooks.allowed_agent_ids_unrestricted",
                "calls may go to any agent",
            )
            .because("hooks.allowedAgentIds names none")
            .remedy("name the agents that webhooks are for in hooks.allowedAgentIds"),
        );
    }
    if hooks["defaultSessionKey"].is_null() {
        findings.push(
            Finding::info(
                "hooks.default_session_key_unset",
                "each call begins a conversation of its own",
            )
            .because("hooks.defaultSessionKey is not set")
            .remedy("nothing, or: openclaw config set hooks.defaultSessionKey hook:ingress"),
        );
    }
    findings
}

fn token(hooks: &Value, ground: &Ground) -> Vec<Finding> {
    let Some(token) = hooks["token"].as_str() else {
        // a reference was not fetched
        let missing = hooks["token"].is_null();
        let finding = Finding::critical("hooks.token_missing", "webhooks have no token")
            .because("hooks.enabled is on and hooks.token is not set, so no call is taken")
            .remedy("set hooks.token to what `openssl rand -hex 24` prints");
        return missing.then_some(finding).into_iter().collect();
    };
    if is_unfilled(&ground.written.0["hooks"]["token"], token) {
        // nothing can be said of one that only the gateway knows
        return Vec::new();
    }
    let mut findings = Vec::new();
    let same = [&ground.token, &ground.password];
    if same.iter().any(|secret| {
        secret
            .as_ref()
            .is_some_and(|secret| secret.expose().trim() == token.trim())
    }) {
        findings.push(
            Finding::critical(
                "hooks.token_reuse_gateway_token",
                "the token of webhooks opens the gateway too",
            )
            .because("hooks.token is the gateway's own secret; services that call get everything with it")
            .remedy("set hooks.token to another one: `openssl rand -hex 24` prints it"),
        );
    }
    let length = token.trim().chars().count();
    if length < STRONG {
        findings.push(
            Finding::warn("hooks.token_too_short", "the token of webhooks is short")
                .because(format!(
                    "it has {length} characters; {STRONG} or more that are random can't be guessed"
                ))
                .remedy("set hooks.token to what `openssl rand -hex 24` prints"),
        );
    }
    findings
}

fn has_entries(list: &Value) -> bool {
    list.as_array().is_some_and(|list| !list.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{checkup::Written, config::Config};
    use serde_json::json;

    #[test]
    fn a_token_that_only_the_gateway_knows_is_not_judged() {
        let ids = |written: &str, now: &str| -> Vec<String> {
            let hooks = |token: &str| json!({"hooks": {"enabled": true, "token": token}});
            let ground = Ground {
                written: Written(hooks(written)),
                config: Config::from_value(hooks(now)).expect("valid"),
                ..Ground::default()
            };
            let found = token(&ground.value()["hooks"], &ground).into_iter();
            found.map(|finding| finding.id).collect()
        };
        assert!(ids("${HOOKS}", "unset").is_empty());
        assert!(ids("$HOOKS", "$HOOKS").is_empty());
        assert_eq!(ids("unset", "unset"), ["hooks.token_too_short"]);
    }
}
