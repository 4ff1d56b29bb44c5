//! `process`: commands that run in the background: looked at, typed into, ended.
use super::{
    exec::{finished, millis},
    keys,
};
use crate::{
    bench::Bench,
    run::{Owner, Session, Sessions},
};
use openclaw_plugin_api::prelude::*;
use std::{sync::Arc, time::Duration};

/// Most of an input, bytes.
const MAX_INPUT: usize = 64 << 10;
/// Most lines of `log`, if nobody says anything.
const LINES: usize = 200;
/// How long `poll` may wait.
const MAX_WAIT: u64 = 60_000;
/// How long ending a command is waited for.
const ENDING: Duration = Duration::from_secs(6);

/// The tool.
pub struct Process(pub Arc<Bench>);

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Shows all commands of this conversation.
    List,
    /// What was said since the last time, and whether it has ended.
    Poll,
    /// All that was said, by lines.
    Log,
    /// Sends data as it is.
    Write,
    /// Presses keys.
    SendKeys,
    /// Sends data and Enter.
    Submit,
    /// Sends text as if pasted.
    Paste,
    /// Ends it and all that it started.
    Kill,
    /// Forgets what was said.
    Clear,
    /// Forgets a command, which is ended if it runs.
    Remove,
}

/// Its arguments.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Args {
    /// What to do.
    action: Action,
    /// Which command, as exec has told.
    #[serde(default)]
    session_id: Option<String>,
    /// write, submit: what to send.
    #[serde(default)]
    data: Option<String>,
    /// send-keys: keys by name, such as Enter, C-c, Up.
    #[serde(default)]
    keys: Vec<String>,
    /// send-keys: bytes as pairs of hex digits.
    #[serde(default)]
    hex: Vec<String>,
    /// send-keys: letters as they are.
    #[serde(default)]
    literal: Option<String>,
    /// paste: the text.
    #[serde(default)]
    text: Option<String>,
    /// paste: tell the program that it is pasted. Default: true.
    #[serde(default)]
    bracketed: Option<bool>,
    /// write: there is no more input after this.
    #[serde(default)]
    eof: bool,
    /// log: line to begin with, from 0; without it the last ones are shown.
    #[serde(default)]
    offset: Option<usize>,
    /// log: most lines.
    #[serde(default)]
    limit: Option<usize>,
    /// poll: how long to wait for something new, milliseconds.
    #[serde(default)]
    timeout: Option<u64>,
}

impl Tool for Process {
    const NAME: &'static str = "process";
    const DESCRIPTION: &'static str = "Works with commands that exec has left in the background: list, poll, log, write, send-keys, submit, paste, kill, \
         clear, remove.";
    type Args = Args;

    async fn invoke(&self, args: Args, context: ToolContext) -> Result<ToolOutput> {
        let owner = Owner::of(&context.origin);
        let sessions = &self.0.sessions;
        if args.action == Action::List {
            return Ok(list(&sessions.of(&owner)));
        }
        let id = args.session_id.as_deref().unwrap_or_default();
        let session = sessions.find(&owner, id).ok_or_else(|| {
            let text = format!("there is no command \"{id}\" of this conversation; action list shows them");
            Error::new(ErrorKind::NotFound, text)
        })?;
        // its end is not told once more while it is looked at
        let mut looking = session.look().await;
        let output = act(sessions, &session, &args).await;
        if session.ended().is_some() && matches!(args.action, Action::Poll | Action::Kill | Action::Remove) {
            looking.saw_end();
        }
        output
    }
}

async fn act(sessions: &Sessions, session: &Arc<Session>, args: &Args) -> Result<ToolOutput> {
    match args.action {
        Action::Poll => {
            let wait = Duration::from_millis(args.timeout.unwrap_or(0).min(MAX_WAIT));
            Ok(poll(session, wait).await)
        }
        Action::Log => Ok(log(session, args)),
        Action::Kill => {
            session.kill();
            session.wait(ENDING).await;
            Ok(told(session, format!("{} was ended", session.id)))
        }
        Action::Clear => {
            session.output().clear();
            Ok(told(
                session,
                format!("what {} has said is forgotten", session.id),
            ))
        }
        Action::Remove => {
            session.kill();
            session.wait(ENDING).await;
            sessions.remove(&session.id);
            Ok(told(session, format!("{} is forgotten", session.id)))
        }
        _ => type_in(session, args).await,
    }
}

async fn type_in(session: &Session, args: &Args) -> Result<ToolOutput> {
    let bytes = input(session, args)?;
    if bytes.len() > MAX_INPUT {
        return Err(Error::invalid(format_args!(
            "this is more than {MAX_INPUT} bytes; write it into a file"
        )));
    }
    if let Some(ended) = session.ended() {
        return Err(Error::invalid(format_args!(
            "{} has ended with code {} and hears nothing any more",
            session.id, ended.code
        )));
    }
    let count = bytes.len();
    let said = |e: std::io::Error| {
        let text = format!("{} does not take the input: {e}; poll to see why", session.id);
        Error::new(ErrorKind::Refused, text)
    };
    if !bytes.is_empty() {
        session.say(bytes).await.map_err(said)?;
    }
    if args.eof && args.action == Action::Write {
        session.end_input().await.map_err(said)?;
    }
    Ok(told(
        session,
        format!("{count} bytes were sent to {}", session.id),
    ))
}

