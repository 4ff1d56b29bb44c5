//! The typed sections of the configuration: one line each, from which reading, checking and the schema follow.
//!
//! A section is judged by the schema of its type first, for that gives good messages, and then read.
use super::{
    agents::{Agents, AgentsConfig},
    approvals::ApprovalsConfig,
    auth::AuthConfig,
    bindings::BindingConfig,
    channels::Policies,
    commands::CommandsConfig,
    cron::CronConfig,
    diagnostics::DiagnosticsConfig,
    gateway::GatewayConfig,
    ids::AccessGroups,
    known,
    location::{JsonPath, Step},
    logging::LoggingConfig,
    messages::MessagesConfig,
    models::ModelsConfig,
    opaque::Opaque,
    origin::{EnvConfig, MetaConfig},
    plugins::PluginsConfig,
    schema::{Fault, Finding, Schema},
    secrets::SecretsConfig,
    session::SessionConfig,
    skills::SkillsConfig,
    tools::ToolsConfig,
};
use schemars::{JsonSchema, Schema as Schemars, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::sync::{Arc, OnceLock};

/// The key of a section: its name, if it has no other.
macro_rules! key {
    ($name:ident) => {
        stringify!($name)
    };
    ($name:ident $key:literal) => {
        $key
    };
}

/// Makes [`Config`] of its sections.
macro_rules! sections {
    ($(#[doc = $doc:literal] $name:ident $(= $key:literal)?: $type:ty,)+) => {
        /// The whole configuration, read and checked.
        #[derive(Debug, Clone, Default)]
        pub struct Config {
            pub(super) value: Opaque,
            /// See [`Config::agents`].
            pub(super) resolved: OnceLock<Arc<Agents>>,
            /// See [`Config::channel_policy`].
            pub(super) policies: Policies,
            $(#[doc = $doc] pub $name: $type,)+
        }

        /// The keys of the sections that are typed.
        const TYPED: &[&str] = &[$(key!($name $($key)?)),+];

        /// The schemas of the sections by key.
        pub(super) fn schemas(generator: &mut SchemaGenerator) -> Vec<(&'static str, Schemars)> {
            vec![$((key!($name $($key)?), described(generator.subschema_for::<$type>(), $doc))),+]
        }

        impl Reader {
            fn config(&mut self, value: &Map<String, Value>) -> Config {
                Config {
                    value: Opaque::default(),
                    resolved: OnceLock::new(),
                    policies: Policies::default(),
                    $($name: self.section(value, key!($name $($key)?)),)+
                }
            }
        }
    };
}

sections! {
    /// Groups of people, to be named in lists of who may write.
    access_groups = "accessGroups": AccessGroups,
    /// Who answers.
    agents: AgentsConfig,
    /// Where questions to the operator go.
    approvals: ApprovalsConfig,
    /// Accounts at model vendors.
    auth: AuthConfig,
    /// Which agent answers where.
    bindings: Vec<BindingConfig>,
    /// Chat commands.
    commands: CommandsConfig,
    /// Jobs that run at a time.
    cron: CronConfig,
    /// What is measured, and who is told.
    diagnostics: DiagnosticsConfig,
    /// Variables.
    env: EnvConfig,
    /// Where the gateway listens and who may connect.
    gateway: GatewayConfig,
    /// What is logged.
    logging: LoggingConfig,
    /// What happens around turns.
    messages: MessagesConfig,
    /// What programs noted about the file.
    meta: MetaConfig,
    /// Services that offer models.
    models: ModelsConfig,
    /// Which plugins there are and what each may do.
    plugins: PluginsConfig,
    /// Where secrets come from.
    secrets: SecretsConfig,
    /// Which messages belong to one conversation.
    session: SessionConfig,
    /// Instructions for special work.
    skills: SkillsConfig,
    /// Which tools agents may use.
    tools: ToolsConfig,
}

fn described(mut schema: Schemars, text: &str) -> Schemars {
    schema.insert("description".into(), text.trim().into());
    schema
}

/// Keys of the top level that others judge: the plugins that read them.
pub(super) const FREE: &[&str] = &["channels", "hooks", "mcp"];
/// Keys of the top level that are for people and other programs: not even worth a warning.
pub(super) const SILENT: &[&str] = &["$schema", "wizard"];

/// Reads the sections out of the whole, or says all that is wrong with it. Beside the configuration stand the keys that
/// OpenClaw knows and that have no effect here.
pub(super) fn read(value: &Map<String, Value>) -> Result<(Config, Vec<JsonPath>), Vec<Fault>> {
    let mut reader = Reader::default();
    for key in value.keys().map(String::as_str) {
        if !TYPED.contains(&key) && !FREE.contains(&key) && !SILENT.contains(&key) {
            reader.unknown(JsonPath::root().key(key), &[TYPED, FREE].concat());
        }
    }
    let config = reader.config(value);
    if reader.faults.is_empty() {
        Ok((config, reader.without_effect))
    } else {
        Err(reader.faults)
    }
}

/// `secrets` alone, which has to be known before the whole can be judged.
pub(super) fn secrets(value: &Value) -> Result<SecretsConfig, Vec<Fault>> {
    let mut reader = Reader::default();
    let nothing = Map::new();
    let secrets = reader.section(value.as_object().unwrap_or(&nothing), "secrets");
    if reader.faults.is_empty() {
        Ok(secrets)
    } else {
        Err(reader.faults)
    }
}

#[derive(Default)]
struct Reader {
    faults: Vec<Fault>,
    without_effect: Vec<JsonPath>,
}

impl Reader {
    /// Checks one section against the schema of its type, then reads it.
    fn section<T: DeserializeOwned + Default + JsonSchema>(
        &mut self,
        all: &Map<String, Value>,
        key: &str,
    ) -> T {
        let Some(value) = all.get(key) else {
            return T::default();
        };
        let at = JsonPath::root().key(key);
        let (faults, strange) = (self.faults.len(), self.without_effect.len());
        for finding in Schema::of::<T>().examine(value, &at) {
            match finding {
                Finding::Fault(fault) => self.faults.push(fault),
                Finding::Unknown { path, known } => {
                    self.unknown(path, &known.iter().map(String::as_str).collect::<Vec<_>>());
                }
            }
        }
        if self.faults.len() > faults {
            return T::default();
        }
        let strange = &self.without_effect[strange..];
        let read = if strange.is_empty() {
            T::deserialize(value)
        } else {
            let mut value = value.clone();
            strange
                .iter()
                .for_each(|path| remove(&mut value, &path.steps()[1..]));
            T::deserialize(value)
        };
        read.unwrap_or_else(|_| {
            // what the schema lets pass and the type does not (1.0 for an integer) still has a path, if a coarse one
            let message = "has a number that is not a whole number".into();
            self.faults.push(Fault { path: at, message });
            T::default()
        })
    }

    /// A key that no type has: one of OpenClaw's, or a mistake.
    fn unknown(&mut self, path: JsonPath, typed: &[&str]) {
        if known::is_known(&path) {
            self.without_effect.push(path);
            return;
        }
        let message = known::strange(&path, typed);
        self.faults.push(Fault { path, message });
    }
}

/// Takes the value that `steps` lead to away.
pub(super) fn remove(value: &mut Value, steps: &[Step]) {
    match (value, steps) {
        (Value::Object(map), [Step::Key(key)]) => drop(map.shift_remove(key)),
        (Value::Object(map), [Step::Key(key), rest @ ..]) => {
            if let Some(inner) = map.get_mut(key) {
                remove(inner, rest);
            }
        }
        (Value::Array(items), [step, rest @ ..]) => {
            if let Some(inner) = step.as_index().and_then(|index| items.get_mut(index)) {
                remove(inner, rest);
            }
        }
        _ => {}
    }
}
