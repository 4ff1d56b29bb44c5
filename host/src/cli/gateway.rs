//! `openclaw gateway`: runs the gateway until it is told to stop.
use super::{Failure, address, setting::Setting};
use crate::{
    app::{Gateway, Options, StartError},
    clock::Clock,
    config::Env,
    gateway::{Auth, Events, Options as Door, Server, Stop},
    http::server::Sites,
    methods::Methods,
    plugins::plugin::Spec,
};
use openclaw_plugin_api::Secret;
use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Instant,
};
use tokio::signal::unix::{SignalKind, signal};

/// Runs the gateway.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// `run` is what happens anyway
    #[arg(value_parser = ["run"], hide = true)]
    action: Option<String>,
    /// Start without a configuration file
    #[arg(long)]
    allow_unconfigured: bool,
    /// Port to listen on [default: OPENCLAW_GATEWAY_PORT, gateway.port, 18789]; 0 takes a free one
    #[arg(long)]
    port: Option<u16>,
    /// Who can reach it
    #[arg(long, value_enum, default_value_t)]
    bind: Bind,
}

/// Who can reach the gateway.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
enum Bind {
    /// This machine.
    #[default]
    Loopback,
    /// Every network that this machine is in; needs a token.
    Lan,
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
    let door = door(&args, env, &setting)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let runtime = runtime.map_err(|e| Failure::io("start the runtime", e))?;
    runtime.block_on(serve(setting, env.clone(), door, begin))
}

/// How to listen. Beyond this machine only with a secret that the operator chose.
fn door(args: &Args, env: &Env, setting: &Setting) -> Result<Door, Failure> {
    let port = address::port(args.port, env, setting)?;
    let configured = address::configured_token(env, setting);
    let ip: IpAddr = match args.bind {
        Bind::Loopback => Ipv4Addr::LOCALHOST.into(),
        Bind::Lan if configured.is_none() => {
            return Err(Failure::config(
                "--bind lan needs a token: set OPENCLAW_GATEWAY_TOKEN or gateway.auth.token, or use --bind loopback",
            ));
        }
        Bind::Lan => Ipv4Addr::UNSPECIFIED.into(),
    };
    let token = match configured {
        Some(token) => token,
        None => address::make_token(setting)?,
    };
    Ok(Door {
        bind: vec![SocketAddr::new(ip, port)],
        auth: Auth {
            token: Some(token),
            password: None,
        },
        sites: Sites::default(),
        trusted_proxies: Vec::new(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        events: Events::default(),
        clock: Clock::system(),
    })
}

async fn serve(setting: Setting, env: Env, door: Door, begin: Instant) -> Result<(), Failure> {
    let version = env!("CARGO_PKG_VERSION");
    let file = setting.paths.config_file.display().to_string();
    tracing::info!(target: "openclaw::gateway", "openclaw {version}, configuration {file}");
    report(&setting);
    if let Some(absent) = setting.assembly.absent.iter().find(|absent| absent.required) {
        return Err(Failure::config(absent));
    }
    let mut terminate = signal(SignalKind::terminate()).map_err(|e| Failure::io("listen to signals", e))?;
    let gateway = Gateway::start(options(setting, &env))
        .await
        .map_err(|error| match error {
            StartError::Required(_) => Failure::config(error),
            error => Failure::new(error),
        })?;
    let gateway = Arc::new(gateway);
    let views = gateway.registry.views();
    if views.is_empty() {
        tracing::warn!(target: "openclaw::plugins", "no plugins: nothing can be received or answered");
    }
    let methods = Methods::new(gateway.clone(), Arc::new(move |id| reread(&env, id)));
    let server = Server::bind(door, Arc::new(methods))
        .await
        .map_err(Failure::new)?;
    for address in server.addresses() {
        let pid = std::process::id();
        tracing::info!(target: "openclaw::gateway", "listening on ws://{address} (PID {pid})");
    }
    let (ms, running) = (
        begin.elapsed().as_millis(),
        views.iter().filter(|p| p.status == "loaded").count(),
    );
    tracing::info!(target: "openclaw::gateway", "ready in {ms} ms with {running} plugins");
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
    tracing::info!(target: "openclaw::gateway", "stopping");
    let stop = async {
        server.stop(Stop::Shutdown).await;
        gateway.stop().await;
    };
    tokio::select! {
        () = stop => Ok(()),
        _ = terminate.recv() => Err(Failure::new("stopped at once by a second signal")),
    }
}

fn options(setting: Setting, env: &Env) -> Options {
    let env = env.clone();
    let (_, config) = tokio::sync::watch::channel(Arc::new(setting.config));
    Options {
        specs: setting.assembly.specs,
        paths: setting.paths,
        program: setting.program,
        config,
        env: env.clone(),
        secrets: Box::new(move |variable| env.var(variable).map(Secret::new)),
        clock: Clock::system(),
    }
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
    for problem in &setting.assembly.problems {
        tracing::error!(target: "openclaw::plugins", "{problem}");
    }
    for absent in &setting.assembly.absent {
        tracing::error!(target: "openclaw::plugins", "{absent}");
    }
}
