//! `openclaw config`: shows, changes and judges `openclaw.json`.
//!
//! No command here fetches secrets, unless it is told to: that may start programs. Secrets are not shown either.
pub(super) mod edit;
mod get;
mod validate;

use super::{Failure, output};
use crate::{
    config::{
        Config, Env, Fault, Inspected, JsonPath, Judgement, Paths, PluginSchemas, check_tools, json_schema,
        judge,
    },
    plugins::{
        assemble::{Assembly, assemble, folders},
        discover::Found,
    },
};
use clap::Subcommand;

/// The subcommands.
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Get(get::Args),
    Set(edit::Set),
    Unset(edit::Unset),
    Validate(validate::Args),
    /// Prints the JSON Schema of openclaw.json, with the parts of the plugins that are found
    Schema,
    /// Prints where openclaw.json is
    File,
}

/// Runs one.
pub fn run(args: Args, env: &Env) -> Result<(), Failure> {
    let place = Place::of(env)?;
    match args.command {
        Command::Get(args) => get::run(&args, &place),
        Command::Set(args) => edit::set(&args, &place),
        Command::Unset(args) => edit::unset(&args, &place),
        Command::Validate(args) => validate::run(&args, &place),
        Command::Schema => output::json(&place.schema()),
        Command::File => {
            anstream::println!("{}", place.paths.config_file.display());
            Ok(())
        }
    }
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

    /// What plugins say of a configuration: what is wrong, keys without effect, and names of tools that nobody has.
    pub(super) fn judged(&self, config: &Config) -> (Judgement, Vec<Fault>) {
        let assembly = self.assembly(config);
        let mut judgement = judge(config, schemas_on(&assembly));
        let (faults, strange) = check_tools(config, &assembly.tool_names());
        judgement.faults.extend(faults);
        (judgement, strange)
    }

    fn faults_of_plugins(&self, config: &Config) -> Vec<Fault> {
        self.judged(config).0.faults
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
