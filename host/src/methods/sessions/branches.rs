//! `sessions.branches.*`, `sessions.rewind` and `sessions.fork`: going back in a conversation, and going on another way.
//!
//! A message of a person names the place. What was said from there on is never removed: it stays as a branch.
use super::{find, message};
use crate::{
    agent::{about::About, commands::SessionSettings},
    app::Gateway,
    gateway::{Code, Failure, random::uuid},
    journal::{Branch, Current, Cut, Entry, EntryKind, MAX_BRANCHES, Recast, Session},
    methods::{artifacts, chat::whose, journal, params},
};
use openclaw_plugin_api::{Message, Role};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

/// Entries from the end of a branch among which its headline is looked for.
const HEADLINE_AMONG: u32 = 20;
/// Characters of a headline.
const HEADLINE: usize = 120;
/// How the note begins that stands for a picture where models can't see it.
const PICTURE: &str = "<media:image> ";

/// Parameters of `sessions.branches.list`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct List {
    session_key: String,
    agent_id: Option<String>,
}

/// Parameters of `sessions.branches.switch`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Switch {
    session_key: String,
    agent_id: Option<String>,
    leaf_entry_id: String,
}

/// Parameters of `sessions.rewind` and `sessions.fork`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct At {
    session_key: String,
    agent_id: Option<String>,
    entry_id: String,
}

/// A message of a person, where a conversation is cut.
struct Place {
    entry: Entry,
    message: Message,
    cut: Cut,
}

pub(in crate::methods) async fn call(
    gateway: &Gateway,
    method: &str,
    given: Value,
) -> Result<Value, Failure> {
    match method {
        "sessions.branches.list" => list(gateway, params(method, given)?).await,
        "sessions.branches.switch" => switch(gateway, params(method, given)?).await,
        "sessions.rewind" => rewind(gateway, params(method, given)?).await,
        _ => fork(gateway, params(method, given)?).await,
    }
}

/// The ways that a conversation went: the one that it goes first, then the others, the last one that was used first.
async fn list(gateway: &Gateway, asked: List) -> Result<Value, Failure> {
    let (_, key) = whose(gateway, &asked.session_key, asked.agent_id.as_deref())?;
    let Some(session) = find(gateway, &key).await? else {
        return Ok(json!({ "branches": [] }));
    };
    let current = session.session_id.clone();
    let mut found = journal(gateway.desk(), move |j| {
        let branches = j.branches(&current)?.into_iter().map(|branch| {
            let newest = j.history(&branch.session_id, HEADLINE_AMONG)?;
            Ok((branch, newest))
        });
        branches.collect::<Result<Vec<_>, _>>()
    })
    .await?;
    let active = |branch: &Branch| branch.session_id == session.session_id;
    found.sort_by_key(|(branch, _)| std::cmp::Reverse((active(branch), branch.updated_ms)));
    let rows = found
        .iter()
        .map(|(branch, newest)| row(branch, newest, active(branch)));
    Ok(json!({ "branches": rows.collect::<Vec<_>>() }))
}

fn row(branch: &Branch, newest: &[Entry], active: bool) -> Value {
    let at = jiff::Timestamp::from_millisecond(branch.updated_ms).unwrap_or_default();
    json!({
        "leafEntryId": message::id(&branch.session_id, branch.last), "headline": headline(newest),
        "messageCount": branch.messages, "updatedAt": at.to_string(), "active": active,
    })
}

/// What was said last, in one line.
fn headline(newest: &[Entry]) -> String {
    let texts = newest.iter().rev().filter_map(|entry| {
        let message = said(entry)?;
        let spoken = matches!(message.role, Role::User | Role::Assistant);
        let text = message.plain_text();
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        (spoken && !line.is_empty()).then_some(line)
    });
    let line = texts.into_iter().next().unwrap_or_default();
    match line.char_indices().nth(HEADLINE) {
        None => line,
        Some(_) => line.chars().take(HEADLINE - 1).chain(['…']).collect(),
    }
}

