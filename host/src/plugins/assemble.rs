//! From the configuration and the files that were found to what each plugin is to be: on or off, why, and with which
//! settings. Says what is configured and absent.
use super::{
    accounts,
    discover::{Candidate, Folders, Found, Origin},
    egress,
    ladder::{self, Switches},
    menu,
    plugin::Spec,
    sections, serves,
    settings::{ChildLimits, Deadlines, Isolation, Settings},
    stage::Integrity,
};
use crate::config::{
    Config, DeadlinesConfig, EntryConfig, IsolationConfig, JsonPath, Paths, Problem, ToolNames,
};
use openclaw_plugin_api::{Manifest, NetworkPermission, Permissions};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::Duration,
};

/// What there is to start, and what there should be.
#[derive(Debug, Clone, Default)]
pub struct Assembly {
    /// Every plugin that was found.
    pub specs: Vec<Spec>,
    /// Files that are none, and ids with two files.
    pub problems: Vec<String>,
    /// What the configuration asks for and no file offers.
    pub absent: Vec<Absent>,
}

/// Something configured that no plugin offers.
#[derive(Debug, Clone, PartialEq)]
pub struct Absent {
    /// `plugin x`, `channel x`
    pub what: String,
    /// The key that asks for it.
    pub key: String,
    /// The gateway may not start without it.
    pub required: bool,
    /// Where was looked.
    pub folders: Vec<PathBuf>,
}

/// The folders that a configuration leads to.
pub fn folders(config: &Config, paths: &Paths, exe: &Path, bundled: Option<&str>) -> Folders {
    let mut beside = Folders::beside(exe);
    beside.extend(bundled.map(|folder| paths.expand(folder)));
    Folders {
        config: config
            .plugins
            .load
            .paths
            .iter()
            .map(|path| paths.expand(path))
            .collect(),
        installed: Some(paths.plugins_dir()),
        bundled: beside,
    }
}

/// Decides about every plugin.
pub fn assemble(config: &Config, found: &Found) -> Assembly {
    let switches = switches(config, found);
    let mut specs: Vec<_> = found
        .plugins
        .values()
        .map(|candidate| spec(config, candidate, &switches))
        .collect();
    menu::write(config, &mut specs);
    let mut problems: Vec<String> = found.duplicates.iter().map(ToString::to_string).collect();
    problems.extend(found.rejects.iter().map(|reject| reject.error.to_string()));
    let missing = found.missing.iter();
    problems.extend(missing.map(|path| format!("plugins.load.paths: {} does not exist", path.display())));
    let mut assembly = Assembly {
        specs,
        problems,
        absent: Vec::new(),
    };
    find_absent(config, found, &mut assembly);
    assembly
}

/// What the configuration says to the ladder.
pub fn switches(config: &Config, found: &Found) -> Switches {
    let plugins = &config.plugins;
    // a plugin that is not to be used serves nobody, so that another one can
    let usable: Vec<_> = found
        .plugins
        .values()
        .filter(|candidate| may_run(config, &candidate.library.manifest.id))
        .collect();
    let manifests: Vec<_> = usable
        .iter()
        .map(|candidate| &candidate.library.manifest)
        .collect();
    Switches {
        enabled: plugins.enabled,
        allow: plugins.allow.clone(),
        deny: plugins.deny.clone(),
        channels: config.channels(),
        providers: config.providers(),
        sections: usable
            .iter()
            .filter_map(|candidate| {
                let manifest = &candidate.library.manifest;
                let section = sections::switch(config, manifest, candidate.origin)?;
                Some((manifest.id.clone(), section))
            })
            .collect(),
        services: serves::speakers(config, &manifests),
    }
}

/// Does the configuration leave it to need whether a plugin is on, or want it on?
fn may_run(config: &Config, id: &str) -> bool {
    let plugins = &config.plugins;
    let listed = |list: &[String]| list.iter().any(|listed| listed == id);
    let off = plugins
        .entries
        .get(id)
        .is_some_and(|entry| entry.enabled == Some(false));
    !off && !listed(&plugins.deny) && (plugins.allow.is_empty() || listed(&plugins.allow))
}

