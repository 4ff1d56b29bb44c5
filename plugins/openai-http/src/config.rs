//! What operators set. The places are OpenClaw's own, so that an existing file works.
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The configuration: sections of `openclaw.json` under their own paths.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Config {
    /// `gateway`
    pub gateway: Gateway,
    /// `agents`
    pub agents: Agents,
}

/// `gateway`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Gateway {
    /// `gateway.http`
    pub http: Http,
    /// What `POST /tools/invoke` serves.
    pub tools: Tools,
}

/// `gateway.tools`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Tools {
    /// Tools that `POST /tools/invoke` serves though they can do harm. A `*` at the end stands for anything.
    pub allow: Vec<String>,
    /// Tools that it does not serve.
    pub deny: Vec<String>,
}

/// `gateway.http`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Http {
    /// `gateway.http.endpoints`
    pub endpoints: Endpoints,
}

/// `gateway.http.endpoints`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Endpoints {
    /// `POST /v1/chat/completions`
    pub chat_completions: Endpoint,
    /// `POST /v1/responses`
    pub responses: Endpoint,
}

/// `gateway.http.endpoints.<name>`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Endpoint {
    /// Is it there? Default: false.
    pub enabled: bool,
}

/// The agents, as far as their names go.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Agents {
    /// `agents.list`
    pub list: Vec<Listed>,
    /// `agents.entries`
    pub entries: BTreeMap<String, Anything>,
}

/// `agents.list[]`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct Listed {
    /// Its id.
    pub id: String,
    /// Does it answer where none is named?
    #[serde(default)]
    pub default: bool,
}

/// What this plugin does not look at.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct Anything {}

impl Config {
    /// Is any interface there?
    pub fn any(&self) -> bool {
        let endpoints = &self.gateway.http.endpoints;
        endpoints.chat_completions.enabled || endpoints.responses.enabled
    }

    /// Id of the agent that answers where none is named.
    pub fn default_agent(&self) -> &str {
        let list = &self.agents.list;
        let chosen = list.iter().find(|agent| agent.default).or(list.first());
        chosen.map_or("main", |agent| agent.id.as_str())
    }

    /// Ids of the agents that the configuration names, sorted.
    pub fn agents(&self) -> Vec<String> {
        let listed = self.agents.list.iter().map(|agent| agent.id.clone());
        let mut ids: Vec<_> = listed.chain(self.agents.entries.keys().cloned()).collect();
        ids.sort();
        ids.dedup();
        ids
    }
}
