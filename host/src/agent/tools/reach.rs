//! Which conversations an agent's tools reach: `tools.sessions.visibility` and `tools.agentToAgent`.
use super::Bench;
use crate::{
    agent::{commands::SessionSettings, policy::is_sandboxed},
    config::{Config, SessionVisibility, agent_id, tool_names::fits},
    journal::{JournalError, Session},
};
use openclaw_plugin_api::{Error, ErrorKind, Result, ToolOrigin};
use std::collections::HashMap;

/// Conversations that are looked at.
pub(super) const LOOKED_AT: u32 = 1_000;
/// Field of a conversation's entry: the one that started it.
pub(in crate::agent) const SPAWNED_BY: &str = "spawnedBy";
/// Farthest that one is from the one that all of it began with.
const MAX_DEPTH: usize = 8;

/// What a tool sees of conversations.
pub(super) struct Reach<'a> {
    config: &'a Config,
    own: &'a str,
    agent: &'a str,
    visibility: SessionVisibility,
    /// Which conversation started which.
    parents: HashMap<String, String>,
}

impl<'a> Reach<'a> {
    /// For whoever calls, given the conversations that there are.
    pub(super) fn new(config: &'a Config, origin: &'a ToolOrigin, sessions: &[Session]) -> Self {
        let agents = config.agents();
        let agent = agents
            .get(&origin.agent_id)
            .unwrap_or_else(|| agents.default_agent());
        let wanted = config
            .tools
            .sessions
            .visibility
            .unwrap_or(SessionVisibility::Tree);
        // whoever is shut in sees what it started, whatever the others may
        let visibility = match wanted {
            SessionVisibility::Itself => SessionVisibility::Itself,
            _ if is_sandboxed(config, agent, &origin.session_key) => SessionVisibility::Tree,
            wanted => wanted,
        };
        let parent = |session: &Session| {
            let settings: SessionSettings = serde_json::from_str(&session.settings).ok()?;
            let parent = settings.other.get(SPAWNED_BY)?.as_str()?.to_owned();
            Some((session.key.clone(), parent))
        };
        Self {
            config,
            own: &origin.session_key,
            agent: &origin.agent_id,
            visibility,
            parents: sessions.iter().filter_map(parent).collect(),
        }
    }

    /// Whether a conversation is reached; if not, why.
    pub(super) fn sees(&self, key: &str) -> std::result::Result<(), &'static str> {
        if key == self.own {
            return Ok(());
        }
        let other = agent_of(key);
        match self.visibility {
            SessionVisibility::Itself => Err("tools.sessions.visibility is \"self\""),
            SessionVisibility::Tree if self.is_below(key) => Ok(()),
            SessionVisibility::Tree => {
                Err("tools.sessions.visibility is \"tree\": it was not started from here")
            }
            _ if other == agent_id(self.agent) => Ok(()),
            SessionVisibility::Agent => {
                Err("tools.sessions.visibility is \"agent\": it belongs to another one")
            }
            SessionVisibility::All => self.crosses(&other),
        }
    }

    /// Whether a conversation was started from here, at any depth.
    fn is_below(&self, key: &str) -> bool {
        let mut here = key;
        for _ in 0..MAX_DEPTH {
            match self.parents.get(here) {
                Some(parent) if parent == self.own => return true,
                Some(parent) => here = parent,
                None => return false,
            }
        }
        false
    }

    fn crosses(&self, other: &str) -> std::result::Result<(), &'static str> {
        let rules = &self.config.tools.agent_to_agent;
        let named = |id: &str| {
            rules.allow.is_empty() || rules.allow.iter().any(|known| fits(&known.to_lowercase(), id))
        };
        match rules.enabled {
            false => Err("it belongs to another agent, and tools.agentToAgent.enabled is off"),
            true if named(&agent_id(self.agent)) && named(other) => Ok(()),
            true => Err("tools.agentToAgent.allow does not name both agents"),
        }
    }
}

impl Bench {
    /// The conversations that there are, the last used first.
    pub(super) async fn sessions(&self) -> Result<Vec<Session>> {
        let found = self.desk.journal.run(|j| j.sessions(LOOKED_AT)).await;
        found.map_err(unusable)
    }