fn spec(config: &Config, candidate: &Candidate, switches: &Switches) -> Spec {
    let manifest = candidate.library.manifest.clone();
    let entry = config
        .plugins
        .entries
        .get(&manifest.id)
        .cloned()
        .unwrap_or_default();
    let reason = ladder::decide(&manifest, entry.enabled, switches);
    let settings = settings(config, &manifest, &entry, candidate.origin);
    Spec {
        manifest,
        path: candidate.path.clone(),
        origin: candidate.origin,
        reason,
        settings,
    }
}

fn settings(config: &Config, manifest: &Manifest, entry: &EntryConfig, origin: Origin) -> Settings {
    let isolation = match (entry.isolation, origin) {
        (Some(IsolationConfig::None), _) => Isolation::None,
        (Some(IsolationConfig::Process), _) => Isolation::Process,
        (None, Origin::Bundled) => Isolation::None,
        (None, Origin::Config | Origin::Installed) => Isolation::Process,
    };
    let pin = entry.integrity.clone().unwrap_or_default();
    let own = sections::configuration(config, manifest, entry, origin);
    Settings {
        moved_routes: sections::moved(manifest, &own),
        isolation,
        integrity: Integrity {
            sha256: pin.sha256,
            public_key: pin.minisign.as_ref().map(|key| key.public_key.clone()),
            signature: pin.minisign.and_then(|key| key.signature),
        },
        permissions: permissions(config, manifest, entry, &own),
        config: own,
        required: entry.required || config.plugins.required.contains(&manifest.id),
        deadlines: deadlines(&entry.deadlines),
        limits: ChildLimits {
            memory: entry.permissions.memory_mb.map(|mb| mb << 20),
        },
        accounts: manifest
            .channels
            .iter()
            .flat_map(|channel| {
                let schema = manifest.channel_schemas.get(channel);
                let all = accounts::accounts(&config.value()["channels"][channel], schema);
                all.into_iter().map(|account| (channel.clone(), account))
            })
            .collect(),
        allow_private_network: entry.permissions.private_network,
    }
}

/// The manifest's wish; each key that the operator sets replaces it. Hosts of addresses in the configuration are added.
fn permissions(config: &Config, manifest: &Manifest, entry: &EntryConfig, own: &Value) -> Permissions {
    let wish = manifest.permissions.clone();
    let set = &entry.permissions;
    let network = match set.network.as_deref() {
        Some("none") => NetworkPermission::None,
        Some("own") => NetworkPermission::Own,
        Some(_) => NetworkPermission::Host,
        None => wish.network,
    };
    let files = set.files.clone();
    let mut hosts = set.hosts.clone().unwrap_or(wish.hosts);
    for host in egress::hosts(config, manifest)
        .into_iter()
        .chain(egress::of_sections(manifest, own))
    {
        if !hosts.contains(&host) {
            hosts.push(host);
        }
    }
    Permissions {
        network,
        hosts,
        read: files.as_ref().map_or(wish.read, |files| files.read.clone()),
        write: files.map_or(wish.write, |files| files.write),
        processes: set.processes.clone().unwrap_or(wish.processes),
    }
}

fn deadlines(set: &DeadlinesConfig) -> Deadlines {
    let or = |ms: Option<u64>, default: Duration| ms.map_or(default, Duration::from_millis);
    let usual = Deadlines::default();
    Deadlines {
        start: or(set.start_ms, usual.start),
        call: or(set.call_ms, usual.call),
        tool: or(set.tool_ms, usual.tool),
        complete: or(set.complete_ms, usual.complete),
        stop: or(set.stop_ms, usual.stop),
    }
}

fn find_absent(config: &Config, found: &Found, assembly: &mut Assembly) {
    let plugins = &config.plugins;
    let mut absent = |what: String, key: String, required: bool| {
        assembly.absent.push(Absent {
            what,
            key,
            required,
            folders: found.folders.clone(),
        });
    };
    for id in &plugins.required {
        if !found.plugins.contains_key(id) {
            absent(format!("plugin {id}"), "plugins.required".into(), true);
        }
    }
    for (id, entry) in &plugins.entries {
        let known = found.plugins.contains_key(id) || plugins.required.contains(id);
        if !known && entry.enabled != Some(false) {
            absent(
                format!("plugin {id}"),
                format!("plugins.entries.{id}"),
                entry.required,
            );
        }
    }
    let offered: BTreeSet<_> = found
        .plugins
        .values()
        .flat_map(|c| c.library.manifest.channels.iter())
        .collect();
    let manifests = found.plugins.values().map(|c| &c.library.manifest);
    for section in sections::unread(config, manifests) {
        absent(format!("a plugin for {section}"), section.to_owned(), false);
    }
    for channel in config.channels() {
        if !offered.contains(&channel) {
            absent(format!("channel {channel}"), format!("channels.{channel}"), false);
        }
    }
}

