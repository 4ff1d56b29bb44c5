//! Finds libraries in the folders that the operator controls, and nowhere else: never in a workspace or the current
//! folder.
use super::manifest::{self, Library, ManifestError};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// Files that one folder may hold; more are not looked at, and said so.
const MAX_FILES: usize = 512;

/// Where a library was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// `plugins.load.paths`
    Config,
    /// `<state>/plugins`, where `openclaw plugins install` puts them.
    Installed,
    /// Beside the program.
    Bundled,
}

/// A library that says it is a plugin.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The file.
    pub path: PathBuf,
    /// Where it was found.
    pub origin: Origin,
    /// What its file says.
    pub library: Library,
}

/// A file that looked like a plugin and is none.
#[derive(Debug, Clone)]
pub struct Reject {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub error: ManifestError,
}

/// Two files with the same id.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("two files are plugin {id}: {} and {}; remove one of them", first.display(), second.display())]
pub struct Duplicate {
    /// The id.
    pub id: String,
    /// Found first.
    pub first: PathBuf,
    /// Found later.
    pub second: PathBuf,
}

/// What there is.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// By id. An id with duplicates is not among them.
    pub plugins: BTreeMap<String, Candidate>,
    /// Ids that more than one file claims.
    pub duplicates: Vec<Duplicate>,
    /// Files that are none.
    pub rejects: Vec<Reject>,
    /// The folders that were looked in, in order, whether they exist or not.
    pub folders: Vec<PathBuf>,
    /// Configured paths that don't exist.
    pub missing: Vec<PathBuf>,
}

/// Where to look.
#[derive(Debug, Clone, Default)]
pub struct Folders {
    /// `plugins.load.paths`: files or folders.
    pub config: Vec<PathBuf>,
    /// `<state>/plugins`
    pub installed: Option<PathBuf>,
    /// Beside the program, and `OPENCLAW_BUNDLED_PLUGINS_DIR`.
    pub bundled: Vec<PathBuf>,
}

impl Folders {
    /// The folders beside a program at `exe`: `../lib/openclaw/plugins`, else `plugins`.
    pub fn beside(exe: &Path) -> Vec<PathBuf> {
        let Some(bin) = exe.parent() else {
            return Vec::new();
        };
        vec![bin.join("../lib/openclaw/plugins"), bin.join("plugins")]
    }

    /// Looks into all of them.
    pub fn scan(&self) -> Found {
        let mut found = Found::default();
        for path in &self.config {
            if path.is_dir() {
                found.folder(path, Origin::Config);
            } else if path.exists() {
                found.file(path, Origin::Config);
                found.folders.push(path.clone());
            } else {
                found.missing.push(path.clone());
                found.folders.push(path.clone());
            }
        }
        if let Some(installed) = &self.installed {
            found.folders.push(installed.clone());
            for folder in children(installed)
                .into_iter()
                .filter(|path| path.is_dir() && !is_hidden(path))
            {
                found.files_of(&folder, Origin::Installed);
            }
            found.files_of(installed, Origin::Installed);
        }
        for folder in &self.bundled {
            found.folder(folder, Origin::Bundled);
        }
        let duplicates: Vec<String> = found.duplicates.iter().map(|d| d.id.clone()).collect();
        found.plugins.retain(|id, _| !duplicates.contains(id));
        found
    }
}

impl Found {
    fn folder(&mut self, folder: &Path, origin: Origin) {
        let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf());
        if self.folders.contains(&folder) {
            return;
        }
        self.files_of(&folder, origin);
        self.folders.push(folder);
    }

    fn files_of(&mut self, folder: &Path, origin: Origin) {
        let files: Vec<_> = children(folder)
            .into_iter()
            .filter(|path| is_library(path) && path.is_file())
            .collect();
        if files.len() > MAX_FILES {
            tracing::warn!(folder = %folder.display(), limit = MAX_FILES, "too many files; only the first are read");
        }
        for file in files.into_iter().take(MAX_FILES) {
            self.file(&file, origin);
        }
    }

    fn file(&mut self, path: &Path, origin: Origin) {
        let path = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        match manifest::read(&path) {
            Ok(library) => self.candidate(Candidate {
                path,
                origin,
                library,
            }),
            Err(error) => self.rejects.push(Reject { path, error }),
        }
    }

    fn candidate(&mut self, candidate: Candidate) {
        let id = candidate.library.manifest.id.clone();
        match self.plugins.get(&id) {
            // The same file by two ways is one plugin.
            Some(first) if first.path == candidate.path => {}
            Some(first) => {
                self.duplicates.push(Duplicate {
                    id,
                    first: first.path.clone(),
                    second: candidate.path,
                });
            }
            None => {
                self.plugins.insert(id, candidate);
            }
        }
    }
}

fn children(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    paths
}

fn is_hidden(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|name| name.to_string_lossy().starts_with('.'))
}

/// Does the name look like a shared library of any platform?
pub fn is_library(path: &Path) -> bool {
    let extension = path.extension().and_then(|e| e.to_str());
    !is_hidden(path) && matches!(extension, Some("so" | "dylib" | "dll"))
}
