//! What a call of `exec` still owes when it has been answered: the operator's answer, or the end of its command.
//!
//! The host notes the debt before the call is answered and wakes the conversation with the news. Where it can't, calls
//! wait for answers, and commands end without a word.
use super::{
    approve::Answer,
    call::{Call, told},
    node::OnNode,
};
use crate::run::Session;
use openclaw_plugin_api::{GoesOn, Node, host_ids, prelude::*};
use std::{sync::Arc, time::Duration};
use tokio::{task::JoinHandle, time::timeout};

/// How long the operator's rules may take to decide, however little a call wants to wait.
const RULES: Duration = Duration::from_secs(2);
/// How long an approved command runs before its agent is told so, if the operator says nothing.
const NOTICE: Duration = Duration::from_secs(10);
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
    let lost = match call.bench.host.serves(host_ids::TOOL_INTERIM) {
        true => format!(
            "Exec denied (approval {}, it ended with the gateway or the plugin before there was an answer, so it was not run): {}",
            &id[..8],
            call.told()
        ),
        // this host takes no other text later, so it has to be true whether it was answered or not
        false => format!(
            "Exec failed (approval {}, the gateway ended first; without an answer by then it was denied, and if it was \
             approved, it may have run and nobody knows how it ended): {}",
            &id[..8],
            call.told()
        ),
    };
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

/// A command goes on in the background: its end is told. It is noted when this returns. What the model may count on.
pub async fn follow(call: &Call, session: &Arc<Session>) -> &'static str {
    let (host, set) = (&call.bench.host, &call.config.tools.exec);
    if !set.notify_on_exit.unwrap_or(true) || !host.serves(host_ids::TOOL_GOES_ON) {
        return "";
    }
    let lost = format!(
        "Exec failed ({}, it ended with the gateway, or with the plugin that ran it): {}",
        session.id,
        call.told()
    );
    let quietly = !set.notify_on_exit_empty_success.unwrap_or(false);
    match host.goes_on(&call.origin, &lost).await {
        Ok(work) => {
            tokio::spawn(tell_end(session.clone(), work, quietly));
            match quietly {
                true => "; its end comes as a message, unless it ends well and says nothing",
                false => "; its end comes as a message",
            }
        }
        Err(error) => {
            tracing::warn!(%error, "the end of a command will not be told");
            ""
        }
    }
}

/// The question has its answer: does what it says, and tells of it.
async fn decided(call: Arc<Call>, mut asking: Asking, work: GoesOn, id: String) {
    let denied = |why: &str| format!("Exec denied (approval {}, {why}): {}", &id[..8], call.told());
    let started = match asking.answer().await {
        Ok(Answer::Run(_)) if call.job.node.is_some() => return decided_for_node(&call, work, &id).await,
        // noted before it runs: whatever ends then, nobody is told that it was denied
        Ok(Answer::Run(how)) => match approved(&call, &work, &id).await {
            Ok(()) => call.start(how).await.map_err(|error| denied(error.message())),
            Err(error) => Err(denied(error.message())),
        },
        Ok(Answer::No(why)) => Err(denied(&why)),
        Err(error) => Err(denied(error.message())),
    };
    match started {
        Ok(session) => {
            notice(&call, &session, &work, &id).await;
            tell_end(session, work, false).await;
        }
        Err(text) => tell(work, &text).await,
    }
}

/// A device runs an approved command: tells of its end.
async fn decided_for_node(call: &Call, work: GoesOn, id: &str) {
    let Some(node) = &call.job.node else { return };
    let text = match approved(call, &work, id).await {
        Ok(()) => OnNode::start(call, node, call.limit())
            .end()
            .await
            .news(&call.told()),
        Err(error) => format!(
            "Exec denied (approval {}, {}): {}",
            &id[..8],
            error.message(),
            call.told()
        ),
    };
    tell(work, &text).await;
}

/// Has a device run a command, and waits for it for a while. If it takes longer, its end is told; where it can't be, it is
/// waited for.
pub async fn on_node(call: &Arc<Call>, node: &Node, patience: Duration) -> Result<ToolOutput> {
    let host = &call.bench.host;
    let mut running = OnNode::start(call, node, call.limit());
    if let Some(done) = running.wait(patience).await {
        return Ok(done.output());
    }
    if !host.serves(host_ids::TOOL_GOES_ON) {
        return Ok(running.end().await.output());
    }
    let lost = format!(
        "Exec failed (on {}, the gateway or the plugin that waited for it ended first; it may go on there): {}",
        node.name,
        call.told()
    );
    let work = match host.goes_on(&call.origin, &lost).await {
        Ok(work) => work,
        Err(error) => {
            tracing::warn!(%error, "a call waits for a command on a device");
            return Ok(running.end().await.output());
        }
    };
    let output = running.running("; its end comes as a message");
    let told = call.told();
    tokio::spawn(async move {
        let news = running.end().await.news(&told);
        tell(work, &news).await;
    });
    Ok(output)
}

/// Notes what is to be told of an approved command if it is lost.
async fn approved(call: &Call, work: &GoesOn, id: &str) -> Result<()> {
    if !call.bench.host.serves(host_ids::TOOL_INTERIM) {
        return Ok(());
    }
    let lost = format!(
        "Exec failed (approval {}, it was approved, and it ended with the gateway, or with the plugin that ran it; nobody \
         knows how far it came): {}",
        &id[..8],
        call.told()
    );
    work.if_lost(&lost).await
}

/// Tells that an approved command still runs, if it does after a while. Returns then, or when it has ended.
async fn notice(call: &Call, session: &Session, work: &GoesOn, id: &str) {
    let after = call.config.tools.exec.approval_running_notice_ms;
    let after = after.map_or(NOTICE, Duration::from_millis);
    let silent = after.is_zero() || !call.bench.host.serves(host_ids::TOOL_INTERIM);
    if silent || session.wait(after).await.is_some() {
        return;
    }
    let text = format!(
        "Exec running (approval {}, {}, for more than {} s): {}",
        &id[..8],
        session.id,
        after.as_secs_f64(),
        call.told()
    );
    if let Err(error) = work.notice(&text).await {
        tracing::warn!(%error, "that a command still runs is not told");
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
    let said = session.tail(SHOWN);
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
