//! From the configuration to the policy of one conversation, for one person in one place.
use super::{Layer, LayerKind, Policy, Side, Trust};
use crate::{
    config::{Agent, Config, ToolNames, ToolPolicy, ToolRules},
    route::main_key,
};
use serde_json::Value;
use std::collections::BTreeMap;

/// What a subagent does not use unless `tools.subagents.tools` allows it.
const NOT_FOR_SUBAGENTS: &[&str] = &[
    "sessions_list",
    "sessions_history",
    "sessions_send",
    "sessions_spawn",
    "session_status",
    "agents_list",
    "gateway",
    "cron",
    "memory_search",
    "memory_get",
];
/// What may be used in a sandbox where `tools.sandbox.tools` says nothing.
const IN_SANDBOX: &[&str] = &[
    "exec",
    "process",
    "read",
    "write",
    "edit",
    "apply_patch",
    "image",
    "sessions_list",
    "sessions_history",
    "sessions_send",
    "sessions_spawn",
    "session_status",
];
/// What may not be used in a sandbox unless `tools.sandbox.tools` allows it.
const NOT_IN_SANDBOX: &[&str] = &["browser", "canvas", "nodes", "cron", "gateway"];
/// What is between the agent and the id in the key of a subagent's conversation.
const SUBAGENT: &str = ":subagent:";

/// For whom and where a turn is.
#[derive(Debug, Clone)]
pub struct Subject<'a> {
    /// The configuration.
    pub config: &'a Config,
    /// Who answers.
    pub agent: &'a Agent,
    /// The conversation.
    pub session_key: &'a str,
    /// Where it was asked. None: not in a chat.
    pub place: Option<Place<'a>>,
    /// How far whoever asks is trusted.
    pub trust: Trust,
    /// What may be named in policies.
    pub known: &'a ToolNames,
}

/// A chat, and who writes there, as far as policies are about them.
#[derive(Debug, Clone, Default)]
pub struct Place<'a> {
    /// Rules of the chat, with the key of the configuration.
    pub chat: Option<(String, &'a ToolRules)>,
    /// Which entry of a map of people means the sender.
    pub sender: Option<Sender<'a>>,
}

/// Finds the entry of a map of people that means somebody.
#[derive(Clone, Copy)]
pub struct Sender<'a>(pub &'a (dyn Fn(&str) -> bool + Sync));

// === impl Policy ===

impl Policy {
    /// What the configuration says for somebody. What a conversation inherited comes on top, by [`Policy::meet`].
    pub fn of(subject: &Subject<'_>) -> Self {
        let layers = subject.layers();
        Self::new(Side {
            trust: subject.trust,
            layers: layers.into_iter().filter(|layer| !layer.is_empty()).collect(),
        })
    }
}

// === impl Subject ===

