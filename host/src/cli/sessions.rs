//! `openclaw sessions`: the conversations of the gateway, which does not have to run for them to be shown.
mod lifecycle;

use super::{Failure, connect::Target, offline::Question, output, setting::Setting};
use crate::config::Env;
use clap::Subcommand;
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::Duration,
};

/// How long a question may take. A conversation that is reset ends its turn first.
const ASK: Duration = Duration::from_secs(30);
/// What is asked for who wants all: no gateway shows more.
const ALL: u32 = 10_000;
/// The file with the conversations in a state directory.
const STORE: &str = "state.db";

/// Shows conversations, summarises them, begins them anew, puts them away and forgets them
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    list: List,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(List),
    Archive(lifecycle::Archive),
    /// Summarises what was said in a conversation, so that its next turns cost less
    Compact(lifecycle::One),
    Delete(lifecycle::Delete),
    /// Begins a conversation anew; what was said stays in the journal under its old id
    Reset(lifecycle::One),
}

/// Shows conversations, the last used first
#[derive(Debug, clap::Args)]
struct List {
    /// Only those that something was said in within so many minutes
    #[arg(long, value_name = "MINUTES")]
    active: Option<u32>,
    /// Only those of this agent [default: all agents]
    #[arg(long)]
    agent: Option<String>,
    /// Those of all agents, with the list of agents in --json
    #[arg(long, conflicts_with_all = ["agent", "store"])]
    all_agents: bool,
    /// How many, or `all`
    #[arg(long, default_value = "100", value_name = "COUNT", value_parser = limit)]
    limit: Limit,
    /// Read this state.db, or the one in this folder, and ask no gateway
    #[arg(long, value_name = "PATH", conflicts_with_all = ["url", "port", "token", "password"])]
    store: Option<PathBuf>,
    /// Show the ids of transcripts too, and where they are
    #[arg(long)]
    verbose: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

/// Runs one.
pub fn run(args: &Args, env: &Env) -> Result<(), Failure> {
    match &args.command {
        None => list(&args.list, env),
        Some(Command::List(args)) => list(args, env),
        Some(Command::Archive(args)) => lifecycle::archive(args, env),
        Some(Command::Compact(args)) => lifecycle::compact(args, env),
        Some(Command::Delete(args)) => lifecycle::delete(args, env),
        Some(Command::Reset(args)) => lifecycle::reset(args, env),
    }
}

fn list(args: &List, env: &Env) -> Result<(), Failure> {
    let setting = Setting::for_client(env)?;
    let question = Question {
        method: "sessions.list",
        params: args.params(),
        limit: ASK,
        quiet: args.json,
    };
    let answer = match &args.store {
        None => question.ask_or_read(&args.target, env, &setting)?,
        Some(path) => {
            let store = store(path)?;
            let mut answer = question.read(env, &setting, &store)?;
            answer["path"] = json!(store);
            answer
        }
    };
    if args.json {
        return output::json(&args.shown(&answer, &setting));
    }
    if args.verbose {
        anstream::println!("Stored in {}", output::text(&answer["path"]));
    }
    if output::list(&answer["sessions"]).next().is_none() {
        anstream::println!("No conversations.");
        return Ok(());
    }
    let (count, total) = (&answer["count"], &answer["totalCount"]);
    anstream::println!(
        "Conversations ({count}/{total})\n\n{}",
        table(&answer, args.verbose)
    );
    Ok(())
}

/// The file that somebody means by a path.
fn store(path: &Path) -> Result<PathBuf, Failure> {
    let file = match path.is_dir() {
        true => path.join(STORE),
        false => path.to_owned(),
    };
    if file.is_file() {
        return Ok(file);
    }
    let shown = file.display();
    Err(Failure::new(format_args!(
        "there is no {shown}; name a state.db or the folder of one"
    )))
}

/// How many are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Limit {
    All,
    Of(u32),
}

fn limit(text: &str) -> Result<Limit, String> {
    match (text, text.parse()) {
        ("all", _) => Ok(Limit::All),
        (_, Ok(count @ 1..)) => Ok(Limit::Of(count)),
        _ => Err("write a number from 1, or all".to_owned()),
    }
}

// === impl List ===

impl List {
    fn params(&self) -> Value {
        let limit = match self.limit {
            Limit::All => ALL,
            Limit::Of(count) => count,
        };
        let mut params = json!({ "limit": limit });
        if let Some(minutes) = self.active {
            params["activeMinutes"] = json!(minutes);
        }
        if let Some(agent) = &self.agent {
            params["agentId"] = json!(agent);
        }
        params
    }

