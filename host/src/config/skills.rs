//! `skills`: instructions for special work that agents find in folders.
use super::{
    secrets::{SecretInput, sensitive_key},
    substitute::variables,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Words in the name of a variable that holds a secret.
const SECRET_WORDS: &[&str] = &[
    "AUTH",
    "BEARER",
    "COOKIE",
    "CREDENTIAL",
    "CREDENTIALS",
    "CREDS",
    "DSN",
    "KEY",
    "KEYS",
    "PASS",
    "PASSPHRASE",
    "PASSWD",
    "PASSWORD",
    "PAT",
    "PRIVATE",
    "PWD",
    "SECRET",
    "SECRETS",
    "SIGNATURE",
    "TOKEN",
    "TOKENS",
];

/// `skills`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct SkillsConfig {
    /// Where they are found.
    pub load: SkillsLoad,
    /// Single skills by key.
    pub entries: BTreeMap<String, SkillEntry>,
}

/// `skills.load`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct SkillsLoad {
    /// More folders with skills; those of others go first.
    pub extra_dirs: Vec<String>,
}

/// `skills.entries.<key>`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct SkillEntry {
    /// Is it offered? Default: true.
    pub enabled: Option<bool>,
    /// The value of its main variable.
    pub api_key: Option<SecretInput>,
    /// Variables that it needs.
    pub env: BTreeMap<String, SecretInput>,
    /// What else it can be told.
    pub config: BTreeMap<String, Value>,
    /// Names in `env` whose value is not written there: it is a reference to a secret, or comes from a variable whose name
    /// says that it holds one.
    #[serde(skip)]
    fetched: BTreeSet<String>,
}

// === impl SkillsConfig ===

impl SkillsConfig {
    /// Notes which variables hold what was fetched from elsewhere. `written`: the configuration as it stands in the files.
    pub(super) fn note_fetched(&mut self, written: &Value) {
        for (key, entry) in &mut self.entries {
            let env = written["skills"]["entries"][key]["env"].as_object();
            let fetched = env.into_iter().flatten().filter(|(_, value)| is_fetched(value));
            entry.fetched = fetched.map(|(name, _)| name.clone()).collect();
        }
    }
}

// === impl SkillEntry ===

impl SkillEntry {
    /// Does this variable of `env` hold a secret, by its name or by where its value comes from?
    pub fn is_secret(&self, name: &str) -> bool {
        names_secret(name) || self.fetched.contains(name)
    }
}

fn is_fetched(written: &Value) -> bool {
    match written {
        Value::String(text) => variables(text).iter().any(|name| names_secret(name)),
        // a reference
        other => other.is_object(),
    }
}

/// Does the name of a variable say that it holds a secret?
fn names_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let mut words = name.split(|c: char| !c.is_ascii_alphabetic());
    sensitive_key(&name) || words.any(|word| SECRET_WORDS.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_tell_what_holds_a_secret() {
        for name in [
            "MAPS_KEY",
            "GITHUB_TOKEN",
            "DB_PASSWORD",
            "myapikey",
            "AWS_SECRET_ACCESS_KEY",
            "GH_PAT",
            "KEY2",
            "SENTRY_DSN",
        ] {
            assert!(names_secret(name), "{name}");
        }
        for name in [
            "MAPS_REGION",
            "DEBUG",
            "KEYBOARD",
            "MONKEY",
            "PATH_TO_MAPS",
            "AUTHOR",
        ] {
            assert!(!names_secret(name), "{name}");
        }
    }

    #[test]
    fn what_comes_from_elsewhere_is_known_by_how_it_is_written() {
        let mut skills: SkillsConfig = serde_json::from_value(json!({ "entries": {
            "maps": { "env": { "A": "x", "B": "x", "C": "x", "D": "x", "E": "x" } },
            "other": {},
        } }))
        .expect("valid");
        skills.note_fetched(&json!({ "skills": { "entries": { "maps": { "env": {
            "A": "plain", "B": { "source": "env", "id": "B" }, "C": "Bearer ${MY_TOKEN}", "D": "${REGION}", "E": "$${MY_TOKEN}",
        } } } } }));
        let secret: Vec<_> = ["A", "B", "C", "D", "E"]
            .into_iter()
            .filter(|name| skills.entries["maps"].is_secret(name))
            .collect();
        assert_eq!(secret, ["B", "C"]);
        assert!(!skills.entries["other"].is_secret("B"));
    }
}
