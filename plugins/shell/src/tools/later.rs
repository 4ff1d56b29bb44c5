//! What a call of `exec` still owes when it has been answered: the operator's answer, or the end of its command.
//!
//! The host notes the debt before the call is answered and wakes the conversation with the news. Where it can't, calls
//! wait for answers, and commands end without a word.
use super::{
    approve::Answer,
    call::{Call, told},
};
use crate::run::Session;
use openclaw_plugin_api::{GoesOn, host_ids, prelude::*};
use std::{sync::Arc, time::Duration};
use tokio::{task::JoinHandle, time::timeout};

/// How long the operator's rules may take to decide, however little a call wants to wait.
const RULES: Duration = Duration::from_secs(2);
/// Most of what a command said that is told at its end, bytes.
const SHOWN: usize = 4000;

/// What came of asking.
pub enum Asked {
    /// The answer.
    Answer(Answer),
    /// There is none yet; what the model is told meanwhile.
    Pending(ToolOutput),
}

/// A question; withdrawn when this is dropped.
struct Asking(JoinHandle<Result<Answer>>);

/// Asks, and waits for a while. If there is no answer by then, the call goes on without anybody waiting for it.
pub async fn ask(call: &Arc<Call>, patience: Duration) -> Result<Asked> {
    if !call.job.needs_approval() || !call.bench.host.serves(host_ids::TOOL_GOES_ON) {
        return call.approved("").await.map(Asked::Answer);
    }
    let id = question_id()?;
    let (asker, of) = (call.clone(), id.clone());
    let mut asking = Asking(tokio::spawn(async move { asker.approved(&of).await }));
    if let Ok(answer) = timeout(patience.max(RULES), asking.answer()).await {
        return answer.map(Asked::Answer);
    }
    let lost = format!(
        "Exec denied (approval {}, the gateway was restarted before it was answered): {}",
        &id[..8],
        call.told()
    );
    match call.bench.host.goes_on(&call.origin, &lost).await {
        Ok(work) => {
            tokio::spawn(decided(call.clone(), asking, work, id.clone()));
            Ok(Asked::Pending(pending(call, &id)))
        }
        Err(error) => {
            tracing::warn!(%error, "a call waits for its approval");
            asking.answer().await.map(Asked::Answer)
        }
    }
}

/// A command goes on in the background: its end is told. It is noted when this returns.
pub async fn follow(call: &Call, session: &Arc<Session>) {
    let (host, set) = (&call.bench.host, &call.config.tools.exec);
    if !set.notify_on_exit.unwrap_or(true) || !host.serves(host_ids::TOOL_GOES_ON) {
        return;
    }
    let lost = format!(
        "Exec failed ({}, it ended with the gateway): {}",
        session.id,
        call.told()
    );
    let quietly = !set.notify_on_exit_empty_success.unwrap_or(false);
    match host.goes_on(&call.origin, &lost).await {
        Ok(work) => drop(tokio::spawn(tell_end(session.clone(), work, quietly))),
        Err(error) => tracing::warn!(%error, "the end of a command will not be told"),
    }
}

/// The question has its answer: does what it says, and tells of it.
async fn decided(call: Arc<Call>, mut asking: Asking, work: GoesOn, id: String) {
    let denied = |why: &str| format!("Exec denied (approval {}, {why}): {}", &id[..8], call.told());
    let started = match asking.answer().await {
        Ok(Answer::Run(how)) => call.start(how).map_err(|error| denied(error.message())),
        Ok(Answer::No(why)) => Err(denied(&why)),
        Err(error) => Err(denied(error.message())),
    };
    match started {
        Ok(session) => tell_end(session, work, false).await,
        Err(text) => tell(work, &text).await,
    }
}

/// Waits for a command's end and tells of it, unless that was seen. `quietly`: nor if it ended well and said nothing.
async fn tell_end(session: Arc<Session>, work: GoesOn, quietly: bool) {
    let ended = session.end().await;
    if session.is_end_seen().await || quietly && ended.is_well() && session.output().total() == 0 {
        return tell(work, "").await;
    }
    let how = match (ended.why, ended.code) {
        (Some(why), _) => why.to_owned(),
        (None, code) => format!("code {code}"),
    };
    let word = if ended.is_well() { "finished" } else { "failed" };
    let said = session.plain(&session.output().end(SHOWN));
    let text = format!(
        "Exec {word} ({}, {how}, {} s): {}\n{}",
        session.id,
        ended.took.as_secs(),
        told(&session.command),
        said.trim()
    );
    tell(work, &text).await;
}

async fn tell(work: GoesOn, text: &str) {
    if let Err(error) = work.tell(text).await {
        tracing::warn!(%error, "the end of a command is told at the gateway's next start");
    }
}

fn pending(call: &Call, id: &str) -> ToolOutput {
    let text = format!(
        "Approval pending (id {}). The operator was asked; if the answer is yes, the command runs, and its result comes as a \
         message in this conversation. Don't run it again and don't wait for it.",
        &id[..8]
    );
    ToolOutput {
        content: vec![Content::text(text)],
        details: json!({
            "status": "approval-pending", "approvalId": id, "approvalSlug": &id[..8],
            "host": call.job.ruling.place.word(), "command": call.job.text, "cwd": call.job.folder,
        }),
        is_error: false,
    }
}

/// Not to be guessed.
fn question_id() -> Result<String> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(std::io::Error::other)?;
    Ok(format!("{:032x}", u128::from_ne_bytes(random)))
}

impl Asking {
    async fn answer(&mut self) -> Result<Answer> {
        (&mut self.0)
            .await
            .map_err(|broken| Error::new(ErrorKind::Internal, broken))?
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.0.abort();
    }
}
