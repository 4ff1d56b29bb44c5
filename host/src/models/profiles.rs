//! Keys that OpenClaw stored: `agents/<id>/agent/auth-profiles.json`, read and never written.
//!
//! A file that others may write is not believed; one that others may read is used, and said so. A login whose time is
//! over is not used, for renewing it would take it away from the program that made it.
use openclaw_plugin_api::Secret;
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    io::Read,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// Longest file, bytes.
const MAX_FILE: u64 = 1 << 20;

/// The file's name in the folder of an agent's private state.
const FILE: &str = "auth-profiles.json";

/// The keys of all agents. An agent without a file of its own has those of the default agent.
#[derive(Debug, Clone, Default)]
pub struct Profiles {
    stores: BTreeMap<String, ProfileStore>,
    shared: ProfileStore,
}

/// What one file holds.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct ProfileStore {
    profiles: BTreeMap<String, Profile>,
    order: BTreeMap<String, Vec<String>>,
}

/// A profile that somebody signed in for or was given a token for: what may be told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The profile.
    pub id: String,
    /// Whose it is.
    pub provider: String,
    /// `oauth` or `token`.
    pub kind: &'static str,
    /// When it ends, milliseconds since 1970. None: it does not say.
    pub expires_ms: Option<i64>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Profile {
    Oauth {
        provider: String,
        access: Secret,
        #[serde(default)]
        expires: Option<f64>,
    },
    Token {
        provider: String,
        token: Secret,
        #[serde(default)]
        expires: Option<f64>,
    },
    ApiKey {
        provider: String,
        key: Secret,
    },
    #[serde(other)]
    Other,
}

/// Why a file is not used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It can't be read.
    #[error("{}: {source}; the keys in it are not used", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is no file of profiles, or a longer one than anybody has.
    #[error("{}: it is no file of auth profiles ({why}); the keys in it are not used", .path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Why, without anything of its content.
        why: String,
    },
    /// Others may have written it.
    #[error(
        "{}: other users of this machine can write it, so the keys in it are not used; run `chmod 600` on it",
        .path.display()
    )]
    Writable {
        /// The file.
        path: PathBuf,
    },
}

// === impl Profiles ===

impl Profiles {
    /// Reads the files of all agents: each with its folder, the default agent's first. Says what is wrong with them.
    pub fn read<'a>(agents: impl IntoIterator<Item = (&'a str, PathBuf)>) -> (Self, Vec<String>) {
        let mut all = Self::default();
        let mut problems = Vec::new();
        for (index, (id, folder)) in agents.into_iter().enumerate() {
            let store = match ProfileStore::read(&folder.join(FILE)) {
                Ok((store, warning)) => {
                    problems.extend(warning);
                    store
                }
                Err(error) => {
                    problems.push(error.to_string());
                    None
                }
            };
            if let Some(store) = store {
                if index == 0 {
                    all.shared = store.clone();
                }
                all.stores.insert(id.to_owned(), store);
            }
        }
        (all, problems)
    }

    /// The keys of an agent.
    pub fn of(&self, agent: &str) -> &ProfileStore {
        self.stores.get(agent).unwrap_or(&self.shared)
    }
}

// === impl ProfileStore ===

