//! Libraries of releases, kept as they were: every later release must load them.
use crate::{BuildError, Expected, variants};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeSet,
    env, fs, io,
    path::{Path, PathBuf},
};

/// Hashes of all fixtures, as `sha256sum` writes and checks them.
const SUMS: &str = "SHA256SUMS";
/// The profile that plugins are released with.
const PROFILE: &str = "plugin";

/// One library of a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fixture {
    /// Version of the API that it was built with.
    pub version: String,
    /// `<arch>-<os>` of the machine that it was built for; see [`Fixture::is_for_this_machine`].
    pub machine: String,
    /// The file.
    pub path: PathBuf,
}

/// Why the fixtures are not what they were.
#[derive(Debug, thiserror::Error)]
pub enum FixtureError {
    /// A file can't be read or written.
    #[error("{}: {why}; restore it from the repository", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        why: io::Error,
    },
    /// A line of the list is no `<hash>  <version>/<machine>/<file>`.
    #[error("line {line} of {SUMS} is not `<sha256>  <version>/<machine>/<file>`; see README.md beside it")]
    Line {
        /// Counted from 1.
        line: usize,
    },
    /// A library was changed.
    #[error("{} is not the library that was released; restore it from the repository", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// A library is not in the list.
    #[error("{} is not in {SUMS}; add it with `cargo run -p openclaw-compat -- freeze`", path.display())]
    Unlisted {
        /// The file.
        path: PathBuf,
    },
    /// A release is frozen once.
    #[error("{} is there already; what was released does not change", path.display())]
    Frozen {
        /// The file.
        path: PathBuf,
    },
    /// The library that should be frozen does not build.
    #[error(transparent)]
    Build(#[from] BuildError),
}

impl Fixture {
    /// Can it be loaded here?
    pub fn is_for_this_machine(&self) -> bool {
        self.machine == machine()
    }
}

/// All frozen libraries, each with the hash that it had when it was released.
pub fn fixtures() -> Result<Vec<Fixture>, FixtureError> {
    fixtures_in(&folder())
}

/// Freezes a library of today's version for this machine. Once for each release, before it is tagged.
pub fn freeze() -> Result<PathBuf, FixtureError> {
    let today = variants()
        .into_iter()
        .find(|variant| variant.expected == Expected::Loads);
    let today = today.expect("the first variant is today's version");
    let folder = folder();
    let name = format!(
        "{}/{}/compat{}",
        today.version,
        machine(),
        env::consts::DLL_SUFFIX
    );
    let path = folder.join(&name);
    if path.exists() {
        return Err(FixtureError::Frozen { path });
    }
    let bytes = read(&today.build_with(PROFILE)?)?;
    let sums = read(&folder.join(SUMS))?;
    let line = format!("{}  {name}\n", hash(&bytes));
    write(&path, &bytes)?;
    write(&folder.join(SUMS), &[sums, line.into_bytes()].concat())?;
    Ok(path)
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

fn machine() -> String {
    format!("{}-{}", env::consts::ARCH, env::consts::OS)
}

fn fixtures_in(folder: &Path) -> Result<Vec<Fixture>, FixtureError> {
    let sums = String::from_utf8_lossy(&read(&folder.join(SUMS))?).into_owned();
    let mut fixtures = Vec::new();
    for (index, line) in sums.lines().enumerate() {
        let malformed = || FixtureError::Line { line: index + 1 };
        let (sum, name) = line.split_once("  ").ok_or_else(malformed)?;
        let [version, machine, _] = name.split('/').collect::<Vec<_>>()[..] else {
            return Err(malformed());
        };
        let path = folder.join(name);
        if hash(&read(&path)?) != sum {
            return Err(FixtureError::Changed { path });
        }
        fixtures.push(Fixture {
            version: version.into(),
            machine: machine.into(),
            path,
        });
    }
    let listed: BTreeSet<_> = fixtures.iter().map(|fixture| &fixture.path).collect();
    match libraries(folder)?.into_iter().find(|path| !listed.contains(path)) {
        Some(path) => Err(FixtureError::Unlisted { path }),
        None => Ok(fixtures),
    }
}

/// `<version>/<machine>/<file>`, all of them.
fn libraries(folder: &Path) -> Result<Vec<PathBuf>, FixtureError> {
    let mut level = vec![folder.to_path_buf()];
    for depth in 0..3 {
        let mut next = Vec::new();
        for folder in level {
            let error = |why| FixtureError::File {
                path: folder.clone(),
                why,
            };
            for entry in fs::read_dir(&folder).map_err(error)? {
                let path = entry.map_err(error)?.path();
                if path.is_dir() == (depth < 2) {
                    next.push(path);
                }
            }
        }
        level = next;
    }
    Ok(level)
}

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn read(path: &Path) -> Result<Vec<u8>, FixtureError> {
    fs::read(path).map_err(|why| FixtureError::File {
        path: path.into(),
        why,
    })
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), FixtureError> {
    let folder = path.parent().expect("a file has a folder");
    let error = |why| FixtureError::File {
        path: path.into(),
        why,
    };
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(path, bytes))
        .map_err(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch(name: &str, sums: &str) -> PathBuf {
        let folder = env::temp_dir().join(format!("openclaw-fixtures-{name}-{}", std::process::id()));
        write(&folder.join(SUMS), sums.as_bytes()).expect("a folder");
        write(&folder.join("1.0.0/here/a.so"), b"released").expect("a folder");
        folder
    }

    #[test]
    fn released_libraries_are_unchanged() {
        fixtures().expect("every frozen library is as it was");
    }

    #[test]
    fn changes_and_strangers_are_found() {
        let good = format!("{}  1.0.0/here/a.so\n", hash(b"released"));
        let folder = scratch("good", &good);
        let found = fixtures_in(&folder).expect("as it was");
        assert_eq!(
            (found.len(), found[0].version.as_str(), found[0].machine.as_str()),
            (1, "1.0.0", "here")
        );
        write(&folder.join("1.0.0/here/a.so"), b"replaced").expect("written");
        assert!(matches!(fixtures_in(&folder), Err(FixtureError::Changed { .. })));
        let unlisted = scratch("unlisted", "");
        assert!(matches!(
            fixtures_in(&unlisted),
            Err(FixtureError::Unlisted { .. })
        ));
        let malformed = scratch("malformed", "no hash\n");
        assert!(matches!(
            fixtures_in(&malformed),
            Err(FixtureError::Line { line: 1 })
        ));
        for folder in [folder, unlisted, malformed] {
            fs::remove_dir_all(folder).expect("it was there");
        }
    }
}
