//! A version of the API that is not today's, and a plugin that is built with it.
use crate::{
    edits::{self, Edit},
    scratch, workspace,
};
use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::Command,
};

/// What a host of today's version must make of a plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// It loads and its tool `answer` answers.
    Loads,
    /// Refused: another major version. The manifest says so, and nothing was run.
    RefusedByVersion,
    /// Refused: the version fits and the layout does not.
    RefusedByLayout,
}

/// One version of the API.
#[derive(Debug, Clone, Copy)]
pub struct Variant {
    /// Short name, also that of the library.
    pub name: &'static str,
    /// Version that it calls itself.
    pub version: &'static str,
    /// What a host must make of a plugin built with it.
    pub expected: Expected,
    edits: &'static [Edit],
}

/// Why a variant can't be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A file can't be read or written.
    #[error("{}: {why}; check the target folder", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        why: io::Error,
    },
    /// The text to be changed is not there, or more than once.
    #[error("{file} has {found} times {text:?}; bring tests/compat/src/edits.rs up to date with the API")]
    Edit {
        /// The file.
        file: &'static str,
        /// What was searched for.
        text: &'static str,
        /// How often it is there.
        found: usize,
    },
    /// The compiler refused it.
    #[error("variant {0} does not build; see the compiler's messages above")]
    Compiler(&'static str),
}

/// The matrix. Load each in a process of its own: abi_stable remembers every layout that it has seen, so a variant that
/// changed what is frozen can make it refuse others. Those that load are of one line and also load together.
pub fn variants() -> Vec<Variant> {
    use Expected::{Loads, RefusedByLayout, RefusedByVersion};
    let variant = |name, version, expected, edits| Variant {
        name,
        version,
        expected,
        edits,
    };
    vec![
        variant("today", "1.0.0", Loads, &[]),
        variant("patch_release", "1.0.7", Loads, &[]),
        variant("minor_appends_functions", "1.1.0", Loads, edits::APPEND_ONE),
        variant("later_minor_appends_more", "1.2.0", Loads, edits::APPEND_TWO),
        variant("major_before", "0.9.0", RefusedByVersion, &[]),
        variant("major_after", "2.0.0", RefusedByVersion, &[]),
        variant("struct_grown", "1.0.0", RefusedByLayout, edits::STRUCT_GROWN),
        variant(
            "struct_grown_in_minor",
            "1.1.0",
            RefusedByLayout,
            edits::STRUCT_GROWN,
        ),
        variant(
            "fields_reordered",
            "1.0.0",
            RefusedByLayout,
            edits::FIELDS_REORDERED,
        ),
        variant("field_retyped", "1.0.0", RefusedByLayout, edits::FIELD_RETYPED),
        variant(
            "functions_reordered",
            "1.0.0",
            RefusedByLayout,
            edits::FUNCTIONS_REORDERED,
        ),
        variant(
            "function_inserted",
            "1.1.0",
            RefusedByLayout,
            edits::FUNCTION_INSERTED,
        ),
        variant(
            "signature_changed",
            "1.0.0",
            RefusedByLayout,
            edits::SIGNATURE_CHANGED,
        ),
        variant("prefix_moved", "1.0.0", RefusedByLayout, edits::PREFIX_MOVED),
    ]
}

impl Variant {
    /// Builds a plugin with this version of the API and gives its library. Takes seconds the first time and less after.
    pub fn build(&self) -> Result<PathBuf, BuildError> {
        self.build_with("dev")
    }

    pub(crate) fn build_with(&self, profile: &str) -> Result<PathBuf, BuildError> {
        let folder = scratch().join(self.name);
        self.write_workspace(&folder)?;
        let target = scratch().join("build");
        let status = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .args([
                "build",
                "--quiet",
                "--offline",
                "--package",
                "compat-plugin",
                "--profile",
                profile,
            ])
            .current_dir(&folder)
            .env("CARGO_TARGET_DIR", &target)
            .env(
                "RUSTFLAGS",
                if profile == "dev" {
                    String::new()
                } else {
                    remap(&folder)
                },
            )
            .status()
            .map_err(|why| BuildError::File {
                path: "cargo".into(),
                why,
            })?;
        if !status.success() {
            return Err(BuildError::Compiler(self.name));
        }
        let output = if profile == "dev" { "debug" } else { profile };
        let file = format!(
            "{}{}{}",
            env::consts::DLL_PREFIX,
            self.library(),
            env::consts::DLL_SUFFIX
        );
        Ok(target.join(output).join(file))
    }

    /// Every variant's library has a name of its own, so that one build doesn't overwrite another.
    fn library(&self) -> String {
        format!("compat_{}", self.name)
    }

