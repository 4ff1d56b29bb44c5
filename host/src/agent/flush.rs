//! The silent turn before a compaction: the agent writes down what it wants to keep, and nobody hears of it.
//!
//! It comes after an answer, so that nobody waits for it, once between two compactions, and only for an agent that has a
//! tool to write with. Whatever goes wrong in it is a line in the log.
use super::{
    about::About,
    briefing::Occasion,
    commands::{SessionSettings, thinking_word},
    compaction::{FLUSH_PROMPT, FLUSH_SYSTEM, Flush, flush_due, flush_near},
    desk::Desk,
    job::Steering,
    policy::Policy,
    request::{DEFAULT_MODEL, ending, run_limited, turn_of},
    standing,
    turn::{Turn, TurnEvents, TurnOutcome, Workbench},
};
use crate::{
    config::Agent,
    gateway::random::uuid,
    journal::{Journal, JournalError, Session},
};
use openclaw_plugin_api::{Error, ErrorKind, Message, Result, Role, ToolOrigin};
use serde_json::json;

/// Tools with which an agent writes into its workspace.
const WRITERS: [&str; 3] = ["write", "edit", "apply_patch"];
/// Field of a conversation's entry: how many compactions there were at the last silent turn.
const FLUSHED_AT: &str = "memoryFlushCompactionCount";

/// Runs the silent turn if its time has come. `context` is how long the conversation is, tokens.
pub(super) async fn flush(desk: &Desk, agent: &Agent, key: &str, context: u64) {
    match flush_if_due(desk, agent, key, context).await {
        Ok(false) => {}
        Ok(true) => {
            tracing::info!(target: "openclaw::agent", session = key, "the agent wrote down what it wants to keep")
        }
        Err(error) => {
            tracing::warn!(target: "openclaw::agent", session = key, %error, "the agent could not write down what it wants to keep")
        }
    }
}

async fn flush_if_due(desk: &Desk, agent: &Agent, key: &str, context: u64) -> Result<bool> {
    let config = &agent.compaction.memory_flush;
    if config.enabled == Some(false) || agent.compaction.enabled == Some(false) {
        return Ok(false);
    }
    let mut turn = turn_of(desk, agent, "", format!("flush-{}", uuid())).await;
    if let Some(model) = &config.model {
        turn.models = vec![agent.reference(model).to_owned()];
    }
    turn.origin = ToolOrigin {
        agent_id: agent.id.clone(),
        session_key: key.to_owned(),
        workspace_dir: agent.workspace(&desk.paths).display().to_string(),
        ..ToolOrigin::default()
    };
    let (_, window) = desk.asker.first(&turn).await?;
    // after nearly every answer it ends here
    if !flush_near(config, window, context) {
        return Ok(false);
    }
    let (permits, tools) = standing::for_writing(desk, agent, key, &WRITERS);
    let writable = !tools.is_empty();
    let name = key.to_owned();
    let session = desk.journal.run(move |j| j.find_session(&name)).await;
    let Some(session) = session.map_err(unusable)? else {
        return Ok(false);
    };
    turn.session_id.clone_from(&session.session_id);
    turn.permits = permits;
    let state = Flush {
        tokens: context,
        compactions: u64::from(session.compactions),
        flushed_at: flushed_at(&session),
        writable,
    };
    if !flush_due(config, window, state) {
        return Ok(false);
    }
    // before it: a turn that ends the process is not begun again and again
    let now_at = u64::from(session.compactions);
    let name = key.to_owned();
    let noted = desk.insist(move |j| note(j, &name, now_at)).await;
    noted.map_err(unusable)?;
    let prompt = config.prompt.as_deref().unwrap_or(FLUSH_PROMPT);
    turn.input = vec![Message::text(Role::User, prompt)];
    let occasion = Occasion {
        session_key: key,
        model: &turn.models[0],
        default_model: agent.model.primary.as_deref().unwrap_or(DEFAULT_MODEL),
        channel: "",
        thinking: thinking_word(turn.thinking),
        chat_prompt: "",
        extra: config.system_prompt.as_deref().unwrap_or(FLUSH_SYSTEM),
        tools: &tools,
    };
    turn.system = desk.briefings.build(desk, agent, occasion).await;
    let outcome = silent(desk, turn).await?;
    let ending = ending(desk, key, &session.session_id, &outcome);
    desk.insist(ending).await.map_err(unusable)?;
    Ok(true)
}

