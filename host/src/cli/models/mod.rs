//! `openclaw models`: which models there are, which can be asked, and which is asked first.
mod aliases;
mod fallbacks;
mod list;
mod probe;
pub(super) mod set;
mod status;

use super::{
    Failure,
    config::{Place, edit},
    output,
};
use crate::{
    config::{Changed, Config, Edit, Env, JsonPath, Loaded},
    models::ModelRef,
};
use clap::Subcommand;

/// The subcommands; without one, `status`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// The same as `models status --json`
    #[arg(long, hide = true)]
    status_json: bool,
    /// The same as `models status --plain`
    #[arg(long, hide = true, conflicts_with_all = ["status_json", "json"])]
    status_plain: bool,
    #[command(flatten)]
    status: status::Status,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(list::Args),
    Status(Box<status::Status>),
    Set(set::Args),
    Fallbacks(fallbacks::Args),
    Aliases(aliases::Args),
}

/// Runs one.
pub fn run(args: &Args, env: &Env) -> Result<(), Failure> {
    let asks = matches!(args.command, None | Some(Command::List(_) | Command::Status(_)));
    if !asks && args.status.names_gateway() {
        return Err(Failure::usage(
            "this changes openclaw.json on this machine and asks no gateway: leave out --url, --token, --password and --port",
        ));
    }
    match &args.command {
        None => {
            let form = status::Form {
                json: args.status_json,
                plain: args.status_plain,
            };
            status::run(&args.status, form, env)
        }
        Some(Command::List(args)) => list::run(args, env),
        Some(Command::Status(args)) => status::run(args, status::Form::default(), env),
        Some(Command::Set(args)) => set::run(args, env),
        Some(Command::Fallbacks(args)) => fallbacks::run(args, env),
        Some(Command::Aliases(args)) => aliases::run(args, env),
    }
}

/// How a list that stands in the file is printed.
#[derive(Debug, clap::Args)]
struct Listing {
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Print a line for each and nothing else
    #[arg(long, conflicts_with = "json")]
    plain: bool,
}

/// What somebody wrote as `provider/model` or as an alias of one.
fn meant(config: &Config, written: &str) -> Result<ModelRef, Failure> {
    let agents = config.agents();
    let agent = agents.default_agent();
    ModelRef::parse(agent.reference(written.trim())).ok_or_else(|| {
        Failure::usage(format_args!(
            "\"{written}\" is no model and no alias; write provider/model. `openclaw models list --all` shows them"
        ))
    })
}

/// The configuration without its secrets; the empty one if there is no file.
fn read(place: &Place<'_>, env: &Env) -> Result<Config, Failure> {
    match Loaded::read_without_secrets(&place.paths, env) {
        Err(error) if error.is_absence() => Ok(Config::default()),
        loaded => loaded.map(|loaded| loaded.config).map_err(Failure::config),
    }
}

/// Makes an edit, if there is one to make, and says what became of `path`.
fn write(edit: Option<Edit>, path: &JsonPath, json: bool, place: &Place<'_>) -> Result<(), Failure> {
    let changed = match edit {
        Some(edit) => {
            edit::create_if_missing(place)?;
            edit::apply(&[edit], place)?
        }
        None => Changed {
            written: false,
            remaining: Vec::new(),
        },
    };
    if json {
        return output::json(&edit::facts(&changed, path, place));
    }
    edit::report(&changed, "Changed", path, place);
    if !changed.written {
        anstream::println!("{path} was so already.");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command as Top};
    use clap::Parser;

    #[test]
    fn what_changes_a_file_here_is_not_given_a_gateway_elsewhere() {
        let env = Env::default();
        for words in ["set a/b", "fallbacks list", "aliases list"] {
            let words = ["openclaw", "models"].into_iter().chain(words.split(' '));
            let cli = Cli::try_parse_from(words.chain(["--url", "ws://127.0.0.1:1"])).expect("a command");
            let Top::Models(args) = cli.command else {
                panic!("another command");
            };
            let failure = run(&args, &env).expect_err("it is refused");
            assert!(failure.to_string().contains("--url"), "{failure}");
        }
    }
}