    /// What machines see of an answer.
    fn shown(&self, answer: &Value, setting: &Setting) -> Value {
        let limit = match self.limit {
            Limit::All => Value::Null,
            Limit::Of(_) => answer["limitApplied"].clone(),
        };
        let mut shown = json!({
            "path": answer["path"], "count": answer["count"], "totalCount": answer["totalCount"],
            "limitApplied": limit, "hasMore": answer["hasMore"], "activeMinutes": self.active,
        });
        if self.all_agents {
            let agents = setting.config.agents();
            let of_rows = output::list(&answer["sessions"]).map(|row| output::text(&row["agentId"]));
            let configured = agents.agents.iter().map(|agent| agent.id.clone());
            let ids: BTreeSet<_> = configured.chain(of_rows).collect();
            let path = shown["path"].take();
            let stores = ids.iter().map(|id| json!({ "agentId": id, "path": path }));
            shown["stores"] = stores.collect();
            shown["allAgents"] = json!(true);
        }
        shown["sessions"] = answer["sessions"].clone();
        shown
    }
}

fn table(answer: &Value, ids: bool) -> String {
    let mut header = vec!["KEY", "KIND", "AGE", "MODEL", "CONTEXT", "SET"];
    header.extend(ids.then_some("ID"));
    let mut table = output::table(&header);
    for row in output::list(&answer["sessions"]) {
        let (used, window) = (
            row["totalTokens"].as_u64().unwrap_or(0),
            row["contextTokens"].as_u64().unwrap_or(0),
        );
        let set = ["thinkingLevel", "verboseLevel", "modelOverride"].map(|name| output::text(&row[name]));
        let set: Vec<_> = set.into_iter().filter(|text| !text.is_empty()).collect();
        let mut cells = vec![
            output::text(&row["key"]),
            output::text(&row["kind"]),
            output::age(row["ageMs"].as_i64().unwrap_or(0)),
            output::text(&row["model"]),
            format!("{}/{}", output::tokens(used), output::tokens(window)),
            set.join(" "),
        ];
        cells.extend(ids.then(|| output::text(&row["sessionId"])));
        table.add_row(cells);
    }
    table.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command};
    use clap::Parser;

    fn asked(words: &[&str]) -> Result<List, clap::Error> {
        let words = ["openclaw", "sessions"].into_iter().chain(words.iter().copied());
        match Cli::try_parse_from(words)?.command {
            Command::Sessions(args) => Ok(args.list),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn all_is_a_limit_and_nought_is_none() {
        let limit = |text: &str| asked(&["--limit", text]).map(|list| list.limit).ok();
        assert_eq!(limit("all"), Some(Limit::All));
        assert_eq!(limit("25"), Some(Limit::Of(25)));
        assert_eq!((limit("0"), limit("many"), limit("-1")), (None, None, None));
        assert_eq!(asked(&[]).expect("it parses").params(), json!({"limit": 100}));
        let all = asked(&["--limit", "all", "--agent", "work", "--active", "5"]).expect("it parses");
        assert_eq!(
            all.params(),
            json!({"limit": ALL, "agentId": "work", "activeMinutes": 5})
        );
        for words in [
            &["--all-agents", "--agent", "x"][..],
            &["--store", "x", "--url", "ws://x"],
        ] {
            asked(words).expect_err("one or the other");
        }
    }

    #[test]
    fn machines_see_the_keys_that_they_know() {
        let folder = tempfile::tempdir().expect("a folder");
        let state = folder.path().to_str().expect("a name");
        let env = [
            ("OPENCLAW_STATE_DIR", state),
            ("OPENCLAW_BUNDLED_PLUGINS_DIR", state),
        ];
        let env: Env = env.into_iter().collect();
        let setting = Setting::look(&env).expect("read");
        let answer = json!({
            "ts": 1, "path": "/db", "count": 1, "totalCount": 2, "limitApplied": 1, "hasMore": true, "defaults": {},
            "sessions": [{"agentId": "work"}],
        });
        let one = asked(&["--limit", "1"]).expect("it parses");
        let shown = one.shown(&answer, &setting);
        assert_eq!(
            shown,
            json!({
                "path": "/db", "count": 1, "totalCount": 2, "limitApplied": 1, "hasMore": true, "activeMinutes": null,
                "sessions": [{"agentId": "work"}],
            })
        );
        let all = asked(&["--all-agents", "--limit", "all"]).expect("it parses");
        let shown = all.shown(&answer, &setting);
        assert_eq!(
            (&shown["path"], &shown["limitApplied"]),
            (&Value::Null, &Value::Null)
        );
        assert_eq!(shown["allAgents"], true);
        let stores = json!([{"agentId": "main", "path": "/db"}, {"agentId": "work", "path": "/db"}]);
        assert_eq!(shown["stores"], stores);
    }
}