impl ProfileStore {
    /// Reads one file, if there is one; with a warning, if others may read it.
    pub fn read(path: &Path) -> Result<(Option<Self>, Option<String>), StoreError> {
        let unreadable = |source| StoreError::Unreadable {
            path: path.into(),
            source,
        };
        let malformed = |why: String| StoreError::Malformed {
            path: path.into(),
            why,
        };
        let file = match std::fs::File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok((None, None)),
            Err(source) => return Err(unreadable(source)),
        };
        let metadata = file.metadata().map_err(unreadable)?;
        if !metadata.is_file() {
            return Err(malformed("not a regular file".into()));
        }
        if metadata.mode() & 0o022 != 0 {
            return Err(StoreError::Writable { path: path.into() });
        }
        let mut bytes = Vec::new();
        file.take(MAX_FILE + 1)
            .read_to_end(&mut bytes)
            .map_err(unreadable)?;
        if bytes.len() as u64 > MAX_FILE {
            return Err(malformed(format!("it is longer than {MAX_FILE} bytes")));
        }
        // the parser's text may quote the file, so only the place is told
        let store = serde_json::from_slice(&bytes)
            .map_err(|error| malformed(format!("line {}, column {}", error.line(), error.column())))?;
        let warning = (metadata.mode() & 0o044 != 0).then(|| {
            format!(
                "{}: other users of this machine can read the keys in it; run `chmod 600` on it",
                path.display()
            )
        });
        Ok((Some(store), warning))
    }

    /// Is there a profile with this id?
    pub fn has(&self, id: &str) -> bool {
        self.profiles.contains_key(id)
    }

    /// The logins and tokens in it, which may have an end.
    pub fn logins(&self) -> Vec<Login> {
        let login = |(id, profile): (&String, &Profile)| {
            let (kind, expires) = match profile {
                Profile::Oauth { expires, .. } => ("oauth", expires),
                Profile::Token { expires, .. } => ("token", expires),
                Profile::ApiKey { .. } | Profile::Other => return None,
            };
            Some(Login {
                id: id.clone(),
                provider: profile.provider().to_owned(),
                kind,
                expires_ms: expires.filter(|at| *at > 0.0).map(|at| at as i64),
            })
        };
        self.profiles.iter().filter_map(login).collect()
    }

    /// The order that the file itself gives to a provider's profiles.
    pub(super) fn order(&self, provider: &str) -> impl Iterator<Item = &str> {
        self.order.get(provider).into_iter().flatten().map(String::as_str)
    }

    /// All profiles of a provider: logins, tokens, keys.
    pub(super) fn profiles_of(&self, provider: &str) -> Vec<&str> {
        let mut found: Vec<_> = self
            .profiles
            .iter()
            .filter(|(_, profile)| profile.provider() == provider)
            .collect();
        found.sort_by_key(|(_, profile)| profile.rank());
        found.into_iter().map(|(id, _)| id.as_str()).collect()
    }

    /// The secret of a profile of this provider, unless its time is over.
    pub(super) fn secret(&self, id: &str, provider: &str, now_ms: i64) -> Option<&Secret> {
        let profile = self
            .profiles
            .get(id)
            .filter(|profile| profile.provider() == provider)?;
        let (secret, expires) = match profile {
            Profile::Oauth { access, expires, .. } => (access, *expires),
            Profile::Token { token, expires, .. } => (token, *expires),
            Profile::ApiKey { key, .. } => (key, None),
            Profile::Other => return None,
        };
        let over = expires.is_some_and(|at| at > 0.0 && at <= now_ms as f64);
        (!over && !secret.is_empty()).then_some(secret)
    }
}

// === impl Profile ===

impl Profile {
    fn provider(&self) -> &str {
        match self {
            Self::Oauth { provider, .. } | Self::Token { provider, .. } | Self::ApiKey { provider, .. } => {
                provider
            }
            Self::Other => "",
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Oauth { .. } => 0,
            Self::Token { .. } => 1,
            Self::ApiKey { .. } => 2,
            Self::Other => 3,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn write(folder: &Path, text: &str, mode: u32) {
        let path = folder.join(FILE);
        std::fs::write(&path, text).expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("set");
    }

    const KEY: &str = r#"{"version":1,"profiles":{"v:a":{"type":"api_key","provider":"v","key":"hunter2","email":"x"},
        "v:new":{"type":"passkey","provider":"v"}},"lastGood":{"v":"v:a"}}"#;

    #[test]
    fn the_mode_of_the_file_decides() {
        let folder = tempfile::tempdir().expect("a folder");
        let read = || Profiles::read([("main", folder.path().to_owned())]);
        assert!(read().1.is_empty(), "no file is no problem");
        write(folder.path(), KEY, 0o600);
        let (profiles, problems) = read();
        assert!(problems.is_empty());
        let secret = profiles.of("another").secret("v:a", "v", 0).expect("shared");
        assert_eq!(secret.expose(), "hunter2");
        assert!(!format!("{profiles:?}").contains("hunter2"));
        write(folder.path(), KEY, 0o644);
        let (profiles, problems) = read();
        assert!(profiles.of("main").has("v:a") && problems[0].contains("chmod 600"));
        write(folder.path(), KEY, 0o620);
        let (profiles, problems) = read();
        assert!(!profiles.of("main").has("v:a") && problems[0].contains("not used"));
    }

    #[test]
    fn a_broken_file_is_told_without_its_content() {
        let folder = tempfile::tempdir().expect("a folder");
        write(folder.path(), r#"{"profiles":{"a":"hunter2"}}"#, 0o600);
        let (_, problems) = Profiles::read([("main", folder.path().to_owned())]);
        assert!(
            problems[0].contains("line 1") && !problems[0].contains("hunter2"),
            "{problems:?}"
        );
    }
}
