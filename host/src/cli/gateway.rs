//! `openclaw gateway`: runs the gateway until it is told to stop.
use super::{Failure, setting::Setting};
use crate::{
    app::{Gateway, Options, StartError},
    clock::Clock,
    config::Env,
};
use openclaw_plugin_api::Secret;
use std::time::Instant;
use tokio::signal::unix::{SignalKind, signal};

/// Model that answers when the configuration names none; it needs no account.
const DEFAULT_MODEL: &str = "demo/echo";

/// Runs the gateway.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// `run` is what happens anyway
    #[arg(value_parser = ["run"], hide = true)]
    action: Option<String>,
    /// Start without a configuration file
    #[arg(long)]
    allow_unconfigured: bool,
}

/// Runs the command.
pub fn run(args: Args, env: &Env) -> Result<(), Failure> {
    let begin = Instant::now();
    let setting = Setting::read(env)?;
    if !setting.configured && !args.allow_unconfigured {
        let file = setting.paths.config_file.display();
        return Err(Failure::config(format_args!(
            "there is no configuration {file}; create it (`{{}}` is enough), or start with --allow-unconfigured"
        )));
    }
    setting.paths.prepare_state_dir().map_err(Failure::config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let runtime = runtime.map_err(|e| Failure::io("start the runtime", e))?;
    runtime.block_on(serve(setting, env.clone(), begin))
}

async fn serve(setting: Setting, env: Env, begin: Instant) -> Result<(), Failure> {
    let version = env!("CARGO_PKG_VERSION");
    let file = setting.paths.config_file.display().to_string();
    tracing::info!(target: "openclaw::gateway", "openclaw {version}, configuration {file}");
    report(&setting);
    if let Some(absent) = setting.assembly.absent.iter().find(|absent| absent.required) {
        return Err(Failure::config(absent));
    }
    let mut terminate = signal(SignalKind::terminate()).map_err(|e| Failure::io("listen to signals", e))?;
    let config = setting.config;
    let model = config.model().unwrap_or_else(|| DEFAULT_MODEL.to_owned());
    let options = Options {
        specs: setting.assembly.specs,
        state: setting.paths.state_dir,
        program: setting.program,
        model,
        allow_from: Box::new(move |channel| config.allow_from(channel)),
        secrets: Box::new(move |variable| env.var(variable).map(Secret::new)),
        clock: Clock::system(),
    };
    let gateway = Gateway::start(options).await.map_err(|error| match error {
        StartError::Required(_) => Failure::config(error),
        error => Failure::new(error),
    })?;
    let running = gateway
        .registry
        .views()
        .iter()
        .filter(|plugin| plugin.status == "loaded")
        .count();
    if gateway.registry.views().is_empty() {
        tracing::warn!(target: "openclaw::plugins", "no plugins: nothing can be received or answered");
    }
    let ms = begin.elapsed().as_millis();
    tracing::info!(target: "openclaw::gateway", "ready in {ms} ms with {running} plugins (PID {})", std::process::id());
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
    tracing::info!(target: "openclaw::gateway", "stopping");
    tokio::select! {
        () = gateway.stop() => Ok(()),
        _ = terminate.recv() => Err(Failure::new("stopped at once by a second signal")),
    }
}

fn report(setting: &Setting) {
    for problem in &setting.assembly.problems {
        tracing::error!(target: "openclaw::plugins", "{problem}");
    }
    for absent in &setting.assembly.absent {
        tracing::error!(target: "openclaw::plugins", "{absent}");
    }
}
