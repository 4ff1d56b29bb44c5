//! `openclaw gateway`: runs the gateway until it is told to stop. Its subcommands ask one that runs.
pub(super) mod alone;
mod anew;
mod ask;
mod call;
pub(super) mod door;
mod end;
mod follow;
pub(super) mod lock;
mod log;
mod probe;
pub(super) mod service;

use super::{Asked, Failure, dashboard, setting::Setting};
use crate::{
    app::{Gateway, Options, StartError},
    backup,
    clock::Clock,
    config::{AuthMethod, BindMode, ChannelPolicy, Config, Env, Loaded, Paths, Reader, check_tools},
    gateway::{Fleet, Options as Door, Server, Stop},
    journal::Steps,
    methods::{Backstage, Methods},
    plugins::{load, places, plugin::Spec, view::PluginView},
};
use clap::Subcommand;
use end::{End, NextStart};
use lock::Lock;
use openclaw_plugin_api::Secret;
use std::{
    fs::File,
    io::Read,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Instant,
};
use tokio::sync::watch;

/// Most of a file with a password that is read, bytes.
const MAX_SECRET_FILE: u64 = 4096;
/// What a first start without a configuration writes.
const MINIMAL: &str = "{\n  // Made at the first start. `openclaw config schema` has every key.\n  \"gateway\": { \"mode\": \"local\" }\n}\n";

/// Runs the gateway, or asks one that runs
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: Run,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the gateway: what happens anyway
    Run(Run),
    #[command(flatten)]
    Ask(ask::Command),
    #[command(flatten)]
    Service(service::Command),
}

/// How to run it.
#[derive(Debug, clap::Args)]
struct Run {
    /// Start without a configuration, and write a minimal one
    #[arg(long)]
    allow_unconfigured: bool,
    /// Port to listen on [default: OPENCLAW_GATEWAY_PORT, gateway.port, 18789]; 0 takes a free one
    #[arg(long)]
    port: Option<u16>,
    /// Who can reach it: loopback, lan, tailnet, custom (gateway.customBindHost), or auto: everybody inside of a
    /// container, else this machine [default: gateway.bind, loopback]
    #[arg(long, value_parser = bind_mode)]
    bind: Option<BindMode>,
    /// Token that clients need [default: OPENCLAW_GATEWAY_TOKEN, gateway.auth.token, else one of its own]
    #[arg(long, hide_default_value = true)]
    token: Option<String>,
    /// Password that clients need [default: OPENCLAW_GATEWAY_PASSWORD, gateway.auth.password]
    #[arg(long)]
    password: Option<String>,
    /// The same, from a file
    #[arg(long, value_name = "FILE", conflicts_with = "password")]
    password_file: Option<PathBuf>,
    /// How clients show that they may connect: none, token, password or trusted-proxy [default: gateway.auth.mode]
    #[arg(long, value_name = "MODE", value_parser = auth_mode)]
    auth: Option<AuthMethod>,
    /// Stop a gateway that runs on the same state and take its place
    #[arg(long)]
    force: bool,
    /// Log what it does in detail
    #[arg(long, short)]
    verbose: bool,
    #[command(flatten)]
    elsewhere: Elsewhere,
}

/// Flags of OpenClaw for what its gateway prints besides, which there is nothing of here: scripts that have them go on.
#[derive(Debug, clap::Args)]
struct Elsewhere {
    #[arg(long, hide = true, value_parser = ["auto", "full", "compact"])]
    ws_log: Option<String>,
    #[arg(long, hide = true)]
    compact: bool,
    #[arg(long, hide = true, alias = "claude-cli-logs")]
    cli_backend_logs: bool,
    #[arg(long, hide = true, alias = "dev-ambient-channels")]
    ambient_channels: bool,
}

fn bind_mode(word: &str) -> Result<BindMode, String> {
    serde_json::from_value(word.into()).map_err(|_| "write loopback, lan, tailnet, custom or auto".into())
}

fn auth_mode(word: &str) -> Result<AuthMethod, String> {
    serde_json::from_value(word.into()).map_err(|_| "write none, token, password or trusted-proxy".into())
}

/// Runs the command. With `dev`, a gateway needs no configuration.
pub(super) fn run(mut args: Args, env: &Env, asked: Asked, dev: bool) -> Result<(), Failure> {
    args.run.allow_unconfigured |= dev;
    let Some(command) = args.command else {
        return start(args.run, env, &asked);
    };
    if !matches!(command, Command::Run(_)) {
        let filter = asked.filter.as_deref().unwrap_or("warn");
        crate::observe::init(asked.format.unwrap_or_default(), filter).map_err(Failure::usage)?;
    }
    match command {
        Command::Run(mut run) => {
            run.allow_unconfigured |= dev;
            start(run, env, &asked)
        }
        Command::Ask(command) => ask::run(&command, env),
        Command::Service(command) => service::run(&command, env),
    }
}

/// Is the gateway a service of this user?
pub(super) fn has_service(env: &Env, paths: &crate::config::Paths) -> bool {
    service::status(env, paths).is_some()
}

