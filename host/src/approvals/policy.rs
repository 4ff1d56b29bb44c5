//! What the operator's settings say about a command, before anybody is asked: the strictest of the configuration, the
//! file of rules and the request itself.
use super::{
    file::{Rule, Rules},
    matching::{allows, lasting},
};
use crate::config::Config;
use openclaw_plugin_api::{ApprovalBasis, ApprovalRequest, CommandSegment, ExecAsk, ExecSecurity};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::path::Path;

/// What holds where nobody says anything.
const USUAL: (ExecSecurity, ExecAsk) = (ExecSecurity::Allowlist, ExecAsk::OnMiss);

/// What holds for one agent.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// What may be run at all.
    pub security: ExecSecurity,
    /// When a person is asked.
    pub ask: ExecAsk,
    /// What holds where nobody answers.
    pub fallback: ExecSecurity,
    /// Programs of skills need no rule.
    pub skills: bool,
    /// Programs that may run.
    pub allowlist: Vec<Rule>,
}

/// What the settings say.
#[derive(Debug, Clone, PartialEq)]
pub enum Judged {
    /// It may run.
    Allowed {
        /// Why.
        basis: ApprovalBasis,
        /// The rules that allowed it: patterns, and the files that they allowed.
        used: Vec<(String, String)>,
    },
    /// It may not.
    Denied(&'static str),
    /// A person decides.
    Ask {
        /// The answer may become a rule.
        may_always: bool,
    },
}

/// What a command is judged by besides the settings.
#[derive(Debug, Clone, Copy, Default)]
pub struct Surroundings<'a> {
    /// Files that skills of the agent need.
    pub skills: &'a [String],
    /// The home of whoever runs the gateway.
    pub home: Option<&'a Path>,
}

// === impl Policy ===

impl Policy {
    /// For a command of an agent.
    pub fn of(config: &Config, rules: &Rules, agent: &str, request: &ApprovalRequest) -> Self {
        let (security, ask) = configured(config, agent);
        let file = rules.settings(agent);
        let strictest = [Some(security), request.security, file.security];
        let security = strictest.into_iter().flatten().min().unwrap_or(USUAL.0);
        let eager = [Some(ask), request.ask, file.ask];
        Self {
            security,
            ask: eager.into_iter().flatten().min().unwrap_or(USUAL.1),
            fallback: file.ask_fallback.unwrap_or(ExecSecurity::Deny).min(security),
            skills: file.auto_allow_skills == Some(true),
            allowlist: rules.allowlist(agent),
        }
    }

    /// Judges a command.
    pub fn judge(&self, segments: &[CommandSegment], around: Surroundings<'_>) -> Judged {
        if self.security == ExecSecurity::Deny {
            return Judged::Denied("commands are switched off (security is deny)");
        }
        let used = self.allowed_by_rule(segments, around);
        let asked = match (self.ask, self.security) {
            (ExecAsk::Always, _) => true,
            (ExecAsk::OnMiss, ExecSecurity::Allowlist) => used.is_none(),
            _ => false,
        };
        if asked {
            // who is asked each time can't answer for ever
            let may_always = self.ask != ExecAsk::Always && lasting(segments).is_some();
            return Judged::Ask { may_always };
        }
        match (used, self.security) {
            (Some(used), ExecSecurity::Allowlist) => Judged::Allowed {
                basis: ApprovalBasis::Rule,
                used,
            },
            (_, ExecSecurity::Full) => Judged::Allowed {
                basis: ApprovalBasis::Policy,
                used: Vec::new(),
            },
            _ => Judged::Denied("no rule of the allowlist allows it, and nobody is asked (ask is off)"),
        }
    }

    /// What holds where nobody answered: may it run all the same?
    pub fn allows_unanswered(
        &self,
        segments: &[CommandSegment],
        around: Surroundings<'_>,
    ) -> Option<ApprovalBasis> {
        match self.fallback {
            ExecSecurity::Deny => None,
            ExecSecurity::Allowlist => {
                let used = self.allowed_by_rule(segments, around);
                used.map(|_| ApprovalBasis::Rule)
            }
            ExecSecurity::Full => Some(ApprovalBasis::Policy),
        }
    }

