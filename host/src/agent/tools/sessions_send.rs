//! `sessions_send`: says something in another conversation and, if wanted, waits for what its agent answers.
//!
//! The turn there has at most what the caller has: its policy goes with the message, durably.
use super::{
    Bench, HostTool,
    reach::{Reach, agent_of},
};
use crate::{
    agent::{
        Ask,
        commands::{QueueMode, SessionSettings},
        live::End,
    },
    gateway::random::uuid,
    route::main_key,
};
use openclaw_plugin_api::{Error, ErrorKind, Result, ToolOrigin, ToolOutput};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use std::time::Duration;

/// How long the answer is waited for, seconds: if the model doesn't say, and at most.
const WAIT: (u64, u64) = (30, 300);
/// Longest message, bytes.
const MAX_MESSAGE: usize = 64_000;

const BRIEFING: &str = "This message comes from another conversation of this gateway, not from a person. What you answer \
goes back there and nowhere else. Answer with the result alone; if there is nothing to say, answer NO_REPLY.";

pub(super) struct SessionsSend;

/// Arguments.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["message"]))]
pub(super) struct Args {
    /// The conversation, as sessions_list names it.
    session_key: Option<String>,
    /// The label of a conversation, in the place of its key.
    label: Option<String>,
    /// An agent, in the place of a key: its main conversation.
    agent_id: Option<String>,
    /// What to say.
    message: String,
    /// How long to wait for the answer, seconds; 0 does not wait. Default: 30.
    timeout_seconds: Option<u64>,
}

impl HostTool for SessionsSend {
    const NAME: &'static str = "sessions_send";
    const DESCRIPTION: &'static str = "Sends a message to another conversation (session) and returns what its agent answers. timeoutSeconds 0 returns \
         at once.";
    type Args = Args;

    async fn invoke(&self, args: Args, origin: ToolOrigin, bench: Bench) -> Result<ToolOutput> {
        let message = args.message.trim();
        if message.is_empty() || message.len() > MAX_MESSAGE {
            return Err(Error::invalid(format_args!(
                "message is empty or longer than {MAX_MESSAGE} bytes"
            )));
        }
        let key = target(&args, &origin, &bench).await?;
        if key == origin.session_key {
            return Err(Error::invalid("this is your own conversation; just answer in it"));
        }
        let run_id = uuid();
        let ask = Ask {
            run_id: run_id.clone(),
            agent_id: agent_of(&key),
            session_key: key.clone(),
            // it stops nothing that somebody said, and its answer goes back to who asks
            queue_mode: Some(QueueMode::Followup),
            plain: true,
            owner: origin.sender_is_owner,
            sender_id: format!("session:{}", origin.session_key),
            client: json!({ "id": "sessions_send", "sessionKey": origin.session_key }),
            system: BRIEFING.to_owned(),
            policy: Some(bench.permits.policy().clone()),
            ..Ask::default()
        };
        let text = format!("[Message from the session {}]\n{message}", origin.session_key);
        let run = ask.begin(&bench.desk, &bench.inbox, text).await?;
        let wait = args.timeout_seconds.unwrap_or(WAIT.0).min(WAIT.1);
        let begun = json!({ "status": "accepted", "runId": run_id, "sessionKey": key });
        if wait == 0
            || tokio::time::timeout(Duration::from_secs(wait), run.ended())
                .await
                .is_err()
        {
            let mut told = begun;
            if wait > 0 {
                told["status"] = json!("timeout");
                told["note"] = json!("there is no answer yet; see sessions_history later");
            }
            return Ok(ToolOutput::json(told));
        }
        let told = match run.how() {
            Some(End::Answered { text, .. } | End::Told { text }) => {
                json!({ "status": "ok", "runId": run_id, "sessionKey": key, "reply": text })
            }
            Some(End::Failed { message, .. }) => {
                json!({ "status": "error", "runId": run_id, "sessionKey": key, "error": message })
            }
            Some(End::Merged) => json!({
                "status": "ok", "runId": run_id, "sessionKey": key,
                "note": "it was answered together with other messages; see sessions_history",
            }),
            _ => json!({ "status": "aborted", "runId": run_id, "sessionKey": key }),
        };
        Ok(ToolOutput::json(told))
    }
}

/// The conversation that is meant, if the caller reaches it.
async fn target(args: &Args, origin: &ToolOrigin, bench: &Bench) -> Result<String> {
    if let Some(key) = &args.session_key {
        return Ok(bench.reached(origin, key).await?.key);
    }
    if let Some(label) = &args.label {
        let (config, sessions) = (bench.desk.config(), bench.sessions().await?);
        let reach = Reach::new(&config, origin, &sessions);
        let labelled = sessions.iter().filter(|session| {
            let settings: SessionSettings = serde_json::from_str(&session.settings).unwrap_or_default();
            settings.other.get("label").and_then(|label| label.as_str()) == Some(label)
        });
        let keys: Vec<_> = labelled
            .filter(|session| reach.sees(&session.key).is_ok())
            .collect();
        return match keys.as_slice() {
            [one] => Ok(one.key.clone()),
            [] => Err(Error::new(
                ErrorKind::NotFound,
                format_args!("no session that you reach has the label {label}"),
            )),
            _ => Err(Error::invalid(format_args!(
                "several sessions have the label {label}; use sessionKey"
            ))),
        };
    }
    let Some(agent) = &args.agent_id else {
        return Err(Error::invalid("name the session: sessionKey, label or agentId"));
    };
    let config = bench.desk.config();
    let agents = config.agents();
    let found = agents
        .get(agent)
        .ok_or_else(|| Error::new(ErrorKind::NotFound, format_args!("there is no agent {agent}")))?;
    let key = main_key(&found.id);
    match Reach::new(&config, origin, &bench.sessions().await?).sees(&key) {
        Ok(()) => Ok(key),
        Err(why) => Err(Error::new(
            ErrorKind::Refused,
            format_args!("the session {key} is out of reach: {why}"),
        )),
    }
}
