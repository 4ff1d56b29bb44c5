//! `openclaw completion`: what a shell needs to complete this program's command line.
use super::{Cli, Failure};
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
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Runs the command.
pub fn run(args: &Args) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "openclaw", &mut script);
    let written = std::io::stdout().lock().write_all(&script);
    written.map_err(|e| Failure::io("print the script", e))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum as _;

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
