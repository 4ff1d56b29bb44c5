//! `openclaw nodes`: devices that do what the gateway asks them: which there are, letting them in, and asking them.
use super::{Failure, connect::Target, output, setting::Setting};
use crate::{
    config::Env,
    gateway::{Scope, random},
};
use clap::Subcommand;
use serde_json::{Value, json};
use std::time::Duration;

/// Subcommands of `nodes`.
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
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
    /// Shows the nodes that are let in, and those that ask
    List,
    /// Shows whether nodes are here and what they can do
    Status {
        /// Only those that are here
        #[arg(long)]
        connected: bool,
    },
    /// Shows everything about a node
    Describe {
        /// Its id or its name
        #[arg(long)]
        node: String,
    },
    /// Shows the nodes that ask
    Pending,
    /// Allows a node what it asks for
    Approve {
        /// The request's id
        request: String,
    },
    /// Refuses a node what it asks for
    Reject {
        /// The request's id
        request: String,
    },
    /// Takes back what a node was allowed
    Remove {
        /// Its id or its name
        #[arg(long)]
        node: String,
    },
    /// Gives a node a name
    Rename {
        /// Its id or its name
        #[arg(long)]
        node: String,
        /// The new name
        #[arg(long)]
        name: String,
    },
    /// Asks a node to do something
    Invoke {
        /// Its id or its name
        #[arg(long)]
        node: String,
        /// What to do, such as device.info
        #[arg(long)]
        command: String,
        /// With what, JSON
        #[arg(long, default_value = "{}")]
        params: String,
        /// How long the node may take, milliseconds
        #[arg(long, default_value_t = 15_000)]
        invoke_timeout: u64,
        /// A name of this question: asked again with it, it is not done again
        #[arg(long)]
        idempotency_key: Option<String>,
    },
}

/// Asks the gateway.
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
    let request = |method: &str, request: &str, text: &str| {
        let answer = gateway.ask(method, json!({"requestId": request}))?;
        gateway.tell(&answer, text)
    };
    match &args.command {
        Command::List => gateway.list(true),
        Command::Pending => gateway.list(false),
        Command::Status { connected } => gateway.status(*connected),
        Command::Describe { node } => {
            let id = gateway.find(node)?;
            let answer = gateway.ask("node.describe", json!({"nodeId": id}))?;
            output::json(&answer)
        }
        Command::Approve { request: id } => {
            request("node.pair.approve", id, "The node is allowed what it asked for.")
        }
        Command::Reject { request: id } => request("node.pair.reject", id, "Refused."),
        Command::Remove { node } => {
            let id = gateway.find(node)?;
            let answer = gateway.ask("node.pair.remove", json!({"nodeId": id}))?;
            gateway.tell(&answer, "The node is allowed nothing any more.")
        }
        Command::Rename { node, name } => {
            let params = json!({"nodeId": gateway.find(node)?, "displayName": name});
            let answer = gateway.ask("node.rename", params)?;
            gateway.tell(&answer, &format!("The node is called {name}."))
        }
        Command::Invoke {
            node,
            command,
            params,
            invoke_timeout,
            idempotency_key,
        } => {
            let params: Value = serde_json::from_str(params)
                .map_err(|e| Failure::usage(format_args!("--params is no JSON: {e}")))?;
            let key = idempotency_key.clone().unwrap_or_else(random::uuid);
            let params = json!({
                "nodeId": gateway.find(node)?, "command": command, "params": params, "timeoutMs": invoke_timeout,
                "idempotencyKey": key,
            });
            let limit = Duration::from_millis(args.timeout.saturating_add(*invoke_timeout));
            let answer = gateway.ask_within("node.invoke", params, limit)?;
            output::json(if args.json { &answer } else { &answer["payload"] })
        }
    }
}

// === impl Gateway ===

impl Gateway<'_> {
    fn ask(&self, method: &str, params: Value) -> Result<Value, Failure> {
        self.ask_within(method, params, Duration::from_millis(self.args.timeout))
    }

    fn ask_within(&self, method: &str, params: Value, limit: Duration) -> Result<Value, Failure> {
        // whoever lets a node in, or asks it to run programs, has to be allowed that
        let scopes = [Scope::Read, Scope::Pairing, Scope::Admin];
        let target = &self.args.target;
        target.ask_with(self.env, &self.setting, scopes, method, params, limit)
    }

    fn tell(&self, answer: &Value, text: &str) -> Result<(), Failure> {
        if self.args.json {
            return output::json(answer);
        }
        anstream::println!("{text}");
        Ok(())
    }

    /// The id of a node by its id, the beginning of it, or its name.
    fn find(&self, named: &str) -> Result<String, Failure> {
        let answer = self.ask("node.list", json!({}))?;
        let nodes: Vec<&Value> = output::list(&answer["nodes"]).collect();
        let id = |node: &Value| output::text(&node["nodeId"]);
        let fits = |node: &&&Value| {
            id(node) == named
                || output::text(&node["displayName"]).eq_ignore_ascii_case(named)
                || (named.len() >= 6 && id(node).starts_with(named))
        };
        let found: Vec<_> = nodes.iter().filter(fits).collect();
        match found.as_slice() {
            [one] => Ok(id(one)),
            [] => Err(Failure::new(format_args!(
                "no node is called {named}: see `openclaw nodes status`"
            ))),
            _ => Err(Failure::usage(format_args!(
                "several nodes are called {named}: write the whole id"
            ))),
        }
    }

    fn list(&self, with_paired: bool) -> Result<(), Failure> {
        let answer = self.ask("node.pair.list", json!({}))?;
        if self.args.json {
            return output::json(if with_paired { &answer } else { &answer["pending"] });
        }
        let (pending, paired) = (&answer["pending"], &answer["paired"]);
        let count = |list| output::list(list).count();
        anstream::println!("Pending: {} · Paired: {}", count(pending), count(paired));
        let mut table = output::table(&["REQUEST", "NODE", "NAME", "COMMANDS"]);
        let rows = output::list(pending).chain(output::list(paired).filter(|_| with_paired));
        for row in rows {
            let commands: Vec<String> = output::list(&row["commands"]).map(output::text).collect();
            table.add_row([
                output::text(&row["requestId"]),
                output::text(&row["nodeId"]),
                output::text(&row["displayName"]),
                commands.join(", "),
            ]);
        }
        if !table.is_empty() {
            anstream::println!("{table}");
        }
        Ok(())
    }

    fn status(&self, connected: bool) -> Result<(), Failure> {
        let mut answer = self.ask("node.list", json!({}))?;
        if let Some(nodes) = answer["nodes"].as_array_mut().filter(|_| connected) {
            nodes.retain(|node| node["connected"] == true);
        }
        if self.args.json {
            return output::json(&answer);
        }
        let mut table = output::table(&["NODE", "NAME", "PLATFORM", "HERE", "STATE", "CAN"]);
        for row in output::list(&answer["nodes"]) {
            let can: Vec<String> = output::list(&row["caps"]).map(output::text).collect();
            table.add_row([
                output::text(&row["nodeId"]),
                output::text(&row["displayName"]),
                output::text(&row["platform"]),
                if row["connected"] == true { "yes" } else { "no" }.to_owned(),
                output::text(&row["approvalState"]),
                can.join(", "),
            ]);
        }
        if table.is_empty() {
            anstream::println!("No node is known.");
        } else {
            anstream::println!("{table}");
        }
        Ok(())
    }
}