/// A conversation goes on with what was said on another branch.
async fn switch(gateway: &Gateway, asked: Switch) -> Result<Value, Failure> {
    let (session, current) = open(
        gateway,
        &asked.session_key,
        asked.agent_id.as_deref(),
        "Branch switch",
    )
    .await?;
    let id = &asked.leaf_entry_id;
    let unknown = || Failure::invalid(format!("branch entry not found: {id}"));
    let (transcript, last) = message::place(id).ok_or_else(unknown)?;
    let (family, to) = (session.session_id.clone(), transcript.to_owned());
    let (branches, newest) = journal(gateway.desk(), move |j| {
        Ok((j.branches(&family)?, j.history(&to, HEADLINE_AMONG)?))
    })
    .await?;
    let branch = branches
        .into_iter()
        .find(|branch| branch.session_id == transcript);
    let branch = branch.ok_or_else(unknown)?;
    if branch.last != last {
        return Err(Failure::invalid(format!("entry is not a branch tip: {id}")));
    }
    if branch.session_id == session.session_id {
        return Err(Failure::invalid(format!("branch is already active: {id}")));
    }
    let (context, now) = (context(&newest), gateway.now_ms());
    let to = branch.session_id;
    recast(gateway, &session, "branch switch", move |j| {
        j.switch_branch(&current, &to, context, now)
    })
    .await?;
    changed(gateway, &session.key, &session.agent, "branch-switch");
    Ok(json!({}))
}

/// A conversation goes back to before a message, whose text is given to be written anew.
async fn rewind(gateway: &Gateway, asked: At) -> Result<Value, Failure> {
    let (session, current) = open(gateway, &asked.session_key, asked.agent_id.as_deref(), "Rewind").await?;
    let place = place(gateway, &session, &asked.entry_id).await?;
    let (cut, now) = (place.cut.clone(), gateway.now_ms());
    recast(gateway, &session, "rewind", move |j| {
        j.rewind(&current, &cut, now)
    })
    .await?;
    changed(gateway, &session.key, &session.agent, "rewind");
    Ok(editor(gateway, &session, &place).await)
}

/// A conversation of its own begins with what stands before a message, whose text is given to be written anew.
async fn fork(gateway: &Gateway, asked: At) -> Result<Value, Failure> {
    let (session, _) = open(gateway, &asked.session_key, asked.agent_id.as_deref(), "Fork").await?;
    let place = place(gateway, &session, &asked.entry_id).await?;
    let key = format!("agent:{}:dashboard:{}", session.agent, uuid()).to_lowercase();
    let settings = inherited(&session, &asked.entry_id).to_string();
    let (from, agent, name) = (session.session_id.clone(), session.agent.clone(), key.clone());
    let (cut, now) = (place.cut.clone(), gateway.now_ms());
    journal(gateway.desk(), move |j| {
        j.fork(&from, &cut, (&name, &agent, &settings), now)
    })
    .await?;
    changed(gateway, &key, &session.agent, "fork");
    let mut answer = editor(gateway, &session, &place).await;
    answer["sessionKey"] = json!(key);
    Ok(answer)
}

/// What is set in the fork of a conversation: how the agent works is inherited, names and marks are not.
fn inherited(session: &Session, entry_id: &str) -> Value {
    let mut settings: SessionSettings = serde_json::from_str(&session.settings).unwrap_or_default();
    settings.other.clear();
    let mut record = json!(settings);
    record["createdVia"] = json!("operator");
    record["parentSessionKey"] = json!(session.key);
    record["forkSource"] =
        json!({ "sessionKey": session.key, "sessionId": session.session_id, "entryId": entry_id });
    record
}

/// A conversation in which nothing is being done, and where it stands.
async fn open(
    gateway: &Gateway,
    key: &str,
    agent: Option<&str>,
    action: &str,
) -> Result<(Session, Current), Failure> {
    let (_, key) = whose(gateway, key, agent)?;
    let session = find(gateway, &key).await?;
    let session = session.ok_or_else(|| Failure::invalid(format!("session not found: {key}")))?;
    if !gateway.desk().live.active(Some(&session.key)).is_empty() {
        let text = format!("{action} is unavailable while the agent is working.");
        return Err(Failure::new(Code::Unavailable, text));
    }
    let settings: Value = serde_json::from_str(&session.settings).unwrap_or_default();
    if settings["archived"] == true && action != "Fork" {
        let text = format!("{action} is unavailable for archived sessions.");
        return Err(Failure::invalid(text));
    }
    let id = session.session_id.clone();
    let last = journal(gateway.desk(), move |j| j.last_place(&id)).await?;
    let current = Current {
        key: session.key.clone(),
        session_id: session.session_id.clone(),
        last,
    };
    Ok((session, current))
}

