//! `openclaw channels`: which channels are set up and how they are doing; adding and removing one.
pub(super) mod edit;
mod list;
mod login;
mod logout;
mod logs;
mod status;

pub(super) use status::table;

use super::Failure;
use crate::config::Env;
use clap::Subcommand;

/// The subcommands.
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
    /// For OpenClaw, whose agents have plugins of their own: here all have the same.
    #[arg(long, hide = true, global = true)]
    agent: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(list::Args),
    Status(status::Args),
    Add(edit::Add),
    Remove(edit::Remove),
    Logs(logs::Args),
    Login(login::Args),
    Logout(logout::Args),
}

/// A channel, as a word or as a flag.
#[derive(Debug, clap::Args)]
struct Which {
    /// Channel
    #[arg(value_name = "CHANNEL", conflicts_with = "named")]
    word: Option<String>,
    /// The same
    #[arg(long = "channel", value_name = "CHANNEL")]
    named: Option<String>,
}

// === impl Which ===

impl Which {
    fn name(&self) -> Option<&str> {
        self.word.as_deref().or(self.named.as_deref())
    }
}

/// Runs one.
pub fn run(args: &Args, env: &Env) -> Result<(), Failure> {
    match &args.command {
        Command::List(args) => list::run(args, env),
        Command::Status(args) => status::run(args, env),
        Command::Add(args) => edit::add(args, env),
        Command::Remove(args) => edit::remove(args, env),
        Command::Logs(args) => logs::run(args, env),
        Command::Login(args) => login::run(args, env),
        Command::Logout(args) => logout::run(args, env),
    }
}

#[cfg(test)]
mod tests {
    use crate::cli::Cli;
    use clap::Parser;

    #[test]
    fn a_channel_is_a_word_or_a_flag() {
        for (line, good) in [
            ("add pigeon --token x --name Coo", true),
            ("add --channel pigeon --account work --token-file /x", true),
            ("add pigeon --channel pigeon", false),
            ("add pigeon --token x --token-file /x", false),
            ("add --channel pigeon --agent main", true),
            ("--agent main list --all --json", true),
            ("remove --channel pigeon --delete", true),
            ("remove pigeon --account work --json", true),
            ("logs --channel all --lines 5 --json", true),
            ("logs --lines 0", false),
            ("logout --channel pigeon --account work --verbose", true),
        ] {
            let words = ["openclaw", "channels"].into_iter().chain(line.split(' '));
            assert_eq!(Cli::try_parse_from(words).is_ok(), good, "{line}");
        }
    }
}
