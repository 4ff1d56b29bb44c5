//! Which folders a tool of a plugin may work in: the agent's workspace, and what the agent was told of.
//!
//! They come from the configuration, never from whoever calls.
use crate::{agent::Desk, skills};
use openclaw_plugin_api::ToolOrigin;

/// The origin of a call with the folders of its agent; of one without an agent, with none.
pub(super) fn with_folders(desk: &Desk, origin: ToolOrigin) -> ToolOrigin {
    let (config, mut origin) = (desk.config(), origin);
    let agents = config.agents();
    let agent = agents
        .get(&origin.agent_id)
        .filter(|_| !origin.agent_id.is_empty());
    origin.workspace_dir = String::new();
    origin.readable_dirs = Vec::new();
    let Some(agent) = agent else { return origin };
    let workspace = agent.workspace(&desk.paths);
    // one that can't be made is told of by the tool that wants to use it
    let _ = std::fs::create_dir_all(&workspace);
    let roots = skills::roots(&config, agent, &desk.paths).into_iter();
    let outside = roots.filter(|root| !root.path.starts_with(&workspace));
    origin.readable_dirs = outside.map(|root| root.path.display().to_string()).collect();
    origin.workspace_dir = workspace.display().to_string();
    origin
}
