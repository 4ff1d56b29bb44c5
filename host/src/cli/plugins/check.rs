//! `openclaw plugins check`: the conformance kit, with the gateway's own loader.
use super::super::{Failure, output};
use crate::plugins::{load, manifest};
use openclaw_kit::{Case, Lab, Options, run, run_one, tests};
use openclaw_plugin_api::{
    Environment, Error, Manifest, Registrations,
    abi::{Fault, HostHandle, PluginHandle, RootHandle},
};
use serde_json::Value;
use std::{
    collections::HashMap,
    io::IsTerminal,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// Proves that a plugin keeps the rules: every test in a process of its own. Runs the plugin's code.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The library
    #[arg(required_unless_present = "list")]
    library: Option<PathBuf>,
    /// List the tests and what each proves
    #[arg(long)]
    list: bool,
    /// Only tests whose name or category contains this
    #[arg(long)]
    filter: Option<String>,
    /// Ask the same questions as the run with this seed
    #[arg(long, value_name = "SEED")]
    reproduce: Option<u64>,
    /// The plugin's configuration, JSON [default: the least that its schema allows]
    #[arg(long, value_parser = json_value)]
    config: Option<Value>,
    /// Tests at once [default: as many as there are processors]
    #[arg(long)]
    jobs: Option<usize>,
    /// How long one test may take, seconds
    #[arg(long, default_value_t = 30)]
    timeout: u64,
    /// Everything in this process, for a debugger; a crash takes it down
    #[arg(long)]
    in_process: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[arg(long, hide = true)]
    one: Option<String>,
    #[arg(long, hide = true, default_value_t = 0)]
    seed: u64,
    #[arg(long, hide = true)]
    result_file: Option<PathBuf>,
}

/// Libraries that are open. Each is opened once: what follows is the instances'.
#[derive(Default)]
struct Loader(Mutex<HashMap<PathBuf, RootHandle>>);

/// Runs the command. Fails if a test does.
pub fn run_command(args: &Args) -> Result<(), Failure> {
    if args.list {
        return list();
    }
    let Some(library) = args.library.as_deref() else {
        return Err(Failure::usage("name a library"));
    };
    let lab: Arc<dyn Lab> = Arc::new(Loader::default());
    match &args.one {
        Some(test) => one(args, lab, library, test),
        None => all(args, &lab, library),
    }
}

/// One test in this process, which a run started for it.
fn one(args: &Args, lab: Arc<dyn Lab>, library: &Path, test: &str) -> Result<(), Failure> {
    let case = Case {
        library: library.to_owned(),
        test: test.to_owned(),
        seed: args.seed,
        config: args.config.clone(),
        result_file: args.result_file.clone(),
    };
    match run_one(lab, &case).status.is_bad() {
        true => Err(Failure::silent()),
        false => Ok(()),
    }
}

fn all(args: &Args, lab: &Arc<dyn Lab>, library: &Path) -> Result<(), Failure> {
    let program = std::env::current_exe().map_err(|e| Failure::io("find this program", e))?;
    let mut options = Options::new(program);
    options.filter.clone_from(&args.filter);
    options.seed = args.reproduce;
    options.jobs = args.jobs.unwrap_or(options.jobs);
    options.timeout = Duration::from_secs(args.timeout);
    options.in_process = args.in_process;
    options.config.clone_from(&args.config);
    let bar = progress(args, &options);
    let report = run(lab, library, &options, &mut |outcome| {
        bar.set_message(outcome.test.clone());
        bar.inc(1);
    });
    bar.finish_and_clear();
    let report = report.map_err(Failure::new)?;
    match args.json {
        true => output::json(&report)?,
        false => anstream::print!("{}", report.text(std::io::stdout().is_terminal())),
    }
    if report.passed {
        Ok(())
    } else {
        Err(Failure::silent())
    }
}

fn progress(args: &Args, options: &Options) -> indicatif::ProgressBar {
    let filter = options.filter.as_deref().unwrap_or_default();
    let count = tests().filter(|test| test.matches(filter)).count() as u64;
    match args.json {
        true => indicatif::ProgressBar::hidden(),
        false => indicatif::ProgressBar::new(count),
    }
}

fn list() -> Result<(), Failure> {
    let mut table = output::table(&["TEST", "CATEGORY", "PROVES"]);
    for test in tests() {
        table.add_row([test.name, test.category.as_str(), test.description]);
    }
    anstream::println!("{table}");
    Ok(())
}

fn json_value(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|e| format!("this is no JSON: {e}"))
}

impl Loader {
    fn root(&self, library: &Path) -> Result<RootHandle, String> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(root) = open.get(library) {
            return Ok(*root);
        }
        let judged = manifest::read(library).map_err(|e| e.to_string())?;
        manifest::check_host(&judged, true).map_err(|e| e.to_string())?;
        let root = load::open(library).map_err(|e| e.to_string())?;
        open.insert(library.to_owned(), root);
        Ok(root)
    }
}

impl Lab for Loader {
    fn manifest(&self, library: &Path) -> Result<Manifest, String> {
        manifest::read(library)
            .map(|library| library.manifest)
            .map_err(|e| e.to_string())
    }

    fn open(&self, library: &Path) -> Result<String, String> {
        self.root(library).map(|root| root.manifest().to_owned())
    }

    fn create(
        &self,
        library: &Path,
        host: HostHandle,
        config: &Value,
        environment: &Environment,
    ) -> Result<(PluginHandle, Registrations), Fault> {
        let fault = |error: Error| error.into_fault();
        let root = self.root(library).map_err(|why| Fault::new("refused", why))?;
        let environment = serde_json::to_string(environment).map_err(|e| fault(e.into()))?;
        let id = self
            .manifest(library)
            .map_err(|why| Fault::new("refused", why))?
            .id;
        let (plugin, registered) = root.create(host, &id, &config.to_string(), &environment)?;
        let registered = serde_json::from_str(&registered).map_err(|e| fault(e.into()))?;
        Ok((plugin, registered))
    }
}
