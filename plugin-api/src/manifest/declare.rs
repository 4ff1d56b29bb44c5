//! The author's side: a [`Declaration`] made of constants, written as JSON into a section while compiling.
use super::MAGIC;

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
    id: &'static str,
    name: &'static str,
    channels: &'static [&'static str],
    providers: &'static [&'static str],
    tools: &'static [&'static str],
    speech: &'static [&'static str],
    routes: &'static [&'static str],
    methods: &'static [&'static str],
    commands: &'static [&'static str],
    services: &'static [&'static str],
    config_schema: Option<&'static str>,
    channel_schemas: &'static [(&'static str, &'static str)],
    ui_hints: Option<&'static str>,
    secrets: &'static [&'static str],
    network: Network,
    read: &'static [&'static str],
    write: &'static [&'static str],
    processes: &'static [&'static str],
    default_enabled: bool,
    own_runtime: bool,
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

/// What lies in the section: magic, length (little-endian), JSON. No padding.
#[repr(C)]
#[derive(Debug)]
pub struct Blob<const N: usize> {
    magic: [u8; 8],
    len: [u8; 4],
    json: [u8; N],
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
            tools: &[],
            speech: &[],
            routes: &[],
            methods: &[],
            commands: &[],
            services: &[],
            config_schema: None,
            channel_schemas: &[],
            ui_hints: None,
            secrets: &[],
            network: Network::None,
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
    pub const fn channel_config(
        mut self,
        schemas: &'static [(&'static str, &'static str)],
    ) -> Self {
        self.channel_schemas = schemas;
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

    /// Paths that it reads and paths that it writes, besides its own state.
    pub const fn files(
        mut self,
        read: &'static [&'static str],
        write: &'static [&'static str],
    ) -> Self {
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

// === impl Blob ===

impl<const N: usize> Blob<N> {
    /// Frames a manifest.
    pub const fn new(json: [u8; N]) -> Self {
        assert!(N <= super::MAX_LEN, "the manifest is larger than 1 MiB");
        let n = N as u32;
        Self {
            magic: *MAGIC,
            len: n.to_le_bytes(),
            json,
        }
    }

    /// The JSON inside.
    pub const fn as_str(&'static self) -> &'static str {
        match std::str::from_utf8(&self.json) {
            Ok(text) => text,
            Err(_) => panic!("the manifest is not UTF-8"),
        }
    }
}

// === the writer, run by the compiler ===

/// How long the manifest is. Bytes.
pub const fn manifest_len(declaration: &Declaration, package: &Package) -> usize {
    let mut out = Writer { bytes: [], len: 0 };
    out.manifest(declaration, package);
    out.len
}

/// The manifest itself; `N` is [`manifest_len`].
pub const fn manifest_json<const N: usize>(
    declaration: &Declaration,
    package: &Package,
) -> [u8; N] {
    let mut out = Writer {
        bytes: [0; N],
        len: 0,
    };
    out.manifest(declaration, package);
    assert!(
        out.len == N,
        "manifest_json must be called with the length that manifest_len gives"
    );
    out.bytes
}

/// Writes what fits and counts the rest, so that the same code measures and writes.
struct Writer<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> Writer<N> {
    const fn manifest(&mut self, d: &Declaration, p: &Package) {
        self.raw("{\"manifestVersion\":1,\"id\":");
        self.string(d.id);
        self.field("name", d.name);
        self.field("description", p.description);
        self.field("version", p.version);
        self.field("authors", p.authors);
        self.field("license", p.license);
        self.field("homepage", p.homepage);
        self.field("apiVersion", crate::API_VERSION);
        self.field("abi", crate::ABI);
        self.field("rustc", env!("OPENCLAW_RUSTC"));
        self.field("target", env!("OPENCLAW_TARGET"));
        self.field("panic", if p.unwind { "unwind" } else { "abort" });
        self.list("channels", d.channels);
        self.list("providers", d.providers);
        self.list("tools", d.tools);
        self.list("speech", d.speech);
        self.list("routes", d.routes);
        self.list("methods", d.methods);
        self.list("commands", d.commands);
        self.list("services", d.services);
        self.list("secrets", d.secrets);
        self.json("configSchema", d.config_schema);
        self.json("uiHints", d.ui_hints);
        self.schemas(d.channel_schemas);
        self.permissions(d);
        self.raw(if d.default_enabled {
            ",\"defaultEnabled\":true}"
        } else {
            ",\"defaultEnabled\":false}"
        });
    }

    const fn permissions(&mut self, d: &Declaration) {
        let (network, hosts): (&str, &[&str]) = match d.network {
            Network::None => ("none", &[]),
            Network::Host(hosts) => ("host", hosts),
            Network::Own => ("own", &[]),
        };
        self.raw(",\"permissions\":{\"network\":");
        self.string(network);
        self.list("hosts", hosts);
        self.list("read", d.read);
        self.list("write", d.write);
        self.list("processes", d.processes);
        self.raw("}");
    }

    const fn schemas(&mut self, schemas: &[(&str, &str)]) {
        self.raw(",\"channelSchemas\":{");
        let mut i = 0;
        while i < schemas.len() {
            if i > 0 {
                self.raw(",");
            }
            self.string(schemas[i].0);
            self.raw(":");
            self.raw(schemas[i].1);
            i += 1;
        }
        self.raw("}");
    }

    const fn field(&mut self, name: &str, value: &str) {
        self.raw(",");
        self.string(name);
        self.raw(":");
        self.string(value);
    }

    const fn json(&mut self, name: &str, value: Option<&str>) {
        if let Some(json) = value {
            self.raw(",");
            self.string(name);
            self.raw(":");
            self.raw(json);
        }
    }

    const fn list(&mut self, name: &str, items: &[&str]) {
        self.raw(",");
        self.string(name);
        self.raw(":[");
        let mut i = 0;
        while i < items.len() {
            if i > 0 {
                self.raw(",");
            }
            self.string(items[i]);
            i += 1;
        }
        self.raw("]");
    }

    const fn string(&mut self, text: &str) {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let bytes = text.as_bytes();
        self.byte(b'"');
        let mut i = 0;
        while i < bytes.len() {
            match bytes[i] {
                b @ (b'"' | b'\\') => {
                    self.byte(b'\\');
                    self.byte(b);
                }
                b @ 0..=31 => {
                    self.raw("\\u00");
                    self.byte(HEX[(b >> 4) as usize]);
                    self.byte(HEX[(b & 15) as usize]);
                }
                b => self.byte(b),
            }
            i += 1;
        }
        self.byte(b'"');
    }

    const fn raw(&mut self, text: &str) {
        let bytes = text.as_bytes();
        let mut i = 0;
        while i < bytes.len() {
            self.byte(bytes[i]);
            i += 1;
        }
    }

    const fn byte(&mut self, byte: u8) {
        if self.len < N {
            self.bytes[self.len] = byte;
        }
        self.len += 1;
    }
}