    fn allowed_by_rule(
        &self,
        segments: &[CommandSegment],
        around: Surroundings<'_>,
    ) -> Option<Vec<(String, String)>> {
        let known = if self.skills { around.skills } else { &[] };
        let used = allows(&self.allowlist, segments, known, around.home)?;
        let named = used.into_iter();
        Some(
            named
                .map(|(rule, path)| (self.allowlist[rule].pattern.clone(), path))
                .collect(),
        )
    }
}

/// What `tools.exec` says: the agent's own keys, then those for all. A word that is none is the strictest.
pub fn configured(config: &Config, agent: &str) -> (ExecSecurity, ExecAsk) {
    let value = config.value();
    let entries = value["agents"]["entries"][agent]["tools"].get("exec");
    let listed = value["agents"]["list"].as_array().into_iter().flatten();
    let listed = listed
        .filter(|entry| {
            entry["id"]
                .as_str()
                .is_some_and(|id| id.eq_ignore_ascii_case(agent))
        })
        .find_map(|entry| entry["tools"].get("exec"));
    let blocks: Vec<&Value> = [entries, listed, value["tools"].get("exec")]
        .into_iter()
        .flatten()
        .collect();
    let mode = blocks.iter().find_map(|block| block["mode"].as_str());
    let of_mode = match mode {
        None => USUAL,
        Some("full") => (ExecSecurity::Full, ExecAsk::Off),
        Some("ask" | "auto") => (ExecSecurity::Allowlist, ExecAsk::OnMiss),
        Some("allowlist") => (ExecSecurity::Allowlist, ExecAsk::Off),
        Some(_) => (ExecSecurity::Deny, ExecAsk::Always),
    };
    (
        word(&blocks, "security", ExecSecurity::Deny).unwrap_or(of_mode.0),
        word(&blocks, "ask", ExecAsk::Always).unwrap_or(of_mode.1),
    )
}

