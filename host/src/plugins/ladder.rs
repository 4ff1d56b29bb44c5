//! Which plugins are on, and why: the ladder that OpenClaw users know, with the reason for every rung.
use openclaw_plugin_api::Manifest;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// What the configuration says about plugins, as far as the ladder asks.
#[derive(Debug, Clone)]
pub struct Switches {
    /// `plugins.enabled`
    pub enabled: bool,
    /// `plugins.allow`; empty means no restriction.
    pub allow: Vec<String>,
    /// `plugins.deny`
    pub deny: Vec<String>,
    /// `channels.<id>` blocks that are not switched off.
    pub channels: BTreeSet<String>,
    /// Providers that a model reference or an auth profile names.
    pub providers: BTreeSet<String>,
    /// Sections that are switched on, by the plugin that reads them.
    pub sections: BTreeMap<String, String>,
    /// Services of `models.providers` that no plugin knows by name, by the plugin that speaks to them.
    pub services: BTreeMap<String, String>,
}

/// Why a plugin is on or off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// `plugins.enabled` is false.
    AllDisabled,
    /// `plugins.deny` names it.
    Denied,
    /// `plugins.allow` is a list without it.
    NotAllowed,
    /// `plugins.entries.<id>.enabled` is true.
    EnabledInConfig,
    /// `plugins.entries.<id>.enabled` is false.
    DisabledInConfig,
    /// A channel block needs it.
    Channel(String),
    /// A model reference or an auth profile needs it.
    Provider(String),
    /// A service of `models.providers` needs it.
    Service(String),
    /// A section of the configuration that it reads is switched on.
    Section(String),
    /// Its manifest says so.
    DefaultEnabled,
    /// Nothing switches it on.
    NotConfigured,
    /// Another plugin offers the same.
    Clash {
        /// What both declare.
        what: String,
        /// The plugin that has it.
        owner: String,
    },
    /// Its code ended the gateway again and again.
    Crashed {
        /// How often lately.
        times: usize,
    },
    /// The gateway crashed again and again.
    SafeMode,
}

impl Reason {
    /// Does this reason switch it on?
    pub fn is_on(&self) -> bool {
        matches!(
            self,
            Self::EnabledInConfig
                | Self::Channel(_)
                | Self::Provider(_)
                | Self::Service(_)
                | Self::Section(_)
                | Self::DefaultEnabled
        )
    }

    /// Is it off for what the gateway went through, and not because somebody wants it so?
    pub fn is_set_aside(&self) -> bool {
        matches!(self, Self::Crashed { .. } | Self::SafeMode)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AllDisabled => f.write_str("plugins.enabled is false"),
            Self::Denied => f.write_str("named in plugins.deny"),
            Self::NotAllowed => f.write_str("not named in plugins.allow"),
            Self::EnabledInConfig => f.write_str("enabled in config"),
            Self::DisabledInConfig => f.write_str("disabled in config"),
            Self::Channel(id) => write!(f, "channels.{id} is configured"),
            Self::Provider(id) => write!(f, "a model or auth profile of {id} is configured"),
            Self::Service(id) => write!(f, "models.providers.{id} needs it"),
            Self::Section(path) => write!(f, "{path} is switched on"),
            Self::DefaultEnabled => f.write_str("on by default"),
            Self::NotConfigured => f.write_str("nothing enables it"),
            Self::Clash { what, owner } => {
                write!(f, "{what} already belongs to plugin {owner}; disable one of them")
            }
            Self::Crashed { times } => {
                write!(
                    f,
                    "set aside: its code ended the gateway {times} times lately; reload it to try again"
                )
            }
            Self::SafeMode => {
                f.write_str("set aside: the gateway crashed again and again; reload it to try again")
            }
        }
    }
}

/// Climbs the ladder; the first rung that decides wins.
pub fn decide(manifest: &Manifest, entry: Option<bool>, switches: &Switches) -> Reason {
    let id = &manifest.id;
    if !switches.enabled {
        return Reason::AllDisabled;
    }
    if switches.deny.contains(id) {
        return Reason::Denied;
    }
    if !switches.allow.is_empty() && !switches.allow.contains(id) {
        return Reason::NotAllowed;
    }
    match entry {
        Some(true) => return Reason::EnabledInConfig,
        Some(false) => return Reason::DisabledInConfig,
        None => {}
    }
    if let Some(channel) = manifest
        .channels
        .iter()
        .find(|channel| switches.channels.contains(*channel))
    {
        return Reason::Channel(channel.clone());
    }
    if let Some(provider) = manifest
        .providers
        .iter()
        .find(|provider| switches.providers.contains(*provider))
    {
        return Reason::Provider(provider.clone());
    }
    if let Some(service) = switches.services.get(id) {
        return Reason::Service(service.clone());
    }
    if let Some(section) = switches.sections.get(id) {
        return Reason::Section(section.clone());
    }
    if manifest.default_enabled {
        Reason::DefaultEnabled
    } else {
        Reason::NotConfigured
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn switches() -> Switches {
        Switches {
            enabled: true,
            allow: Vec::new(),
            deny: Vec::new(),
            channels: BTreeSet::new(),
            providers: BTreeSet::new(),
            sections: BTreeMap::new(),
            services: BTreeMap::new(),
        }
    }

    #[test]
    fn every_rung_beats_those_below_it() {
        let manifest = Manifest {
            id: "x".into(),
            channels: vec!["chat".into()],
            providers: vec!["vendor".into()],
            default_enabled: true,
            ..Manifest::default()
        };
        let mut s = switches();
        s.channels.insert("chat".into());
        s.providers.insert("vendor".into());
        assert_eq!(decide(&manifest, None, &s), Reason::Channel("chat".into()));
        assert_eq!(decide(&manifest, Some(false), &s), Reason::DisabledInConfig);
        assert_eq!(decide(&manifest, Some(true), &s), Reason::EnabledInConfig);
        s.allow = vec!["y".into()];
        assert_eq!(decide(&manifest, Some(true), &s), Reason::NotAllowed);
        s.allow.push("x".into());
        assert_eq!(decide(&manifest, Some(true), &s), Reason::EnabledInConfig);
        s.deny = vec!["x".into()];
        assert_eq!(decide(&manifest, Some(true), &s), Reason::Denied);
        s.enabled = false;
        assert_eq!(decide(&manifest, Some(true), &s), Reason::AllDisabled);
    }

    #[test]
    fn below_the_entry_it_is_need_and_then_the_manifest() {
        let mut manifest = Manifest {
            id: "x".into(),
            providers: vec!["vendor".into()],
            ..Manifest::default()
        };
        let mut s = switches();
        assert_eq!(decide(&manifest, None, &s), Reason::NotConfigured);
        manifest.default_enabled = true;
        assert_eq!(decide(&manifest, None, &s), Reason::DefaultEnabled);
        s.services.insert("x".into(), "box".into());
        let service = decide(&manifest, None, &s);
        assert_eq!(
            (service.to_string(), service.is_on()),
            ("models.providers.box needs it".into(), true)
        );
        s.providers.insert("vendor".into());
        assert_eq!(decide(&manifest, None, &s), Reason::Provider("vendor".into()));
    }
}
