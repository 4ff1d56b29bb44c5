//! `openclaw completion`: what a shell needs to complete this program's command line.
use super::{Cli, Failure};
use crate::config::Env;
use clap::CommandFactory as _;
use clap_complete::Shell;
use std::io::Write as _;

/// Prints what a shell needs to complete this program's command line
#[derive(Debug, clap::Args)]
#[command(after_help = "\
bash: openclaw completion bash > ~/.local/share/bash-completion/completions/openclaw
zsh:  openclaw completion zsh > \"${fpath[1]}/_openclaw\"
fish: openclaw completion fish > ~/.config/fish/completions/openclaw.fish")]
pub struct Args {
    /// The shell [default: the one that SHELL names]
    #[arg(value_enum)]
    shell: Option<Shell>,
    /// The same, as OpenClaw's scripts say it
    #[arg(long = "shell", short, value_enum, conflicts_with = "shell", hide = true)]
    named: Option<Shell>,
}

/// Runs the command.
pub fn run(args: &Args, env: &Env) -> Result<(), Failure> {
    let shell = args.of(env).ok_or_else(|| {
        Failure::usage(
            "which shell? Name it, as in `openclaw completion bash`; SHELL says nothing that is known",
        )
    })?;
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "openclaw", &mut script);
    let written = std::io::stdout().lock().write_all(&script);
    written.map_err(|e| Failure::io("print the script", e))
}

impl Args {
    fn of(&self, env: &Env) -> Option<Shell> {
        let usual = || Shell::from_shell_path(env.var("SHELL")?);
        self.shell.or(self.named).or_else(usual)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{Parser as _, ValueEnum as _};

    #[test]
    fn the_shell_is_named_or_that_of_the_session() {
        let of = |words: &[&str], shell: &str| {
            let words = ["openclaw", "completion"].iter().chain(words);
            let cli = Cli::try_parse_from(words).expect("a command");
            let super::super::Command::Completion(args) = cli.command else {
                panic!("another command");
            };
            args.of(&[("SHELL", shell)].into_iter().collect())
        };
        assert_eq!(of(&["zsh"], "/bin/bash"), Some(Shell::Zsh));
        assert_eq!(of(&["--shell", "fish"], "/bin/bash"), Some(Shell::Fish));
        assert_eq!(of(&[], "/bin/bash"), Some(Shell::Bash));
        assert_eq!(of(&[], "/bin/odd"), None);
    }

    #[test]
    fn every_shell_knows_the_commands() {
        for shell in Shell::value_variants() {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "openclaw", &mut script);
            let script = String::from_utf8(script).expect("text");
            for word in ["gateway", "pairing", "allow-unconfigured"] {
                assert!(script.contains(word), "{shell} does not complete {word}");
            }
        }
    }
}
