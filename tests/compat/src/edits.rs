//! The changes that make variants out of today's API. A change that no longer fits its file is an error, not a variant
//! that happens to be today's.
use crate::BuildError;

/// One replacement in one file. The text has to be there exactly once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Edit {
    /// Relative to the API's folder.
    pub(crate) file: &'static str,
    pub(crate) from: &'static str,
    to: &'static str,
}

const ABI: &str = "src/abi/mod.rs";
const PLUGIN: &str = "src/abi/plugin.rs";
const HOST: &str = "src/abi/host.rs";
const PING: &str = "    pub ping: unsafe extern \"C\" fn(Ptr, u64) -> u64,\n";
const LOG: &str = "    pub log: unsafe extern \"C\" fn(Ptr, &RawLogRecord<'_>),\n";
const DETAIL: &str = "    pub detail: RString,\n";

const fn edit(file: &'static str, from: &'static str, to: &'static str) -> Edit {
    Edit { file, from, to }
}

/// What a minor release may do: functions at the end, on both sides.
pub(crate) const APPEND_ONE: &[Edit] = &[APPEND_PLUGIN, FILL_PLUGIN, APPEND_HOST, FILL_HOST];
const APPEND_PLUGIN: Edit = edit(
    ABI,
    PING,
    "    pub ping: unsafe extern \"C\" fn(Ptr, u64) -> u64,\n    pub later: unsafe extern \"C\" fn(Ptr, u64) -> u64,\n",
);
const FILL_PLUGIN: Edit = edit(
    PLUGIN,
    "ping: plugin_ping }",
    "ping: plugin_ping, later: plugin_ping }",
);
const APPEND_HOST: Edit = edit(
    ABI,
    LOG,
    "    pub log: unsafe extern \"C\" fn(Ptr, &RawLogRecord<'_>),\n    pub later: unsafe extern \"C\" fn(Ptr),\n",
);
const FILL_HOST: Edit = edit(
    HOST,
    "log: host_log::<H> }",
    "log: host_log::<H>, later: host_drop::<H> }",
);

/// What the minor release after that may do: keep those and append more.
pub(crate) const APPEND_TWO: &[Edit] = &[
    APPEND_PLUGIN,
    FILL_PLUGIN,
    APPEND_HOST,
    FILL_HOST,
    edit(
        ABI,
        "    pub later: unsafe extern \"C\" fn(Ptr, u64) -> u64,\n",
        "    pub later: unsafe extern \"C\" fn(Ptr, u64) -> u64,\n    pub latest: unsafe extern \"C\" fn(Ptr),\n",
    ),
    edit(
        PLUGIN,
        "later: plugin_ping }",
        "later: plugin_ping, latest: plugin_drop::<P> }",
    ),
];

pub(crate) const STRUCT_GROWN: &[Edit] = &[
    edit(ABI, DETAIL, "    pub detail: RString,\n    pub more: RString,\n"),
    edit(
        ABI,
        "            detail: RString::new(),\n",
        "            detail: RString::new(),\n            more: RString::new(),\n",
    ),
    edit(
        "src/error.rs",
        "detail: detail.into(),",
        "detail: detail.into(), more: Default::default(),",
    ),
];

pub(crate) const FIELDS_REORDERED: &[Edit] = &[edit(
    ABI,
    "    pub code: RString,\n    pub message: RString,\n",
    "    pub message: RString,\n    pub code: RString,\n",
)];

pub(crate) const FIELD_RETYPED: &[Edit] = &[
    edit(ABI, "    pub line: u32,\n", "    pub line: u64,\n"),
    edit(
        HOST,
        "            line: record.line,\n",
        "            line: record.line.into(),\n",
    ),
    edit(
        HOST,
        "        line: raw.line,\n",
        "        line: raw.line as u32,\n",
    ),
];

pub(crate) const FUNCTIONS_REORDERED: &[Edit] = &[edit(
    ABI,
    "    pub clone_ref: unsafe extern \"C\" fn(Ptr) -> Ptr,\n    pub drop: unsafe extern \"C\" fn(Ptr),\n",
    "    pub drop: unsafe extern \"C\" fn(Ptr),\n    pub clone_ref: unsafe extern \"C\" fn(Ptr) -> Ptr,\n",
)];

pub(crate) const FUNCTION_INSERTED: &[Edit] = &[
    edit(
        ABI,
        "    pub spawn: unsafe extern \"C\" fn(Ptr, Fut<()>),\n",
        concat!(
            "    pub earlier: unsafe extern \"C\" fn(Ptr),\n",
            "    pub spawn: unsafe extern \"C\" fn(Ptr, Fut<()>),\n",
        ),
    ),
    edit(
        HOST,
        "log: host_log::<H> }",
        "log: host_log::<H>, earlier: host_drop::<H> }",
    ),
];

pub(crate) const SIGNATURE_CHANGED: &[Edit] = &[
    edit(
        ABI,
        PING,
        "    pub ping: unsafe extern \"C\" fn(Ptr, u64) -> u32,\n",
    ),
    edit(
        PLUGIN,
        "unsafe { self.0.vt.ping()(self.0.this, n) }",
        "unsafe { self.0.vt.ping()(self.0.this, n) }.into()",
    ),
    edit(
        PLUGIN,
        "fn plugin_ping(_: Ptr, n: u64) -> u64 {\n    n.wrapping_add(1)",
        "fn plugin_ping(_: Ptr, n: u64) -> u32 {\n    n as u32",
    ),
];

pub(crate) const PREFIX_MOVED: &[Edit] = &[
    edit(
        ABI,
        "    /// Answers `n + 1`: the cheapest sign of life, and the floor of the benchmarks.\n    #[sabi(last_prefix_field)]\n",
        "",
    ),
    edit(
        ABI,
        "pub struct PluginVt {\n    pub drop: unsafe extern \"C\" fn(Ptr),\n",
        "pub struct PluginVt {\n    pub drop: unsafe extern \"C\" fn(Ptr),\n    #[sabi(last_prefix_field)]\n",
    ),
    edit(
        PLUGIN,
        "unsafe { self.0.vt.ping()(self.0.this, n) }",
        "self.0.vt.ping().map_or(n, |ping| unsafe { ping(self.0.this, n) })",
    ),
];

impl Edit {
    pub(crate) fn apply(&self, text: &str) -> Result<String, BuildError> {
        match text.matches(self.from).count() {
            1 => Ok(text.replace(self.from, self.to)),
            found => Err(BuildError::Edit {
                file: self.file,
                text: self.from,
                found,
            }),
        }
    }
}

/// Gives the API another version. Nothing else in its manifest says `version = "1.0.0"`.
pub(crate) fn version(manifest: &str, version: &str) -> Result<String, BuildError> {
    let now = "\nversion = \"1.";
    let found = manifest.matches(now).count();
    let (before, rest) = match (found, manifest.split_once(now)) {
        (1, Some(parts)) => parts,
        _ => {
            return Err(BuildError::Edit {
                file: "Cargo.toml",
                text: now,
                found,
            });
        }
    };
    let (_, after) = rest.split_once('"').expect("a string has an end");
    Ok(format!("{before}\nversion = \"{version}\"{after}"))
}
