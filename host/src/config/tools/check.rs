//! Names in policies that nobody has: a fault where it looks like a mistake, a warning where a plugin may be missing.
//!
//! A policy with a mistake in it must not be taken for a good one, and a start must not fail for a plugin that was
//! removed: so the gateway starts with both and closes what the mistake may have meant to close (`agent::policy`).
use super::names;
use crate::config::{Config, Fault, JsonPath};
use serde_json::Value;

/// Farthest that a mistyped name is from the one that was meant, edits.
const MAX_DISTANCE: usize = 2;
/// The lists of a policy.
const LISTS: [&str; 3] = ["allow", "alsoAllow", "deny"];
/// Where channels have policies, at any depth.
const PLACES: [&str; 2] = ["tools", "toolsBySender"];
/// How deep channels nest their places.
const MAX_DEPTH: usize = 8;

/// What may be named besides the usual: tools of plugins, and the plugins themselves.
#[derive(Debug, Clone, Default)]
pub struct ToolNames(Vec<String>);

/// A name that nobody has.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Strange {
    /// It looks like this one.
    Like(String),
    /// There is no such group.
    NoGroup,
    /// A plugin may have it that is not there.
    Unknown,
}

/// All names in policies that nobody has: those that look like mistakes, and the others.
pub fn check(config: &Config, known: &ToolNames) -> (Vec<Fault>, Vec<Fault>) {
    let mut found = Vec::new();
    let (value, root) = (config.value(), JsonPath::root());
    walk_tools(&value["tools"], &root.key("tools"), known, &mut found);
    let agents = root.key("agents");
    for (n, agent) in value["agents"]["list"]
        .as_array()
        .into_iter()
        .flatten()
        .enumerate()
    {
        let at = agents.key("list").index(n).key("tools");
        walk_tools(&agent["tools"], &at, known, &mut found);
    }
    for (id, agent) in value["agents"]["entries"].as_object().into_iter().flatten() {
        let at = agents.key("entries").key(id).key("tools");
        walk_tools(&agent["tools"], &at, known, &mut found);
    }
    for (id, channel) in value["channels"].as_object().into_iter().flatten() {
        walk_channel(
            channel,
            &root.key("channels").key(id),
            known,
            MAX_DEPTH,
            &mut found,
        );
    }
    let (faults, warnings) = found
        .into_iter()
        .partition::<Vec<_>, _>(|(_, strange)| *strange != Strange::Unknown);
    let told = |found: Vec<(JsonPath, Strange)>| {
        found
            .into_iter()
            .map(|(path, strange)| strange.told(path))
            .collect()
    };
    (told(faults), told(warnings))
}

fn walk_tools(tools: &Value, at: &JsonPath, known: &ToolNames, found: &mut Vec<(JsonPath, Strange)>) {
    rules(tools, at, known, found);
    for map in ["byProvider", "toolsBySender"] {
        for (key, inner) in tools[map].as_object().into_iter().flatten() {
            rules(inner, &at.key(map).key(key), known, found);
        }
    }
    for nested in ["subagents", "sandbox"] {
        rules(
            &tools[nested]["tools"],
            &at.key(nested).key("tools"),
            known,
            found,
        );
    }
}

fn walk_channel(
    value: &Value,
    at: &JsonPath,
    known: &ToolNames,
    depth: usize,
    found: &mut Vec<(JsonPath, Strange)>,
) {
    for (key, inner) in value.as_object().into_iter().flatten().filter(|_| depth > 0) {
        let here = at.key(key);
        match key.as_str() {
            key if key == PLACES[0] => rules(inner, &here, known, found),
            key if key == PLACES[1] => {
                for (who, own) in inner.as_object().into_iter().flatten() {
                    rules(own, &here.key(who), known, found);
                }
            }
            _ => walk_channel(inner, &here, known, depth - 1, found),
        }
    }
}

fn rules(rules: &Value, at: &JsonPath, known: &ToolNames, found: &mut Vec<(JsonPath, Strange)>) {
    for list in LISTS {
        for (n, name) in rules[list].as_array().into_iter().flatten().enumerate() {
            if let Some(strange) = name.as_str().and_then(|name| known.strange(name)) {
                found.push((at.key(list).index(n), strange));
            }
        }
    }
}

// === impl ToolNames ===

impl ToolNames {
    /// These ids of plugins and names of tools, and the usual ones.
    pub fn new<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> Self {
        let own = names.into_iter().map(|name| name.as_ref().to_lowercase());
        Self(own.chain(names::usual()).collect())
    }

