//! `openclaw config`: shows, changes and judges `openclaw.json`.
//!
//! No command here fetches secrets, unless it is told to: that may start programs. Secrets are not shown either.
pub(super) mod edit;
mod get;
mod patch;
mod set;
mod validate;

use super::{Cli, Failure, configure, onboard::prompt, output};
use crate::{
    config::{
        Config, Document, Draft, Env, Fault, Inspected, JsonPath, Judgement, Paths, PluginSchemas,
        check_tools, json_schema, judge,
    },
    plugins::{
        assemble::{Assembly, assemble, folders},
        discover::Found,
    },
};
use clap::{CommandFactory, Subcommand};
use serde_json::Value;
use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

/// Most of a file with values that is read, bytes.
const MAX_FILE: u64 = 8 << 20;

/// The subcommands.
#[derive(Debug, clap::Args)]
#[command(after_help = "Without a subcommand it asks in the terminal, as `openclaw configure` does.")]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// Ask about this part only; can be repeated
    #[arg(long, value_enum)]
    section: Vec<configure::Section>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Get(get::Args),
    Set(Box<set::Args>),
    Unset(edit::Unset),
    Patch(patch::Args),
    Validate(validate::Args),
    /// Prints the JSON Schema of openclaw.json, with the parts of the plugins that are found
    Schema(Schema),
    /// Prints where openclaw.json is
    File,
}

/// It is JSON anyway.
#[derive(Debug, clap::Args)]
struct Schema {
    #[arg(long, hide = true)]
    json: bool,
}

/// Runs one.
pub fn run(args: Args, env: &Env) -> Result<(), Failure> {
    let Some(command) = args.command else {
        return ask(args.section, env);
    };
    if !args.section.is_empty() {
        return Err(Failure::usage(
            "--section is for the questions; leave the subcommand out",
        ));
    }
    let place = Place::of(env)?;
    match command {
        Command::Get(args) => get::run(&args, &place),
        Command::Set(args) => set::run(&args, &place),
        Command::Unset(args) => edit::unset(&args, &place),
        Command::Patch(args) => patch::run(&args, &place),
        Command::Validate(args) => validate::run(&args, &place),
        Command::Schema(Schema { json: _ }) => output::json(&place.schema()),
        Command::File => {
            anstream::println!("{}", place.paths.config_file.display());
            Ok(())
        }
    }
}

/// The questions of `configure`, if there is somebody to ask; else the help.
fn ask(sections: Vec<configure::Section>, env: &Env) -> Result<(), Failure> {
    if !sections.is_empty() || prompt::is_possible() {
        return configure::run(&configure::Args::of(sections), env);
    }
    let mut cli = Cli::command();
    cli.build();
    let help = cli
        .find_subcommand_mut("config")
        .map(|config| config.render_help().to_string());
    Err(Failure::usage(format_args!(
        "there is no terminal to ask in; say which\n\n{}",
        help.unwrap_or_default()
    )))
}

/// Where the commands work. The file may be broken: that is when they are needed most.
pub(super) struct Place<'e> {
    pub(super) paths: Paths,
    env: &'e Env,
}

impl<'e> Place<'e> {
    /// The place of this user.
    pub(super) fn of(env: &'e Env) -> Result<Self, Failure> {
        Ok(Self {
            paths: Paths::resolve(env).map_err(Failure::config)?,
            env,
        })
    }

    /// The files as they are now, to be changed.
    fn draft(&self) -> Result<Draft<'_>, Failure> {
        Draft::read(&self.paths, self.env).map_err(edit::failed)
    }

    /// The schema of the whole; with a broken file, of what is found without it.
    pub(super) fn schema(&self) -> serde_json::Value {
        let inspected = Inspected::read(&self.paths, self.env).ok();
        let config = inspected
            .and_then(|inspected| inspected.config)
            .unwrap_or_default();
        json_schema(schemas(&self.found(&config)))
    }

    /// The plugins that a configuration leads to.
    fn found(&self, config: &Config) -> Found {
        let program = std::env::current_exe().unwrap_or_default();
        let program = program.canonicalize().unwrap_or(program);
        let bundled = self.env.var("OPENCLAW_BUNDLED_PLUGINS_DIR");
        folders(config, &self.paths, &program, bundled).scan()
    }

    /// The plugins that are on in a configuration.
    fn assembly(&self, config: &Config) -> Assembly {
        let mut assembly = assemble(config, &self.found(config));
        assembly.specs.retain(|spec| spec.reason.is_on());
        assembly
    }

    /// What plugins say of a configuration: what is wrong, keys without effect, and names of tools that nobody has. Keys
    /// that they read are taken out of those that the gateway itself does not know.
    pub(super) fn judged(&self, config: &Config, unknown: &mut Vec<JsonPath>) -> (Judgement, Vec<Fault>) {
        let assembly = self.assembly(config);
        *unknown = unknown
            .iter()
            .flat_map(|key| assembly.unread(config, key))
            .collect();
        let mut judgement = judge(config, schemas_on(&assembly));
        let (faults, strange) = check_tools(config, &assembly.tool_names());
        judgement.faults.extend(faults);
        (judgement, strange)
    }

    fn faults_of_plugins(&self, config: &Config) -> Vec<Fault> {
        self.judged(config, &mut Vec::new()).0.faults
    }
}

/// What these plugins say of their configuration.
fn schemas(found: &Found) -> Vec<PluginSchemas<'_>> {
    let manifests = found
        .plugins
        .values()
        .map(|candidate| &candidate.library.manifest);
    manifests
        .map(|manifest| PluginSchemas {
            id: &manifest.id,
            config: manifest.config_schema.as_ref(),
            channels: &manifest.channel_schemas,
        })
        .collect()
}

/// The same of the plugins that are on.
fn schemas_on(assembly: &Assembly) -> Vec<PluginSchemas<'_>> {
    let manifests = assembly.specs.iter().map(|spec| &spec.manifest);
    manifests
        .map(|manifest| PluginSchemas {
            id: &manifest.id,
            config: manifest.config_schema.as_ref(),
            channels: &manifest.channel_schemas,
        })
        .collect()
}

fn path(text: &str) -> Result<JsonPath, Failure> {
    text.parse().map_err(Failure::usage)
}

/// A JSON5 text, for which a word stands in messages.
fn json5(what: &str, text: String) -> Result<Value, Failure> {
    let document = Document::parse(Path::new(what), text.into_bytes()).map_err(Failure::usage)?;
    Ok(document.value().clone())
}

/// A JSON5 file; `-` is standard input.
fn json5_file(file: &Path) -> Result<Value, Failure> {
    let mut text = String::new();
    let read = match file == Path::new("-") {
        true => io::stdin().take(MAX_FILE + 1).read_to_string(&mut text),
        false => File::open(file).and_then(|file| file.take(MAX_FILE + 1).read_to_string(&mut text)),
    };
    let name = file.display();
    read.map_err(|error| Failure::io(format_args!("read {name}"), error))?;
    if text.len() as u64 > MAX_FILE {
        return Err(Failure::usage(format_args!(
            "{name} has more than {MAX_FILE} bytes"
        )));
    }
    json5(&name.to_string(), text)
}
