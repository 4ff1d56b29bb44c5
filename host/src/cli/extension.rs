//! `openclaw <command of a plugin>`: run in the gateway; by this process alone only where none runs.
//!
//! It knows no command. Invariant: nothing of a plugin is run before its manifest says that the command is its own.
use super::{
    Cli, Failure,
    connect::{Target, block_on},
    gateway::alone,
    output,
    setting::Setting,
};
use crate::{
    config::Env,
    gateway::{Scope, client::ClientInfo},
};
use clap::CommandFactory;
use openclaw_plugin_api::CommandReply;
use serde_json::json;
use std::time::Duration;

/// How long a command may take: one that waits for somebody on the phone waits for minutes.
const PATIENCE: Duration = Duration::from_secs(300);
/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(5);

/// Runs the command.
pub(super) fn run(words: &[String], env: &Env) -> Result<(), Failure> {
    let (name, args) = words
        .split_first()
        .ok_or_else(|| Failure::usage("which command?"))?;
    let setting = Setting::for_client(env)?;
    declared(&setting, name)?;
    let reply = match ask(&setting, env, name, args)? {
        Asked::Answered(reply) => reply,
        Asked::Nobody(why) => alone::run(env, name, args, &why)?,
    };
    show(&reply, args)
}

/// What came of asking the gateway.
enum Asked {
    Answered(CommandReply),
    /// None runs, and why we think so.
    Nobody(Failure),
}

fn ask(setting: &Setting, env: &Env, name: &str, args: &[String]) -> Result<Asked, Failure> {
    let info = ClientInfo::cli([Scope::Admin]);
    let params = json!({ "name": name, "args": args });
    block_on(async {
        let client = match Target::default().connect_as(env, setting, &info, CONNECT).await {
            Ok(client) => client,
            Err(why) => return Ok(Asked::Nobody(why)),
        };
        let answer = client
            .call("commands.run", params, PATIENCE)
            .await
            .map_err(Failure::new)?;
        let reply = serde_json::from_value(answer).map_err(Failure::new)?;
        Ok(Asked::Answered(reply))
    })
}

/// Some plugin that is on has the command.
fn declared(setting: &Setting, name: &str) -> Result<(), Failure> {
    let specs = &setting.assembly.specs;
    let mut offering = specs
        .iter()
        .filter(|spec| spec.manifest.commands.iter().any(|own| own == name));
    let Some(first) = offering.next() else {
        let own = Cli::command();
        let own = own.get_subcommands().map(|command| command.get_name());
        let known = specs.iter().flat_map(|spec| &spec.manifest.commands);
        let known = known.map(String::as_str).chain(own);
        let distance = |known: &&str| strsim::damerau_levenshtein(known, name);
        let near = known.min_by_key(distance).filter(|known| distance(known) <= 2);
        let hint = near.map_or_else(String::new, |near| format!("; did you mean '{near}'?"));
        return Err(Failure::usage(format_args!(
            "unrecognized subcommand '{name}'{hint}; `openclaw --help` shows what there is"
        )));
    };
    if first.reason.is_on() || offering.any(|spec| spec.reason.is_on()) {
        return Ok(());
    }
    Err(Failure::new(format_args!(
        "the command {name} is plugin {}'s, which is off; `openclaw plugins enable {}` switches it on",
        first.manifest.id, first.manifest.id
    )))
}

fn show(reply: &CommandReply, args: &[String]) -> Result<(), Failure> {
    let json = args.iter().any(|arg| arg == "--json") && !reply.data.is_null();
    if json {
        output::json(&reply.data)?;
    } else if reply.exit_code == 0 {
        anstream::println!("{}", reply.text);
    }
    match reply.exit_code {
        0 => Ok(()),
        _ if json => Err(Failure::silent()),
        _ => Err(Failure::new(&reply.text)),
    }
}