    /// Whether a name in a policy is one that somebody may well have meant otherwise: it must not open anything.
    pub fn is_mistake(&self, written: &str) -> bool {
        matches!(self.strange(written), Some(Strange::Like(_) | Strange::NoGroup))
    }

    /// The name that a mistyped one was meant to be.
    pub fn meant(&self, written: &str) -> Option<String> {
        match self.strange(written) {
            Some(Strange::Like(known)) => Some(known),
            _ => None,
        }
    }

    fn strange(&self, written: &str) -> Option<Strange> {
        let name = names::canonical(written);
        if name.is_empty() || self.0.contains(&name) {
            return None;
        }
        if name.contains('*') {
            let any = self.0.iter().any(|known| names::fits(&name, known));
            return (!any).then_some(Strange::Unknown);
        }
        let near = self
            .0
            .iter()
            .map(|known| (strsim::osa_distance(&name, known), known));
        let near = near
            .min()
            .filter(|(distance, known)| *distance <= MAX_DISTANCE.min(known.len() / 3));
        Some(match near {
            Some((_, known)) => Strange::Like(known.clone()),
            None if name.starts_with(names::GROUP) => Strange::NoGroup,
            None => Strange::Unknown,
        })
    }
}

// === impl Strange ===

impl Strange {
    fn told(self, path: JsonPath) -> Fault {
        let message = match self {
            Self::Like(known) => format!("names no tool, group or plugin; did you mean `{known}`?"),
            Self::NoGroup => {
                let groups: Vec<_> = names::usual()
                    .filter(|name| name.starts_with(names::GROUP))
                    .collect();
                format!("names no group of tools; there are {}", groups.join(", "))
            }
            Self::Unknown => "names no tool, group or plugin that is there; it has no effect".to_owned(),
        };
        Fault { path, message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(value: Value, known: &[&str]) -> (Vec<String>, Vec<String>) {
        let config = Config::from_value(value).expect("valid in itself");
        let (faults, warnings) = check(&config, &ToolNames::new(known));
        let texts = |faults: Vec<Fault>| faults.iter().map(ToString::to_string).collect();
        (texts(faults), texts(warnings))
    }

    #[test]
    fn a_mistyped_name_is_a_fault_with_the_nearest_one() {
        let (faults, warnings) = told(
            json!({
                "tools": { "allow": ["exce", "Bash", "group:fss", "lobster", "web_*"], "deny": ["group:nothing-like-it"],
                    "byProvider": { "p": { "alsoAllow": ["sesions_list"] } } },
                "agents": { "list": [{ "id": "a", "tools": { "deny": ["reed"] } }] },
                "channels": { "chat": { "groups": { "g": { "tools": { "allow": ["mesage"] },
                    "toolsBySender": { "1": { "deny": ["corn"] } } } } } },
            }),
            &["lobster"],
        );
        assert_eq!(
            faults,
            [
                "tools.allow[0]: names no tool, group or plugin; did you mean `exec`?",
                "tools.allow[2]: names no tool, group or plugin; did you mean `group:fs`?",
                "tools.deny[0]: names no group of tools; there are group:fs, group:runtime, group:web, group:memory, \
                 group:sessions, group:ui, group:automation, group:messaging, group:nodes, group:openclaw, group:plugins",
                "tools.byProvider.p.alsoAllow[0]: names no tool, group or plugin; did you mean `sessions_list`?",
                "agents.list[0].tools.deny[0]: names no tool, group or plugin; did you mean `read`?",
                "channels.chat.groups.g.tools.allow[0]: names no tool, group or plugin; did you mean `message`?",
                "channels.chat.groups.g.toolsBySender.1.deny[0]: names no tool, group or plugin; did you mean `cron`?",
            ]
        );
        assert!(warnings.is_empty(), "{warnings:?}");
    }

    #[test]
    fn the_tool_of_an_absent_plugin_is_a_warning() {
        let (faults, warnings) = told(json!({ "tools": { "allow": ["lobster", "crab_*"] } }), &[]);
        assert!(faults.is_empty(), "{faults:?}");
        assert_eq!(warnings.len(), 2, "{warnings:?}");
        let names = ToolNames::new(["lobster"]);
        assert!(names.is_mistake("exce") && names.is_mistake("group:x"));
        assert!(!names.is_mistake("crab") && !names.is_mistake("lobster"));
    }
}