/// The bytes that an action stands for.
fn input(session: &Session, args: &Args) -> Result<Vec<u8>> {
    let missing = |what: &str| Error::invalid(format_args!("{what} is missing"));
    let enter = if session.terminal { "\r" } else { "\n" };
    match args.action {
        Action::Write => match &args.data {
            None if args.eof => Ok(Vec::new()),
            data => Ok(data.as_ref().ok_or_else(|| missing("data"))?.clone().into_bytes()),
        },
        Action::Submit => Ok(format!("{}{enter}", args.data.as_deref().unwrap_or_default()).into_bytes()),
        Action::Paste => {
            let text = args
                .text
                .as_ref()
                .or(args.data.as_ref())
                .ok_or_else(|| missing("text"))?;
            Ok(match args.bracketed.unwrap_or(true) && session.terminal {
                // a text that ends the pasting itself would be typed from there on
                true => format!("\x1b[200~{}\x1b[201~", text.replace('\x1b', "")).into_bytes(),
                false => text.clone().into_bytes(),
            })
        }
        _ => {
            let mut bytes = args.literal.clone().unwrap_or_default().into_bytes();
            for key in &args.keys {
                let sent = keys::encode(key);
                bytes.extend(sent.ok_or_else(|| Error::invalid(format_args!("there is no key {key}")))?);
            }
            for hex in &args.hex {
                let sent = keys::from_hex(hex);
                bytes.extend(sent.ok_or_else(|| Error::invalid(format_args!("{hex} are no hex digits")))?);
            }
            match bytes.is_empty() {
                true => Err(missing("keys, hex or literal")),
                false => Ok(bytes),
            }
        }
    }
}

fn list(sessions: &[Arc<Session>]) -> ToolOutput {
    let lines: Vec<_> = sessions
        .iter()
        .map(|session| {
            let command: String = session.command.chars().take(100).collect();
            format!(
                "{} {} {}s {command}",
                session.id,
                status(session),
                session.age().as_secs()
            )
        })
        .collect();
    let text = if lines.is_empty() {
        "no commands".to_owned()
    } else {
        lines.join("\n")
    };
    ToolOutput {
        content: vec![Content::text(text)],
        details: json!({ "status": "completed", "sessions": sessions.iter().map(|session| details(session)).collect::<Vec<_>>() }),
        ..ToolOutput::default()
    }
}

async fn poll(session: &Session, wait: Duration) -> ToolOutput {
    let mut fresh = session.output().fresh();
    if fresh.is_empty() && session.ended().is_none() {
        session.wait_for_words(wait).await;
        fresh = session.output().fresh();
    }
    let fresh = session.plain(&fresh);
    let said = fresh.trim_end_matches('\n');
    let end = match session.ended() {
        None => "[it runs on]".to_owned(),
        Some(ended) => match ended.why {
            Some(why) => format!("[it was ended: {why}]"),
            None => format!("[it ended with code {}]", ended.code),
        },
    };
    let text = if said.is_empty() {
        end
    } else {
        format!("{said}\n\n{end}")
    };
    ToolOutput {
        content: vec![Content::text(text)],
        details: details(session),
        ..ToolOutput::default()
    }
}

fn log(session: &Session, args: &Args) -> ToolOutput {
    let text = session.plain(&session.output().text());
    let lines: Vec<_> = text.lines().collect();
    let limit = args.limit.unwrap_or(LINES).max(1);
    let first = args
        .offset
        .unwrap_or_else(|| lines.len().saturating_sub(limit))
        .min(lines.len());
    let last = first.saturating_add(limit).min(lines.len());
    let shown = lines[first..last].join("\n");
    let text = match (lines.len(), last - first) {
        (0, _) => "[it has said nothing]".to_owned(),
        (all, shown_lines) if shown_lines < all => {
            format!("{shown}\n\n[lines {first} to {last} of {all}; use offset and limit for others]")
        }
        _ => shown,
    };
    let mut about = details(session);
    about["totalLines"] = json!(lines.len());
    about["truncated"] = json!(session.output().is_cut());
    ToolOutput {
        content: vec![Content::text(text)],
        details: about,
        ..ToolOutput::default()
    }
}

fn told(session: &Session, text: String) -> ToolOutput {
    ToolOutput {
        content: vec![Content::text(text)],
        details: details(session),
        ..ToolOutput::default()
    }
}

fn status(session: &Session) -> &'static str {
    match session.ended() {
        None => "running",
        Some(ended) if ended.code == 0 && ended.why.is_none() => "completed",
        Some(_) => "failed",
    }
}

fn details(session: &Session) -> Value {
    let mut details = json!({
        "sessionId": session.id, "status": status(session), "command": session.command, "cwd": session.folder,
        "pid": session.pid, "outputBytes": session.output().total(),
    });
    match session.ended() {
        Some(ended) => {
            details["exitCode"] = json!(ended.code);
            details["durationMs"] = json!(millis(ended.took));
            details["aggregated"] = finished(session, &ended).details["aggregated"].take();
        }
        None => details["durationMs"] = json!(millis(session.age())),
    }
    details
}