fn word<T: DeserializeOwned>(blocks: &[&Value], key: &str, strictest: T) -> Option<T> {
    let written = blocks.iter().find_map(|block| block.get(key))?;
    Some(T::deserialize(written).unwrap_or(strictest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn config(exec: Value) -> Config {
        Config::from_value(json!({ "tools": { "exec": exec } })).expect("valid")
    }

    fn rules(text: Value) -> Rules {
        serde_json::from_value(text).expect("rules")
    }

    fn rg() -> Vec<CommandSegment> {
        vec![CommandSegment {
            resolved_path: "/usr/bin/rg".into(),
            ..CommandSegment::default()
        }]
    }

    #[test]
    fn the_strictest_wins_whoever_says_it() {
        use {ExecAsk as A, ExecSecurity as S};
        for (exec, file, asked, expected) in [
            (json!({}), json!({}), (None, None), (S::Allowlist, A::OnMiss)),
            (
                json!({"security": "full", "ask": "off"}),
                json!({}),
                (None, None),
                (S::Full, A::Off),
            ),
            (
                json!({"security": "full", "ask": "off"}),
                json!({"security": "allowlist"}),
                (None, None),
                (S::Allowlist, A::Off),
            ),
            (
                json!({"security": "full", "ask": "off"}),
                json!({}),
                (Some(S::Deny), Some(A::Always)),
                (S::Deny, A::Always),
            ),
            (
                json!({"security": "deny"}),
                json!({"security": "full"}),
                (Some(S::Full), None),
                (S::Deny, A::OnMiss),
            ),
            (
                json!({"mode": "full"}),
                json!({}),
                (None, None),
                (S::Full, A::Off),
            ),
        ] {
            let request = ApprovalRequest {
                security: asked.0,
                ask: asked.1,
                ..ApprovalRequest::default()
            };
            let rules = rules(json!({ "defaults": file }));
            let policy = Policy::of(&config(exec.clone()), &rules, "main", &request);
            assert_eq!((policy.security, policy.ask), expected, "{exec} {file} {asked:?}");
        }
    }

    #[test]
    fn settings_and_rules_decide_as_documented() {
        let listed = json!({ "main": { "allowlist": [{ "pattern": "/usr/bin/rg" }] } });
        let none = json!({});
        let allowed = |basis| Judged::Allowed {
            basis,
            used: Vec::new(),
        };
        let by_rule = || Judged::Allowed {
            basis: ApprovalBasis::Rule,
            used: vec![("/usr/bin/rg".into(), "/usr/bin/rg".into())],
        };
        for (security, ask, agents, expected) in [
            ("full", "off", &none, allowed(ApprovalBasis::Policy)),
            ("full", "on-miss", &none, allowed(ApprovalBasis::Policy)),
            ("full", "always", &none, Judged::Ask { may_always: false }),
            ("allowlist", "on-miss", &none, Judged::Ask { may_always: true }),
            ("allowlist", "on-miss", &listed, by_rule()),
            ("allowlist", "off", &listed, by_rule()),
            ("allowlist", "always", &listed, Judged::Ask { may_always: false }),
        ] {
            let exec = json!({ "security": security, "ask": ask });
            let rules = rules(json!({ "agents": agents }));
            let policy = Policy::of(&config(exec), &rules, "main", &ApprovalRequest::default());
            assert_eq!(
                policy.judge(&rg(), Surroundings::default()),
                expected,
                "{security} {ask} {agents}"
            );
        }
        let denied = |security: &str, ask: &str| {
            let exec = json!({ "security": security, "ask": ask });
            let policy = Policy::of(
                &config(exec),
                &Rules::default(),
                "main",
                &ApprovalRequest::default(),
            );
            matches!(policy.judge(&rg(), Surroundings::default()), Judged::Denied(_))
        };
        assert!(denied("allowlist", "off") && denied("deny", "always") && denied("deny", "off"));
    }

    #[test]
    fn nobody_answering_is_a_no_unless_the_file_says_otherwise() {
        let of = |file: Value| {
            let policy = Policy::of(
                &config(json!({})),
                &rules(file),
                "main",
                &ApprovalRequest::default(),
            );
            policy.allows_unanswered(&rg(), Surroundings::default())
        };
        assert_eq!(of(json!({})), None);
        assert_eq!(of(json!({ "defaults": { "askFallback": "allowlist" } })), None);
        let listed = json!({
            "defaults": { "askFallback": "full" },
            "agents": { "*": { "allowlist": [{ "pattern": "/usr/bin/*" }] } },
        });
        // no more than `security` allows
        assert_eq!(of(listed), Some(ApprovalBasis::Rule));
    }

    #[test]
    fn programs_of_skills_need_no_rule_where_the_file_says_so() {
        let skills = ["/usr/bin/rg".to_owned()];
        let around = Surroundings {
            skills: &skills,
            home: None,
        };
        for (auto, allowed) in [(true, true), (false, false)] {
            let rules = rules(json!({ "defaults": { "autoAllowSkills": auto } }));
            let policy = Policy::of(&config(json!({})), &rules, "main", &ApprovalRequest::default());
            let judged = policy.judge(&rg(), around);
            assert_eq!(matches!(judged, Judged::Allowed { .. }), allowed, "{judged:?}");
        }
    }

    #[test]
    fn an_agent_has_settings_of_its_own_and_nonsense_is_strict() {
        let config = Config::from_value(json!({
            "tools": { "exec": { "security": "full", "ask": "off" } },
            "agents": { "list": [{ "id": "careful", "tools": { "exec": { "ask": "always" } } }] },
        }))
        .expect("valid");
        assert_eq!(
            configured(&config, "careful"),
            (ExecSecurity::Full, ExecAsk::Always)
        );
        assert_eq!(configured(&config, "main"), (ExecSecurity::Full, ExecAsk::Off));
    }
}
