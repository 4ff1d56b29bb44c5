//! Where the configuration and the state live.
//!
//! Works out paths from an [`Env`] and creates the state directory; it opens no other file. The state directory is
//! readable by its owner only, whatever the umask.

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use super::env::Env;

/// Mode of the state directory and of every folder in it.
pub const PRIVATE_DIR: u32 = 0o700;
/// Longest profile name.
const MAX_PROFILE: usize = 64;

/// The places that one gateway uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// The configuration file.
    pub config_file: PathBuf,
    /// The directory for everything that the gateway writes.
    pub state_dir: PathBuf,
    /// The user's home, which `~` stands for. Absent in a container without one.
    pub home: Option<PathBuf>,
    /// Further directories that `$include` may read from.
    pub include_roots: Vec<PathBuf>,
}

/// Why the places could not be worked out or prepared.
#[derive(Debug, thiserror::Error)]
pub enum PathsError {
    /// Neither a home nor a state directory is known.
    #[error("no place for the state: neither HOME nor OPENCLAW_STATE_DIR is set; set one of them")]
    NoHome,
    /// The profile's name can not be part of a folder's name.
    #[error(
        "OPENCLAW_PROFILE `{0}` is not a profile name; use letters, digits, `-` and `_`, at most 64 of them"
    )]
    Profile(String),
    /// A path in the environment is relative, so its meaning would depend on the current folder.
    #[error("{variable} is the relative path `{}`; write an absolute one", path.display())]
    Relative {
        /// The variable.
        variable: &'static str,
        /// Its value.
        path: PathBuf,
    },
    /// The state directory is something else.
    #[error("state directory {} is not a directory; move what is there or set OPENCLAW_STATE_DIR", .0.display())]
    NotADirectory(PathBuf),
    /// The state directory can not be created or protected.
    #[error("state directory {} could not be prepared: {source}; check its owner and mode", path.display())]
    Prepare {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

// === impl Paths ===

impl Paths {
    /// Works out the places: `OPENCLAW_CONFIG_PATH`, `OPENCLAW_STATE_DIR`, `OPENCLAW_PROFILE`, `OPENCLAW_HOME`, `HOME`.
    pub fn resolve(env: &Env) -> Result<Self, PathsError> {
        let home = env
            .var("HOME")
            .map(PathBuf::from)
            .filter(|path| path.is_absolute());
        let home = from_env(env, "OPENCLAW_HOME", home.as_deref())?.or(home);
        let state_dir = match from_env(env, "OPENCLAW_STATE_DIR", home.as_deref())? {
            Some(path) => path,
            None => home
                .as_ref()
                .ok_or(PathsError::NoHome)?
                .join(folder_of_profile(env)?),
        };
        let config_file = from_env(env, "OPENCLAW_CONFIG_PATH", home.as_deref())?
            .unwrap_or_else(|| state_dir.join("openclaw.json"));
        let include_roots = env.var("OPENCLAW_INCLUDE_ROOTS").unwrap_or_default();
        let include_roots = std::env::split_paths(include_roots)
            .filter(|root| !root.as_os_str().is_empty())
            .map(|root| absolute("OPENCLAW_INCLUDE_ROOTS", &root, home.as_deref()))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            config_file,
            state_dir,
            home,
            include_roots,
        })
    }

    /// The folder that installed plugins live in.
    pub fn plugins_dir(&self) -> PathBuf {
        self.state_dir.join("plugins")
    }

    /// `path` with a leading `~` replaced by the user's home.
    pub fn expand(&self, path: impl AsRef<Path>) -> PathBuf {
        expand(path.as_ref(), self.home.as_deref())
    }

    /// Creates the state directory if it is absent and takes other users' access to it away.
    pub fn prepare_state_dir(&self) -> Result<(), PathsError> {
        let path = &self.state_dir;
        let fault = |source| PathsError::Prepare {
            path: path.clone(),
            source,
        };
        fs::DirBuilder::new()
            .recursive(true)
            .mode(PRIVATE_DIR)
            .create(path)
            .map_err(|error| match error.kind() {
                io::ErrorKind::AlreadyExists => PathsError::NotADirectory(path.clone()),
                _ => fault(error),
            })?;
        let metadata = fs::metadata(path).map_err(fault)?;
        if !metadata.is_dir() {
            return Err(PathsError::NotADirectory(path.clone()));
        }
        let ours = metadata.uid() == rustix::process::geteuid().as_raw();
        if ours && metadata.mode() & 0o077 != 0 {
            fs::set_permissions(path, fs::Permissions::from_mode(PRIVATE_DIR)).map_err(fault)?;
        }
        Ok(())
    }
}

