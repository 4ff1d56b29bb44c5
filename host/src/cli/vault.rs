//! Where secrets go that commands are given: a file beside the configuration that only its user can read, to which the
//! configuration refers.
//!
//! It never prints one. Invariants: a reference is written into the configuration only after the file has the secret; what
//! another command puts into the file meanwhile stays in it.
use super::Failure;
use crate::config::{Edit, JsonPath, Paths, exclusive, write_alone};
use openclaw_plugin_api::Secret;
use serde_json::{Map, Value, json};
use std::{
    fs,
    io::{self, Read},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// The file in the state directory.
pub(super) const FILE: &str = "secrets.json";
/// How the configuration calls the file, if it does not call it otherwise.
const PROVIDER: &str = "state";
/// Longest file that is read, bytes.
const MAX_FILE: u64 = 1 << 20;

/// The file and what it will hold besides.
pub(super) struct Vault {
    file: PathBuf,
    provider: String,
    /// How the configuration shall write the file's path; None: it has it.
    introduced_as: Option<String>,
    /// What was put in, by name.
    new: Map<String, Value>,
    /// What stood in the file under the names of `new` when it was written.
    replaced: Map<String, Value>,
}

impl Vault {
    /// The file of these places, as the configuration has it.
    pub(super) fn open(paths: &Paths, config: &Value) -> Result<Self, Failure> {
        let file = paths.state_dir.join(FILE);
        let providers = &config["secrets"]["providers"];
        let ours = |provider: &Value| {
            let path = provider["path"].as_str().map(|path| paths.expand(path));
            let is_json = provider["mode"].as_str().is_none_or(|mode| mode == "json");
            provider["source"] == "file" && is_json && path.as_deref() == Some(&*file)
        };
        let known = providers.as_object().into_iter().flatten();
        let known = known
            .filter(|(_, provider)| ours(provider))
            .map(|(name, _)| name.clone())
            .next();
        if known.is_none() && providers.get(PROVIDER).is_some() {
            return Err(Failure::config(format_args!(
                "secrets.providers.{PROVIDER} is something else than {}; give it another name",
                file.display()
            )));
        }
        // a file that is none is said before anything is asked or changed
        read(&file)?;
        Ok(Self {
            new: Map::new(),
            replaced: Map::new(),
            introduced_as: known.is_none().then(|| written(&file, paths)),
            provider: known.unwrap_or_else(|| PROVIDER.to_owned()),
            file,
        })
    }

    /// Takes the secret that belongs to this place of the configuration; gives what to write there.
    pub(super) fn put(&mut self, at: &JsonPath, secret: &Secret) -> Value {
        let name = at.to_string();
        self.new.insert(name.clone(), json!(secret.expose()));
        let id = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
        json!({ "source": "file", "provider": self.provider, "id": id })
    }

    /// What the configuration needs to find the file; nothing if it finds it, or need not.
    pub(super) fn introduction(&self) -> Option<Edit> {
        let path = self.introduced_as.as_ref().filter(|_| !self.new.is_empty())?;
        let providers = JsonPath::root().key("secrets").key("providers");
        Some(Edit::Set {
            path: providers.key(&*self.provider),
            value: json!({ "source": "file", "path": path }),
        })
    }

    /// Writes the file, if it has something new. The state directory exists.
    pub(super) fn save(&mut self) -> Result<(), Failure> {
        if self.new.is_empty() {
            return Ok(());
        }
        let (new, replaced) = (&self.new, &mut self.replaced);
        change(&self.file, |content| {
            for (name, secret) in new {
                if let Some(before) = content.insert(name.clone(), secret.clone()) {
                    replaced.insert(name.clone(), before);
                }
            }
        })
    }

    /// Takes what is new out of the file again, because nothing refers to it.
    pub(super) fn undo(&self) {
        let undone = change(&self.file, |content| {
            for name in self.new.keys() {
                match self.replaced.get(name) {
                    Some(before) => content.insert(name.clone(), before.clone()),
                    None => content.shift_remove(name),
                };
            }
        });
        if let Err(error) = undone {
            tracing::warn!(target: "openclaw::cli", "{} has secrets that nothing refers to: {error}", self.file.display());
        }
    }

    /// The file.
    pub(super) fn file(&self) -> &Path {
        &self.file
    }
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vault")
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}

/// Below the user's home, so that the home may move.
fn written(file: &Path, paths: &Paths) -> String {
    let below = paths
        .home
        .as_deref()
        .and_then(|home| file.strip_prefix(home).ok());
    match below {
        Some(rest) => format!("~/{}", rest.display()),
        None => file.display().to_string(),
    }
}

/// Changes what the file says now; an empty one goes.
fn change(file: &Path, change: impl FnOnce(&mut Map<String, Value>)) -> Result<(), Failure> {
    let failed = |e| Failure::io(format_args!("write {}", file.display()), e);
    let _lock = exclusive(file).map_err(failed)?;
    let mut content = read(file)?.unwrap_or_default();
    change(&mut content);
    if content.is_empty() {
        return fs::remove_file(file).map_err(failed);
    }
    let text = serde_json::to_string_pretty(&content).map_err(|e| failed(e.into()))?;
    if text.len() as u64 > MAX_FILE {
        let why = format!("it would be larger than {MAX_FILE} bytes; set fewer or shorter secrets");
        return Err(failed(io::Error::other(why)));
    }
    write_alone(file, format!("{text}\n").as_bytes()).map_err(failed)
}

fn read(file: &Path) -> Result<Option<Map<String, Value>>, Failure> {
    let no_link =
        i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).expect("flags are the system's integers");
    let failed = |e| Failure::io(format_args!("read {}", file.display()), e);
    let opened = fs::OpenOptions::new().read(true).custom_flags(no_link).open(file);
    let opened = match opened {
        Ok(opened) => opened,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mut bytes = Vec::new();
    opened
        .take(MAX_FILE + 2)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() as u64 > MAX_FILE + 1 {
        return Err(Failure::config(format_args!(
            "{} is larger than {MAX_FILE} bytes; make it shorter, or move it away",
            file.display()
        )));
    }
    // the parser's text may quote the file, so only the place is told
    serde_json::from_slice(&bytes).map(Some).map_err(|error| {
        Failure::config(format_args!(
            "{} is no JSON object (line {}, column {}); correct it, or move it away",
            file.display(),
            error.line(),
            error.column()
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Env, apply, write_atomic};
    use std::os::unix::fs::PermissionsExt;

    fn paths(home: &Path) -> Paths {
        let env: Env = [("HOME", home.to_str().expect("UTF-8"))].into_iter().collect();
        let paths = Paths::resolve(&env).expect("a home");
        paths.prepare_state_dir().expect("made");
        paths
    }

    #[test]
    fn what_is_put_in_is_found_by_the_reference() {
        let home = tempfile::tempdir().expect("a folder");
        let paths = paths(home.path());
        let mut vault = Vault::open(&paths, &json!({})).expect("there is none yet");
        assert!(vault.introduction().is_none(), "nothing was put in");
        let at: JsonPath = "models.providers[\"a/b~c\"].apiKey".parse().expect("a path");
        let value = vault.put(&at, &Secret::new("hunter2"));
        assert!(!format!("{vault:?}{value}").contains("hunter2"));
        let edits = [
            vault.introduction().expect("it is new"),
            Edit::Set {
                path: at.clone(),
                value,
            },
        ];
        let text = apply("{}", &edits).expect("it can be written");
        assert!(
            text.contains("~/.openclaw/secrets.json") && !text.contains("hunter2"),
            "{text}"
        );
        vault.save().expect("written");
        write_atomic(&paths.config_file, text.as_bytes()).expect("written");
        let config = Config::load(&paths, &Env::default()).expect("the secret is found");
        assert_eq!(at.of(config.value()), Some(&json!("hunter2")));
        let mode = fs::metadata(vault.file()).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);

        let before =
            serde_json::from_str(&text.replace(",\n}", "\n}")).unwrap_or_else(|_| config.value().clone());
        let mut again = Vault::open(&paths, &before).expect("it is there");
        let other = again.put(&"gateway.auth.token".parse().expect("a path"), &Secret::new("t"));
        assert_eq!(other["provider"], "state");
        assert!(again.introduction().is_none(), "it is known");
        again.save().expect("written");
        let kept = fs::read_to_string(again.file()).expect("read");
        assert!(kept.contains("hunter2"), "what was there stays");
    }

    #[test]
    fn two_commands_at_once_lose_nothing_of_each_other() {
        let home = tempfile::tempdir().expect("a folder");
        let paths = paths(home.path());
        let mut opened: Vec<_> = (0..3)
            .map(|_| Vault::open(&paths, &json!({})).expect("none yet"))
            .collect();
        for (number, vault) in opened.iter_mut().enumerate() {
            for name in [
                format!("models.providers.p{number}.apiKey"),
                "gateway.auth.token".into(),
            ] {
                vault.put(&name.parse().expect("a path"), &Secret::new(format!("s{number}")));
            }
            vault.save().expect("written");
        }
        let file = opened[0].file().to_owned();
        let kept = || -> Value { serde_json::from_slice(&fs::read(&file).expect("there")).expect("JSON") };
        for number in 0..3 {
            assert_eq!(
                kept()[format!("models.providers.p{number}.apiKey")],
                format!("s{number}")
            );
        }
        opened[2].undo();
        let now = kept();
        assert_eq!(now["gateway.auth.token"], "s1", "as it was");
        assert_eq!(now.get("models.providers.p2.apiKey"), None);
        opened[1].undo();
        opened[0].undo();
        assert!(!file.exists(), "nothing refers to anything in it");
    }

    #[test]
    fn a_file_that_is_too_large_is_neither_cut_nor_made() {
        let home = tempfile::tempdir().expect("a folder");
        let paths = paths(home.path());
        let mut vault = Vault::open(&paths, &json!({})).expect("none yet");
        let long = "x".repeat(usize::try_from(MAX_FILE).expect("it fits"));
        vault.put(&"gateway.auth.token".parse().expect("a path"), &Secret::new(long));
        let error = vault.save().expect_err("too large").to_string();
        assert!(error.contains("larger than") && !vault.file().exists(), "{error}");
        let padded = format!("{{}}{}", " ".repeat(2 << 20));
        fs::write(vault.file(), padded).expect("written");
        let error = Vault::open(&paths, &json!({}))
            .expect_err("too large")
            .to_string();
        assert!(error.contains("larger than"), "{error}");
    }

    #[test]
    fn a_file_that_is_none_and_a_name_that_is_taken_are_refused() {
        let home = tempfile::tempdir().expect("a folder");
        let paths = paths(home.path());
        let taken = json!({"secrets": {"providers": {"state": {"source": "env"}}}});
        assert!(
            Vault::open(&paths, &taken)
                .expect_err("taken")
                .to_string()
                .contains("another name")
        );
        let file = paths.state_dir.join(FILE);
        fs::write(&file, "hunter2").expect("written");
        let error = Vault::open(&paths, &json!({}))
            .expect_err("no object")
            .to_string();
        assert!(error.contains("line 1") && !error.contains("hunter2"), "{error}");
        fs::remove_file(&file).expect("removed");
        std::os::unix::fs::symlink(home.path().join("elsewhere"), &file).expect("linked");
        Vault::open(&paths, &json!({})).expect_err("a link");
    }
}