fn start(mut args: Run, env: &Env, asked: &Asked) -> Result<(), Failure> {
    let begin = Instant::now();
    // as long as it has its name: an update puts another file in its place
    let program = std::env::current_exe().map_err(|e| Failure::io("find this program", e))?;
    if let Some(file) = &args.password_file {
        args.password = Some(password_in(file)?);
    }
    finish_restore(env)?;
    let paths = Paths::resolve(env).map_err(Failure::config)?;
    let first = Loaded::read_if_there(&paths, env).map_err(Failure::config)?;
    let is_configured = first.is_some();
    let config = first
        .as_ref()
        .map(|loaded| loaded.config.clone())
        .unwrap_or_default();
    log::begin(asked, args.verbose, &config, &paths)?;
    if !is_configured && !args.allow_unconfigured {
        let file = paths.config_file.display();
        return Err(Failure::config(format_args!(
            "there is no configuration {file}; `openclaw onboard` makes one (`{{}}` is enough), or start with --allow-unconfigured"
        )));
    }
    paths.prepare_state_dir().map_err(Failure::config)?;
    let lock = Lock::take(&paths, args.force, Clock::system().now_ms())?;
    if !is_configured && !paths.config_file.exists() {
        let file = &paths.config_file;
        crate::config::write_atomic(file, MINIMAL.as_bytes())
            .map_err(|e| Failure::io(format_args!("write {}", file.display()), e))?;
    }
    // A gateway that makes way takes its time, and files may change meanwhile. What runs from here on and what is watched
    // is one reading.
    let loaded = match first {
        Some(first) if !lock.displaced => first,
        _ => Loaded::read(&paths, env).map_err(Failure::config)?,
    };
    if loaded.config.logging != config.logging {
        log::change(asked, args.verbose, &loaded.config);
    }
    let mut setting = Setting::of_loaded(&loaded, env)?;
    let door = door::door(&args, env, &mut setting)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let runtime = runtime.map_err(|e| Failure::io("start the runtime", e))?;
    let relog: follow::Relog = {
        let (asked, verbose) = (asked.clone(), args.verbose);
        Box::new(move |config| log::change(&asked, verbose, config))
    };
    let next = NextStart::new(args, env.clone());
    let ended = runtime.block_on(serve((setting, loaded), env.clone(), door, (relog, next), begin));
    crate::observe::flush();
    match ended? {
        Stop::Shutdown => Ok(()),
        // the lock goes with this program
        Stop::Restart => Err(end::begin_anew(&program)),
    }
}

/// The first line of a file, for a secret that no list of processes shall show.
fn password_in(file: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    let read = File::open(file).and_then(|file| file.take(MAX_SECRET_FILE).read_to_string(&mut text));
    read.map_err(|e| Failure::io(format_args!("read the password in {}", file.display()), e))?;
    match text.lines().next().map(str::trim).filter(|line| !line.is_empty()) {
        Some(password) => Ok(password.to_owned()),
        None => Err(Failure::config(format_args!(
            "{} is empty; write the password into its first line",
            file.display()
        ))),
    }
}

/// What a restore decided and could not end is done before anything is read.
fn finish_restore(env: &Env) -> Result<(), Failure> {
    let paths = Paths::resolve(env).map_err(Failure::config)?;
    if !backup::is_broken_off(&paths) {
        return Ok(());
    }
    let _lock = Lock::take(&paths, false, Clock::system().now_ms())?;
    backup::finish(&paths).map_err(Failure::new)
}

async fn serve(
    (setting, loaded): (Setting, Loaded),
    env: Env,
    door: Door,
    (relog, next): (follow::Relog, NextStart),
    begin: Instant,
) -> Result<Stop, Failure> {
    let version = env!("CARGO_PKG_VERSION");
    let file = setting.paths.config_file.display().to_string();
    tracing::info!(target: "openclaw::gateway", "openclaw {version}, configuration {file}");
    report(&setting);
    if let Some(absent) = setting.assembly.absent.iter().find(|absent| absent.required) {
        return Err(Failure::config(absent));
    }
    let mut end = End::listen(next)?;
    let (running, config) = watch::channel(Arc::new(setting.config.clone()));
    places::make_workspaces(&setting.paths, &setting.config);
    let gateway = Gateway::start(options(setting, &env, config))
        .await
        .map_err(|error| match error {
            StartError::Required(_) => Failure::config(error),
            error => Failure::new(error),
        })?;
    let gateway = Arc::new(gateway);
    unimported(&gateway);
    let views = gateway.registry.views();
    if views.is_empty() {
        tracing::warn!(target: "openclaw::plugins", "no plugins: nothing can be received or answered");
    }
    let again = env.clone();
    let fleet = Fleet::new(gateway.journal(), &door.events, &door.clock);
    let (reader, asked) = Reader::new();
    let backstage = Backstage {
        reread: Arc::new(move |id| reread(&again, id)),
        env: env.clone(),
        reader,
    };
    gateway.applied().now(&loaded.sources);
    let nodes = fleet.nodes.clone();
    let methods = Arc::new(Methods::new(gateway.clone(), fleet.clone(), backstage));
    let server = Server::bind(door, fleet, methods.clone())
        .await
        .map_err(Failure::new)?;
    methods.tell(server.events());
    gateway.serve_plugins(server.front());
    gateway.serve_nodes(nodes);
    tell_where(server.addresses(), &views, &running.borrow().clone());
    let following = tokio::spawn(follow::follow(
        gateway.clone(),
        env,
        loaded,
        running,
        asked,
        server.doorkeeper(),
        relog,
    ));
    let ms = begin.elapsed().as_millis();
    let loaded = views.iter().filter(|p| p.status == "loaded").count();
    tracing::info!(target: "openclaw::gateway", "ready in {ms} ms with {loaded} plugins");
    load::give_back_start();
    let why = end.comes(&gateway).await;
    following.abort();
    let stop = async {
        server.stop(why).await;
        gateway.stop().await;
        methods.stop().await;
    };
    end.during(stop, why).await
}

