//! `chat.metadata` and `commands.list`: the models and the commands that a chat page offers.
use crate::{
    agent::commands::{Form, TABLE},
    app::Gateway,
    gateway::Failure,
    methods::{models, params},
};
use openclaw_plugin_api::CommandSpec;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

/// Parameters of `chat.metadata`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct Params {
    agent_id: Option<String>,
    session_key: Option<String>,
}

/// Parameters of `commands.list`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct List {
    #[serde(rename = "sessionKey")]
    _session_key: Option<String>,
    agent_id: Option<String>,
    #[serde(rename = "provider")]
    _provider: Option<String>,
    scope: Option<Scope>,
    include_args: Option<bool>,
}

/// Where a command may be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Scope {
    Text,
    Native,
    Both,
}

/// What a chat page offers.
pub(in crate::methods) async fn metadata(gateway: &Gateway, given: Value) -> Result<Value, Failure> {
    let asked: Params = params("chat.metadata", given)?;
    let key = asked.session_key.as_deref().unwrap_or("main");
    let (agent, _) = super::history::whose(gateway, key, asked.agent_id.as_deref())?;
    of(gateway, &agent).await
}

/// What a chat page of an agent offers.
pub(super) async fn of(gateway: &Gateway, agent: &str) -> Result<Value, Failure> {
    let mut listed = models::list(gateway, json!({ "agentId": agent })).await?;
    Ok(json!({
        "models": listed["models"].take(), "commands": commands(gateway, false), "swarmEnabled": false,
        "runtimeSelectionLocked": false,
    }))
}

/// The commands that people may give.
pub(in crate::methods) fn list_commands(gateway: &Gateway, given: Value) -> Result<Value, Failure> {
    let asked: List = params("commands.list", given)?;
    if let Some(id) = &asked.agent_id
        && gateway.desk().config().agents().get(id).is_none()
    {
        return Err(Failure::invalid(format!(
            "unknown agent id \"{id}\"; see agents in openclaw.json"
        )));
    }
    // every command is given as a text here; channels offer the same ones in menus of their own
    let _ = asked.scope;
    Ok(json!({ "commands": commands(gateway, asked.include_args == Some(true)) }))
}

/// The gateway's own commands, then those of plugins.
pub(in crate::methods) fn commands(gateway: &Gateway, args: bool) -> Vec<Value> {
    let own = TABLE.iter().map(|entry| {
        let name = entry.names[0];
        let aliases: Vec<_> = entry.names.iter().map(|name| format!("/{name}")).collect();
        let mut row = json!({
            "name": name, "nativeName": name, "textAliases": aliases, "description": entry.description,
            "category": category(entry.form, name), "source": "native", "scope": "both",
            "acceptsArgs": !entry.usage.is_empty(),
        });
        if args && !entry.usage.is_empty() {
            row["args"] = json!([{ "name": "args", "description": entry.usage, "required": false }]);
        }
        row
    });
    let offered = gateway.registry.offered("command/1").into_iter();
    let specs = offered.filter_map(|(_, r)| serde_json::from_value::<CommandSpec>(r.spec).ok());
    let plugins = specs.filter(|spec| spec.chat).map(|spec| {
        json!({
            "name": spec.name, "textAliases": [format!("/{}", spec.name)], "description": spec.description,
            "category": "tools", "source": "plugin", "scope": "both", "acceptsArgs": true,
        })
    });
    own.chain(plugins).collect()
}

fn category(form: Form, name: &str) -> &'static str {
    match (form, name) {
        (Form::Directive, _) => "options",
        (_, "new" | "reset" | "stop" | "compact") => "session",
        (Form::Shortcut, _) => "status",
        (Form::Standalone, _) => "management",
    }
}
