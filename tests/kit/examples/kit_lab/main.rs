//! What `openclaw plugins check --one` is to the kit's own tests: a program with a plugin linked into it whose fault is
//! chosen by the name of its file. The plugin is a good one; every fault changes one thing.
mod specimen;

use openclaw_kit::{Case, Lab, run_one};
use openclaw_plugin_api::{
    Environment, Manifest, Registrations,
    abi::{Fault, HostHandle, PluginHandle},
};
use serde_json::Value;
use specimen::{PLUGIN, is};
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    thread,
    time::Duration,
};

struct StaticLab;

impl Lab for StaticLab {
    fn manifest(&self, _: &Path) -> Result<Manifest, String> {
        if is("no-manifest") {
            return Err("it has no section with a manifest".into());
        }
        if is("slow-scan") {
            thread::park_timeout(Duration::from_millis(150));
        }
        serde_json::from_str(PLUGIN.manifest()).map_err(|e| e.to_string())
    }

    fn open(&self, _: &Path) -> Result<String, String> {
        if is("no-symbol") {
            return Err("undefined symbol: nothing".into());
        }
        let text = PLUGIN.root().manifest();
        Ok(if is("other-manifest") {
            text.replace("Specimen", "Changeling")
        } else {
            text.to_owned()
        })
    }

    fn create(
        &self,
        _: &Path,
        host: HostHandle,
        config: &Value,
        environment: &Environment,
    ) -> Result<(PluginHandle, Registrations), Fault> {
        let internal = |e: serde_json::Error| Fault::new("internal", e);
        let environment = serde_json::to_string(environment).map_err(internal)?;
        let (plugin, registered) =
            PLUGIN
                .root()
                .create(host, "specimen", &config.to_string(), &environment)?;
        Ok((plugin, serde_json::from_str(&registered).map_err(internal)?))
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let option = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1).cloned()
    };
    let library = arguments.last().map(PathBuf::from).unwrap_or_default();
    specimen::choose(&library);
    let case = Case {
        library,
        test: option("--one").unwrap_or_default(),
        seed: option("--seed").and_then(|seed| seed.parse().ok()).unwrap_or(1),
        config: option("--config").and_then(|config| serde_json::from_str(&config).ok()),
        result_file: option("--result-file").map(Into::into),
    };
    run_one(Arc::new(StaticLab), &case);
    ExitCode::SUCCESS
}
