//! `cargo xtask test`: the one command that decides whether a change is good, here and in CI.
//!
//! It stops at the first step that fails. The tests come last, so the runner's summary ends the output. Tests find
//! what was built for them by the environment: see [`Fixtures`].
use crate::{
    artifacts::{self, Artifact},
    bundle,
    error::{Error, Result},
    image, layout,
    machine::runs,
    memory, missing, peers,
    progress::Progress,
    web,
    workspace::Workspace,
};
use std::{
    env::consts::DLL_EXTENSION,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Tests are built without optimisation.
const PROFILE: &str = "dev";
/// How a release has the program, and its plugins.
const RELEASED: (&str, &str) = ("release", "plugin");
/// Tests that start the program.
const END_TO_END: &str = "openclaw-e2e";
/// A plugin as somebody else would write it, with a Cargo.lock of its own.
const THIRD_PARTY: &str = "examples/third-party";
/// The channel for tests.
const LOOPBACK: &str = "loopback";
/// The package whose examples are libraries with one fault each.
const BAD_PLUGINS: &str = "openclaw-bad-plugins";
/// How to get the tool that checks dependencies.
const INSTALL_DENY: &str = "cargo install cargo-deny --locked";

/// Arguments of `cargo xtask test`.
#[derive(clap::Args)]
#[command(after_help = "\
Steps: format, lints, gateway, plugins, fixtures, bundle, third-party plugin, doctests, dependencies, memory, image,
peers, pages, browser, tests.
With --filter: gateway, plugins, fixtures, bundle, tests.
With --release: the same, with the program and the plugins as a release has them, and only the end-to-end tests.

Tests find what was built for them by the environment:
  OPENCLAW_TEST_BIN       the gateway's program (also as OPENCLAW_BIN, for the kit)
  OPENCLAW_TEST_PLUGINS   the folder of bundled plugins, <id>.so
  OPENCLAW_TEST_FIXTURES  the folder of the loopback channel and the bad plugins
  OPENCLAW_TEST_BUNDLE    the folder of a bundle as a release has it, of the same program and plugins
  OPENCLAW_TEST_LONG      set with --long: crash tests kill thousands of times, loads last for minutes")]
pub(crate) struct Args {
    /// Run only tests whose name contains this, and no lints
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Also do what takes minutes: more rounds and longer loads in some tests, and the peers with a file `long`, which
    /// write their tables in docs/compatibility.md anew unless they fail
    #[arg(long)]
    long: bool,
    /// Run the end-to-end tests with the program and the plugins as a release has them
    #[arg(long)]
    release: bool,
}

/// What the tests are given.
struct Fixtures {
    program: PathBuf,
    plugins: PathBuf,
    libraries: PathBuf,
    bundle: PathBuf,
}

/// Runs every step.
pub(crate) fn run(args: &Args) -> Result<()> {
    let workspace = Workspace::load()?;
    let whole = args.filter.is_none() && !args.release;
    let mut progress = Progress::new(if whole { 15 } else { 5 });
    if whole {
        lint(&workspace, &mut progress)?;
    }
    let (fixtures, bundled) = build_fixtures(&workspace, args.release, &mut progress)?;
    if whole {
        third_party(&workspace, &fixtures, &mut progress)?;
        doctests(&workspace, &mut progress)?;
        dependencies(&workspace, &mut progress)?;
        let libraries = fixtures.living(&workspace);
        memory::run(&workspace, &fixtures.program, &libraries, &mut progress)?;
        image::test(&workspace, &fixtures.program, &bundled, &mut progress)?;
        let (program, plugins) = (&fixtures.program, &fixtures.plugins);
        peers::run(&workspace, program, plugins, args.long, &mut progress)?;
        web::test(&workspace, &mut progress)?;
        web::browse(&workspace, &mut progress, |command| {
            fixtures.tell(command);
        })?;
    }
    tests(&workspace, &fixtures, args, &mut progress)
}

fn lint(workspace: &Workspace, progress: &mut Progress) -> Result<()> {
    let step = progress.step("format");
    step.run(workspace.cargo().args(["fmt", "--all", "--check"]))?;
    step.done();
    let step = progress.step("lints");
    step.run(
        workspace
            .cargo()
            .args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
    )?;
    step.done();
    Ok(())
}

/// Builds what tests load and start, and puts it where later builds don't touch it. Gives the bundled plugins too.
fn build_fixtures(
    workspace: &Workspace,
    release: bool,
    progress: &mut Progress,
) -> Result<(Fixtures, Vec<Artifact>)> {
    let (folder, (of_program, of_plugins)) = match release {
        true => ("xtask/release", RELEASED),
        false => ("xtask", (PROFILE, PROFILE)),
    };
    let folder = workspace.target.join(folder);
    let mut fixtures = Fixtures {
        // Apart from the plugins: the program would find them beside itself, and tests begin with none.
        program: folder.join("bin"),
        plugins: folder.join("plugins"),
        libraries: folder.join("fixtures"),
        bundle: folder.join("bundle"),
    };
    let step = progress.step("gateway");
    let program = artifacts::host(workspace, &step, of_program)?;
    fixtures.program = layout::place_program(&fixtures.program, &program)?;
    step.done();

    let step = progress.step("plugins");
    let plugins = artifacts::plugins(workspace, &step, &workspace.plugins, of_plugins)?;
    layout::place_libraries(&fixtures.plugins, &plugins)?;
    step.done();

    let step = progress.step("fixtures");
    let manifest = |folder: &str| workspace.root.join(folder).join("Cargo.toml");
    step.say(LOOPBACK);
    let mut command = workspace.cargo();
    command.args(["build", "--package", "openclaw-plugin-loopback", "--lib"]);
    let mut libraries = artifacts::libraries(&step, &mut command, &manifest("tests/loopback"))?;
    step.say("bad plugins");
    let mut command = workspace.cargo();
    command.args(["build", "--package", BAD_PLUGINS, "--examples"]);
    libraries.extend(artifacts::libraries(
        &step,
        &mut command,
        &manifest("tests/bad-plugins"),
    )?);
    if let Some(mut command) = third_party_cargo(workspace, "build") {
        step.say("third-party plugin");
        libraries.extend(artifacts::libraries(&step, &mut command, &manifest(THIRD_PARTY))?);
    }
    let libraries: Vec<_> = libraries.into_iter().map(with_short_name).collect();
    layout::place_libraries(&fixtures.libraries, &libraries)?;
    step.done();

    let step = progress.step("bundle");
    fixtures.bundle = bundle::for_tests(workspace, &program, &plugins, &fixtures.bundle)?;
    step.done();
    Ok((fixtures, plugins))
}

fn third_party(workspace: &Workspace, fixtures: &Fixtures, progress: &mut Progress) -> Result<()> {
    const NAME: &str = "third-party plugin";
    let Some(mut command) = third_party_cargo(workspace, "test") else {
        progress.skip(NAME, &format!("there is no {THIRD_PARTY}/Cargo.lock"));
        return Ok(());
    };
    let step = progress.step(NAME);
    step.run(fixtures.tell(&mut command))?;
    step.done();
    Ok(())
}

/// Cargo in the folder of the plugin outside the workspace, exactly as its author runs it, with the locked versions.
fn third_party_cargo(workspace: &Workspace, verb: &str) -> Option<Command> {
    let folder = workspace.root.join(THIRD_PARTY);
    if !folder.join("Cargo.lock").is_file() {
        return None;
    }
    let mut command = workspace.cargo();
    command.current_dir(folder).args([verb, "--locked"]);
    // In the environment and not an argument, so that the builds that its tests start go there too.
    command.env("CARGO_TARGET_DIR", workspace.target.join("third-party"));
    Some(command)
}

fn doctests(workspace: &Workspace, progress: &mut Progress) -> Result<()> {
    let step = progress.step("doctests");
    step.run(
        workspace
            .cargo()
            .args(["test", "--doc", "--package", "openclaw-plugin-api"]),
    )?;
    step.done();
    Ok(())
}

fn dependencies(workspace: &Workspace, progress: &mut Progress) -> Result<()> {
    const NAME: &str = "dependencies";
    if !has_tool(workspace, "deny") {
        progress.skip(
            NAME,
            &format!("licences and bans were not checked, install the tool with `{INSTALL_DENY}`"),
        );
        return Ok(());
    }
    let step = progress.step(NAME);
    let mut command = workspace.cargo();
    // Duplicates are worth a look and not a failure; a log of each run is no place for them.
    command.args([
        "deny",
        "--offline",
        "--log-level",
        "error",
        "check",
        "--hide-inclusion-graph",
    ]);
    step.run(command.args(["licenses", "bans", "sources"]))?;
    step.done();
    Ok(())
}

/// Runs the tests in the foreground; prints nothing after them.
fn tests(workspace: &Workspace, fixtures: &Fixtures, args: &Args, progress: &mut Progress) -> Result<()> {
    // a test that passes says nothing, so it can't say that it did less than it should
    missing::tell(workspace);
    let step = progress.step("tests");
    let nextest = has_tool(workspace, "nextest");
    let mut command = workspace.cargo();
    let package = args.release.then_some(END_TO_END);
    command.args(runner(nextest, package, args.filter.as_deref()));
    if args.long {
        command.env("OPENCLAW_TEST_LONG", "1");
    }
    step.leave();
    let command = fixtures.tell(&mut command).stdin(Stdio::null());
    let status = command.status().map_err(Error::spawn(command))?;
    if status.success() {
        Ok(())
    } else {
        Err(Error::Reported(status))
    }
}

/// The arguments of the test runner; all tests run even if one fails, a list of faults is worth more than the first.
fn runner<'a>(nextest: bool, package: Option<&'a str>, filter: Option<&'a str>) -> Vec<&'a str> {
    let mut args = match nextest {
        true => vec!["nextest", "run", "--no-fail-fast"],
        // Without documentation tests: they have a step of their own.
        false => vec!["test", "--lib", "--bins", "--tests", "--no-fail-fast"],
    };
    match package {
        Some(package) => args.extend(["--package", package]),
        None => args.push("--workspace"),
    }
    args.extend(filter);
    args
}

impl Fixtures {
    /// The plugins that are as they should be.
    fn living(&self, workspace: &Workspace) -> Vec<PathBuf> {
        let library = |folder: &Path, id: &str| folder.join(format!("{id}.{DLL_EXTENSION}"));
        let bundled = workspace.plugins.iter();
        let bundled = bundled.map(|plugin| library(&self.plugins, &plugin.id));
        bundled.chain([library(&self.libraries, LOOPBACK)]).collect()
    }

    fn tell<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command
            .env("OPENCLAW_BIN", &self.program)
            .env("OPENCLAW_TEST_BIN", &self.program)
            .env("OPENCLAW_TEST_PLUGINS", &self.plugins)
            .env("OPENCLAW_TEST_FIXTURES", &self.libraries)
            .env(bundle::CHECKED, &self.bundle)
    }
}

/// `openclaw_plugin_loopback` is the plugin `loopback`; other names stay.
fn with_short_name(library: Artifact) -> Artifact {
    let name = library.name.replace('_', "-");
    let name = name.strip_prefix("openclaw-plugin-").unwrap_or(&name).to_owned();
    Artifact { name, ..library }
}

fn has_tool(workspace: &Workspace, name: &str) -> bool {
    runs(workspace.cargo().args([name, "--version"]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_runners_get_the_same_wish() {
        assert_eq!(
            runner(true, None, Some("x")),
            ["nextest", "run", "--no-fail-fast", "--workspace", "x"]
        );
        let plain = runner(false, None, Some("x"));
        assert_eq!(plain[plain.len() - 2..], ["--workspace", "x"]);
        assert_eq!(
            runner(true, Some("p"), None),
            ["nextest", "run", "--no-fail-fast", "--package", "p"]
        );
    }

    #[test]
    fn fixtures_are_named_by_their_id() {
        let name = |text: &str| {
            with_short_name(Artifact {
                name: text.into(),
                file: PathBuf::new(),
            })
            .name
        };
        assert_eq!(name("openclaw_plugin_loopback"), "loopback");
        assert_eq!(name("panic_in_create"), "panic-in-create");
    }
}
