//! Who has a say in a turn, and which tools that leaves to it: from jobs and conversations to policies.
//!
//! Whoever is among those whom a turn answers counts, and what the conversation inherited from the one that started it
//! counts too. What can't be read allows nothing.
use super::{
    commands::SessionSettings,
    desk::Desk,
    job::{EventJob, Job},
    policy::{Permits, Place, Policy, Sender, Subject, Trust},
};
use crate::{
    access::{is_sender, place_tools},
    config::{Agent, Config},
};
use openclaw_plugin_api::{AgentRun, Inbound, ToolSpec};
use serde_json::Value;
use std::sync::Arc;

/// Field of a conversation's entry: what the one that started it could do at most.
pub(super) const INHERITED: &str = "toolPolicyInherited";

/// For whom tools are looked at, outside of a turn.
#[derive(Debug, Clone, Copy)]
pub struct Standing<'a> {
    /// Who answers.
    pub agent: &'a str,
    /// The conversation.
    pub session_key: &'a str,
    /// What is set in it, as it is stored.
    pub settings: &'a str,
    /// How far whoever asks is trusted.
    pub trust: Trust,
}

/// Somebody in a chat.
#[derive(Debug, Clone, Copy)]
pub struct Chat<'a> {
    /// Who answers.
    pub agent: &'a str,
    /// The conversation.
    pub session_key: &'a str,
    /// Channel id.
    pub channel: &'a str,
    /// Where and by whom something was said.
    pub event: &'a Inbound,
}

/// The tools of a conversation for somebody at the gateway's door.
pub fn rules_of(desk: &Desk, standing: &Standing<'_>) -> Permits {
    let config = desk.config();
    let policy = at_the_door(
        desk,
        &config,
        standing.agent,
        standing.session_key,
        standing.trust,
    );
    let settings: SessionSettings = serde_json::from_str(standing.settings).unwrap_or_default();
    Permits::new(with_inherited(policy, &settings), desk.tools.all())
}

/// The tools of a turn that would answer somebody in a chat.
pub fn rules_in(desk: &Desk, chat: &Chat<'_>, settings: &SessionSettings, trust: Trust) -> Permits {
    let policy = in_a_chat(desk, &desk.config(), chat, trust);
    Permits::new(with_inherited(policy, settings), desk.tools.all())
}

/// The tools of a turn that answers events.
pub(super) fn of_events(desk: &Desk, key: &str, jobs: &[EventJob]) -> Permits {
    let policies = jobs.iter().map(|job| of_job(desk, key, job));
    let policy = policies.reduce(|all, one| all.meet(&one)).unwrap_or_default();
    Permits::new(policy, desk.tools.all())
}

/// What a job's sender may have a turn do.
pub(super) fn of(desk: &Desk, key: &str, job: &Job) -> Policy {
    match job {
        Job::Event(job) => of_job(desk, key, job),
        Job::Run(job) => of_run(desk, &job.run),
    }
}

/// The same for an event.
pub(super) fn of_job(desk: &Desk, key: &str, job: &EventJob) -> Policy {
    let (config, trust) = (desk.config(), trust(job.from_owner, job.from_known));
    let policy = match &job.ask {
        Some(ask) => {
            let own = at_the_door(desk, &config, &job.agent_id, key, trust);
            ask.policy.iter().fold(own, Policy::meet)
        }
        None => {
            let chat = Chat {
                agent: &job.agent_id,
                session_key: key,
                channel: &job.channel,
                event: &job.event,
            };
            in_a_chat(desk, &config, &chat, trust)
        }
    };
    with_inherited(policy, &job.settings)
}

/// The same for a request of a plugin or a client. What the conversation inherited comes on top.
pub(super) fn of_run(desk: &Desk, run: &AgentRun) -> Policy {
    // somebody whom a plugin names was not judged by this gateway
    let trust = trust(run.sender_id.is_empty(), false);
    let policy = at_the_door(desk, &desk.config(), &run.agent_id, &run.session_key, trust);
    match &run.permitted_tools {
        Some(tools) => policy.meet(&Policy::only("the request's permittedTools", trust, tools)),
        None => policy,
    }
}

/// With what the conversation inherited.
pub(super) fn with_inherited(policy: Policy, settings: &SessionSettings) -> Policy {
    match settings.other.get(INHERITED) {
        None | Some(Value::Null) => policy,
        // what can't be read allows nothing
        Some(value) => match serde_json::from_value::<Policy>(value.clone()) {
            Ok(inherited) => policy.meet(&inherited),
            Err(_) => Policy::default(),
        },
    }
}

/// Those of these tools that an agent may use on its own in a conversation.
pub(super) fn for_writing(
    desk: &Desk,
    agent: &Agent,
    key: &str,
    writers: &[&str],
) -> (Permits, Vec<Arc<ToolSpec>>) {
    let policy = at_the_door(desk, &desk.config(), &agent.id, key, Trust::Known);
    let all = desk.tools.all();
    let tools = all
        .iter()
        .filter(|tool| writers.contains(&tool.spec.name.as_str()));
    let permits = Permits::new(policy, Arc::new(tools.cloned().collect()));
    let model = agent.model.primary.clone().unwrap_or_default();
    let offered = permits.offered(agent.reference(&model));
    (permits, offered)
}

pub(super) fn trust(owner: bool, known: bool) -> Trust {
    match (owner, known) {
        (true, _) => Trust::Owner,
        (false, true) => Trust::Known,
        (false, false) => Trust::Stranger,
    }
}

fn at_the_door(desk: &Desk, config: &Config, agent: &str, session_key: &str, trust: Trust) -> Policy {
    let (agents, known) = (config.agents(), desk.tools.names());
    Policy::of(&Subject {
        config,
        agent: agents.get(agent).unwrap_or_else(|| agents.default_agent()),
        session_key,
        place: None,
        trust,
        known: &known,
    })
}

fn in_a_chat(desk: &Desk, config: &Config, chat: &Chat<'_>, trust: Trust) -> Policy {
    let Chat { channel, event, .. } = *chat;
    let account = match event.account_id.as_str() {
        "" => "default",
        account => account,
    };
    let info = desk.registry.channel_info(channel);
    let Ok(policy) = config.channel_policy(channel, account) else {
        return Policy::default();
    };
    let is_sender = |key: &str| is_sender(channel, &info, key, &event.sender);
    let (agents, known) = (config.agents(), desk.tools.names());
    Policy::of(&Subject {
        config,
        agent: agents.get(chat.agent).unwrap_or_else(|| agents.default_agent()),
        session_key: chat.session_key,
        place: Some(Place {
            chat: place_tools(channel, &info, &policy, event),
            sender: Some(Sender(&is_sender)),
        }),
        trust,
        known: &known,
    })
}
