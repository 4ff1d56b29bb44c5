//! The author's side: a [`Declaration`] made of constants.

/// What a plugin registers and needs, as constants. Everything else in the manifest comes from `Cargo.toml`.
///
/// ```
/// use openclaw_plugin_api::{Declaration, Network};
/// const D: Declaration = Declaration::new("weather", "Weather")
///     .tools(&["forecast"])
///     .network(Network::Host(&["api.weather.example"]))
///     .secrets(&["WEATHER_API_KEY"]);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Declaration {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    pub(super) channels: &'static [&'static str],
    pub(super) providers: &'static [&'static str],
    pub(super) apis: &'static [&'static str],
    pub(super) tools: &'static [&'static str],
    pub(super) speech: &'static [&'static str],
    pub(super) routes: &'static [&'static str],
    pub(super) methods: &'static [&'static str],
    pub(super) commands: &'static [&'static str],
    pub(super) services: &'static [&'static str],
    pub(super) config_schema: Option<&'static str>,
    pub(super) channel_schemas: &'static [(&'static str, &'static str)],
    pub(super) sections: &'static [&'static str],
    pub(super) route_keys: &'static [(&'static str, &'static str)],
    pub(super) ui_hints: Option<&'static str>,
    pub(super) secrets: &'static [&'static str],
    pub(super) network: Network,
    pub(super) hosts: &'static [&'static str],
    pub(super) read: &'static [&'static str],
    pub(super) write: &'static [&'static str],
    pub(super) processes: &'static [&'static str],
    pub(super) default_enabled: bool,
    pub(super) own_runtime: bool,
}

/// Who opens a plugin's sockets.
#[derive(Debug, Clone, Copy)]
pub enum Network {
    /// Nobody.
    None,
    /// The host, to these hosts only (`api.example.org`, `*.example.org`, `localhost:8080`, `*`).
    Host(&'static [&'static str]),
    /// The plugin itself. Needs the `tokio` feature for most crates; the operator sees it.
    Own,
}

/// What `export_plugin!` takes from the author's `Cargo.toml`.
#[derive(Debug, Clone, Copy)]
pub struct Package {
    /// `version`
    pub version: &'static str,
    /// `description`
    pub description: &'static str,
    /// `authors`
    pub authors: &'static str,
    /// `license`
    pub license: &'static str,
    /// `homepage`
    pub homepage: &'static str,
    /// Is the author's crate compiled with `panic = "unwind"`?
    pub unwind: bool,
}

// === impl Declaration ===

impl Declaration {
    /// A plugin that registers nothing yet. The id is what operators write in `plugins.entries.<id>`: 1 to 64
    /// lower-case letters, digits and `-`, beginning with a letter; anything else does not compile.
    pub const fn new(id: &'static str, name: &'static str) -> Self {
        assert!(
            is_id(id),
            "a plugin id is 1 to 64 lower-case letters, digits and '-', beginning with a letter"
        );
        Self {
            id,
            name,
            channels: &[],
            providers: &[],
            apis: &[],
            tools: &[],
            speech: &[],
            routes: &[],
            methods: &[],
            commands: &[],
            services: &[],
            config_schema: None,
            channel_schemas: &[],
            sections: &[],
            route_keys: &[],
            ui_hints: None,
            secrets: &[],
            network: Network::None,
            hosts: &[],
            read: &[],
            write: &[],
            processes: &[],
            default_enabled: false,
            own_runtime: false,
        }
    }

