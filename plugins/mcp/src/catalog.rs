//! What a server offers, as models and policies see it.
//!
//! Names and texts come from the server. Invariant: a name is one that models can use and begins with the server's; texts
//! and schemas are bounded; an operator's filter is applied to the name that the server uses.
use crate::config::ToolFilter;
use openclaw_plugin_api::{ToolSpec, prelude::*};
use std::{
    collections::BTreeSet,
    hash::{DefaultHasher, Hash, Hasher},
};

/// Tools of one server that are offered; what comes after them is left out, and logged.
const MAX_TOOLS: usize = 128;
/// Characters of a tool's description.
const MAX_DESCRIPTION: usize = 1_024;
/// Bytes of a tool's schema. A larger one is replaced by "any object".
const MAX_SCHEMA: usize = 32 << 10;
/// Characters of an offered name; vendors of models take no more.
const MAX_NAME: usize = 64;

/// What a server offers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Catalog {
    /// Tells whether this still belongs to the server that is configured.
    pub fingerprint: u64,
    /// Its tools.
    pub tools: Vec<Known>,
    /// Has it resources?
    pub resources: bool,
    /// Has it prompts?
    pub prompts: bool,
}

/// One tool.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Known {
    /// Its name on the server.
    pub name: String,
    /// What models see.
    pub spec: ToolSpec,
}

// === impl Catalog ===

impl Catalog {
    /// Takes what the server says it has.
    pub fn tools_of(server: &str, filter: &ToolFilter, told: Vec<rmcp::model::Tool>) -> Vec<Known> {
        let mut taken = BTreeSet::new();
        let mut tools = Vec::new();
        for tool in told.into_iter().filter(|tool| permits(filter, &tool.name)) {
            if tools.len() == MAX_TOOLS {
                tracing::warn!(
                    server,
                    limit = MAX_TOOLS,
                    "a server has more tools than are offered; choose with toolFilter"
                );
                break;
            }
            let name = tool.name.clone().into_owned();
            let spec = spec(server, tool);
            if taken.insert(spec.name.clone()) {
                tools.push(Known { name, spec });
            }
        }
        tools
    }
}

fn spec(server: &str, tool: rmcp::model::Tool) -> ToolSpec {
    let hints = tool.annotations.unwrap_or_default();
    let reads_only = hints.read_only_hint == Some(true);
    let mut parameters = Value::Object((*tool.input_schema).clone());
    if parameters["type"] != "object" || parameters.to_string().len() > MAX_SCHEMA {
        parameters = json!({ "type": "object" });
    }
    let description = tool
        .description
        .or(tool.title.map(Into::into))
        .unwrap_or_default();
    ToolSpec {
        name: offered_name(server, &tool.name),
        description: plain(&description),
        parameters,
        idempotent: reads_only || hints.idempotent_hint == Some(true),
        side_effects: !reads_only,
    }
}

/// `<server>__<tool>`, in characters that vendors of models take. One that has to be shortened ends with a number made of
/// the whole name, so that two of them stay two.
pub fn offered_name(server: &str, tool: &str) -> String {
    let fit = |c: char| {
        if c.is_ascii_alphanumeric() || c == '-' {
            c
        } else {
            '_'
        }
    };
    let clean = |text: &str| text.chars().map(fit).collect::<String>();
    let plain = format!("{server}__{tool}");
    let name = format!("{}__{}", clean(server), clean(tool));
    if name == plain && name.len() <= MAX_NAME {
        return name;
    }
    let end = format!("_{:08x}", hash(&plain) as u32);
    let begin: String = name.chars().take(MAX_NAME - end.len()).collect();
    begin + &end
}

/// A number of a value, the same in every run of the same build.
pub fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

fn plain(text: &str) -> String {
    let printable = text.chars().filter(|c| !c.is_control() || *c == '\n');
    printable.take(MAX_DESCRIPTION).collect()
}

fn permits(filter: &ToolFilter, name: &str) -> bool {
    let any = |patterns: &[String]| patterns.iter().any(|pattern| matches(pattern, name));
    (filter.include.is_empty() || any(&filter.include)) && !any(&filter.exclude)
}

/// `*` stands for anything, also for nothing.
fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<_> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(tools: Value) -> Vec<rmcp::model::Tool> {
        serde_json::from_value(tools).expect("tools")
    }

    #[test]
    fn names_are_made_fit_and_stay_different() {
        assert_eq!(offered_name("time", "get_now"), "time__get_now");
        let (a, b) = (offered_name("s", "a.b"), offered_name("s", "a/b"));
        assert_ne!(a, b);
        let (long, longer) = (
            offered_name("s", &"x".repeat(80)),
            offered_name("s", &"x".repeat(81)),
        );
        assert_ne!(long, longer);
        for name in [a, b, long, longer, offered_name("", ""), offered_name("é", "ü")] {
            assert!(
                name.len() <= MAX_NAME
                    && name
                        .chars()
                        .all(|c| c.is_ascii_alphanumeric() || "_-".contains(c)),
                "{name}"
            );
        }
    }

    #[test]
    fn filters_know_stars() {
        for (pattern, name, matched) in [
            ("*", "a", true),
            ("get_*", "get_a", true),
            ("get_*", "forget_a", false),
            ("*_a", "get_a", true),
            ("g*_*a", "get_a", true),
            ("a*a", "a", false),
            ("get", "get_a", false),
            ("", "a", false),
        ] {
            assert_eq!(matches(pattern, name), matched, "{pattern} {name}");
        }
        let filter = ToolFilter {
            include: vec!["read*".into()],
            exclude: vec!["*secret".into()],
        };
        assert!(
            permits(&filter, "read_a") && !permits(&filter, "write_a") && !permits(&filter, "read_secret")
        );
    }

    #[test]
    fn what_a_server_says_is_bounded() {
        let tools = told(json!([
            {"name": "a", "description": format!("\u{1b}[31m{}", "d".repeat(9_000)), "inputSchema": {"type": "object"},
             "annotations": {"readOnlyHint": true}},
            {"name": "a", "inputSchema": {"type": "object"}},
            {"name": "b", "inputSchema": {"type": "string"}},
            {"name": "c", "inputSchema": {"type": "object", "description": "x".repeat(MAX_SCHEMA)}},
        ]));
        let known = Catalog::tools_of("s", &ToolFilter::default(), tools);
        assert_eq!(
            known
                .iter()
                .map(|tool| tool.spec.name.as_str())
                .collect::<Vec<_>>(),
            ["s__a", "s__b", "s__c"]
        );
        assert_eq!(known[0].spec.description.len(), MAX_DESCRIPTION);
        assert!(!known[0].spec.side_effects && known[0].spec.idempotent);
        assert!(known[1].spec.side_effects && !known[1].spec.idempotent);
        for tool in &known {
            assert_eq!(tool.spec.parameters, json!({"type": "object"}));
        }
        let many = (0..200).map(|n| json!({"name": format!("t{n}"), "inputSchema": {"type": "object"}}));
        let known = Catalog::tools_of("s", &ToolFilter::default(), told(many.collect()));
        assert_eq!(known.len(), MAX_TOOLS);
    }
}
