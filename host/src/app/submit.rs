//! What plugins leave for agents: messages that nobody waits for, and events to hear of.
//!
//! Invariant: when a call here returns well, what was left is on the disk; the same key leaves it once.
use super::Office;
use crate::{
    agent::{
        Ask,
        commands::{QueueMode, wished_thinking},
    },
    config::{Agent, Config},
    cron::{self, DeliveryMode, JobDelivery},
    gateway::random::uuid,
    heartbeat::{Cause, Heart},
    route::{Delivery, main_key},
};
use openclaw_plugin_api::{Announce, Error, ErrorKind, Result, Submission, Submitted, SystemEvent};
use serde_json::json;

/// Longest key of a conversation, bytes.
const MAX_KEY: usize = 512;
/// Longest id of a run, bytes.
const MAX_RUN: usize = 256;
/// Longest message, bytes.
const MAX_TEXT: usize = 1 << 20;
/// Longest text of an event, bytes.
const MAX_EVENT: usize = 16 * 1024;
/// Longest that a turn may take, milliseconds.
const MAX_TIMEOUT_MS: u64 = 3_600_000;

// === impl Office ===

impl Office {
    /// Takes a message of a plugin.
    pub(super) async fn submit(&self, plugin: &str, message: Submission) -> Result<Submitted> {
        let config = self.desk.config();
        let agents = config.agents();
        let (agent, session_key) = whose(&config, &message.agent_id, &message.session_key)?;
        let agent = agents.get(&agent).unwrap_or_else(|| agents.default_agent());
        let run_id = match message.idempotency_key.as_str() {
            "" => uuid(),
            key => format!("{plugin}:{key}"),
        };
        check(&message.text, MAX_TEXT)?;
        if run_id.len() > MAX_RUN {
            return Err(Error::invalid(format_args!(
                "the idempotency key is longer than {MAX_RUN} bytes; use a hash of it"
            )));
        }
        let session_key = match session_key {
            Some(key) => key,
            None => format!("agent:{}:{plugin}:{}", agent.id, run_id.to_lowercase()),
        };
        let ask = Ask {
            thinking: wished_thinking(&message.thinking).map_err(Error::invalid)?,
            model: self.model(agent, &message.model)?,
            deliver: match &message.announce {
                Some(to) => self.chat(&agent.id, to).await?,
                None => None,
            },
            run_id: run_id.clone(),
            session_key,
            agent_id: agent.id.clone(),
            timeout_ms: message.timeout_ms.min(MAX_TIMEOUT_MS),
            // it stops nothing that somebody said
            queue_mode: Some(QueueMode::Followup),
            plain: true,
            owner: message.sender_id.is_empty(),
            sender_id: match message.sender_id.as_str() {
                "" => plugin.to_owned(),
                id => id.to_owned(),
            },
            client: json!({ "id": plugin }),
            system: message.system,
            ..Ask::default()
        };
        let is_new = ask.put(&self.desk, &self.inbox, message.text).await?;
        if is_new {
            let live = &self.desk.live;
            live.changed(&ask.session_key, &ask.agent_id, "send");
        }
        Ok(Submitted {
            run_id,
            known: !is_new,
        })
    }

    /// Tells an agent of something.
    pub(super) async fn tell(&self, heart: &Heart, event: SystemEvent) -> Result<()> {
        let config = self.desk.config();
        let (agent, key) = whose(&config, &event.agent_id, &event.session_key)?;
        check(&event.text, MAX_EVENT)?;
        let key = key.unwrap_or_else(|| main_key(&agent));
        heart.tell(&key, event.text.trim()).await.map_err(unusable)?;
        if event.wake {
            heart.wake(&agent, Cause::Event);
        }
        Ok(())
    }

    fn model(&self, agent: &Agent, written: &str) -> Result<String> {
        if written.is_empty() {
            return Ok(String::new());
        }
        let judged = self.desk.asker.judge(agent, written);
        judged.map_err(Error::invalid)?;
        Ok(written.to_owned())
    }