fn folder_of_profile(env: &Env) -> Result<String, PathsError> {
    match env.var("OPENCLAW_PROFILE") {
        None | Some("default") => Ok(".openclaw".into()),
        Some(name) => {
            let fits = name.len() <= MAX_PROFILE
                && name
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
            if fits {
                Ok(format!(".openclaw-{name}"))
            } else {
                Err(PathsError::Profile(name.into()))
            }
        }
    }
}

fn from_env(env: &Env, variable: &'static str, home: Option<&Path>) -> Result<Option<PathBuf>, PathsError> {
    let value = env.var(variable);
    value
        .map(|value| absolute(variable, Path::new(value), home))
        .transpose()
}

fn absolute(variable: &'static str, path: &Path, home: Option<&Path>) -> Result<PathBuf, PathsError> {
    let path = expand(path, home);
    if path.is_absolute() {
        Ok(path)
    } else {
        Err(PathsError::Relative { variable, path })
    }
}

fn expand(path: &Path, home: Option<&Path>) -> PathBuf {
    match (path.strip_prefix("~"), home) {
        (Ok(rest), Some(home)) if rest.as_os_str().is_empty() => home.into(),
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(pairs: &[(&str, &str)]) -> Result<(String, String), String> {
        let paths = Paths::resolve(&pairs.iter().copied().collect()).map_err(|error| error.to_string())?;
        Ok((
            paths.config_file.display().to_string(),
            paths.state_dir.display().to_string(),
        ))
    }

    #[test]
    fn precedence() {
        let home = ("HOME", "/home/u");
        for (pairs, config, state) in [
            (vec![home], "/home/u/.openclaw/openclaw.json", "/home/u/.openclaw"),
            (
                vec![home, ("OPENCLAW_PROFILE", "work")],
                "/home/u/.openclaw-work/openclaw.json",
                "/home/u/.openclaw-work",
            ),
            (
                vec![home, ("OPENCLAW_PROFILE", "default")],
                "/home/u/.openclaw/openclaw.json",
                "/home/u/.openclaw",
            ),
            (
                vec![home, ("OPENCLAW_HOME", "/srv")],
                "/srv/.openclaw/openclaw.json",
                "/srv/.openclaw",
            ),
            (
                vec![home, ("OPENCLAW_HOME", "~/claw")],
                "/home/u/claw/.openclaw/openclaw.json",
                "/home/u/claw/.openclaw",
            ),
            (
                vec![("OPENCLAW_STATE_DIR", "/data")],
                "/data/openclaw.json",
                "/data",
            ),
            (
                vec![home, ("OPENCLAW_STATE_DIR", "~/x"), ("OPENCLAW_PROFILE", "p")],
                "/home/u/x/openclaw.json",
                "/home/u/x",
            ),
            (
                vec![home, ("OPENCLAW_CONFIG_PATH", "/etc/o.json")],
                "/etc/o.json",
                "/home/u/.openclaw",
            ),
            (
                vec![home, ("OPENCLAW_CONFIG_PATH", "")],
                "/home/u/.openclaw/openclaw.json",
                "/home/u/.openclaw",
            ),
        ] {
            assert_eq!(resolve(&pairs), Ok((config.into(), state.into())), "{pairs:?}");
        }
    }

    #[test]
    fn refuses_what_has_no_meaning() {
        assert!(resolve(&[]).unwrap_err().contains("OPENCLAW_STATE_DIR"));
        assert!(
            resolve(&[("HOME", "/h"), ("OPENCLAW_PROFILE", "../x")])
                .unwrap_err()
                .contains("../x")
        );
        for name in ["OPENCLAW_STATE_DIR", "OPENCLAW_HOME", "OPENCLAW_INCLUDE_ROOTS"] {
            let error = resolve(&[("HOME", "/h"), (name, "state")]).unwrap_err();
            assert!(error.contains("absolute") && error.contains(name), "{error}");
        }
    }

    #[test]
    fn state_dir_is_private() {
        let temp = tempfile::tempdir().unwrap();
        let state = temp.path().join("deep/state");
        let env = [("OPENCLAW_STATE_DIR", state.to_str().unwrap())]
            .into_iter()
            .collect();
        let paths = Paths::resolve(&env).unwrap();
        paths.prepare_state_dir().unwrap();
        fs::set_permissions(&state, fs::Permissions::from_mode(0o755)).unwrap();
        paths.prepare_state_dir().unwrap();
        assert_eq!(fs::metadata(&state).unwrap().mode() & 0o777, 0o700);

        let file = temp.path().join("file");
        fs::write(&file, "").unwrap();
        let blocked = Paths {
            state_dir: file,
            ..paths
        };
        assert!(matches!(
            blocked.prepare_state_dir(),
            Err(PathsError::NotADirectory(_))
        ));
    }
}
