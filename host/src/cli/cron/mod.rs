//! `openclaw cron`: jobs that run at a time. All but the list is printed as JSON, as scripts know it.
mod spec;

use super::{Failure, connect::Target, output, setting::Setting};
use crate::{config::Env, gateway::Scope};
use clap::Subcommand;
use serde_json::{Value, json};
use spec::{Add, Edit};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Jobs of one page.
const PAGE: u64 = 200;

/// Shows, makes, changes and runs jobs that run at a time
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
    /// How long the gateway may take, milliseconds
    #[arg(long, global = true, default_value_t = 30_000)]
    timeout: u64,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
    /// OpenClaw's word for calls that answer twice; these answer once
    #[arg(long, global = true, hide = true)]
    expect_final: bool,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Shows whether jobs run, and when the next one is due
    Status,
    /// Shows jobs
    List {
        /// Also those that are off
        #[arg(long)]
        all: bool,
        /// Only those of this agent
        #[arg(long)]
        agent: Option<String>,
    },
    /// Shows one job
    #[command(alias = "get")]
    Show {
        /// The job's id
        id: String,
    },
    /// Makes a job
    #[command(alias = "create")]
    Add(Box<Add>),
    /// Changes a job
    Edit(Box<Edit>),
    /// Removes a job
    #[command(visible_aliases = ["remove", "delete"])]
    Rm {
        /// The job's id
        id: String,
    },
    /// Lets a job run when it is due
    Enable {
        /// The job's id
        id: String,
    },
    /// Keeps a job from running
    Disable {
        /// The job's id
        id: String,
    },
    /// Runs a job now
    Run {
        /// The job's id
        id: String,
        /// Only if it is due
        #[arg(long)]
        due: bool,
        /// Whether it is due or not; so it is anyway
        #[arg(long, conflicts_with = "due")]
        force: bool,
    },
    /// Shows how jobs went
    Runs {
        /// The job's id [default: all jobs]
        #[arg(long)]
        id: Option<String>,
        /// How many
        #[arg(long, default_value_t = 50)]
        limit: u32,
    },
}

struct Gateway<'a> {
    args: &'a Args,
    env: &'a Env,
    setting: Setting,
}

/// Runs the command.
pub fn run(args: &Args, env: &Env) -> Result<(), Failure> {
    let gateway = Gateway {
        args,
        env,
        setting: Setting::for_client(env)?,
    };
    let (method, params) = match &args.command {
        Command::Status => ("cron.status", json!({})),
        Command::List { all, agent } => return gateway.list(*all, agent.as_deref()),
        Command::Runs { id, limit } => return gateway.runs(id.as_deref(), *limit),
        Command::Show { id } => ("cron.get", json!({ "id": id })),
        Command::Add(add) => ("cron.add", add.params(now_ms()).map_err(Failure::usage)?),
        Command::Edit(edit) => ("cron.update", edit.params(now_ms()).map_err(Failure::usage)?),
        Command::Rm { id } => ("cron.remove", json!({ "id": id })),
        Command::Enable { id } => ("cron.update", json!({ "id": id, "patch": { "enabled": true } })),
        Command::Disable { id } => ("cron.update", json!({ "id": id, "patch": { "enabled": false } })),
        Command::Run { id, due, .. } => {
            let mode = if *due { "due" } else { "force" };
            ("cron.run", json!({ "id": id, "mode": mode }))
        }
    };
    output::json(&gateway.ask(method, params)?)
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

impl Gateway<'_> {
    fn ask(&self, method: &str, params: Value) -> Result<Value, Failure> {
        let limit = Duration::from_millis(self.args.timeout);
        let target = &self.args.target;
        target.ask_with(
            self.env,
            &self.setting,
            [Scope::Read, Scope::Admin],
            method,
            params,
            limit,
        )
    }

    fn list(&self, all: bool, agent: Option<&str>) -> Result<(), Failure> {
        let mut jobs = Vec::new();
        loop {
            let mut params = json!({ "includeDisabled": all, "limit": PAGE, "offset": jobs.len() });
            if let Some(agent) = agent {
                params["agentId"] = json!(agent);
            }
            let mut answer = self.ask("cron.list", params)?;
            jobs.extend(output::list(&answer["jobs"]).cloned());
            if answer["hasMore"] != true {
                if self.args.json {
                    answer["jobs"] = json!(jobs);
                    return output::json(&answer);
                }
                break;
            }
        }
        if jobs.is_empty() {
            anstream::println!("No jobs; make one with `openclaw cron add`.");
            return Ok(());
        }
        let mut table = output::table(&[
            "ID", "NAME", "SCHEDULE", "NEXT", "LAST", "STATUS", "TARGET", "DELIVERY", "AGENT",
        ]);
        let now = now_ms();
        for job in &jobs {
            table.add_row(row(job, now));
        }
        anstream::println!("{table}");
        Ok(())
    }

    fn runs(&self, id: Option<&str>, limit: u32) -> Result<(), Failure> {
        let mut params = json!({ "limit": limit });
        match id {
            Some(id) => params["id"] = json!(id),
            None => params["scope"] = json!("all"),
        }
        let mut answer = self.ask("cron.runs", params)?;
        for entry in answer["entries"].as_array_mut().into_iter().flatten() {
            for (key, at) in [
                ("tsIso", "ts"),
                ("runAtIso", "runAtMs"),
                ("nextRunAtIso", "nextRunAtMs"),
            ] {
                let time = entry[at]
                    .as_i64()
                    .and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
                if let Some(time) = time {
                    entry[key] = json!(time.to_string());
                }
            }
        }
        output::json(&answer)
    }
}

fn row(job: &Value, now: i64) -> [String; 9] {
    let state = &job["state"];
    let schedule = &job["schedule"];
    let when = match schedule["kind"].as_str() {
        Some("at") => format!("at {}", output::text(&schedule["at"])),
        Some("every") => format!("every {}", output::age(schedule["everyMs"].as_i64().unwrap_or(0))),
        _ => format!(
            "cron {} {}",
            output::text(&schedule["expr"]),
            output::text(&schedule["tz"])
        ),
    };
    let next = state["nextRunAtMs"]
        .as_i64()
        .map(|next| format!("in {}", output::age(next - now)));
    let last = state["lastRunAtMs"]
        .as_i64()
        .map(|last| format!("{} ago", output::age(now - last)));
    let status = match (job["enabled"] == true, state["runningAtMs"].is_i64()) {
        (_, true) => "running".to_owned(),
        (false, _) => "disabled".to_owned(),
        _ if state["lastStatus"].is_null() => "idle".to_owned(),
        _ => output::text(&state["lastStatus"]),
    };
    let delivery = &job["delivery"];
    let delivery = match delivery["mode"].as_str() {
        None | Some("none") => "–".to_owned(),
        Some(mode) => {
            let (channel, to) = (output::text(&delivery["channel"]), output::text(&delivery["to"]));
            format!("{mode} {channel} {to}").trim_end().to_owned()
        }
    };
    [
        output::text(&job["id"]),
        output::text(&job["name"]),
        when.trim_end().to_owned(),
        next.unwrap_or_else(|| "–".to_owned()),
        last.unwrap_or_else(|| "–".to_owned()),
        status,
        output::text(&job["sessionTarget"]),
        delivery,
        output::text(&job["agentId"]),
    ]
}
