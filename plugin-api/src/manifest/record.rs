//! The manifest as JSON.
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What a plugin is, what it registers and what it needs. Read from the file without executing anything.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Manifest {
    /// Version of this record, 1.
    pub manifest_version: u32,
    /// Id under which the plugin is configured: `plugins.entries.<id>`. Lower-case letters, digits, `-`.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// One line on what it does; from Cargo's `description`.
    pub description: String,
    /// The plugin's own version (semver); from Cargo.
    pub version: String,
    /// From Cargo, separated by `:`.
    pub authors: String,
    /// From Cargo, an SPDX expression.
    pub license: String,
    /// From Cargo.
    pub homepage: String,
    /// Version of `openclaw-plugin-api` that it was built with (semver).
    pub api_version: String,
    /// Which description of the ABI the library carries: `abi_stable-0.11`, or `c-1` if it is not written in Rust.
    pub abi: String,
    /// For `c-1`: hash of the header that it was built with.
    pub abi_hash: String,
    /// Compiler that built it.
    pub rustc: String,
    /// Target triple that it was built for.
    pub target: String,
    /// Whether a panic can be caught inside the plugin.
    pub panic: PanicStrategy,
    /// Channel ids that it registers.
    pub channels: Vec<String>,
    /// Model provider ids that it registers.
    pub providers: Vec<String>,
    /// APIs of model services that it speaks to any address, `acme-chat`. A service of `models.providers` that no plugin
    /// knows by its id is served by a plugin that names its `api` here, under that plugin's first provider.
    pub apis: Vec<String>,
    /// Tool names that it registers.
    pub tools: Vec<String>,
    /// Speech engine ids that it registers.
    pub speech: Vec<String>,
    /// HTTP paths that it registers, `/webhooks/x`.
    pub routes: Vec<String>,
    /// Gateway methods that it registers, `<prefix>.<name>`.
    pub methods: Vec<String>,
    /// Commands that it registers, for chats and for the command line.
    pub commands: Vec<String>,
    /// Background services that it registers.
    pub services: Vec<String>,
    /// JSON Schema of `plugins.entries.<id>.config`. Absent: the plugin takes no configuration.
    pub config_schema: Option<Value>,
    /// JSON Schema of `channels.<id>`, by channel id.
    pub channel_schemas: Map<String, Value>,
    /// Sections of `openclaw.json` beside `plugins.entries.<id>` that it reads, `gateway.http.endpoints`. They stand in its
    /// configuration under the same path. One of them with `enabled: true` switches the plugin on.
    pub sections: Vec<String>,
    /// Routes that the operator can move, by the key of a section that says where to.
    pub route_keys: Map<String, Value>,
    /// How a form shows the fields of the configuration: JSON path to label, help, placeholder, sensitive, advanced.
    pub ui_hints: Map<String, Value>,
    /// Environment variables that it may ask the host for.
    pub secrets: Vec<String>,
    /// What it needs beyond calls of the host.
    pub permissions: Permissions,
    /// Is it on when the configuration says nothing?
    pub default_enabled: bool,
}

/// What a plugin needs. The operator may narrow or widen it in `plugins.entries.<id>.permissions`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Permissions {
    /// Who opens its sockets.
    pub network: NetworkPermission,
    /// Hosts that it reaches through the host's HTTP and WebSocket: `api.example.org`, `*.example.org`,
    /// `localhost:8080`, or `*` for any.
    pub hosts: Vec<String>,
    /// Paths that it reads besides its own state. Absolute, or relative to `~`.
    pub read: Vec<String>,
    /// Paths that it writes.
    pub write: Vec<String>,
    /// Programs that it starts, by name or absolute path.
    pub processes: Vec<String>,
}

/// Who opens a plugin's sockets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NetworkPermission {
    /// Nobody: it has no network.
    #[default]
    None,
    /// The host, to the declared hosts only.
    Host,
    /// The plugin itself, anywhere.
    Own,
}

/// How the library was compiled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PanicStrategy {
    /// A panic unwinds and is caught.
    Unwind,
    /// A panic ends the process, so such a plugin runs isolated or not at all.
    #[default]
    Abort,
}

impl Manifest {
    /// The capabilities that follow from what it registers, with their revisions: `channel/1`, `tool/1`, …
    pub fn capabilities(&self) -> Vec<&'static str> {
        self.surfaces()
            .into_iter()
            .filter(|(_, ids)| !ids.is_empty())
            .map(|(capability, _)| capability)
            .collect()
    }

    /// Everything that it says it registers, as (capability, id), sorted.
    pub fn declared(&self) -> Vec<(&'static str, &str)> {
        let surfaces = self.surfaces();
        let pairs = surfaces
            .into_iter()
            .flat_map(|(kind, ids)| ids.iter().map(move |id| (kind, id.as_str())));
        let mut all: Vec<_> = pairs.collect();
        all.sort_unstable();
        all
    }

    /// Does it say that it registers this?
    pub fn declares(&self, capability: &str, id: &str) -> bool {
        let surfaces = self.surfaces();
        surfaces
            .iter()
            .any(|(kind, ids)| *kind == capability && ids.iter().any(|declared| declared == id))
    }

    /// What is registered but not declared, or declared but not registered, in words. `None`: they agree.
    #[cfg(feature = "plugin")]
    pub fn difference(&self, registered: &crate::Registrations) -> Option<String> {
        let declared = self.declared();
        let mut actual: Vec<_> = registered
            .registrations
            .iter()
            .map(|r| (r.capability.as_str(), r.id.as_str()))
            .collect();
        actual.sort_unstable();
        let list = |items: Vec<String>| items.join(", ");
        let show = |(capability, id): &(&str, &str)| format!("{capability} \"{id}\"");
        let extra = list(
            actual
                .iter()
                .filter(|item| !declared.contains(item))
                .map(show)
                .collect(),
        );
        let missing = list(
            declared
                .iter()
                .filter(|item| !actual.contains(item))
                .map(show)
                .collect(),
        );
        let twice = list(
            actual
                .windows(2)
                .filter(|pair| pair[0] == pair[1])
                .map(|pair| show(&pair[0]))
                .collect(),
        );
        let parts = [
            ("not declared: ", extra),
            ("declared but missing: ", missing),
            ("twice: ", twice),
        ];
        let parts: Vec<_> = parts
            .into_iter()
            .filter(|(_, items)| !items.is_empty())
            .map(|(what, items)| what.to_owned() + &items)
            .collect();
        if parts.is_empty() {
            return None;
        }
        Some(format!(
            "plugin {} registers something else than its manifest declares ({})",
            self.id,
            parts.join("; ")
        ))
    }

    fn surfaces(&self) -> [(&'static str, &Vec<String>); 8] {
        [
            ("channel/1", &self.channels),
            ("provider/1", &self.providers),
            ("tool/1", &self.tools),
            ("speech/1", &self.speech),
            ("http/1", &self.routes),
            ("method/1", &self.methods),
            ("command/1", &self.commands),
            ("service/1", &self.services),
        ]
    }
}
