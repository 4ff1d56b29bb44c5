//! `openclaw gateway probe` and `openclaw gateway status`: is a gateway there, does it let this user in, and what may
//! the user do there?
use crate::{
    cli::{
        Failure,
        connect::{Target, block_on},
        output,
        setting::Setting,
    },
    clock::Clock,
    config::Env,
    gateway::{
        Scope,
        client::{Client, ClientInfo},
    },
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Asks whether the gateway is there and lets this user in
#[derive(Debug, clap::Args)]
pub struct Probe {
    /// How long it may take, milliseconds
    #[arg(long, default_value_t = 10_000)]
    timeout: u64,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

/// Shows where the gateway is configured to be, and whether it is there
#[derive(Debug, clap::Args)]
pub struct Status {
    /// Don't ask the gateway
    #[arg(long)]
    no_probe: bool,
    /// Exit code 1 if the gateway can't be asked
    #[arg(long)]
    require_rpc: bool,
    /// Ask it for its health too
    #[arg(long)]
    deep: bool,
    /// How long it may take, milliseconds
    #[arg(long, default_value_t = 10_000)]
    timeout: u64,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

/// What came of asking.
struct Found {
    url: String,
    latency_ms: u128,
    outcome: Result<Seen, String>,
}

/// What a gateway that lets the user in says.
struct Seen {
    hello: Value,
    health: Option<Result<Value, String>>,
    presence: Option<Result<Value, String>>,
}

/// Runs `gateway probe`. Exit code 1 if no gateway lets the user in.
pub(super) fn probe(args: &Probe, env: &Env) -> Result<(), Failure> {
    let setting = Setting::for_client(env)?;
    let begin = Instant::now();
    let limit = Duration::from_millis(args.timeout);
    let found = look(&args.target, env, &setting, limit, true)?;
    if args.json {
        output::json(&json!({
            "ok": found.outcome.is_ok(),
            "ts": Clock::system().now_ms(),
            "durationMs": begin.elapsed().as_millis(),
            "timeoutMs": args.timeout,
            "capability": found.capability(),
            "targets": [found.row()],
        }))?;
    } else {
        let reachable = if found.outcome.is_ok() { "yes" } else { "no" };
        anstream::println!(
            "Gateway Status\nReachable: {reachable}\nCapability: {}",
            found.capability()
        );
        anstream::println!("\nTargets\n{}\n  {}", found.url, found.line());
    }
    match found.outcome {
        Ok(_) => Ok(()),
        Err(_) => Err(Failure::silent()),
    }
}

/// Runs `gateway status`.
pub(super) fn status(args: &Status, env: &Env) -> Result<(), Failure> {
    let setting = Setting::for_client(env)?;
    let place = args.target.place(env, &setting)?;
    let limit = Duration::from_millis(args.timeout);
    let found = match args.no_probe {
        true => None,
        false => Some(look(&args.target, env, &setting, limit, args.deep)?),
    };
    let bind = setting.config.value().pointer("/gateway/bind");
    let bind = bind.cloned().unwrap_or_else(|| json!("loopback"));
    let service = super::service::status(env, &setting.paths);
    let works = found.as_ref().is_some_and(|found| found.outcome.is_ok());
    if args.json {
        let file = &setting.paths.config_file;
        output::json(&json!({
            "cli": {"version": env!("CARGO_PKG_VERSION")},
            "config": {"path": file, "exists": setting.configured},
            "gateway": {"bindMode": bind, "probeUrl": place.url},
            "rpc": found.as_ref().map(Found::row),
            "service": service,
        }))?;
    } else {
        anstream::println!("Config: {}", setting.paths.config_file.display());
        anstream::println!("Gateway: bind={}, {}", output::text(&bind), place.url);
        anstream::println!("CLI version: {}", env!("CARGO_PKG_VERSION"));
        if let Some(service) = &service {
            anstream::println!("{}", super::service::line(service));
        }
        if let Some(found) = &found {
            if let Ok(seen) = &found.outcome {
                anstream::println!(
                    "Gateway version: {}",
                    output::text(&seen.hello["server"]["version"])
                );
            }
            let ok = if works { "ok" } else { "failed" };
            anstream::println!("Connectivity probe: {ok}\nCapability: {}", found.capability());
            anstream::println!("  {}", found.line());
        }
    }
    if args.require_rpc && !works {
        return Err(Failure::silent());
    }
    Ok(())
}

fn look(
    target: &Target,
    env: &Env,
    setting: &Setting,
    limit: Duration,
    deep: bool,
) -> Result<Found, Failure> {
    let place = target.place(env, setting)?;
    block_on(async {
        let begin = Instant::now();
        let info = ClientInfo::cli([Scope::Read]);
        let connected = Client::log_in(&place.url, &place.login, &info, limit).await;
        let latency_ms = begin.elapsed().as_millis();
        let outcome = match connected {
            Err(error) => Err(error.to_string()),
            Ok(client) => {
                let mut seen = Seen {
                    hello: client.hello().clone(),
                    health: None,
                    presence: None,
                };
                if deep {
                    seen.health = Some(asked(&client, "health", limit).await);
                    seen.presence = Some(asked(&client, "system-presence", limit).await);
                }
                Ok(seen)
            }
        };
        Ok(Found {
            url: place.url,
            latency_ms,
            outcome,
        })
    })
}

async fn asked(client: &Client, method: &str, limit: Duration) -> Result<Value, String> {
    let answer = client.call(method, json!({}), limit).await;
    answer.map_err(|error| error.to_string())
}

// === impl Found ===

impl Found {
    /// What the user can do there.
    fn capability(&self) -> &'static str {
        let Ok(seen) = &self.outcome else {
            return "unreachable";
        };
        let scopes: Vec<&str> = output::list(&seen.hello["auth"]["scopes"])
            .filter_map(Value::as_str)
            .collect();
        match scopes.as_slice() {
            [] => "connected-no-operator-scope",
            all if all.contains(&Scope::Admin.name()) => "admin-capable",
            all if all.contains(&Scope::Write.name()) => "write-capable",
            _ => "read-only",
        }
    }

    fn line(&self) -> String {
        match &self.outcome {
            Ok(_) => format!("Connect: ok ({}ms)", self.latency_ms),
            Err(why) => format!("Connect: failed: {why}"),
        }
    }

    fn row(&self) -> Value {
        let mut row = json!({
            "url": self.url,
            "capability": self.capability(),
            "connect": {"ok": self.outcome.is_ok(), "latencyMs": self.latency_ms},
        });
        match &self.outcome {
            Err(why) => row["connect"]["error"] = json!(why),
            Ok(seen) => {
                row["server"] = seen.hello["server"].clone();
                for (name, answer) in [("health", &seen.health), ("presence", &seen.presence)] {
                    match answer {
                        Some(Ok(answer)) => row[name] = answer.clone(),
                        Some(Err(why)) => row[name] = json!({"error": why}),
                        None => {}
                    }
                }
            }
        }
        row
    }
}
