//! The workspace as cargo describes it: where it is, and which plugins it has.
//!
//! A bundled plugin is a package directly in `plugins/` that builds a `cdylib`; its folder's name is its id.
use crate::error::{Error, Result};
use serde::Deserialize;
use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

/// The package of the gateway's program.
pub(crate) const HOST_PACKAGE: &str = "openclaw-host";
/// The gateway's program.
pub(crate) const HOST_BINARY: &str = "openclaw";

/// Every plugin, where ids are listed.
const ALL: &str = "all";
/// No plugin, where ids are listed.
const NONE: &str = "host";

/// What the tasks need to know of the workspace.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// The folder of the workspace's Cargo.toml.
    pub(crate) root: PathBuf,
    /// Cargo's folder for what is built.
    pub(crate) target: PathBuf,
    /// The gateway's version.
    pub(crate) version: String,
    /// Bundled plugins, sorted by id.
    pub(crate) plugins: Vec<Plugin>,
    /// What the compiler is told beside what the tree says.
    flags: Option<&'static str>,
}

/// A plugin of this workspace.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Plugin {
    /// The name of its folder, and of its library in a bundle.
    pub(crate) id: String,
    /// Its package.
    pub(crate) package: String,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    target_directory: PathBuf,
    workspace_root: PathBuf,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    manifest_path: PathBuf,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
}

impl Workspace {
    /// Asks cargo for the workspace that this program belongs to.
    pub(crate) fn load() -> Result<Self> {
        let mut command = cargo();
        command.args(["metadata", "--no-deps", "--format-version", "1"]);
        // From wherever in the tree `cargo xtask` is typed.
        command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")));
        let output = command.output().map_err(Error::spawn(&command))?;
        if !output.status.success() {
            eprint!("{}", String::from_utf8_lossy(&output.stderr));
            return Err(Error::Reported(output.status));
        }
        Self::parse(&output.stdout)
    }

    /// Cargo, run in the workspace's root.
    pub(crate) fn cargo(&self) -> Command {
        let mut command = cargo();
        command.current_dir(&self.root);
        if let Some(flags) = self.flags {
            let mut all = env::var("RUSTFLAGS").unwrap_or_default();
            all = format!("{all} {flags}").trim().to_owned();
            command
                .env("RUSTFLAGS", all)
                .env("CARGO_TARGET_DIR", &self.target);
        }
        command
    }

    /// The same, built with this flag into a folder of its own below `target/`.
    pub(crate) fn apart(self, folder: &str, flag: &'static str) -> Self {
        Self {
            target: self.target.join(folder),
            flags: Some(flag),
            ..self
        }
    }

    /// The plugins of the given ids (all of them if none is given), in the order of [`Self::plugins`].
    pub(crate) fn select(&self, ids: &[String]) -> Result<Vec<Plugin>> {
        let known = || self.plugins.iter().map(|plugin| plugin.id.as_str());
        if let Some(unknown) = ids.iter().find(|id| !known().any(|known| known == id.as_str())) {
            let known = known().collect::<Vec<_>>().join(", ");
            return Err(Error::UnknownPlugin {
                unknown: unknown.clone(),
                known,
            });
        }
        Ok(self
            .plugins
            .iter()
            .filter(|plugin| ids.is_empty() || ids.contains(&plugin.id))
            .cloned()
            .collect())
    }

    /// Fails if Cargo.lock is not what the manifests ask for; a build would change it silently.
    pub(crate) fn ensure_locked(&self) -> Result<()> {
        let mut command = self.cargo();
        command.args(["metadata", "--locked", "--format-version", "1"]);
        let output = command.output().map_err(Error::spawn(&command))?;
        if output.status.success() {
            return Ok(());
        }
        eprint!("{}", String::from_utf8_lossy(&output.stderr));
        Err(Error::Reported(output.status))
    }

    /// The plugins that a list names, separated by spaces or commas: all of them without a list or by `all`, none by an
    /// empty one or by `host`.
    pub(crate) fn choose(&self, list: Option<&str>) -> Result<Vec<Plugin>> {
        let ids: Vec<_> = list
            .unwrap_or(ALL)
            .split([' ', ','])
            .filter(|id| !id.is_empty())
            .map(str::to_owned)
            .collect();
        match ids.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            [] | [NONE] => Ok(Vec::new()),
            [ALL] => Ok(self.plugins.clone()),
            _ => self.select(&ids),
        }
    }

    fn parse(json: &[u8]) -> Result<Self> {
        let metadata: Metadata = serde_json::from_slice(json)?;
        let folder = metadata.workspace_root.join("plugins");
        let mut plugins: Vec<_> = metadata
            .packages
            .iter()
            .filter_map(|package| package.as_plugin(&folder))
            .collect();
        plugins.sort_by(|a, b| a.id.cmp(&b.id));
        let host = metadata
            .packages
            .into_iter()
            .find(|package| package.name == HOST_PACKAGE);
        let version = host
            .ok_or_else(|| Error::NoArtifact {
                package: HOST_PACKAGE.to_owned(),
                what: "package description",
            })?
            .version;
        Ok(Self {
            root: metadata.workspace_root,
            target: metadata.target_directory,
            version,
            plugins,
            flags: None,
        })
    }
}

