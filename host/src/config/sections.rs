//! The typed sections of the configuration: one line each, from which reading, checking and the schema follow.
//!
//! A section is judged by the schema of its type first, for that gives good messages, and then read.
use super::{
    agents::AgentsConfig,
    auth::AuthConfig,
    bindings::BindingConfig,
    commands::CommandsConfig,
    gateway::GatewayConfig,
    location::JsonPath,
    logging::LoggingConfig,
    messages::MessagesConfig,
    models::ModelsConfig,
    opaque::Opaque,
    origin::{EnvConfig, MetaConfig},
    plugins::PluginsConfig,
    schema::{Fault, Schema},
    secrets::SecretsConfig,
    session::SessionConfig,
    tools::ToolsConfig,
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// Makes [`Config`] of its sections.
macro_rules! sections {
    ($($(#[$doc:meta])* $name:ident: $type:ty,)+) => {
        /// The whole configuration, read and checked.
        #[derive(Debug, Clone, Default)]
        pub struct Config {
            pub(super) value: Opaque,
            $($(#[$doc])* pub $name: $type,)+
        }

        /// The keys of the sections that are typed.
        pub(super) const TYPED: &[&str] = &[$(stringify!($name)),+];

        /// Reads the sections out of the whole.
        pub(super) fn read(value: &Map<String, Value>) -> Result<Config, Vec<Fault>> {
            let mut faults = Vec::new();
            let config = Config {
                value: Opaque::default(),
                $($name: section(value.get(stringify!($name)), stringify!($name), &mut faults),)+
            };
            if faults.is_empty() { Ok(config) } else { Err(faults) }
        }
    };
}

sections! {
    /// Who answers.
    agents: AgentsConfig,
    /// Accounts at model vendors.
    auth: AuthConfig,
    /// Which agent answers where.
    bindings: Vec<BindingConfig>,
    /// Chat commands.
    commands: CommandsConfig,
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
    /// Which tools agents may use.
    tools: ToolsConfig,
}

/// Checks one section against the schema of its type, then reads it.
fn section<T: DeserializeOwned + Default + schemars::JsonSchema>(
    value: Option<&Value>,
    key: &str,
    faults: &mut Vec<Fault>,
) -> T {
    let Some(value) = value else {
        return T::default();
    };
    let at = JsonPath::root().key(key);
    let found = Schema::of::<T>().check(value, &at);
    if !found.is_empty() {
        faults.extend(found);
        return T::default();
    }
    T::deserialize(value).unwrap_or_else(|_| {
        // what the schema lets pass and the type does not (1.0 for an integer) still has a path, if a coarse one
        let message = "has a number that is not a whole number".into();
        faults.push(Fault { path: at, message });
        T::default()
    })
}
