//! Where secrets go that commands are given: a file beside the configuration that only its user can read, to which the
//! configuration refers.
//!
//! It never prints one. Invariant: a reference is written into the configuration only after the file has the secret.
use super::Failure;
use crate::config::{Edit, JsonPath, Paths, write_alone};
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

/// The file and what it will hold.
pub(super) struct Vault {
    file: PathBuf,
    provider: String,
    /// How the configuration shall write the file's path; None: it has it.
    introduced_as: Option<String>,
    content: Map<String, Value>,
    /// As it was; None: there was no file.
    before: Option<Map<String, Value>>,
    is_changed: bool,
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
        let before = read(&file)?;
        Ok(Self {
            content: before.clone().unwrap_or_default(),
            before,
            introduced_as: known.is_none().then(|| written(&file, paths)),
            provider: known.unwrap_or_else(|| PROVIDER.to_owned()),
            is_changed: false,
            file,
        })
    }

    /// Takes the secret that belongs to this place of the configuration; gives what to write there.
    pub(super) fn put(&mut self, at: &JsonPath, secret: &Secret) -> Value {
        let name = at.to_string();
        self.content.insert(name.clone(), json!(secret.expose()));
        self.is_changed = true;
        let id = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
        json!({ "source": "file", "provider": self.provider, "id": id })
    }

    /// What the configuration needs to find the file; nothing if it finds it, or need not.
    pub(super) fn introduction(&self) -> Option<Edit> {
        let path = self.introduced_as.as_ref().filter(|_| self.is_changed)?;
        let providers = JsonPath::root().key("secrets").key("providers");
        Some(Edit::Set {
            path: providers.key(&*self.provider),
            value: json!({ "source": "file", "path": path }),
        })
    }

    /// Writes the file, if it has something new. The state directory exists.
    pub(super) fn save(&self) -> Result<(), Failure> {
        if !self.is_changed {
            return Ok(());
        }
        self.write(&self.content)
            .map_err(|e| Failure::io(format_args!("write {}", self.file.display()), e))
    }

    /// Makes the file what it was, because nothing refers to what is new in it.
    pub(super) fn undo(&self) {
        let undone = match &self.before {
            Some(before) => self.write(before),
            None => fs::remove_file(&self.file),
        };
        if let Err(error) = undone {
            tracing::warn!(target: "openclaw::cli", "{} has secrets that nothing refers to: {error}", self.file.display());
        }
    }

    fn write(&self, content: &Map<String, Value>) -> io::Result<()> {
        let text = serde_json::to_string_pretty(content)?;
        write_alone(&self.file, format!("{text}\n").as_bytes())
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
    opened.take(MAX_FILE).read_to_end(&mut bytes).map_err(failed)?;
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
