//! Plugins in real processes: every way to die, every thing that is refused, and what a call costs.
//!
//! The program is its own child: with the argument `child` it is a plugin's process around [`plugin`]. That is why it
//! has no test harness, whose threads would be there before the process is confined.
mod bench;
mod plugin;
mod tests;

use openclaw_host::plugins::{isolate, load};
use openclaw_plugin_api::abi::Fault;
use std::process::ExitCode;

type Test = (&'static str, fn());

const TESTS: &[Test] = &[
    (
        "answers_with_what_its_host_gives",
        tests::answers_with_what_its_host_gives,
    ),
    (
        "a_real_library_is_opened_inside",
        tests::a_real_library_is_opened_inside,
    ),
    ("every_death_is_told", tests::every_death_is_told),
    ("a_hanging_plugin_is_killed", tests::a_hanging_plugin_is_killed),
    (
        "a_constructor_that_dies_fails_the_start",
        tests::a_constructor_that_dies_fails_the_start,
    ),
    ("what_it_may_not_do_fails", tests::what_it_may_not_do_fails),
    ("what_it_may_do_works", tests::what_it_may_do_works),
    (
        "its_own_network_is_internet_only",
        tests::its_own_network_is_internet_only,
    ),
    (
        "it_inherits_neither_environment_nor_input",
        tests::it_inherits_neither_environment_nor_input,
    ),
    (
        "what_it_prints_and_logs_arrives",
        tests::what_it_prints_and_logs_arrives,
    ),
    (
        "it_stops_when_asked_and_is_small",
        tests::it_stops_when_asked_and_is_small,
    ),
    ("dropping_it_ends_it", tests::dropping_it_ends_it),
    (
        "what_it_has_started_ends_with_it",
        tests::what_it_has_started_ends_with_it,
    ),
    ("it_dies_with_its_gateway", tests::it_dies_with_its_gateway),
];
/// Not run unless asked for, with `--ignored`.
const BENCHMARKS: &[Test] = &[("what_a_call_costs", bench::what_a_call_costs)];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.first().map(String::as_str) {
        Some("child") => child(&args[1..]),
        Some("pong") => bench::pong(),
        Some("gateway") => tests::gateway(),
        _ => run(&args),
    }
}

fn child(args: &[String]) -> ExitCode {
    let die_early = args.iter().any(|arg| arg == "die-early");
    let hang_early = args.iter().any(|arg| arg == "hang-early");
    let library = args.iter().find(|arg| arg.ends_with(".so")).cloned();
    let open = move || {
        if die_early {
            plugin::die("segv");
        }
        if hang_early {
            plugin::die("hang");
        }
        match library {
            Some(path) => load::open(path.as_ref()).map_err(|e| Fault::new("internal", e)),
            None => Ok(plugin::PLUGIN.root()),
        }
    };
    match isolate::take_socket().and_then(|socket| isolate::run(socket, open)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// As much of the harness's command line as cargo and nextest use.
fn run(args: &[String]) -> ExitCode {
    let has = |flag: &str| args.iter().any(|arg| arg == flag);
    let tests = if has("--ignored") { BENCHMARKS } else { TESTS };
    let filters: Vec<_> = args
        .iter()
        .filter(|arg| !arg.starts_with('-') && *arg != "terse")
        .collect();
    let wanted = |name: &str| match has("--exact") {
        true => filters.iter().any(|filter| *filter == name),
        false => filters.is_empty() || filters.iter().any(|filter| name.contains(filter.as_str())),
    };
    let mut outcome = ExitCode::SUCCESS;
    for (name, test) in tests.iter().filter(|(name, _)| wanted(name)) {
        if has("--list") {
            println!("{name}: test");
        } else if std::panic::catch_unwind(test).is_ok() {
            println!("test {name} ... ok");
        } else {
            println!("test {name} ... FAILED");
            outcome = ExitCode::FAILURE;
        }
    }
    outcome
}
