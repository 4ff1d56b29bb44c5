//! The flags of `config set` that say where secrets come from: a value of `secrets.providers`.
use serde_json::{Map, Value, json};

/// The flag without which the others mean nothing.
const SOURCE: &str = "provider_source";

/// A provider of secrets, flag by flag.
#[derive(Debug, clap::Args)]
pub(super) struct Provider {
    /// Say where secrets come from, at secrets.providers.<name>: variables, a file or a program
    #[arg(long, value_name = "KIND", value_parser = ["env", "file", "exec"], conflicts_with_all = ["batch_json", "batch_file", "ref_id"])]
    provider_source: Option<String>,
    /// env: a variable that may be asked for; can be repeated
    #[arg(long, value_name = "VARIABLE", requires = SOURCE)]
    provider_allowlist: Vec<String>,
    /// file: which
    #[arg(long, value_name = "FILE", requires = SOURCE)]
    provider_path: Option<String>,
    /// file: what is in it, an object or one secret
    #[arg(long, value_name = "MODE", value_parser = ["json", "singleValue"], requires = SOURCE)]
    provider_mode: Option<String>,
    /// file: most that is read, bytes
    #[arg(long, value_name = "BYTES", requires = SOURCE)]
    provider_max_bytes: Option<u64>,
    /// file, exec: longest wait, milliseconds
    #[arg(long, value_name = "MS", requires = SOURCE)]
    provider_timeout_ms: Option<u64>,
    /// exec: the program, as an absolute path
    #[arg(long, value_name = "FILE", requires = SOURCE)]
    provider_command: Option<String>,
    /// exec: an argument; can be repeated
    #[arg(long, value_name = "ARGUMENT", allow_hyphen_values = true, requires = SOURCE)]
    provider_arg: Vec<String>,
    /// exec: a variable of its own; can be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair, requires = SOURCE)]
    provider_env: Vec<(String, String)>,
    /// exec: a variable that it gets from here; can be repeated
    #[arg(long, value_name = "VARIABLE", requires = SOURCE)]
    provider_pass_env: Vec<String>,
    /// exec: its answer has to be JSON
    #[arg(long, requires = SOURCE)]
    provider_json_only: bool,
    /// exec: longest answer, bytes
    #[arg(long, value_name = "BYTES", requires = SOURCE)]
    provider_max_output_bytes: Option<u64>,
}

/// `NAME=VALUE`
fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write NAME=VALUE".to_owned()),
    }
}

// === impl Provider ===

impl Provider {
    /// The provider, if one is meant. Which keys a source has, the configuration knows.
    pub(super) fn value(&self) -> Option<Value> {
        let source = self.provider_source.as_ref()?;
        let mut value = json!({ "source": source });
        let env: Map<String, Value> = self
            .provider_env
            .iter()
            .map(|(name, value)| (name.clone(), json!(value)))
            .collect();
        let all = [
            ("allowlist", json!(self.provider_allowlist)),
            ("path", json!(self.provider_path)),
            ("mode", json!(self.provider_mode)),
            ("maxBytes", json!(self.provider_max_bytes)),
            ("timeoutMs", json!(self.provider_timeout_ms)),
            ("command", json!(self.provider_command)),
            ("args", json!(self.provider_arg)),
            ("env", Value::Object(env)),
            ("passEnv", json!(self.provider_pass_env)),
            ("jsonOnly", json!(self.provider_json_only.then_some(true))),
            ("maxOutputBytes", json!(self.provider_max_output_bytes)),
        ];
        for (key, given) in all {
            let is_given = match &given {
                Value::Null => false,
                Value::Array(list) => !list.is_empty(),
                Value::Object(map) => !map.is_empty(),
                _ => true,
            };
            if is_given {
                value[key] = given;
            }
        }
        Some(value)
    }
}
