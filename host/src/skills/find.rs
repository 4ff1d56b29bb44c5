//! Where skills are: folders of folders, of which the first that has a name wins.
use super::read::{Front, parse};
use crate::config::{Agent, Config, Paths};
use std::{
    collections::HashSet,
    fs::{self, File},
    io::Read as _,
    path::{Path, PathBuf},
};

/// How deep below a root skills are looked for.
const MAX_DEPTH: usize = 6;
/// Folders of one root that are looked at.
const MAX_FOLDERS: usize = 2_000;
/// Skills of one root.
const MAX_SKILLS: usize = 300;
/// Bytes of a file that are read.
const MAX_FILE: u64 = 256 * 1024;

/// A folder with skills.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    /// Where.
    pub path: PathBuf,
    /// What it is called.
    pub source: &'static str,
}

/// A skill that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its head.
    pub front: Front,
    /// Its file.
    pub file: PathBuf,
    /// Where it comes from.
    pub source: &'static str,
}

/// The folders of an agent, the first wins.
pub fn roots(config: &Config, agent: &Agent, paths: &Paths) -> Vec<Root> {
    let workspace = agent.workspace(paths);
    let own = [
        (Some(workspace.join("skills")), "openclaw-workspace"),
        (Some(workspace.join(".agents/skills")), "agents-skills-project"),
        (
            paths.home.as_ref().map(|home| home.join(".agents/skills")),
            "agents-skills-personal",
        ),
        (Some(paths.state_dir.join("skills")), "openclaw-managed"),
    ];
    let own = own
        .into_iter()
        .filter_map(|(path, source)| Some(Root { path: path?, source }));
    let extra = config.skills.load.extra_dirs.iter().map(|path| Root {
        path: paths.expand(path),
        source: "openclaw-extra",
    });
    own.chain(extra).collect()
}

/// The skills of these folders, by name. What can't be read is told in the log and left out.
pub fn find(roots: &[Root]) -> Vec<Found> {
    let (mut names, mut all) = (HashSet::new(), Vec::new());
    for root in roots {
        // a root that is not there is the usual case
        let Ok(real) = root.path.canonicalize() else {
            continue;
        };
        let mut walk = Walk {
            real: &real,
            source: root.source,
            folders: 0,
            found: Vec::new(),
        };
        walk.look(&root.path, 0);
        walk.found.sort_by(|a, b| a.file.cmp(&b.file));
        all.extend(
            walk.found
                .into_iter()
                .filter(|found| names.insert(found.front.name.clone())),
        );
    }
    all.sort_by(|a, b| a.front.name.cmp(&b.front.name));
    all
}

struct Walk<'a> {
    real: &'a Path,
    source: &'static str,
    folders: usize,
    found: Vec<Found>,
}

impl Walk<'_> {
    fn look(&mut self, folder: &Path, depth: usize) {
        self.folders += 1;
        if self.folders > MAX_FOLDERS || self.found.len() >= MAX_SKILLS {
            return;
        }
        let file = folder.join("SKILL.md");
        if file.is_file() {
            match self.read(&file) {
                Ok(front) => self.found.push(Found {
                    front,
                    file,
                    source: self.source,
                }),
                Err(why) => {
                    tracing::warn!(target: "openclaw::skills", "{} is left out: {why}", file.display())
                }
            }
            return;
        }
        let Ok(entries) = fs::read_dir(folder) else {
            return;
        };
        if depth >= MAX_DEPTH {
            return;
        }
        let mut folders: Vec<_> = entries
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.is_dir())
            .collect();
        folders.sort();
        for folder in folders {
            let name = folder.file_name().unwrap_or_default().to_string_lossy();
            if !name.starts_with('.') && name != "node_modules" {
                self.look(&folder, depth + 1);
            }
        }
    }

    /// A link may not lead out of the root.
    fn read(&self, file: &Path) -> Result<Front, String> {
        let real = file.canonicalize().map_err(|error| error.to_string())?;
        if !real.starts_with(self.real) {
            return Err("it leads out of its folder".to_owned());
        }
        let mut bytes = Vec::new();
        let opened = File::open(&real).map_err(|error| error.to_string())?;
        opened
            .take(MAX_FILE)
            .read_to_end(&mut bytes)
            .map_err(|error| error.to_string())?;
        parse(&String::from_utf8_lossy(&bytes))
    }
}
