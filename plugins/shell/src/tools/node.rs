//! Commands on another device: a paired node runs them, and says at their end what they said.
//!
//! Invariant: nothing goes to a node that was not allowed here first, and no secret of the gateway goes with it. What the node
//! allows itself is its own matter. There is nothing to poll or write to meanwhile: only the end is told.
use super::{call::Call, exec::millis};
use crate::{bench::Bench, config::Config, rules, run::Output};
use openclaw_plugin_api::{Node, NodeRequest, ToolOrigin, host_ids, prelude::*};
use std::time::Duration;
use tokio::{
    task::JoinHandle,
    time::{Instant, timeout},
};

/// What a node has to be able to do.
const RUN: &str = "system.run";
/// Longest that the gateway waits for a node.
const LONGEST: Duration = Duration::from_secs(600);
/// Most of what a command said that is told at its end, bytes.
const SHOWN: usize = 4000;
/// How long a node may take to tell that the time of its command was up.
const GRACE: Duration = Duration::from_secs(5);

/// A command that a node runs; nobody waits for it any more when this is dropped.
pub struct OnNode {
    task: JoinHandle<Result<Told>>,
    began: Instant,
    name: String,
}

/// How a command on a node ended.
pub struct Done {
    said: String,
    /// Why it did not end well, if so.
    end: Option<String>,
    took: Duration,
    node: String,
}

/// What a node says of a command.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Told {
    exit_code: Option<i32>,
    timed_out: bool,
    stdout: String,
    stderr: String,
    error: Option<String>,
}

/// The device that is meant, by its id or its name; the only one, if none is named.
pub async fn find(bench: &Bench, config: &Config, wish: Option<&str>, origin: &ToolOrigin) -> Result<Node> {
    if !bench.host.serves(host_ids::NODE_INVOKE) {
        return Err(Error::unsupported(
            "this gateway is too old to run commands on other devices; use host sandbox or gateway",
        ));
    }
    let own =
        rules::agent(&config.agents, &origin.agent_id).and_then(|agent| agent.tools.exec.node.as_deref());
    let set = own.or(config.tools.exec.node.as_deref());
    // the operator's choice is not the agent's to change
    let named = set.or(wish).map(str::trim).filter(|name| !name.is_empty());
    let all = bench.host.nodes().await?;
    let mut able: Vec<_> = all
        .into_iter()
        .filter(|node| node.commands.iter().any(|c| c == RUN))
        .collect();
    let known: Vec<_> = able
        .iter()
        .map(|node| format!("{} ({})", node.name, node.id))
        .collect();
    let known = known.join(", ");
    if let Some(name) = named {
        able.retain(|node| node.id == name || node.name.eq_ignore_ascii_case(name));
    }
    match (able.len(), named) {
        (1, _) => Ok(able.remove(0)),
        (0, None) => Err(Error::unsupported(format!(
            "no device that is paired and connected runs commands ({RUN}); pair one and approve it with `openclaw nodes`, or \
             use host sandbox or gateway"
        ))),
        (0, Some(name)) => Err(Error::invalid(format!(
            "no device {name:?} is paired, connected and runs commands ({RUN}); there are: {}",
            if known.is_empty() { "none" } else { &known }
        ))),
        _ => Err(Error::invalid(format!("which device? Say it in node: {known}"))),
    }
}

impl OnNode {
    /// Has the node run the call's command.
    pub fn start(call: &Call, node: &Node, limit: Duration) -> Self {
        let (host, job, origin) = (call.bench.host.clone(), &call.job, &call.origin);
        let limit = limit.min(LONGEST - GRACE);
        let mut params = json!({
            "command": argv(&node.platform, &job.text),
            "rawCommand": job.text,
            "timeoutMs": millis(limit),
            "agentId": origin.agent_id,
            "sessionKey": origin.session_key,
            "runId": origin.call_id,
            "approved": true,
            "approvalDecision": "allow-once",
        });
        if !job.folder.as_os_str().is_empty() {
            params["cwd"] = json!(job.folder);
        }
        if !call.args.env.is_empty() {
            params["env"] = json!(call.args.env);
        }
        let request = NodeRequest {
            node: node.id.clone(),
            command: RUN.to_owned(),
            params,
            timeout_ms: millis(limit + GRACE),
        };
        let name = node.name.clone();
        let task = tokio::spawn(async move {
            let answer = host.node_invoke(&request).await?;
            serde_json::from_value(answer).map_err(|e| {
                Error::new(
                    ErrorKind::Internal,
                    format!("the device answered in no known way: {e}"),
                )
            })
        });
        Self {
            task,
            began: Instant::now(),
            name,
        }
    }

