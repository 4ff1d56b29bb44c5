//! `exec`: runs a command, and waits for it for a while.
use super::{
    approve::Answer,
    call::Call,
    later::{self, Asked},
    plan::Job,
};
use crate::{
    bench::Bench,
    config::{Ask, Host as Place, Security},
    run::{Ended, Session},
};
use openclaw_plugin_api::prelude::*;
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// How long a call waits for its command, if nobody says anything; and at most.
const YIELD: Duration = Duration::from_secs(10);
const MAX_YIELD: Duration = Duration::from_secs(120);
/// Of a command that runs on, what is shown at once. Bytes.
const SHOWN: usize = 4000;

/// The tool.
pub struct Exec(pub Arc<Bench>);

/// Its arguments.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct Args {
    /// The command, as for a shell.
    #[serde(alias = "cmd")]
    #[schemars(required)]
    pub command: String,
    /// What it is for, in a few words; the operator sees it when asked.
    pub title: Option<String>,
    /// Folder to run it in. Default: the workspace.
    #[serde(alias = "cwd")]
    pub workdir: Option<String>,
    /// Variables to set for it.
    pub env: BTreeMap<String, String>,
    /// How long to wait for it before it goes on in the background, milliseconds. Default: 10000.
    pub yield_ms: Option<u64>,
    /// Have it go on in the background at once.
    pub background: bool,
    /// Seconds after which it is ended. Default: 1800.
    #[serde(alias = "timeoutSeconds")]
    pub timeout: Option<u64>,
    /// Give it a terminal, for programs that draw or ask.
    pub pty: bool,
    /// Run it outside the sandbox, where the operator lets you.
    pub elevated: bool,
    /// Where: sandbox, or gateway or node (which take approval).
    pub host: Option<Place>,
    /// Be stricter than is set: deny, allowlist, full.
    pub security: Option<Security>,
    /// Ask the operator more often than is set: off, on-miss, always.
    pub ask: Option<Ask>,
    /// With host=node, the device: its id or its name.
    pub node: Option<String>,
}

/// Ends a command that nobody waits for any more.
struct Waiting(Option<Arc<Session>>);

impl Tool for Exec {
    const NAME: &'static str = "exec";
    const DESCRIPTION: &'static str = "Runs a command in a shell, in the workspace, without network unless the operator \
        allows it. What takes longer than yieldMs goes on in the background: use process for it then. With host=gateway it \
        runs outside the sandbox, after the operator's approval; with host=node on a paired device.";
    type Args = Args;

    async fn invoke(&self, args: Args, mut context: ToolContext) -> Result<ToolOutput> {
        let call = Arc::new(Call::new(&self.0, args, context.origin.clone()).await?);
        if call.job.needs_approval() {
            context.progress("waiting for approval").await;
        }
        let set = &call.config.tools.exec;
        let patience = match (call.args.background, call.args.yield_ms.or(set.background_ms)) {
            (true, _) => Duration::ZERO,
            (false, ms) => ms.map_or(YIELD, Duration::from_millis).min(MAX_YIELD),
        };
        let how = match later::ask(&call, patience).await? {
            Asked::Answer(Answer::Run(how)) => how,
            Asked::Answer(Answer::No(why)) => return Ok(refused(&call.job, &why)),
            Asked::Pending(output) => return Ok(output),
        };
        if let Some(node) = &call.job.node {
            return later::on_node(&call, node, patience).await;
        }
        let session = call.start(how).await?;
        let mut waiting = Waiting(Some(session.clone()));
        let ended = session.wait(patience).await;
        let Some(ended) = ended else {
            let news = later::follow(&call, &session).await;
            waiting.0 = None;
            return Ok(running(&session, news));
        };
        waiting.0 = None;
        call.bench.sessions.remove(&session.id);
        Ok(finished(&session, &ended))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(session) = &self.0 {
            session.kill();
        }
    }
}

/// What is told of a command that has ended.
pub(super) fn finished(session: &Session, ended: &Ended) -> ToolOutput {
    let output = session.plain(&session.output().text());
    let mut text = output.trim_end_matches('\n').to_owned();
    let end = match (ended.why, ended.code) {
        (Some(why), _) => Some(format!("the command was ended: {why}")),
        (None, 0) => None,
        (None, code) => Some(format!("the command ended with code {code}")),
    };
    if let Some(end) = &end {
        let gap = if text.is_empty() { "" } else { "\n\n" };
        text.push_str(&format!("{gap}[{end}]"));
    } else if text.is_empty() {
        text.push_str("[the command said nothing and ended well]");
    }
    let status = if end.is_none() { "completed" } else { "failed" };
    ToolOutput {
        content: vec![Content::text(text)],
        details: json!({
            "status": status, "exitCode": ended.code, "durationMs": millis(ended.took), "aggregated": output,
            "cwd": session.folder, "timedOut": ended.why == Some("its time was up"),
        }),
        is_error: end.is_some(),
    }
}

/// What is told of a command that goes on, and of `news` of it.
fn running(session: &Session, news: &str) -> ToolOutput {
    let said = session.tail(SHOWN);
    // the first poll begins after what is shown here
    drop(session.output().fresh());
    let said = said.trim_end();
    let gap = if said.is_empty() { "" } else { "\n\n" };
    let text = format!(
        "{said}{gap}[the command goes on in the background as {id}{news}; use process (poll, write, kill) with \
         sessionId={id}]",
        id = session.id
    );
    ToolOutput {
        content: vec![Content::text(text)],
        details: json!({
            "status": "running", "sessionId": session.id, "pid": session.pid, "durationMs": millis(session.age()),
            "tail": said, "cwd": session.folder,
        }),
        is_error: false,
    }
}

pub(super) fn refused(job: &Job, why: &str) -> ToolOutput {
    ToolOutput {
        content: vec![Content::text(format!("the command was not run: {why}"))],
        details: json!({ "status": "failed", "reason": why, "cwd": job.folder }),
        is_error: true,
    }
}

pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
