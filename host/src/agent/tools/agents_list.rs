//! `agents_list`: to which agents work can be handed over.
use super::{Bench, HostTool};
use crate::config::{Agent, Agents};
use openclaw_plugin_api::{Result, ToolOrigin, ToolOutput};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

/// Stands for every agent in a list of agents.
const ANY: &str = "*";

pub(super) struct AgentsList;

/// It takes nothing.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Args {}

impl HostTool for AgentsList {
    const NAME: &'static str = "agents_list";
    const DESCRIPTION: &'static str = "Lists the agents that sessions_spawn may start, by id.";
    const IDEMPOTENT: bool = true;
    const SIDE_EFFECTS: bool = false;
    type Args = Args;

    async fn invoke(&self, _: Args, origin: ToolOrigin, bench: Bench) -> Result<ToolOutput> {
        let config = bench.desk.config();
        let agents = config.agents();
        let asker = agents
            .get(&origin.agent_id)
            .unwrap_or_else(|| agents.default_agent());
        Ok(ToolOutput::json(list(&agents, asker)))
    }
}

fn list(agents: &Agents, asker: &Agent) -> Value {
    let rows = agents.agents.iter().filter(|agent| may_start(asker, &agent.id));
    let rows = rows.map(|agent| {
        let mut row = json!({ "id": agent.id, "configured": true });
        if let Some(name) = agent.name.as_ref().or(agent.identity.name.as_ref()) {
            row["name"] = json!(name);
        }
        row
    });
    json!({ "requester": asker.id, "allowAny": allowed(asker).any(|id| id == ANY), "agents": rows.collect::<Vec<_>>() })
}

/// Whether an agent may start another one, `agents.*.subagents.allowAgents`. Itself it may always start.
pub(super) fn may_start(asker: &Agent, id: &str) -> bool {
    asker.id == id || allowed(asker).any(|allowed| allowed == ANY || allowed.eq_ignore_ascii_case(id))
}

fn allowed(asker: &Agent) -> impl Iterator<Item = &str> {
    let allowed = asker.settings.subagents.allow_agents.iter().flatten();
    allowed.map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn an_agent_sees_itself_and_whom_it_may_start() {
        let config = Config::from_value(json!({ "agents": { "list": [
            { "id": "main", "name": "Ada", "subagents": { "allowAgents": ["Research"] } },
            { "id": "research", "subagents": { "allowAgents": ["*"] } },
            { "id": "other" },
        ] } }))
        .expect("valid");
        let agents = config.agents();
        let of = |id: &str| {
            let found = list(&agents, agents.get(id).expect("there"));
            let ids = found["agents"].as_array().expect("rows").iter();
            let ids: Vec<_> = ids
                .map(|row| row["id"].as_str().expect("an id").to_owned())
                .collect();
            (ids.join(" "), found["allowAny"] == true)
        };
        assert_eq!(of("main"), ("main research".to_owned(), false));
        assert_eq!(of("research"), ("main research other".to_owned(), true));
        assert_eq!(of("other"), ("other".to_owned(), false));
    }
}
