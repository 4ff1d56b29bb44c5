//! The kit on a plugin made by `export_plugin!`, all tests in this process, as `--in-process` runs them for a debugger.
use openclaw_kit::{Lab, Options, Status, run};
use openclaw_plugin_api::{
    Environment, Manifest, Registrations,
    abi::{Fault, HostHandle, PluginHandle},
};
use openclaw_plugin_loopback::PLUGIN;
use serde_json::Value;
use std::{fs, path::Path, sync::Arc};

struct Linked;

impl Lab for Linked {
    fn manifest(&self, _: &Path) -> Result<Manifest, String> {
        serde_json::from_str(PLUGIN.manifest()).map_err(|e| e.to_string())
    }

    fn open(&self, _: &Path) -> Result<String, String> {
        Ok(PLUGIN.root().manifest().to_owned())
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
                .create(host, "loopback", &config.to_string(), &environment)?;
        Ok((plugin, serde_json::from_str(&registered).map_err(internal)?))
    }
}

#[test]
fn loopback_passes_in_this_process_and_the_seed_decides_what_is_asked() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let library = folder.path().join("libloopback.so");
    fs::write(&library, "the plugin is in the program").expect("the folder can be written");
    let options = Options {
        in_process: true,
        seed: Some(7),
        ..Options::new("unused")
    };
    let mut heard = 0;
    let lab: Arc<dyn Lab> = Arc::new(Linked);
    let report = run(&lab, &library, &options, &mut |_| heard += 1).expect("the kit runs");
    assert!(report.passed, "{}", report.text(false));
    assert_eq!(
        (report.plugin.as_str(), report.seed, heard),
        ("loopback", 7, report.tests.len())
    );
    let status = |name: &str| {
        report
            .tests
            .iter()
            .find(|test| test.test == name)
            .map(|test| test.status)
    };
    assert_eq!(status("channel-restart"), Some(Status::Success));
    assert_eq!(status("config-takes-valid"), Some(Status::Success));
    println!("{}", report.text(false));
}
