//! `cargo xtask bench abi`: what crossing the boundary costs, beside a direct call in the same run.
//! `cargo xtask bench main`: what the main job costs, from a message to its answer.
//! `cargo xtask bench discord`: what the plugin of a chat platform costs.
//! `cargo xtask bench voice`: what the sound of calls costs.
//! `cargo xtask bench tools`: what calling a tool costs.
//! `cargo xtask bench gateway`: what clients cost, and those that mean no good.
mod abi;
mod discord;
mod gateway;
mod host;
mod isolated;
mod main_job;
mod measure;
mod tools;
mod voice;

use clap::Parser;
use measure::Figure;
use std::{path::PathBuf, process::ExitCode};

/// Benchmarks. Build them in release, and let the machine be quiet.
#[derive(Debug, Parser)]
struct Args {
    /// Which
    #[arg(value_parser = ["abi", "discord", "gateway", "main", "tools", "voice"])]
    what: String,
    /// Measure only this part of `main` or `gateway`, to find a cause; the figures that count come from a whole run
    #[arg(long)]
    part: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Folder with the plugins, built with the profile `plugin` [default: target/plugin]
    #[arg(long)]
    plugins: Option<PathBuf>,
    /// The program `openclaw`, for isolated plugins [default: beside this program]
    #[arg(long)]
    program: Option<PathBuf>,
}

fn main() -> ExitCode {
    let other_end = match std::env::args().nth(1).as_deref() {
        Some(isolated::ECHO) => Some(isolated::echo().is_ok()),
        Some(tools::SERVER) => Some(tools::server().is_ok()),
        _ => None,
    };
    if let Some(well) = other_end {
        return if well {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        };
    }
    let args = Args::parse();
    let here = std::env::current_exe()
        .ok()
        .and_then(|exe| Some(exe.parent()?.to_owned()))
        .unwrap_or_default();
    let plugins = args.plugins.clone().unwrap_or_else(|| here.join("../plugin"));
    let program = args.program.clone().unwrap_or_else(|| here.join("openclaw"));
    let measured = match args.what.as_str() {
        "gateway" => part(&args).and_then(|part| gateway::run(&plugins, &program, part)),
        "discord" => discord::run(&plugins, &program),
        "tools" => tools::run(&plugins, &program),
        "voice" => voice::run(&plugins, &program),
        "main" => part(&args).and_then(|part| main_job::run(&plugins, &program, part)),
        _ => abi::run(&plugins, &program),
    };
    match measured {
        Ok(figures) => {
            print(&figures, args.json);
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}

/// The part that is wanted, by its name.
fn part<T: clap::ValueEnum>(args: &Args) -> Result<Option<T>, String> {
    let Some(name) = &args.part else { return Ok(None) };
    T::from_str(name, false).map(Some).map_err(|_| {
        let known = T::value_variants().iter().filter_map(T::to_possible_value);
        let names: Vec<_> = known.map(|known| known.get_name().to_owned()).collect();
        format!("{} has no part {name}; it has {}", args.what, names.join(", "))
    })
}

fn print(figures: &[Figure], json: bool) {
    if json {
        println!("{}", serde_json::to_string_pretty(figures).unwrap_or_default());
        return;
    }
    println!("{:<52} {:>12} {:>12} {:>10}", "", "median", "min", "target");
    for f in figures {
        let target = f.target.map(|target| format!("≤ {target}")).unwrap_or_default();
        println!(
            "{:<52} {:>9.2} {} {:>9.2} {} {:>10}",
            f.name, f.median, f.unit, f.min, f.unit, target
        );
    }
}
