//! `openclaw tasks`: what the running gateway works on, what waits, and how jobs ended.
use super::{Failure, connect::Target, output, setting::Setting};
use crate::{config::Env, gateway::Scope};
use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};
use std::time::Duration;

/// How long the gateway may take.
const ASK: Duration = Duration::from_secs(10);
/// Tasks of one answer at most.
const MOST: u32 = 500;

/// Shows what the running gateway works on, what waits, and how jobs ended
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// Only tasks of this state
    #[arg(long, global = true, value_enum)]
    status: Option<Status>,
    /// Only tasks of this kind
    #[arg(long, global = true, value_enum)]
    runtime: Option<Runtime>,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Lists them: what happens anyway
    List,
    /// Shows all that is known of one
    Show {
        /// The task, its run, or its conversation
        task: String,
    },
}

/// How far a task is. Those that scripts of OpenClaw name and that no task here ever is in are found nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Status {
    Queued,
    Running,
    #[value(alias = "completed")]
    Succeeded,
    Failed,
    #[value(hide = true)]
    TimedOut,
    #[value(hide = true)]
    Cancelled,
    #[value(hide = true)]
    Lost,
    #[value(hide = true)]
    Blocked,
}

/// Who asked for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Runtime {
    /// An agent
    Subagent,
    /// A job
    Cron,
    /// A person or a program
    Cli,
    #[value(hide = true)]
    Acp,
}

/// Runs the command.
pub fn run(args: &Args, env: &Env) -> Result<(), Failure> {
    let setting = Setting::for_client(env)?;
    let params = json!({ "limit": MOST });
    let answer = args
        .target
        .ask(env, &setting, Scope::Read, "tasks.list", params, ASK)?;
    let tasks = output::list(&answer["tasks"]).filter(|task| args.takes(task));
    if let Some(Command::Show { task: wanted }) = &args.command {
        let mut tasks = tasks;
        let found = tasks.find(|task| names(task, wanted));
        let found = found.ok_or_else(|| Failure::new(format_args!("there is no task {wanted}")))?;
        return output::json(found);
    }
    let tasks: Vec<_> = tasks.collect();
    if args.json {
        return output::json(&json!({ "count": tasks.len(), "tasks": tasks }));
    }
    if tasks.is_empty() {
        anstream::println!("There are no tasks.");
        return Ok(());
    }
    let mut table = output::table(&["TASK", "KIND", "STATE", "AGENT", "WHAT"]);
    for task in tasks {
        let cells = ["taskId", "runtime", "status", "agentId", "title"];
        table.add_row(cells.map(|key| output::text(&task[key])));
    }
    anstream::println!("{table}");
    Ok(())
}

fn names(task: &Value, wanted: &str) -> bool {
    ["taskId", "runId", "sessionKey"]
        .iter()
        .any(|key| task[*key] == wanted)
}

// === impl Args ===

impl Args {
    fn takes(&self, task: &Value) -> bool {
        let status = self.status.is_none_or(|status| task["status"] == status.word());
        status && self.runtime.is_none_or(|runtime| runtime == Runtime::of(task))
    }
}

// === impl Status ===

impl Status {
    /// As the gateway says it.
    fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Succeeded => "completed",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
            Self::Cancelled => "cancelled",
            Self::Lost => "lost",
            Self::Blocked => "blocked",
        }
    }
}

// === impl Runtime ===

impl Runtime {
    fn of(task: &Value) -> Self {
        let key = task["sessionKey"].as_str().unwrap_or_default();
        if task["runtime"] == "cron" {
            Self::Cron
        } else if key.contains(":subagent:") {
            Self::Subagent
        } else {
            Self::Cli
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn read(line: &str) -> Result<Args, clap::Error> {
        let words = ["tasks"].into_iter().chain(line.split_whitespace());
        Line::try_parse_from(words).map(|line| line.args)
    }

    #[test]
    fn tasks_are_chosen_by_state_and_kind() {
        let job = json!({ "taskId": "1", "runtime": "cron", "status": "completed", "sessionKey": "agent:a:cron:j" });
        let helper = json!({ "runId": "2", "runtime": "agent", "status": "running", "sessionKey": "agent:a:subagent:x" });
        for (line, takes) in [
            ("", (true, true)),
            ("list --status succeeded", (true, false)),
            ("--status completed list", (true, false)),
            ("list --runtime subagent --json", (false, true)),
            ("--runtime cron --status running", (false, false)),
            ("--status timed_out", (false, false)),
        ] {
            let args = read(line).expect("it parses");
            assert_eq!((args.takes(&job), args.takes(&helper)), takes, "{line}");
        }
        assert!(read("--status slow").is_err() && read("show").is_err());
        assert!(names(&job, "1") && names(&helper, "agent:a:subagent:x") && !names(&job, "2"));
    }
}