impl Package {
    fn as_plugin(&self, plugins: &Path) -> Option<Plugin> {
        let folder = self.manifest_path.parent()?;
        let is_library = self
            .targets
            .iter()
            .any(|target| target.kind.iter().any(|kind| kind == "cdylib"));
        if folder.parent()? != plugins || !is_library {
            return None;
        }
        Some(Plugin {
            id: folder.file_name()?.to_str()?.to_owned(),
            package: self.name.clone(),
        })
    }
}

/// The machine's own target, as the compiler names it.
pub(crate) fn target() -> Result<String> {
    let mut command = Command::new("rustc");
    let output = command
        .args(["--print", "host-tuple"])
        .output()
        .map_err(Error::spawn(&command))?;
    if !output.status.success() {
        return Err(Error::Reported(output.status));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The time that everything which is made shall bear, seconds since 1970, if somebody said one.
pub(crate) fn source_date() -> Option<u64> {
    env::var("SOURCE_DATE_EPOCH").ok()?.parse().ok()
}

/// The cargo that runs this program, else the one on the PATH.
fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = r#"{
        "packages": [
            {"name": "p-two", "version": "1.0.0", "manifest_path": "/r/plugins/two/Cargo.toml",
             "targets": [{"kind": ["cdylib", "rlib"]}, {"kind": ["test"]}]},
            {"name": "p-one", "version": "1.0.0", "manifest_path": "/r/plugins/one/Cargo.toml",
             "targets": [{"kind": ["cdylib"]}]},
            {"name": "common", "version": "1.0.0", "manifest_path": "/r/plugins/common/Cargo.toml",
             "targets": [{"kind": ["lib"]}]},
            {"name": "inner", "version": "1.0.0", "manifest_path": "/r/plugins/one/inner/Cargo.toml",
             "targets": [{"kind": ["cdylib"]}]},
            {"name": "loopback", "version": "1.0.0", "manifest_path": "/r/tests/loopback/Cargo.toml",
             "targets": [{"kind": ["cdylib"]}]},
            {"name": "openclaw-host", "version": "7.8.9", "manifest_path": "/r/host/Cargo.toml",
             "targets": [{"kind": ["bin"]}]}
        ],
        "target_directory": "/r/target",
        "workspace_root": "/r"
    }"#;

    fn workspace() -> Workspace {
        Workspace::parse(JSON.as_bytes()).unwrap()
    }

    #[test]
    fn plugins_are_the_libraries_directly_in_their_folder() {
        let ids: Vec<_> = workspace().plugins.into_iter().map(|plugin| plugin.id).collect();
        assert_eq!(ids, ["one", "two"]);
        assert_eq!(workspace().version, "7.8.9");
    }

    #[test]
    fn a_selection_keeps_the_order_and_refuses_unknown_names() {
        let ids = |list: &[&str]| list.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        let packages = |plugins: Vec<Plugin>| {
            plugins
                .into_iter()
                .map(|plugin| plugin.package)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            packages(workspace().select(&ids(&["two", "one"])).unwrap()),
            ["p-one", "p-two"]
        );
        assert_eq!(packages(workspace().select(&[]).unwrap()), ["p-one", "p-two"]);
        let error = workspace().select(&ids(&["three"])).unwrap_err().to_string();
        assert_eq!(error, "no plugin is named three; in plugins/ there are: one, two");
    }

    #[test]
    fn a_list_chooses_some_or_all_or_none() {
        let chosen = |list| -> Vec<String> {
            let plugins = workspace().choose(list).unwrap();
            plugins.into_iter().map(|plugin| plugin.id).collect()
        };
        assert_eq!(chosen(None), ["one", "two"]);
        assert_eq!(chosen(Some("all")), ["one", "two"]);
        assert_eq!(chosen(Some("two, one")), ["one", "two"]);
        assert_eq!(chosen(Some(" two ")), ["two"]);
        for none in ["", " ", "host"] {
            assert!(chosen(Some(none)).is_empty(), "{none:?}");
        }
        assert!(workspace().choose(Some("all one")).is_err());
    }

    #[test]
    fn the_real_workspace_is_understood() {
        let workspace = Workspace::load().unwrap();
        assert!(workspace.root.join("xtask/Cargo.toml").is_file());
    }
}
