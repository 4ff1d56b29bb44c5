//! The files of the configuration at one moment, and the plugins that they lead to. Everything here waits for the disk.
use crate::{
    app::Gateway,
    config::{
        Config, Env, Fault, Fingerprint, IncludeError, Inspected, Paths, PluginSchemas, Redactor, Sources,
        check_tools, json_schema, judge,
    },
    plugins::{
        assemble::{Assembly, assemble, folders},
        discover::Found,
    },
};
use serde_json::{Value, json};
use std::{fs, sync::Arc};

/// Where the configuration is.
pub(in crate::methods) struct Place {
    pub(super) paths: Paths,
    pub(super) env: Env,
    pub(super) fingerprint: Fingerprint,
    pub(super) applied: String,
    pub(super) running: Arc<Config>,
    pub(super) now_ms: i64,
}

/// The files at one moment.
pub(super) struct Snapshot {
    /// The main file's text, if there is one.
    pub(super) text: Option<String>,
    /// What is read, if it can be.
    pub(super) read: Result<Inspected, IncludeError>,
}

// === impl Place ===

impl Place {
    pub(super) fn new(gateway: &Gateway, env: Env) -> Self {
        Self {
            paths: gateway.paths().clone(),
            env,
            fingerprint: gateway.applied().fingerprint().clone(),
            applied: gateway.applied().hash(),
            running: gateway.desk().config().clone(),
            now_ms: gateway.now_ms(),
        }
    }

    /// The files now.
    pub(super) fn look(&self) -> Snapshot {
        let read = Inspected::read(&self.paths, &self.env);
        let text = match &read {
            Ok(inspected) => Some(inspected.sources.main().text().to_owned()),
            Err(_) => fs::read(&self.paths.config_file)
                .ok()
                .map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
        };
        Snapshot { text, read }
    }

    /// The plugins that a configuration leads to.
    pub(in crate::methods) fn found(&self, config: &Config) -> Found {
        let program = std::env::current_exe().unwrap_or_default();
        let program = program.canonicalize().unwrap_or(program);
        let bundled = self.env.var("OPENCLAW_BUNDLED_PLUGINS_DIR");
        folders(config, &self.paths, &program, bundled).scan()
    }

    /// What the schemas of plugins say against a configuration.
    pub(super) fn judge(&self, config: &Config) -> Vec<Fault> {
        self.judged(config).0
    }

    /// The same, and what is to become of the plugins.
    pub(super) fn judged(&self, config: &Config) -> (Vec<Fault>, Assembly) {
        let assembly = assemble(config, &self.found(config));
        let on = assembly.specs.iter().filter(|spec| spec.reason.is_on());
        let schemas: Vec<_> = on.map(|spec| schemas(&spec.manifest)).collect();
        let mut faults = judge(config, schemas).faults;
        faults.extend(check_tools(config, &assembly.tool_names()).0);
        (faults, assembly)
    }

    /// The schema of the whole, with the parts of all plugins that are found.
    pub(super) fn schema(&self, found: &Found) -> Value {
        let candidates = found.plugins.values();
        json_schema(candidates.map(|candidate| schemas(&candidate.library.manifest)))
    }

    /// Hides secrets, with the configuration of the snapshot, or else the running one, to find the plugins by.
    pub(super) fn redactor(&self, snapshot: &Snapshot) -> Redactor {
        let config = snapshot.read.as_ref().ok().and_then(|read| read.config.as_ref());
        let found = self.found(config.unwrap_or(&self.running));
        Redactor::for_editing(self.schema(&found))
    }
}

fn schemas(manifest: &openclaw_plugin_api::Manifest) -> PluginSchemas<'_> {
    PluginSchemas {
        id: &manifest.id,
        config: manifest.config_schema.as_ref(),
        channels: &manifest.channel_schemas,
    }
}

// === impl Snapshot ===

impl Snapshot {
    pub(super) fn sources(&self) -> Option<&Sources> {
        self.read.as_ref().ok().map(|read| &read.sources)
    }

    /// What the files say together.
    pub(super) fn merged(&self) -> Value {
        self.sources()
            .map_or_else(|| json!({}), |sources| sources.merged().clone())
    }

    /// What the main file says.
    pub(super) fn main(&self) -> Value {
        self.sources()
            .map_or_else(|| json!({}), |sources| sources.main().value().clone())
    }

    /// What a write has to name, so that nobody overwrites what he has not seen.
    pub(super) fn hash(&self, fingerprint: &Fingerprint) -> Option<String> {
        self.text
            .as_ref()
            .map(|text| fingerprint.of_text(text.as_bytes()))
    }

    /// The same for what the files say together.
    pub(super) fn revision(&self, fingerprint: &Fingerprint) -> Option<String> {
        self.sources().map(|sources| fingerprint.of_sources(sources))
    }
}
