//! The program `openclaw`: parse the command line, run, exit code.
use openclaw_host::{cli, config::Env};
use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(cli::run(&Env::of_process()))
}