    /// A conversation that the caller may reach, by its key; `main` is the caller's agent's main one.
    pub(super) async fn reached(&self, origin: &ToolOrigin, named: &str) -> Result<Session> {
        let key = match named.trim().to_lowercase().as_str() {
            "" | "current" => origin.session_key.to_lowercase(),
            "main" => crate::route::main_key(&origin.agent_id),
            key => key.to_owned(),
        };
        let config = self.desk.config();
        let sessions = self.sessions().await?;
        if let Err(why) = Reach::new(&config, origin, &sessions).sees(&key) {
            // the same for one that is not there: nobody learns what there is by asking
            return Err(Error::new(
                ErrorKind::Refused,
                format_args!("the session {key} is out of reach: {why}"),
            ));
        }
        let wanted = key.clone();
        let found = self
            .desk
            .journal
            .run(move |j| j.find_session(&wanted))
            .await
            .map_err(unusable)?;
        found.ok_or_else(|| {
            Error::new(
                ErrorKind::NotFound,
                format_args!("there is no session {key}; see sessions_list"),
            )
        })
    }
}

/// The agent that a conversation belongs to.
pub(in crate::agent) fn agent_of(key: &str) -> String {
    let named = key.strip_prefix("agent:").and_then(|rest| rest.split(':').next());
    agent_id(named.unwrap_or_default())
}

pub(super) fn unusable(error: JournalError) -> Error {
    Error::new(ErrorKind::Overloaded, error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::SessionUsage;
    use serde_json::json;

    fn session(key: &str, parent: &str) -> Session {
        Session {
            key: key.into(),
            session_id: "s".into(),
            agent: "main".into(),
            settings: json!({ SPAWNED_BY: parent }).to_string(),
            route: String::new(),
            usage: SessionUsage::default(),
            compactions: 0,
            model: String::new(),
            created_ms: 0,
            updated_ms: 0,
        }
    }

    #[test]
    fn a_conversation_reaches_as_far_as_the_operator_says() {
        let sessions = [
            session("agent:main:subagent:1", "agent:main:main"),
            session("agent:main:subagent:1:subagent:2", "agent:main:subagent:1"),
        ];
        let origin = ToolOrigin {
            agent_id: "main".into(),
            session_key: "agent:main:main".into(),
            ..ToolOrigin::default()
        };
        let keys = [
            "agent:main:main",
            "agent:main:subagent:1",
            "agent:main:subagent:1:subagent:2",
            "agent:main:chat:group:g",
            "agent:other:main",
        ];
        let reached = |tools: serde_json::Value, more: serde_json::Value| {
            let mut config = json!({ "tools": tools });
            config["agents"] = more;
            let config = Config::from_value(config).expect("valid");
            let reach = Reach::new(&config, &origin, &sessions);
            keys.map(|key| u8::from(reach.sees(key).is_ok()))
        };
        let see = |visibility: &str| json!({ "sessions": { "visibility": visibility } });
        assert_eq!(reached(json!({}), json!({})), [1, 1, 1, 0, 0]);
        assert_eq!(reached(see("self"), json!({})), [1, 0, 0, 0, 0]);
        assert_eq!(reached(see("agent"), json!({})), [1, 1, 1, 1, 0]);
        assert_eq!(reached(see("all"), json!({})), [1, 1, 1, 1, 0]);
        let across = |allow: serde_json::Value| json!({ "sessions": { "visibility": "all" }, "agentToAgent": { "enabled": true, "allow": allow } });
        assert_eq!(reached(across(json!([])), json!({})), [1, 1, 1, 1, 1]);
        assert_eq!(reached(across(json!(["main", "o*"])), json!({})), [1, 1, 1, 1, 1]);
        assert_eq!(reached(across(json!(["main"])), json!({})), [1, 1, 1, 1, 0]);
        let shut_in = json!({ "defaults": { "sandbox": { "mode": "all" } } });
        assert_eq!(reached(see("all"), shut_in), [1, 1, 1, 0, 0]);
    }
}