/// Says where clients and browsers find it. The token stands in no log, so it is not in the page's address.
fn tell_where(addresses: &[SocketAddr], plugins: &[PluginView], config: &Config) {
    let pid = std::process::id();
    for address in addresses {
        tracing::info!(target: "openclaw::gateway", "listening on ws://{address} (PID {pid})");
    }
    let serves_root = |plugin: &PluginView| plugin.registers.iter().any(|what| what == "http/1 /");
    if !plugins.iter().any(|p| p.status == "loaded" && serves_root(p)) {
        return;
    }
    let Some(mut at) = addresses.first().copied() else {
        return;
    };
    // an address that means all of them is none that a browser could open
    if at.ip().is_unspecified() {
        at.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    if let Some(page) = dashboard::page_of(&format!("ws://{at}"), config) {
        tracing::info!(target: "openclaw::gateway", "page for browsers: {page} (`openclaw dashboard` opens it signed in)");
    }
}

/// Says that there is something to take over, if nobody has decided about it yet.
fn unimported(gateway: &Gateway) {
    match crate::import::pending(gateway.paths(), gateway.journal()) {
        Ok(None) => {}
        Ok(Some(line)) => tracing::warn!(target: "openclaw::import", "{line}"),
        Err(error) => tracing::error!(target: "openclaw::import", %error, "not known"),
    }
}

fn options(setting: Setting, env: &Env, config: watch::Receiver<Arc<Config>>) -> Options {
    let secrets = env.clone();
    Options {
        specs: setting.assembly.specs,
        paths: setting.paths,
        program: setting.program,
        config,
        steps: crash_steps(env),
        env: env.clone(),
        secrets: Box::new(move |variable| secrets.var(variable).map(Secret::new)),
        clock: Clock::system(),
    }
}

/// For tests of what a killed process loses: `OPENCLAW_CRASH_AT=<step>[:n]` kills this one when it passes a step of the
/// journal for the n-th time.
fn crash_steps(env: &Env) -> Option<Steps> {
    let at = env.var("OPENCLAW_CRASH_AT")?;
    let (label, count) = at.split_once(':').unwrap_or((at, "1"));
    let (label, left) = (label.to_owned(), AtomicU32::new(count.parse().unwrap_or(1)));
    Some(Arc::new(move |step| {
        if step == label && left.fetch_sub(1, Ordering::Relaxed) == 1 {
            let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        }
    }))
}

/// What a plugin is to be by the files as they are now.
fn reread(env: &Env, id: &str) -> Result<Spec, String> {
    let setting = Setting::read(env).map_err(|failure| failure.to_string())?;
    let mut specs = setting.assembly.specs.into_iter();
    specs
        .find(|spec| spec.manifest.id == id)
        .ok_or_else(|| format!("no library offers plugin {id}; `openclaw plugins list` shows what there is"))
}

fn report(setting: &Setting) {
    for warning in &setting.warnings {
        tracing::warn!(target: "openclaw::config", "{warning}");
    }
    // these let nobody in, so the gateway starts and says so
    for fault in ChannelPolicy::check(&setting.config) {
        tracing::error!(target: "openclaw::access", "{fault}");
    }
    // these close what they may have meant to close
    let (faults, unknown) = check_tools(&setting.config, &setting.assembly.tool_names());
    for fault in faults {
        tracing::error!(target: "openclaw::tools", "{fault}");
    }
    for fault in unknown {
        tracing::warn!(target: "openclaw::tools", "{fault}");
    }
    for problem in &setting.assembly.problems {
        tracing::error!(target: "openclaw::plugins", "{problem}");
    }
    for absent in &setting.assembly.absent {
        tracing::error!(target: "openclaw::plugins", "{absent}");
    }
}

/// A time for people, UTC.
fn when(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).map_or_else(
        |_| "an unknown time".into(),
        |time| time.strftime("%Y-%m-%d %H:%M UTC").to_string(),
    )
}
