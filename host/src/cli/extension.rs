//! `openclaw <command of a plugin>`: run in the gateway; by this process alone only where none runs.
//!
//! It knows no command. Invariant: nothing of a plugin is run before its manifest says that the command is its own.
use super::{
    Cli, Failure,
    config::{Place, edit},
    connect::{Target, block_on},
    gateway::alone,
    output,
    setting::Setting,
};
use crate::{
    config::{Edit, Env, JsonPath},
    gateway::{Scope, client::ClientInfo},
    plugins::{plugin::Spec, sections},
};
use clap::CommandFactory;
use openclaw_plugin_api::{CommandReply, ConfigEdit};
use serde_json::{Value, json};
use std::time::Duration;

/// How long a command may take: one that waits for somebody on the phone waits for minutes.
const PATIENCE: Duration = Duration::from_secs(300);
/// How long a gateway may take to apply what was changed.
const TAKING_UP: Duration = Duration::from_secs(60);
/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(5);
/// Pause before a command that goes on is given again.
const AGAIN: Duration = Duration::from_millis(50);

/// Runs the command.
pub(super) fn run(words: &[String], env: &Env) -> Result<(), Failure> {
    let (name, args) = words
        .split_first()
        .ok_or_else(|| Failure::usage("which command?"))?;
    let setting = Setting::for_client(env)?;
    let owner = declared(&setting, name)?;
    let (mut reply, runs) = match ask(&setting, env, name, args)? {
        Asked::Answered(reply) => (reply, true),
        Asked::Nobody(why) => (alone::run(env, name, args, &why)?, false),
    };
    let mut args = args.to_vec();
    loop {
        let known = match (change(&owner, &reply, env)?, runs) {
            (false, _) => "",
            // the next command meets what this one has changed
            (true, true) if take_up(&setting, env) => "The gateway has taken it up.",
            (true, _) => "A running gateway takes it up by itself.",
        };
        show(&reply, &args, known)?;
        // a command that goes on is given again, as long as it wants it and a gateway answers
        let Some(again) = reply.again else {
            return Ok(());
        };
        args = again;
        block_on(async {
            tokio::time::sleep(AGAIN).await;
            Ok(())
        })?;
        reply = match ask(&setting, env, name, &args)? {
            Asked::Answered(reply) => reply,
            Asked::Nobody(why) => return Err(why),
        };
    }
}

/// What came of asking the gateway.
enum Asked {
    Answered(CommandReply),
    /// None runs on this machine, and why we think so.
    Nobody(Failure),
}

fn ask(setting: &Setting, env: &Env, name: &str, args: &[String]) -> Result<Asked, Failure> {
    let info = ClientInfo::cli([Scope::Admin]);
    let params = json!({ "name": name, "args": args });
    let target = Target::default();
    block_on(async {
        let client = match target.connect_as(env, setting, &info, CONNECT).await {
            Ok(client) => client,
            // what one elsewhere would do with its state is nothing for this process and the state here
            Err(why) if !target.place(env, setting)?.is_here() => return Err(why),
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

/// Has the gateway read its files, and waits until what is different is applied. Was it?
fn take_up(setting: &Setting, env: &Env) -> bool {
    let target = Target::default();
    let read = target.ask(env, setting, Scope::Admin, "secrets.reload", json!({}), TAKING_UP);
    read.is_ok()
}

/// Some plugin that is on has the command.
fn declared(setting: &Setting, name: &str) -> Result<Spec, Failure> {
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
    if first.reason.is_on() {
        return Ok(first.clone());
    }
    if let Some(on) = offering.find(|spec| spec.reason.is_on()) {
        return Ok(on.clone());
    }
    Err(Failure::new(format_args!(
        "the command {name} is plugin {}'s, which is off; `openclaw plugins enable {}` switches it on",
        first.manifest.id, first.manifest.id
    )))
}

/// Makes the changes that the command asks for, where they are the plugin's own. Did they change the file?
fn change(owner: &Spec, reply: &CommandReply, env: &Env) -> Result<bool, Failure> {
    if reply.edits.is_empty() || reply.exit_code != 0 {
        return Ok(false);
    }
    let edits = reply
        .edits
        .iter()
        .map(|edit| own(owner, edit))
        .collect::<Result<Vec<_>, _>>()?;
    let place = Place::of(env)?;
    edit::create_if_missing(&place)?;
    Ok(edit::apply(&edits, &place)?.written)
}

/// A change below the plugin's sections or its entry's configuration; any other is refused.
fn own(owner: &Spec, wanted: &ConfigEdit) -> Result<Edit, Failure> {
    let id = owner.manifest.id.as_str();
    let mut sections = sections::of_commands(&owner.manifest, owner.origin);
    let in_section = sections.any(|section| is_below(&wanted.path, section.split('.')));
    if !in_section && !is_below(&wanted.path, ["plugins", "entries", id, "config"].into_iter()) {
        return Err(Failure::new(format_args!(
            "plugin {id} wants to change {}, which is not its own; nothing was changed",
            wanted.path.join(".")
        )));
    }
    let keys = wanted.path.iter().map(|key| format!("[{}]", json!(key)));
    let path: JsonPath = keys.collect::<String>().parse().map_err(Failure::usage)?;
    Ok(match &wanted.value {
        Value::Null => Edit::Unset { path },
        value => Edit::Set {
            path,
            value: value.clone(),
        },
    })
}

/// Does the path lead to something inside of the section?
fn is_below<'s>(path: &[String], section: impl Iterator<Item = &'s str>) -> bool {
    let mut keys = path.iter();
    let mut section = section;
    section.all(|key| keys.next().is_some_and(|given| given == key)) && keys.next().is_some()
}

fn show(reply: &CommandReply, args: &[String], known: &str) -> Result<(), Failure> {
    let json = args.iter().any(|arg| arg == "--json") && !reply.data.is_null();
    let silent = reply.again.is_some() && reply.text.is_empty();
    if json {
        output::json(&reply.data)?;
    } else if reply.exit_code == 0 && !silent {
        anstream::println!("{}", reply.text);
        if !known.is_empty() {
            anstream::println!("{known}");
        }
    }
    match reply.exit_code {
        0 => Ok(()),
        _ if json => Err(Failure::silent()),
        _ => Err(Failure::new(&reply.text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn for_a_gateway_elsewhere_nothing_is_done_here() {
        let folder = tempfile::tempdir().expect("a folder");
        let state = folder.path().to_str().expect("a name");
        let asked = |url: &str| {
            let env = [
                ("OPENCLAW_STATE_DIR", state),
                ("OPENCLAW_BUNDLED_PLUGINS_DIR", state),
                ("OPENCLAW_GATEWAY_URL", url),
            ];
            let env: Env = env.into_iter().collect();
            ask(&Setting::look(&env).expect("read"), &env, "sing", &[])
        };
        // nobody listens at either; the second is not known to be this machine
        assert!(matches!(asked("ws://127.0.0.1:1"), Ok(Asked::Nobody(_))));
        assert!(asked("ws://0.0.0.0:1").is_err());
    }

    #[test]
    fn a_path_is_below_a_section_and_is_not_it() {
        let below = |path: &str, section: &str| {
            let path: Vec<_> = path.split('.').map(str::to_owned).collect();
            is_below(&path, section.split('.'))
        };
        assert!(below("a.b.c", "a.b") && below("a.b.c.d", "a.b"));
        assert!(
            !below("a.b", "a.b") && !below("a", "a.b") && !below("a.bc.d", "a.b") && !below("x.b.c", "a.b")
        );
    }
}