    /// The chat that an answer goes to. None: nobody has written to the agent yet.
    async fn chat(&self, agent: &str, to: &Announce) -> Result<Option<Delivery>> {
        let said = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        let channel = said(&to.channel).filter(|channel| channel != "last");
        if let Some(channel) = &channel {
            self.desk.registry.channel(channel)?;
        }
        let wanted = JobDelivery {
            mode: DeliveryMode::Announce,
            channel: channel.clone(),
            to: said(&to.to),
            thread_id: said(&to.thread_id),
            account_id: said(&to.account_id),
            best_effort: None,
        };
        let found = cron::chat(&self.desk, agent, &wanted).await.map_err(unusable)?;
        if let (None, Some(channel)) = (&found, channel) {
            return Err(Error::invalid(format_args!(
                "nobody has written to agent {agent} on {channel} yet; say in which chat (to)"
            )));
        }
        Ok(found)
    }
}

/// The agent, and the conversation if one is named.
fn whose(config: &Config, agent: &str, key: &str) -> Result<(String, Option<String>)> {
    let key = key.trim().to_lowercase();
    if key.len() > MAX_KEY {
        return Err(Error::invalid(format_args!(
            "the session key is longer than {MAX_KEY} bytes"
        )));
    }
    let agents = config.agents();
    let of_key = key.strip_prefix("agent:").and_then(|rest| rest.split(':').next());
    let agent = match (agent, of_key) {
        ("", None) => agents.default_agent(),
        ("", Some(id)) | (id, _) => agents.get(id).ok_or_else(|| {
            Error::new(
                ErrorKind::NotFound,
                format_args!("unknown agent id \"{id}\"; see agents in openclaw.json"),
            )
        })?,
    };
    if of_key.is_some_and(|id| id != agent.id) {
        return Err(Error::invalid("the session key belongs to another agent"));
    }
    let key = match key.as_str() {
        "" => None,
        _ if of_key.is_some() => Some(key),
        part => Some(format!("agent:{}:{part}", agent.id)),
    };
    Ok((agent.id.clone(), key))
}

fn check(text: &str, max: usize) -> Result<()> {
    if text.trim().is_empty() || text.len() > max {
        return Err(Error::invalid(format_args!(
            "the text is empty or longer than {max} bytes"
        )));
    }
    Ok(())
}

fn unusable(error: crate::journal::JournalError) -> Error {
    Error::new(ErrorKind::Overloaded, error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cron::tests::Lab;

    #[tokio::test]
    async fn the_message_of_a_plugin_wants_a_turn_of_its_own() {
        let lab = Lab::new();
        let gateway = lab.start(json!({})).await;
        Lab::occupy(&gateway, "agent:main:x").await;
        let message = Submission {
            session_key: "agent:main:x".into(),
            text: "hello".into(),
            ..Submission::default()
        };
        let submitted = gateway.office.submit("bird", message).await.expect("taken");
        let asked = Lab::asked(&gateway);
        assert_eq!(asked.len(), 1, "{asked:?}");
        assert_eq!(
            (&asked[0]["runId"], &asked[0]["queueMode"]),
            (&json!(submitted.run_id), &json!("followup"))
        );
    }

    fn config() -> Config {
        let value = json!({ "agents": { "list": [{ "id": "main", "default": true }, { "id": "work" }] } });
        Config::from_value(value).expect("valid")
    }

    #[test]
    fn a_conversation_belongs_to_one_agent() {
        let whose = |agent, key| whose(&config(), agent, key).ok();
        let some = |agent: &str, key: Option<&str>| Some((agent.to_owned(), key.map(str::to_owned)));
        assert_eq!(whose("", ""), some("main", None));
        assert_eq!(whose("work", "Hook:X"), some("work", Some("agent:work:hook:x")));
        assert_eq!(whose("", "agent:work:x"), some("work", Some("agent:work:x")));
        assert_eq!(whose("main", "agent:work:x"), None);
        assert_eq!(whose("nobody", ""), None);
        assert_eq!(whose("", "agent:nobody:x"), None);
    }

    #[test]
    fn what_is_empty_or_endless_is_refused() {
        assert!(check(" \n", 8).is_err() && check("123456789", 8).is_err());
        assert!(check("12345678", 8).is_ok());
        assert!(wished_thinking("very").is_err() && wished_thinking("").is_ok_and(|level| level.is_none()));
    }
}