impl Assembly {
    /// What policies for tools may name: plugins that were found, on or off, and their tools.
    pub fn tool_names(&self) -> ToolNames {
        let names = self.specs.iter().flat_map(|spec| {
            let tools = spec
                .manifest
                .declared()
                .into_iter()
                .filter(|(kind, _)| *kind == "tool/1");
            tools.map(|(_, id)| id).chain([spec.manifest.id.as_str()])
        });
        ToolNames::new(names)
    }

    /// Of a key of this configuration and what is in it: the outermost keys that no plugin reads.
    pub fn unread(&self, config: &Config, key: &JsonPath) -> Vec<JsonPath> {
        if !self.reads(key) {
            return vec![key.clone()];
        }
        match key.of(config.value()) {
            Some(Value::Object(map)) => {
                let inner = map.keys().map(|name| key.key(name));
                inner.flat_map(|key| self.unread(config, &key)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// What is said of keys without effect, about those that no plugin reads.
    pub fn warnings(&self, config: &Config, warnings: Vec<Problem>) -> Vec<Problem> {
        let unread = warnings.into_iter().flat_map(|warning| {
            let paths = self.unread(config, &warning.path);
            paths.into_iter().map(move |path| Problem {
                path,
                ..warning.clone()
            })
        });
        unread.collect()
    }

    /// Does a plugin that was found read this key, in a section of its own?
    fn reads(&self, key: &JsonPath) -> bool {
        self.specs
            .iter()
            .any(|spec| sections::reads(&spec.manifest, &spec.settings.config, key))
    }
}

impl std::fmt::Display for Absent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let folders: Vec<_> = self
            .folders
            .iter()
            .map(|folder| folder.display().to_string())
            .collect();
        write!(
            f,
            "{} asks for {}, and no library offers it; install it with `openclaw plugins install`, or remove the key \
             (looked in {})",
            self.key,
            self.what,
            folders.join(", ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_configured_and_absent_is_named_with_its_key() {
        let config = Config::from_value(json!({
            "plugins": {"entries": {"gone": {"enabled": true}, "off": {"enabled": false}}, "required": ["must"]},
            "channels": {"pigeon": {}}
        }))
        .expect("valid");
        let found = Found {
            folders: vec!["/a/b".into()],
            ..Found::default()
        };
        let absent: Vec<_> = assemble(&config, &found).absent;
        let keys: Vec<_> = absent
            .iter()
            .map(|absent| (absent.key.as_str(), absent.required))
            .collect();
        assert_eq!(
            keys,
            [
                ("plugins.required", true),
                ("plugins.entries.gone", false),
                ("channels.pigeon", false)
            ]
        );
        assert!(absent[0].to_string().contains("/a/b"), "{}", absent[0]);
    }

    #[test]
    fn of_a_key_that_a_plugin_reads_the_keys_that_it_does_not_read_are_told() {
        let written = json!({ "tools": { "exec": { "ask": "off", "odd": { "x": 1 } } } });
        let config = Config::from_value(written).expect("valid");
        let manifest = Manifest {
            id: "x".into(),
            sections: vec!["tools.exec".into()],
            ..Manifest::default()
        };
        let mut spec = crate::plugins::fake::spec(manifest, true);
        spec.settings.config = json!({ "tools": { "exec": { "ask": "off" } } });
        let assembly = Assembly {
            specs: vec![spec],
            problems: Vec::new(),
            absent: Vec::new(),
        };
        let unread = |path: &str| {
            let keys = assembly.unread(&config, &path.parse().expect("a path"));
            keys.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(unread("tools.exec"), ["tools.exec.odd"]);
        assert_eq!(unread("tools.exec.ask"), Vec::<String>::new());
        assert_eq!(unread("tools.fs"), ["tools.fs"]);
    }
}