    /// Channel ids that it registers.
    pub const fn channels(mut self, ids: &'static [&'static str]) -> Self {
        self.channels = ids;
        self
    }

    /// Model provider ids that it registers.
    pub const fn providers(mut self, ids: &'static [&'static str]) -> Self {
        self.providers = ids;
        self
    }

    /// APIs of model services that it speaks to any address that an operator names in `models.providers`.
    pub const fn apis(mut self, ids: &'static [&'static str]) -> Self {
        self.apis = ids;
        self
    }

    /// Tool names that it registers.
    pub const fn tools(mut self, names: &'static [&'static str]) -> Self {
        self.tools = names;
        self
    }

    /// Speech engine ids that it registers.
    pub const fn speech(mut self, ids: &'static [&'static str]) -> Self {
        self.speech = ids;
        self
    }

    /// HTTP paths that it registers.
    pub const fn routes(mut self, paths: &'static [&'static str]) -> Self {
        self.routes = paths;
        self
    }

    /// Gateway methods that it registers.
    pub const fn methods(mut self, names: &'static [&'static str]) -> Self {
        self.methods = names;
        self
    }

    /// Commands that it registers.
    pub const fn commands(mut self, names: &'static [&'static str]) -> Self {
        self.commands = names;
        self
    }

    /// Background services that it registers.
    pub const fn services(mut self, ids: &'static [&'static str]) -> Self {
        self.services = ids;
        self
    }

    /// JSON Schema of the plugin's configuration; see [`crate::config_schema!`].
    pub const fn config(mut self, schema: &'static str) -> Self {
        self.config_schema = Some(schema);
        self
    }

    /// JSON Schemas of the channels' own blocks, `channels.<id>`.
    pub const fn channel_config(mut self, schemas: &'static [(&'static str, &'static str)]) -> Self {
        self.channel_schemas = schemas;
        self
    }

    /// Sections of `openclaw.json` beside `plugins.entries.<id>` that it reads, for keys that operators already know by
    /// another place. They stand in [`crate::Registrar::config`] under the same path, so `config_schema` describes them
    /// too. A section with `enabled: true` in it switches the plugin on. The host gives sections to bundled plugins, and
    /// to others what `plugins.entries.<id>.permissions.sections` lists; it never gives what holds others' secrets.
    pub const fn sections(mut self, paths: &'static [&'static str]) -> Self {
        self.sections = paths;
        self
    }

    /// Routes that the operator can move: the declared path, and the key in one of [`Declaration::sections`] that says
    /// where to. The plugin goes on seeing the declared path.
    pub const fn route_keys(mut self, keys: &'static [(&'static str, &'static str)]) -> Self {
        self.route_keys = keys;
        self
    }

    /// How forms show the configuration: a JSON object, path to hint; see [`crate::ui_hints!`].
    pub const fn ui_hints(mut self, hints: &'static str) -> Self {
        self.ui_hints = Some(hints);
        self
    }

    /// Environment variables that it asks the host for.
    pub const fn secrets(mut self, variables: &'static [&'static str]) -> Self {
        self.secrets = variables;
        self
    }

    /// Who opens its sockets.
    pub const fn network(mut self, network: Network) -> Self {
        self.network = network;
        self
    }

    /// Hosts that it reaches through the host's services although it opens sockets of its own ([`Network::Own`]).
    pub const fn hosts(mut self, hosts: &'static [&'static str]) -> Self {
        self.hosts = hosts;
        self
    }

    /// Paths that it reads and paths that it writes, besides its own state.
    pub const fn files(mut self, read: &'static [&'static str], write: &'static [&'static str]) -> Self {
        self.read = read;
        self.write = write;
        self
    }

    /// Programs that it starts.
    pub const fn processes(mut self, programs: &'static [&'static str]) -> Self {
        self.processes = programs;
        self
    }

    /// On when the configuration says nothing.
    pub const fn default_enabled(mut self) -> Self {
        self.default_enabled = true;
        self
    }

    /// Its futures run on a tokio runtime of its own (one thread), so that any async crate works. Implies
    /// [`Network::Own`].
    #[cfg(feature = "tokio")]
    pub const fn own_runtime(mut self) -> Self {
        self.own_runtime = true;
        self.network = Network::Own;
        self
    }

    /// The plugin's id.
    pub const fn id(&self) -> &'static str {
        self.id
    }

    /// Does it ask for a runtime of its own?
    pub const fn wants_own_runtime(&self) -> bool {
        self.own_runtime
    }
}

const fn is_id(id: &str) -> bool {
    let bytes = id.as_bytes();
    if bytes.is_empty() || bytes.len() > 64 || !bytes[0].is_ascii_lowercase() {
        return false;
    }
    let mut i = 0;
    while i < bytes.len() {
        if !(bytes[i].is_ascii_lowercase() || bytes[i].is_ascii_digit() || bytes[i] == b'-') {
            return false;
        }
        i += 1;
    }
    true
}
