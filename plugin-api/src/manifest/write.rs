//! Writes the manifest as JSON while compiling: `const` functions that measure and then write, and the frame around it.
use super::{Declaration, MAGIC, Network, Package};

/// What lies in the section: magic, length (little-endian), JSON. No padding.
#[repr(C)]
#[derive(Debug)]
pub struct Blob<const N: usize> {
    magic: [u8; 8],
    len: [u8; 4],
    json: [u8; N],
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
pub const fn manifest_json<const N: usize>(declaration: &Declaration, package: &Package) -> [u8; N] {
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
        self.list("apis", d.apis);
        self.list("tools", d.tools);
        self.list("speech", d.speech);
        self.list("routes", d.routes);
        self.list("methods", d.methods);
        self.list("commands", d.commands);
        self.list("services", d.services);
        self.list("secrets", d.secrets);
        self.list("sections", d.sections);
        self.pairs("routeKeys", d.route_keys);
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
            Network::Own => ("own", d.hosts),
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

    const fn pairs(&mut self, name: &str, pairs: &[(&str, &str)]) {
        self.raw(",");
        self.string(name);
        self.raw(":{");
        let mut i = 0;
        while i < pairs.len() {
            if i > 0 {
                self.raw(",");
            }
            self.string(pairs[i].0);
            self.raw(":");
            self.string(pairs[i].1);
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