/// The message of a person that an id means, in the transcript of a conversation.
async fn place(gateway: &Gateway, session: &Session, id: &str) -> Result<Place, Failure> {
    let unknown = || Failure::invalid(format!("message entry not found: {id}"));
    let (transcript, seq) = message::place(id).ok_or_else(unknown)?;
    if transcript != session.session_id {
        let text = format!("message entry is not on the active path: {id}");
        return Err(Failure::invalid(text));
    }
    let from = transcript.to_owned();
    let before = seq.saturating_sub(i64::from(HEADLINE_AMONG)).max(1);
    let mut entries = journal(gateway.desk(), move |j| {
        j.behind(&from, before - 1, HEADLINE_AMONG + 1)
    })
    .await?;
    entries.retain(|entry| entry.seq <= seq);
    let entry = entries
        .pop()
        .filter(|entry| entry.seq == seq)
        .ok_or_else(unknown)?;
    let message = said(&entry).filter(|message| message.role == Role::User);
    let not_of_a_person = || Failure::invalid(format!("entry is not a user message: {id}"));
    Ok(Place {
        message: message.ok_or_else(not_of_a_person)?,
        entry,
        cut: Cut {
            session_id: uuid(),
            before: seq,
            context: context(&entries),
        },
    })
}

/// The text and the pictures of a message, to be written anew.
async fn editor(gateway: &Gateway, session: &Session, place: &Place) -> Value {
    let mut answer = json!({});
    let pictures = artifacts::of_message(gateway, &session.session_id, &place.entry).await;
    let text = place.message.plain_text();
    let text = without_notes(&text, pictures.len());
    if !text.is_empty() {
        answer["editorText"] = json!(text);
    }
    if !pictures.is_empty() {
        answer["editorAttachments"] = json!(pictures);
    }
    answer
}

/// A text without the notes about pictures behind it, as many as there are pictures: those go along themselves.
fn without_notes(text: &str, pictures: usize) -> &str {
    (0..pictures).fold(text, |text, _| match text.rsplit_once('\n') {
        Some((before, note)) if note.starts_with(PICTURE) => before,
        None if text.starts_with(PICTURE) => "",
        _ => text,
    })
}

/// Changes the past of a conversation between its turns.
async fn recast(
    gateway: &Gateway,
    session: &Session,
    action: &str,
    work: impl Fn(&crate::journal::Journal) -> Result<Recast, crate::journal::JournalError>
    + Send
    + Sync
    + Clone
    + 'static,
) -> Result<(), Failure> {
    let done = gateway.desk().in_turn(gateway.lanes(), &session.key, |desk, _| {
        Box::pin(async move { desk.journal.run(work).await })
    });
    let ending = || Failure::unavailable("the gateway is ending; try again");
    let done = done.await.ok_or_else(ending)?;
    match done.map_err(|error| Failure::unavailable(error.to_string()))? {
        Recast::Done => Ok(()),
        Recast::Changed => Err(Failure::invalid(format!("Session changed; retry {action}."))),
        Recast::Missing => Err(Failure::invalid("session not found")),
        Recast::Full => Err(Failure::invalid(format!(
            "this session has {MAX_BRANCHES} branches already; fork it or begin a new one"
        ))),
    }
}

fn changed(gateway: &Gateway, key: &str, agent: &str, reason: &'static str) {
    gateway.desk().live.changed(key, agent, reason);
}

/// A message that was said to a model or by it; no answers to commands, no summaries.
fn said(entry: &Entry) -> Option<Message> {
    (entry.kind == EntryKind::Message).then(|| serde_json::from_str(&entry.body).ok())?
}

/// What the last of these requests had in it, tokens.
fn context(entries: &[Entry]) -> u64 {
    let usage = entries.iter().rev().find_map(|entry| About::of(entry).usage);
    usage.map_or(0, |usage| super::count::tokens(&usage))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(role: Role, text: &str) -> Entry {
        let body = serde_json::to_string(&Message::text(role, text)).expect("JSON");
        Entry::new("t", EntryKind::Message, body, 1)
    }

    #[test]
    fn a_picture_that_goes_along_needs_no_note() {
        let two = "look\n<media:image> (a.png, 3 bytes)\n<media:image> (b.png, 3 bytes)";
        assert_eq!(without_notes(two, 2), "look");
        assert_eq!(without_notes(two, 1), "look\n<media:image> (a.png, 3 bytes)");
        assert_eq!(without_notes("<media:image> (a.png, 3 bytes)", 1), "");
        let other = "look\n<media:document> (a.pdf, 3 bytes)";
        assert_eq!(without_notes(other, 1), other);
    }

    #[test]
    fn a_headline_is_what_was_said_last_in_one_line() {
        let entries = [
            entry(Role::User, "first"),
            entry(Role::Assistant, " one \n line "),
            entry(Role::ToolResult, "a result"),
        ];
        assert_eq!(headline(&entries), "one line");
        assert_eq!(headline(&[]), "");
        let long = headline(&[entry(Role::User, &"é".repeat(200))]);
        assert_eq!((long.chars().count(), long.ends_with('…')), (HEADLINE, true));
        assert_eq!(
            headline(&[entry(Role::User, &"x".repeat(HEADLINE))]).len(),
            HEADLINE
        );
    }
}
