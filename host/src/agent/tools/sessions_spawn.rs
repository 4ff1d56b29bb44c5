//! `sessions_spawn`: hands a task to a subagent, which tells of its end later.
use super::{Bench, HostTool, agents_list::may_start, reach::unusable};
use crate::{
    agent::{
        CLIENTS,
        commands::thinking_from_word,
        subagents::{Subagents, Task, Wishes, child_key},
    },
    gateway::random::uuid,
    route::Delivery,
};
use openclaw_plugin_api::{Error, ErrorKind, Result, ToolOrigin, ToolOutput};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

/// Longest task, bytes.
const MAX_TASK: usize = 64_000;
/// Longest label, characters.
const MAX_LABEL: usize = 80;
/// Longest run, seconds.
const MAX_SECONDS: u64 = 86_400;

pub(super) struct SessionsSpawn;

/// Arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Args {
    /// What to do, with everything that has to be known: the subagent does not see this conversation.
    task: String,
    /// A short name for people.
    #[serde(default)]
    label: Option<String>,
    /// Which agent does it; see agents_list. Default: this one.
    #[serde(default)]
    agent_id: Option<String>,
    /// The model, provider/model.
    #[serde(default)]
    model: Option<String>,
    /// How hard to think: off, minimal, low, medium, high, xhigh.
    #[serde(default)]
    thinking: Option<String>,
    /// Longest run, seconds; 0 for no limit.
    #[serde(default)]
    run_timeout_seconds: Option<u64>,
    /// What becomes of its conversation. Default: keep.
    #[serde(default)]
    cleanup: Cleanup,
}

/// What becomes of the conversation of a task that is done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Cleanup {
    /// It stays.
    #[default]
    Keep,
    /// It is forgotten.
    Delete,
}

impl HostTool for SessionsSpawn {
    const NAME: &'static str = "sessions_spawn";
    const DESCRIPTION: &'static str = "Hands a task to a subagent that works in a conversation of its own. Returns at once; its result comes later, as \
         a message in this conversation. Don't wait for it or poll.";
    type Args = Args;

    async fn invoke(&self, args: Args, origin: ToolOrigin, bench: Bench) -> Result<ToolOutput> {
        let text = args.task.trim().to_owned();
        if text.is_empty() || text.len() > MAX_TASK {
            return Err(Error::invalid(format_args!(
                "task is empty or longer than {MAX_TASK} bytes"
            )));
        }
        let config = bench.desk.config();
        let agents = config.agents();
        let asker = agents
            .get(&origin.agent_id)
            .unwrap_or_else(|| agents.default_agent());
        let named = args.agent_id.as_deref().filter(|id| !id.trim().is_empty());
        let target = named.map_or(Some(asker), |id| agents.get(id));
        let Some(target) = target.filter(|target| may_start(asker, &target.id)) else {
            let text = "this agent can't be started from here; agents_list shows which can \
                        (agents.defaults.subagents.allowAgents)";
            return Err(Error::new(ErrorKind::Refused, text));
        };
        let rules = &target.settings.subagents;
        let model = args
            .model
            .clone()
            .or_else(|| rules.model.as_ref()?.primary.clone())
            .unwrap_or_default();
        if !model.is_empty() {
            bench.desk.asker.judge(target, &model).map_err(Error::invalid)?;
        }
        if let Some(word) = args
            .thinking
            .as_deref()
            .filter(|word| thinking_from_word(word).is_none())
        {
            return Err(Error::invalid(format_args!(
                "thinking is off, minimal, low, medium, high or xhigh, not {word}"
            )));
        }
        let subagents = Subagents {
            desk: bench.desk.clone(),
            inbox: bench.inbox.clone(),
        };
        subagents.has_room(&origin.session_key, asker).await?;
        let task = Task {
            run_id: uuid(),
            child: child_key(&origin.session_key, &target.id),
            parent: origin.session_key.clone(),
            parent_agent: asker.id.clone(),
            label: label(args.label.as_deref(), &text),
            deliver: chat(&bench, &origin).await?,
            owner: origin.sender_is_owner,
            policy: bench.permits.policy().clone(),
            forget: args.cleanup == Cleanup::Delete,
            began_ms: bench.desk.clock.now_ms(),
        };
        let answer = json!({
            "status": "accepted", "childSessionKey": task.child, "runId": task.run_id,
            "note": "the result comes as a message in this conversation when it is done; don't poll for it",
        });
        let seconds = args
            .run_timeout_seconds
            .or(rules.run_timeout_seconds)
            .unwrap_or(0);
        let wishes = Wishes {
            text,
            model,
            thinking: args.thinking,
            timeout_seconds: seconds.min(MAX_SECONDS),
        };
        subagents.start(task, wishes).await?;
        Ok(ToolOutput::json(answer))
    }
}

fn label(given: Option<&str>, task: &str) -> String {
    let given = given.map(str::trim).filter(|label| !label.is_empty());
    let label = given.or_else(|| task.lines().next()).unwrap_or_default();
    label
        .chars()
        .filter(|c| !c.is_control())
        .take(MAX_LABEL)
        .collect()
}

/// The chat that hears of the end: the one that the turn answers, if it answers one.
async fn chat(bench: &Bench, origin: &ToolOrigin) -> Result<Option<Delivery>> {
    if origin.channel.is_empty() || origin.channel == CLIENTS {
        return Ok(None);
    }
    let key = origin.session_key.clone();
    let found = bench
        .desk
        .journal
        .run(move |j| j.find_session(&key))
        .await
        .map_err(unusable)?;
    let route = found.and_then(|session| serde_json::from_str::<Delivery>(&session.route).ok());
    let same = route.filter(|route| route.channel == origin.channel && route.chat_id == origin.chat_id);
    Ok(Some(same.unwrap_or_else(|| Delivery {
        channel: origin.channel.clone(),
        account_id: origin.account_id.clone(),
        chat_id: origin.chat_id.clone(),
        thread_id: String::new(),
    })))
}