    /// Folder of a member. Cargo tells packages of equal version apart by their folder in the workspace alone, so in one
    /// target folder every variant needs names of its own: otherwise it would be linked with the API of another.
    fn member(&self, kind: &str) -> String {
        format!("{kind}-{}", self.name)
    }

    /// A workspace with a changed copy of the API and the plugin, and today's lock file.
    fn write_workspace(&self, folder: &Path) -> Result<(), BuildError> {
        let root = workspace();
        write(
            &folder.join("Cargo.toml"),
            &self.manifest(&read(&root.join("Cargo.toml"))?),
        )?;
        // Cargo drops from it what two members don't need.
        write(&folder.join("Cargo.lock"), &read(&root.join("Cargo.lock"))?)?;
        let plugin = Path::new(env!("CARGO_MANIFEST_DIR")).join("plugin");
        let manifest = read(&plugin.join("Cargo.toml.in"))?.replace("@LIBRARY@", &self.library());
        let copy = folder.join(self.member("plugin"));
        write(&copy.join("Cargo.toml"), &manifest)?;
        write(&copy.join("src/lib.rs"), &read(&plugin.join("src/lib.rs"))?)?;
        self.copy_api(&root.join("plugin-api"), &folder.join(self.member("api")))
    }

    /// The workspace's own manifest with these two members only: same dependencies, lints and profiles.
    fn manifest(&self, text: &str) -> String {
        let (api, plugin, version) = (self.member("api"), self.member("plugin"), self.version);
        let mut lines = vec![format!(
            "[workspace]\nresolver = \"3\"\nmembers = [\"{api}\", \"{plugin}\"]"
        )];
        let mut in_workspace = false;
        for line in text.lines() {
            if line.starts_with('[') {
                in_workspace = line == "[workspace]";
            }
            if line.starts_with("openclaw-plugin-api") {
                lines.push(format!(
                    r#"openclaw-plugin-api = {{ path = "{api}", version = "={version}" }}"#
                ));
            } else if !in_workspace {
                lines.push(line.to_owned());
            }
        }
        lines.join("\n") + "\n"
    }

    fn copy_api(&self, from: &Path, to: &Path) -> Result<(), BuildError> {
        if let Some(edit) = self.edits.iter().find(|edit| !from.join(edit.file).is_file()) {
            return Err(BuildError::Edit {
                file: edit.file,
                text: edit.from,
                found: 0,
            });
        }
        for file in files(from)? {
            let relative = file.strip_prefix(from).expect("found below it");
            let mut text = read(&file)?;
            if relative == Path::new("Cargo.toml") {
                text = edits::version(&text, self.version)?;
            }
            for edit in self.edits.iter().filter(|edit| relative == Path::new(edit.file)) {
                text = edit.apply(&text)?;
            }
            write(&to.join(relative), &text)?;
        }
        Ok(())
    }
}

/// What the library is made of; tests and examples stay behind.
fn files(api: &Path) -> Result<Vec<PathBuf>, BuildError> {
    let mut files = vec![api.join("Cargo.toml"), api.join("build.rs")];
    let mut folders = vec![api.join("src")];
    while let Some(folder) = folders.pop() {
        let error = |why| BuildError::File {
            path: folder.clone(),
            why,
        };
        for entry in fs::read_dir(&folder).map_err(error)? {
            let path = entry.map_err(error)?.path();
            if path.is_dir() {
                folders.push(path)
            } else {
                files.push(path)
            }
        }
    }
    Ok(files)
}

fn read(path: &Path) -> Result<String, BuildError> {
    fs::read_to_string(path).map_err(|why| BuildError::File {
        path: path.into(),
        why,
    })
}

/// Leaves a file alone that is right already, so that cargo doesn't build it again.
fn write(path: &Path, text: &str) -> Result<(), BuildError> {
    if fs::read_to_string(path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    let folder = path.parent().expect("a file has a folder");
    let error = |why| BuildError::File {
        path: path.into(),
        why,
    };
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(path, text))
        .map_err(error)
}

/// A library that is kept says nothing of the machine that built it: panics name source files, so their folders get
/// other names.
fn remap(workspace: &Path) -> String {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home
        .or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cargo")))
        .unwrap_or_default();
    let registries = fs::read_dir(home.join("registry/src"))
        .into_iter()
        .flatten()
        .flatten();
    let mut folders: Vec<_> = registries
        .map(|registry| (registry.path(), "/registry"))
        .collect();
    folders.push((workspace.to_owned(), "/compat"));
    let flags = folders
        .iter()
        .map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display()));
    flags.collect::<Vec<_>>().join(" ")
}