/// A turn that nobody hears of and nobody joins.
async fn silent(desk: &Desk, mut turn: Turn) -> Result<TurnOutcome> {
    let steering = Steering::of(&[]);
    steering.close();
    let bench = Workbench {
        tools: &desk.tools,
        journal: &desk.journal,
        clock: &desk.clock,
        asker: &*desk.asker,
        steering: &steering,
        joins: &|_| {
            (
                Message::default(),
                About::default(),
                Vec::new(),
                Policy::default(),
            )
        },
    };
    let events = TurnEvents::new(tokio::sync::mpsc::channel(1).0, None);
    run_limited(&bench, &mut turn, &events).await
}

fn flushed_at(session: &Session) -> Option<u64> {
    let settings: SessionSettings = serde_json::from_str(&session.settings).unwrap_or_default();
    settings.other.get(FLUSHED_AT)?.as_u64()
}

/// In one go with the reading: people change settings at any time.
fn note(journal: &Journal, key: &str, compactions: u64) -> std::result::Result<(), JournalError> {
    let Some(session) = journal.find_session(key)? else {
        return Ok(());
    };
    let mut settings: SessionSettings = serde_json::from_str(&session.settings).unwrap_or_default();
    settings.other.insert(FLUSHED_AT.into(), json!(compactions));
    let settings = serde_json::to_string(&settings).unwrap_or_default();
    journal.set_session_settings(key, &settings)
}

fn unusable(error: JournalError) -> Error {
    Error::new(ErrorKind::Overloaded, error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cron::tests::Lab,
        journal::{Entry, EntryKind},
    };
    use openclaw_plugin_api::Usage;

    #[tokio::test]
    async fn the_end_of_a_silent_turn_is_written_with_what_it_has_cost() {
        let lab = Lab::new();
        let gateway = lab.start(json!({})).await;
        let (desk, journal) = (gateway.desk(), gateway.journal());
        let id = desk.session("k", "main").await.expect("made").session_id;
        let outcome = TurnOutcome {
            usage: Usage {
                input: 5,
                output: 2,
                ..Usage::default()
            },
            entries: vec![Entry::new("t", EntryKind::Message, "{}".into(), 2)],
            ..TurnOutcome::default()
        };
        desk.insist(ending(desk, "k", &id, &outcome))
            .await
            .expect("written");
        let usage = journal.find_session("k").expect("read").expect("there").usage;
        assert_eq!((usage.input, usage.output), (5, 2));
        assert_eq!(journal.turn(&id, "t").expect("read").len(), 1);
    }

    #[test]
    fn a_silent_turn_is_noted_beside_what_people_chose() {
        let folder = tempfile::tempdir().expect("a folder");
        let journal = Journal::open(&folder.path().join("state.db")).expect("created");
        journal.session("k", "main", "s", 1).expect("made");
        journal
            .set_session_settings("k", r#"{"thinkingLevel":"high"}"#)
            .expect("set");
        let session = || journal.find_session("k").expect("read").expect("there");
        assert_eq!(flushed_at(&session()), None);
        note(&journal, "k", 3).expect("noted");
        assert_eq!(flushed_at(&session()), Some(3));
        let kept: serde_json::Value = serde_json::from_str(&session().settings).expect("JSON");
        assert_eq!(kept["thinkingLevel"], "high");
        note(&journal, "nobody", 3).expect("nothing to note");
    }
}
