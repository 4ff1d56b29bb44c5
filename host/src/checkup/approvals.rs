//! Rules for commands (`exec-approvals.json`) that let more run than they seem to.
use super::{Finding, Ground};
use serde_json::Value;

/// The file, for people.
const FILE: &str = "exec-approvals.json";
/// Programs that run what they are told in their arguments.
const INTERPRETERS: [&str; 13] = [
    "sh", "bash", "zsh", "python", "python3", "node", "deno", "bun", "perl", "ruby", "php", "lua", "env",
];

/// Judges the rules.
pub(super) fn approvals(ground: &Ground) -> Vec<Finding> {
    let rules = &ground.approvals.0;
    let agents = rules["agents"].as_object().into_iter().flatten();
    let scopes = agents.map(|(id, rules)| (format!("agents.{id}"), rules));
    let scopes = std::iter::once(("defaults".to_owned(), &rules["defaults"])).chain(scopes);
    scopes.flat_map(|(name, rules)| scope(&name, rules)).collect()
}

fn scope(name: &str, rules: &Value) -> Vec<Finding> {
    let mut findings = Vec::new();
    if rules["askFallback"] == "full" {
        findings.push(
            Finding::critical(
                "tools.exec.ask_fallback_full",
                "commands that nobody answered for run all the same",
            )
            .because(format!(
                "{FILE}: {name}.askFallback is \"full\", so silence means yes"
            ))
            .remedy(format!("set {name}.askFallback in {FILE} to \"deny\"")),
        );
    }
    if rules["autoAllowSkills"] == true {
        findings.push(
            Finding::warn(
                "tools.exec.auto_allow_skills_enabled",
                "what a skill names may run",
            )
            .because(format!(
                "{FILE}: {name}.autoAllowSkills is on, and skills are texts that anybody may have written"
            ))
            .remedy(format!("set {name}.autoAllowSkills in {FILE} to false")),
        );
    }
    let patterns = rules["allowlist"].as_array().into_iter().flatten();
    let patterns = patterns.filter_map(|rule| rule["pattern"].as_str().or_else(|| rule.as_str()));
    let risky: Vec<_> = patterns.filter(|pattern| is_interpreter(pattern)).collect();
    if !risky.is_empty() {
        findings.push(
            Finding::warn(
                "tools.exec.allowlist_interpreter_without_strict_inline_eval",
                "a rule allows a program that runs anything",
            )
            .because(format!("{FILE}: {name}.allowlist has {}", risky.join(", ")))
            .remedy("openclaw approvals get, then openclaw approvals allowlist remove <pattern>; allow single scripts instead"),
        );
    }
    findings
}

/// A rule for the program itself, whatever it is given to run.
fn is_interpreter(pattern: &str) -> bool {
    let name = pattern.rsplit('/').next().unwrap_or(pattern);
    pattern == "*" || pattern == "**" || INTERPRETERS.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkup::Written;
    use serde_json::json;

    #[test]
    fn rules_that_let_anything_run_are_found() {
        let ids = |rules: Value| {
            let ground = Ground {
                approvals: Written(rules),
                ..Ground::default()
            };
            approvals(&ground)
                .into_iter()
                .map(|finding| finding.id)
                .collect::<Vec<_>>()
        };
        assert!(ids(Value::Null).is_empty());
        assert!(ids(json!({"defaults": {"askFallback": "deny"}, "agents": {"main": {"allowlist": [{"pattern": "/usr/bin/jq"}]}}})).is_empty());
        assert_eq!(
            ids(
                json!({"defaults": {"askFallback": "full"}, "agents": {"main": {"autoAllowSkills": true,
                "allowlist": [{"pattern": "/usr/bin/python3"}]}}})
            ),
            [
                "tools.exec.ask_fallback_full",
                "tools.exec.auto_allow_skills_enabled",
                "tools.exec.allowlist_interpreter_without_strict_inline_eval"
            ]
        );
    }
}
