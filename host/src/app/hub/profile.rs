//! Who an agent is, for plugins that speak in its name without asking it.
//!
//! Invariant: nothing is told of a workspace but the files that stand in the agent's prompt, and no more of each than there.
use crate::agent::Desk;
use openclaw_plugin_api::{AgentFile, AgentProfile, AgentProfileRequest, Error, ErrorKind, Result};

/// Files that are told at once.
const MAX_FILES: usize = 16;

/// What the operator wrote of an agent.
pub(super) async fn of(desk: &Desk, request: AgentProfileRequest) -> Result<AgentProfile> {
    let config = desk.config();
    let agents = config.agents();
    let agent = match request.agent_id.as_str() {
        "" => agents.default_agent(),
        id => agents
            .get(id)
            .ok_or_else(|| Error::new(ErrorKind::NotFound, format_args!("there is no agent {id}")))?,
    };
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let name = agent.identity.name.as_ref().or(agent.name.as_ref());
    let wanted = request.files.into_iter().take(MAX_FILES);
    let found = desk.briefings.files(desk, agent).await;
    let files = wanted.filter_map(|name| {
        let (_, text) = found.iter().find(|(known, _)| *known == name)?;
        let text = text.to_string();
        Some(AgentFile { name, text })
    });
    Ok(AgentProfile {
        agent_id: agent.id.clone(),
        name: name.cloned().unwrap_or_default(),
        theme: text(&agent.identity.theme),
        files: files.collect(),
    })
}