    /// Waits for its end, but no longer than this.
    pub async fn wait(&mut self, most: Duration) -> Option<Done> {
        let told = timeout(most, &mut self.task).await.ok()?;
        let told = told.unwrap_or_else(|broken| Err(Error::new(ErrorKind::Internal, broken)));
        Some(self.done(told))
    }

    /// Waits for its end.
    pub async fn end(mut self) -> Done {
        loop {
            if let Some(done) = self.wait(LONGEST).await {
                return done;
            }
        }
    }

    /// What is told of a command that goes on, and of `news` of it.
    pub fn running(&self, news: &str) -> ToolOutput {
        let text = format!("[the command goes on on {}{news}]", self.name);
        ToolOutput {
            content: vec![Content::text(text)],
            details: json!({ "status": "running", "host": "node", "node": self.name, "durationMs": millis(self.began.elapsed()) }),
            is_error: false,
        }
    }

    fn done(&self, told: Result<Told>) -> Done {
        let took = self.began.elapsed();
        let (said, end) = match told {
            Ok(told) => {
                let mut said = Output::default();
                said.push(told.stdout.as_bytes());
                said.push(told.stderr.as_bytes());
                said.finish();
                let end = match (told.timed_out, told.error, told.exit_code) {
                    (true, ..) => Some("its time was up".to_owned()),
                    (_, Some(error), _) => Some(error),
                    (.., Some(0)) => None,
                    (.., Some(code)) => Some(format!("code {code}")),
                    _ => Some("nobody knows how".to_owned()),
                };
                (crate::run::plain(&said.text()), end)
            }
            Err(error) => (String::new(), Some(error.message().to_owned())),
        };
        Done {
            said,
            end,
            took,
            node: self.name.clone(),
        }
    }
}

impl Done {
    /// For the call that waited for it.
    pub fn output(self) -> ToolOutput {
        let mut text = self.said.trim_end_matches('\n').to_owned();
        let gap = if text.is_empty() { "" } else { "\n\n" };
        match &self.end {
            Some(end) => text.push_str(&format!("{gap}[the command ended on {}: {end}]", self.node)),
            None if text.is_empty() => text.push_str("[the command said nothing and ended well]"),
            None => {}
        }
        ToolOutput {
            content: vec![Content::text(text)],
            details: json!({
                "status": if self.end.is_none() { "completed" } else { "failed" }, "host": "node", "node": self.node,
                "durationMs": millis(self.took), "aggregated": self.said,
            }),
            is_error: self.end.is_some(),
        }
    }

    /// For the conversation, when nobody waited.
    pub fn news(&self, told: &str) -> String {
        let word = if self.end.is_none() { "finished" } else { "failed" };
        let how = self.end.as_deref().unwrap_or("code 0");
        let said = self.said.trim();
        let from = said.ceil_char_boundary(said.len().saturating_sub(SHOWN));
        format!(
            "Exec {word} (on {}, {how}, {} s): {told}\n{}",
            self.node,
            self.took.as_secs(),
            &said[from..]
        )
    }
}

impl Drop for OnNode {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The command for the device's own shell.
fn argv(platform: &str, text: &str) -> Vec<String> {
    let shell: &[&str] = match platform.to_ascii_lowercase().starts_with("win") {
        true => &["cmd.exe", "/d", "/s", "/c"],
        false => &["/bin/sh", "-lc"],
    };
    shell
        .iter()
        .map(|&word| word.to_owned())
        .chain([text.to_owned()])
        .collect()
}
