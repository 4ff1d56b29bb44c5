//! `cargo xtask`: the whole build in one place, for people and for CI alike.
//!
//! One file for each command. It knows no plugin by name: what lies in `plugins/` is found through cargo, so a new
//! plugin changes nothing here. It never installs a tool; it says how to.
use clap::{Parser, Subcommand};
use std::process::ExitCode;

mod archive;
mod artifacts;
mod bench;
mod bundle;
mod error;
mod extras;
mod image;
mod layout;
mod licences;
mod machine;
mod memory;
mod miri;
mod missing;
mod new_plugin;
mod peers;
mod progress;
mod run;
mod sbom;
mod sums;
mod test;
mod web;
mod workspace;

/// Builds, tests and packs the gateway.
#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    disable_help_subcommand = true,
    max_term_width = 100
)]
struct Cli {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build the gateway with its bundled plugins and run it
    Run(run::Args),
    /// Check format and lints, build the fixtures and run every test: what CI runs
    Test(test::Args),
    /// Pack the gateway and its plugins for a release
    Bundle(bundle::Args),
    /// Make the files of the container image, and try them without a container engine
    Image(image::Args),
    /// Run the benchmarks
    Bench(bench::Args),
    /// Make a new plugin in plugins/, with tests
    NewPlugin(new_plugin::Args),
    /// Run the tests of the plugin boundary under Miri
    Miri(miri::Args),
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Task::Run(args) => run::run(&args),
        Task::Test(args) => test::run(&args),
        Task::Bundle(args) => bundle::run(&args),
        Task::Image(args) => image::run(&args),
        Task::Bench(args) => bench::run(&args),
        Task::NewPlugin(args) => new_plugin::run(&args),
        Task::Miri(args) => miri::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // A test runner's summary stays the last thing on the screen.
            if !error.is_reported() {
                eprintln!("error: {error}");
            }
            ExitCode::from(error.exit_code())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn arguments_after_two_dashes_reach_the_program_untouched() {
        let cli =
            Cli::try_parse_from(["cargo xtask", "run", "--dev", "--", "--port", "1", "--help"]).unwrap();
        let Task::Run(args) = cli.command else {
            panic!("another command was parsed")
        };
        assert_eq!(args.args, ["--port", "1", "--help"]);
    }
}