impl Subject<'_> {
    fn layers(&self) -> Vec<Layer> {
        let (tools, own) = (&self.config.tools, &self.agent.tools);
        let at = format!("agents.{}.tools", self.agent.id);
        let mut layers = Vec::new();
        layers.extend(self.profile(&at));
        layers.push(self.layer("tools", LayerKind::General, &wide(tools)));
        layers.push(self.layer(&at, LayerKind::General, &own_rules(own)));
        layers.extend(self.by_model("tools.byProvider", &tools.by_provider));
        layers.extend(self.by_model(&format!("{at}.byProvider"), &own.by_provider));
        if let Some(place) = &self.place {
            let chat = place.chat.as_ref();
            layers.extend(chat.map(|(at, rules)| self.layer(at, LayerKind::Place, rules)));
            let maps = [
                ("tools.toolsBySender".to_owned(), &tools.tools_by_sender),
                (format!("{at}.toolsBySender"), &own.tools_by_sender),
            ];
            for (at, map) in maps {
                let found = place.sender.and_then(|sender| sender.entry(map));
                layers.extend(
                    found.map(|(key, rules)| self.layer(&format!("{at}.{key}"), LayerKind::Place, rules)),
                );
            }
        }
        if is_sandboxed(self.config, self.agent, self.session_key) {
            layers.extend(self.nested(
                "tools.sandbox.tools",
                &tools.sandbox.tools,
                Some(IN_SANDBOX),
                NOT_IN_SANDBOX,
            ));
        }
        let depth = subagent_depth(self.session_key);
        if depth > 0 {
            let deepest = self.agent.settings.subagents.max_spawn_depth.unwrap_or(1);
            let mut not = NOT_FOR_SUBAGENTS.to_vec();
            if depth < deepest {
                // one that may start others has to know whom, and what became of them
                not.retain(|tool| !tool.starts_with("sessions_") && *tool != "agents_list");
            }
            layers.extend(self.nested("tools.subagents.tools", &tools.subagents.tools, None, &not));
        }
        layers
    }

    fn layer(&self, at: &str, kind: LayerKind, rules: &ToolRules) -> Layer {
        Layer::of(at, kind, rules, self.known)
    }

    /// The profile, the agent's before the one for all.
    fn profile(&self, at: &str) -> Option<Layer> {
        let (tools, own) = (&self.config.tools, &self.agent.tools);
        let also = if own.also_allow.is_empty() {
            &tools.also_allow
        } else {
            &own.also_allow
        };
        let named = own.profile.map(|profile| (format!("{at}.profile"), profile));
        let (at, profile) = named.or_else(|| Some(("tools.profile".to_owned(), tools.profile?)))?;
        Layer::profile(at, profile, also)
    }

    fn by_model(&self, at: &str, map: &BTreeMap<String, ToolRules>) -> Vec<Layer> {
        let mut layers = Vec::new();
        for (model, rules) in map {
            let here = format!("{at}.{model}");
            let profile = rules
                .profile
                .and_then(|profile| Layer::profile(format!("{here}.profile"), profile, &rules.also_allow));
            let own = self.layer(&here, LayerKind::General, rules);
            layers.extend(profile.into_iter().chain([own]).map(|layer| Layer {
                model: model.to_lowercase(),
                map: at.to_owned(),
                ..layer
            }));
        }
        layers
    }

    /// Rules that come with the gateway, as far as the operator's do not say otherwise, and the operator's.
    fn nested(&self, at: &str, rules: &ToolRules, allow: Option<&[&str]>, deny: &[&str]) -> [Layer; 2] {
        let wanted = || rules.allow.iter().flatten().chain(&rules.also_allow);
        let lifted = |tool: &str| wanted().any(|entry| super::layer::names_usual(entry, tool));
        let owned = |list: &[&str]| list.iter().map(|tool| (*tool).to_owned()).collect::<Vec<_>>();
        let usual = Layer {
            at: format!("{at} (by default)"),
            allow: allow.filter(|_| rules.allow.is_none()).map(owned),
            also: rules.also_allow.clone(),
            deny: owned(deny).into_iter().filter(|tool| !lifted(tool)).collect(),
            ..Layer::default()
        };
        [usual, self.layer(at, LayerKind::General, rules)]
    }
}

// === impl Sender ===

impl<'a> Sender<'a> {
    /// The entry for the sender, else the one for everybody.
    pub fn entry<'m>(&self, map: &'m BTreeMap<String, ToolRules>) -> Option<(&'m str, &'m ToolRules)> {
        let own = map.iter().find(|(key, _)| key.as_str() != "*" && (self.0)(key));
        let found = own.or_else(|| map.get_key_value("*"));
        found.map(|(key, rules)| (key.as_str(), rules))
    }
}

impl std::fmt::Debug for Sender<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sender")
    }
}

fn wide(tools: &crate::config::ToolsConfig) -> ToolRules {
    ToolRules {
        profile: None,
        allow: tools.allow.clone(),
        also_allow: tools.also_allow.clone(),
        deny: tools.deny.clone(),
    }
}

fn own_rules(own: &ToolPolicy) -> ToolRules {
    ToolRules {
        profile: None,
        allow: own.allow.clone(),
        also_allow: own.also_allow.clone(),
        deny: own.deny.clone(),
    }
}

/// How deep below a person's conversation this one is: 0 for those of people.
pub fn subagent_depth(session_key: &str) -> u32 {
    let count = session_key.matches(SUBAGENT).count();
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Whether the tools of a conversation run in a sandbox, `agents.*.sandbox.mode`.
pub fn is_sandboxed(config: &Config, agent: &Agent, session_key: &str) -> bool {
    let agents = &config.value()["agents"];
    let listed = agents["list"].as_array().into_iter().flatten();
    let is_agent =
        |entry: &&Value| entry["id"].as_str().map(crate::config::agent_id).as_deref() == Some(&agent.id);
    let entries = agents["entries"].as_object().into_iter().flatten();
    let named = entries
        .filter(|(id, _)| crate::config::agent_id(id) == agent.id)
        .map(|(_, entry)| entry);
    let own = named.chain(listed.filter(is_agent));
    let mut modes = own
        .chain([&agents["defaults"]])
        .map(|entry| &entry["sandbox"]["mode"]);
    match modes.find_map(Value::as_str) {
        Some("all") => true,
        Some("non-main") => session_key != main_key(&agent.id),
        _ => false,
    }
}
