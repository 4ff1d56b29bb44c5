//! `secrets`, and secrets in other places: a text, or a reference to where the secret is.
//!
//! A reference is resolved when the configuration is loaded, before anything else looks at it; one that can't be
//! resolved is a fault of the configuration and never an empty secret or another one. No secret is ever printed.

mod exec;
mod file;
mod resolve;

pub(super) use resolve::{Places, is_reference, resolve};

use super::agents::words;
use openclaw_plugin_api::Secret;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;

/// How names of keys that hold secrets end, in lower case.
const SENSITIVE: &[&str] = &[
    "apikey",
    "api_key",
    "accesskey",
    "authorization",
    "cookie",
    "credential",
    "credentials",
    "passphrase",
    "passwd",
    "password",
    "privatekey",
    "private_key",
    "secret",
    "secretkey",
    "serviceaccount",
    "token",
    "x-api-key",
];

/// `secrets`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct SecretsConfig {
    /// Where secrets come from, by a name for references.
    pub providers: BTreeMap<String, SecretProvider>,
    /// Which provider a reference means that names none, or `default`.
    pub defaults: SecretDefaults,
}

/// `secrets.defaults`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct SecretDefaults {
    /// For `source: "env"`. Default: the environment.
    pub env: Option<String>,
    /// For `source: "file"`.
    pub file: Option<String>,
    /// For `source: "exec"`.
    pub exec: Option<String>,
}

/// `secrets.providers.<name>`
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(tag = "source", rename_all = "lowercase")]
pub enum SecretProvider {
    /// Variables of the environment.
    Env(EnvProvider),
    /// A file.
    File(FileProvider),
    /// A program.
    Exec(ExecProvider),
}

/// Variables of the environment.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct EnvProvider {
    /// The only variables that may be asked for. None: any.
    pub allowlist: Option<Vec<String>>,
}

/// A file, which only its owner may read.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FileProvider {
    /// The file.
    pub path: String,
    /// `json`: an object, from which ids are JSON pointers. `singleValue`: the secret itself, whose id is `value`.
    /// Default: `json`.
    #[serde(default)]
    pub mode: FileMode,
    /// Longest wait, milliseconds. Default: 5000.
    #[serde(default)]
    #[schemars(range(min = 1, max = 120_000))]
    pub timeout_ms: Option<u64>,
    /// Largest file, bytes. Default: 1 MiB.
    #[serde(default)]
    #[schemars(range(min = 1, max = 20_971_520))]
    pub max_bytes: Option<u64>,
}

/// A program, which is started without a shell and told the ids on its standard input.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExecProvider {
    /// The program, as an absolute path.
    pub command: String,
    /// Its arguments.
    #[serde(default)]
    pub args: Vec<String>,
    /// Its variables. It has no others but those in `passEnv`.
    #[serde(default)]
    pub env: BTreeMap<String, Secret>,
    /// Variables that it gets from the environment.
    #[serde(default)]
    pub pass_env: Vec<String>,
    /// Longest run, milliseconds. Default: 5000.
    #[serde(default)]
    #[schemars(range(min = 1, max = 120_000))]
    pub timeout_ms: Option<u64>,
    /// Longest answer, bytes. Default: 1 MiB.
    #[serde(default)]
    #[schemars(range(min = 1, max = 20_971_520))]
    pub max_output_bytes: Option<u64>,
    /// Must the answer be JSON? If not, a plain text is the one secret that was asked for. Default: true.
    #[serde(default)]
    pub json_only: Option<bool>,
}

words! {
    /// What is in a file of secrets.
    #[derive(Default)]
    FileMode {
        /// An object.
        #[default]
        Json = "json",
        /// One secret.
        SingleValue = "singleValue",
    }
    /// What kind of place a secret is in.
    SecretSource {
        /// A variable of the environment.
        Env = "env",
        /// A file.
        File = "file",
        /// What a program answers.
        Exec = "exec",
    }
}

/// Where a secret is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecretRef {
    /// What kind of place.
    pub source: SecretSource,
    /// The name in `secrets.providers`. Default: `default`.
    #[serde(default)]
    pub provider: Option<String>,
    /// Which secret there: a variable, a JSON pointer or `value`, a name.
    pub id: String,
}

/// A secret in the configuration: a text, in which `${VARIABLE}` is replaced, or a reference. In a configuration that
/// was loaded it is always there.
#[derive(Debug, Clone, JsonSchema)]
#[schemars(with = "Written")]
pub struct SecretInput(Option<Secret>);

/// The two forms of a [`SecretInput`].
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum Written {
    /// The secret itself.
    Text(Secret),
    /// Where it is.
    Reference(SecretRef),
}

// === impl SecretInput ===

impl SecretInput {
    /// The secret. None only in a configuration that was read without its secrets.
    pub fn secret(&self) -> Option<&Secret> {
        self.0.as_ref()
    }

    /// Counts as a secret, an empty one, if it was not fetched: for who asks nobody and only has to know where keys are.
    pub fn assume(&mut self) {
        self.0 = Some(self.0.take().unwrap_or_default());
    }
}

impl<'de> Deserialize<'de> for SecretInput {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(match Written::deserialize(deserializer)? {
            Written::Text(secret) => Some(secret),
            Written::Reference(_reference) => None,
        }))
    }
}

// === impl SecretProvider ===

impl std::fmt::Debug for SecretProvider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // arguments and variables of a program may be secrets themselves
        f.write_str(match self {
            Self::Env(_) => "Env",
            Self::File(_) => "File",
            Self::Exec(_) => "Exec",
        })
    }
}

/// Does a key with this name hold a secret?
pub fn sensitive_key(key: &str) -> bool {
    let word = key.to_ascii_lowercase();
    let word = word.trim_end_matches(|c: char| c.is_ascii_digit());
    SENSITIVE.iter().any(|end| word.ends_with(end))
}

#[cfg(test)]
mod tests;
