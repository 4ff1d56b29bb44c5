//! One set of rules for tools, as it stands in the configuration, and how its names are understood.
use crate::{
    agent::tools::Offered,
    config::{
        ToolNames, ToolProfile, ToolRules,
        tool_names::{self, canonical, fits},
    },
};
use serde::{Deserialize, Serialize};

/// Rules that stand in one place.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Layer {
    /// Where they stand, `tools`.
    pub at: String,
    /// What they are about.
    pub kind: LayerKind,
    /// `provider` or `provider/model`; empty for all.
    pub model: String,
    /// The map of models that it stands in.
    pub map: String,
    /// The only tools. None: any.
    pub allow: Option<Vec<String>>,
    /// Tools in addition to `allow`.
    pub also: Vec<String>,
    /// Tools that may not be used.
    pub deny: Vec<String>,
    /// Names in `allow` that look like a mistake: they count as usual tools, so they never open anything.
    pub mistaken: Vec<String>,
}

/// What rules are about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LayerKind {
    /// A profile: a list that comes with the gateway.
    Profile,
    /// The gateway, an agent, a model, a subagent.
    #[default]
    General,
    /// The chat or the person: what it allows was allowed with them in mind.
    Place,
}

/// Whether a profile has a tool.
pub fn in_profile(profile: ToolProfile, tool: &Offered) -> bool {
    Layer::profile("", profile, &[]).is_none_or(|layer| layer.allows(tool))
}

// === impl LayerKind ===

impl LayerKind {
    pub(super) const ALLOW: &'static str = "allow";
    pub(super) const DENY: &'static str = "deny";
}

// === impl Layer ===

impl Layer {
    /// Rules of the configuration. A list of nothing, as `alsoAllow` alone, leaves everything else as it is. A name that
    /// looks like a mistake forbids what was meant, and allows nothing.
    pub fn of(at: impl Into<String>, kind: LayerKind, rules: &ToolRules, known: &ToolNames) -> Self {
        let allow = rules.allow.clone().filter(|allow| !allow.is_empty());
        let mistaken = allow.iter().flatten().filter(|name| known.is_mistake(name));
        let meant = rules.deny.iter().filter_map(|name| known.meant(name));
        Self {
            at: at.into(),
            kind,
            mistaken: mistaken.cloned().collect(),
            deny: rules.deny.iter().cloned().chain(meant).collect(),
            also: rules.also_allow.clone(),
            allow,
            ..Self::default()
        }
    }

    /// A profile and what is allowed beside it. None: it leaves everything as it is.
    pub fn profile(at: impl Into<String>, profile: ToolProfile, also: &[String]) -> Option<Self> {
        let tools = tool_names::profile(profile)?;
        Some(Self {
            at: format!("{} \"{}\"", at.into(), profile.word()),
            kind: LayerKind::Profile,
            allow: Some(tools.iter().map(|name| (*name).to_owned()).collect()),
            also: also.to_vec(),
            ..Self::default()
        })
    }

    /// Whether it says anything.
    pub fn is_empty(&self) -> bool {
        self.allow.is_none() && self.also.is_empty() && self.deny.is_empty()
    }

    /// The key of one of its lists.
    pub(super) fn key_of(&self, list: &str) -> String {
        match self.kind {
            LayerKind::Profile => self.at.clone(),
            _ => format!("{}.{list}", self.at),
        }
    }

    /// Whether it is about this model: what is said of one model goes before what is said of its provider.
    pub(super) fn holds_for(&self, model: &str, all: &[Self]) -> bool {
        if self.model.is_empty() || self.model.eq_ignore_ascii_case(model) {
            return true;
        }
        let provider = model.split('/').next().unwrap_or_default();
        let nearer = |other: &Self| other.model.eq_ignore_ascii_case(model) && other.map == self.map;
        self.model.eq_ignore_ascii_case(provider) && !all.iter().any(nearer)
    }

    /// The entry that forbids a tool.
    pub(super) fn denies(&self, tool: &Offered) -> Option<&str> {
        let entry = self.deny.iter().find(|entry| names(entry, tool));
        entry.map(String::as_str)
    }

    /// Whether it lets a tool pass. A list that names nothing but tools of plugins is about those alone.
    pub(super) fn allows(&self, tool: &Offered) -> bool {
        let Some(allow) = &self.allow else {
            return true;
        };
        let usual = tool_names::is_usual(&canonical(&tool.spec.name));
        let about_plugins =
            self.kind != LayerKind::Profile && allow.iter().all(|entry| !self.is_usual(entry));
        (about_plugins && usual) || lists(allow, tool) || lists(&self.also, tool)
    }

    /// Whether it allows a tool with the place or the person in mind.
    pub(super) fn opens(&self, tool: &Offered) -> bool {
        let listed = |list: &[String]| lists(list, tool);
        self.kind == LayerKind::Place && (self.allow.as_deref().is_some_and(listed) || listed(&self.also))
    }

    /// Whether an entry is about usual tools.
    fn is_usual(&self, entry: &str) -> bool {
        let name = canonical(entry);
        let group = name.strip_prefix(tool_names::GROUP);
        let stars = || {
            let mut usual = tool_names::usual();
            name.contains('*') && usual.any(|known| fits(&name, &known))
        };
        group.map_or_else(
            || tool_names::is_usual(&name),
            |group| group != tool_names::PLUGINS,
        ) || self.mistaken.iter().any(|mistaken| mistaken == entry)
            || stars()
    }
}

/// Whether a list allows a tool. Whoever may run commands may change files with them too.
fn lists(allow: &[String], tool: &Offered) -> bool {
    let patches = tool.spec.name == "apply_patch";
    let implied = |entry: &String| patches && names_usual(entry, "exec");
    allow.iter().any(|entry| names(entry, tool) || implied(entry))
}

/// Whether an entry means a tool: by name, by a group, by its plugin.
fn names(entry: &str, tool: &Offered) -> bool {
    let (entry, name) = (canonical(entry), canonical(&tool.spec.name));
    if entry == "group:plugins" {
        return tool.plugin.is_some() && !tool_names::is_usual(&name);
    }
    let of_plugin = tool
        .plugin
        .as_ref()
        .is_some_and(|id| entry.eq_ignore_ascii_case(id));
    of_plugin || names_usual(&entry, &name)
}

/// Whether an entry means a tool by name or by a group.
pub(super) fn names_usual(entry: &str, name: &str) -> bool {
    let entry = canonical(entry);
    match entry.strip_prefix(tool_names::GROUP) {
        Some(group) => tool_names::group(group).is_some_and(|tools| tools.contains(&name)),
        None => fits(&entry, name),
    }
}
