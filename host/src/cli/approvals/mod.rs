//! `openclaw approvals`: what waits for the operator's answer, answering it, and the rules for commands.
//!
//! Rules are read and written in this machine's file, or with `--gateway` in that of a running gateway; what waits is
//! always the running gateway's.
mod rules;
mod show;

use super::{Failure, connect::Target, output, setting::Setting};
use crate::{config::Env, gateway::Scope};
use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};
use std::{path::PathBuf, time::Duration};

/// Subcommands of `approvals`.
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
    /// The rules of the running gateway instead of this machine's file
    #[arg(long, global = true)]
    gateway: bool,
    /// How long the gateway may take, milliseconds
    #[arg(long, global = true, default_value_t = 10_000)]
    timeout: u64,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Shows the rules for commands
    Get,
    /// Replaces the rules by those of a file
    #[command(group(clap::ArgGroup::new("source").required(true)))]
    Set {
        /// A file of JSON
        #[arg(long, group = "source")]
        file: Option<PathBuf>,
        /// Reads JSON from standard input
        #[arg(long, group = "source")]
        stdin: bool,
    },
    /// Shows and changes the programs that may run without a question
    Allowlist {
        #[command(subcommand)]
        command: Allowlist,
    },
    /// Shows what waits for an answer
    Pending,
    /// Answers a question
    Resolve {
        /// Its id, or how it begins
        id: String,
        /// The answer
        decision: Word,
    },
}

#[derive(Debug, Subcommand)]
enum Allowlist {
    /// Allows a program by its path, or programs by a glob of paths
    Add {
        /// An absolute path; * stands for a part of a name, ** for a part of a path
        pattern: String,
        /// The agent; * stands for all
        #[arg(long, default_value = "*")]
        agent: String,
    },
    /// Takes a rule away
    Remove {
        /// Its pattern or id
        pattern: String,
        /// The agent; * stands for all
        #[arg(long, default_value = "*")]
        agent: String,
    },
    /// Shows the rules
    List {
        /// Only those of this agent
        #[arg(long)]
        agent: Option<String>,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Word {
    /// This time
    AllowOnce,
    /// This time, and from now on without a question
    AllowAlways,
    /// No
    Deny,
}

/// Runs the command.
pub fn run(args: &Args, env: &Env) -> Result<(), Failure> {
    let setting = Setting::for_client(env)?;
    let ask = |scope, method: &str, params: Value| {
        let limit = Duration::from_millis(args.timeout);
        args.target.ask(env, &setting, scope, method, params, limit)
    };
    match &args.command {
        Command::Pending => {
            let open = ask(Scope::Approvals, "exec.approval.list", json!({}))?;
            if args.json {
                return output::json(&open);
            }
            show::pending(&open);
        }
        Command::Resolve { id, decision } => {
            let open = ask(Scope::Approvals, "exec.approval.list", json!({}))?;
            let begins = |row: &&Value| {
                row["id"]
                    .as_str()
                    .is_some_and(|known| known.starts_with(id.as_str()))
            };
            let alike: Vec<_> = output::list(&open).filter(begins).collect();
            if alike.len() > 1 {
                return Err(Failure::new(format_args!(
                    "{} approvals begin with {id}; write more of the id",
                    alike.len()
                )));
            }
            // one that is not open is named as it was written: the gateway knows what became of it
            let id = alike.first().map_or(id.clone(), |row| output::text(&row["id"]));
            let params = json!({ "id": id, "decision": decision.name() });
            let answer = ask(Scope::Approvals, "exec.approval.resolve", params)?;
            if args.json {
                return output::json(&answer);
            }
            anstream::println!("Approval {id}: {}.", decision.name());
        }
        rules => return rules::run(rules, args, &setting, ask),
    }
    Ok(())
}

impl Word {
    fn name(self) -> &'static str {
        match self {
            Self::AllowOnce => "allow-once",
            Self::AllowAlways => "allow-always",
            Self::Deny => "deny",
        }
    }
}
