//! Plugins: whose code runs, with which rights, and whether it is the code that was meant.
use super::Finding;
use serde_json::Value;

/// What is known of a plugin without running it.
#[derive(Debug, Clone, Default)]
pub struct PluginFacts {
    /// Its id.
    pub id: String,
    /// Where it is.
    pub path: String,
    /// It is on.
    pub is_on: bool,
    /// It came with the program.
    pub bundled: bool,
    /// It is named in `plugins.load.paths`, so whatever lies there is loaded.
    pub loose: bool,
    /// It runs in a process of its own.
    pub isolated: bool,
    /// Its hash or its signature is fixed.
    pub pinned: bool,
    /// It may start programs, or opens its own sockets.
    pub powers: Vec<String>,
    /// What keeps it from loading.
    pub faults: Vec<String>,
}

/// Judges plugins.
pub fn extensions(plugins: &[PluginFacts], value: &Value) -> Vec<Finding> {
    let mut findings = Vec::new();
    let foreign: Vec<_> = plugins
        .iter()
        .filter(|plugin| plugin.is_on && !plugin.bundled)
        .collect();
    for plugin in &foreign {
        let id = &plugin.id;
        if !plugin.pinned {
            findings.push(
                Finding::warn("plugins.installs_missing_integrity", format!("plugin {id} is not pinned"))
                    .because(format!("whoever can replace {} has it loaded at the next start", plugin.path))
                    .remedy(format!(
                        "openclaw config set plugins.entries.{id}.integrity.sha256 \"$(sha256sum '{}' | cut -d' ' -f1)\"",
                        plugin.path
                    )),
            );
        }
        if plugin.loose {
            findings.push(
                Finding::warn(
                    "plugins.loose_path",
                    format!("plugin {id} is loaded from where it lies"),
                )
                .because(format!("{} is found by plugins.load.paths", plugin.path))
                .remedy(format!(
                    "openclaw plugins install '{}', and take the path out of plugins.load.paths",
                    plugin.path
                )),
            );
        }
        if !plugin.isolated {
            findings.push(
                Finding::warn(
                    "plugins.not_isolated",
                    format!("plugin {id} runs in the gateway's own process"),
                )
                .because("it did not come with the program, and can do all that the gateway can")
                .remedy(format!(
                    "openclaw config set plugins.entries.{id}.isolation process"
                )),
            );
        }
        if plugin.isolated && !plugin.powers.is_empty() {
            findings.push(
                Finding::info(
                    "plugins.powers",
                    format!("plugin {id} may do more than speak through the gateway"),
                )
                .because(format!("it may {}", plugin.powers.join(" and ")))
                .remedy(format!(
                    "nothing, or take it away: plugins.entries.{id}.permissions"
                )),
            );
        }
    }
    let listed = value["plugins"]["allow"]
        .as_array()
        .is_some_and(|allow| !allow.is_empty());
    if !foreign.is_empty() && !listed {
        let ids: Vec<_> = foreign.iter().map(|plugin| plugin.id.as_str()).collect();
        findings.push(
            Finding::warn(
                "plugins.extensions_no_allowlist",
                "any plugin that is found may be switched on",
            )
            .because(format!(
                "plugins from elsewhere are on ({}) and plugins.allow is empty",
                ids.join(", ")
            ))
            .remedy("name all plugins that you use in plugins.allow"),
        );
    }
    for plugin in plugins {
        for fault in &plugin.faults {
            let finding = match plugin.is_on {
                true => Finding::critical("plugins.fault", format!("plugin {} does not load", plugin.id)),
                // it would, if it were switched on
                false => Finding::info(
                    "plugins.fault",
                    format!("plugin {} is off, and would not load", plugin.id),
                ),
            };
            findings.push(
                finding
                    .because(fault)
                    .remedy(format!("openclaw plugins inspect {}", plugin.id)),
            );
        }
    }
    findings
}
