//! What `openclaw status` knows: the gateway's answers, and what stands in files.
use super::Args;
use crate::{
    checkup::{Finding, Summary},
    cli::{Failure, connect::block_on, gateway::service, security, setting::Setting},
    clock::Clock,
    config::Env,
    gateway::{
        Scope,
        client::{Client, ClientInfo},
    },
};
use serde_json::{Map, Value, json};
use std::{
    fs,
    time::{Duration, Instant},
};

/// How much longer the gateway may take if it asks platforms.
const PLATFORMS: Duration = Duration::from_secs(20);
/// Lines of the log that a report has.
const LOG_LINES: u32 = 40;
/// The same in bytes.
const LOG_BYTES: u32 = 20_000;

/// What is known.
pub(super) struct Status {
    /// The configuration, the paths, the plugins.
    pub(super) setting: Setting,
    /// Where the gateway should be.
    pub(super) url: String,
    /// How long it took to connect, and what it said; or why it did not.
    pub(super) gateway: Result<Asked, String>,
    /// The service, where one is installed.
    pub(super) service: Option<Value>,
    /// What the audit finds.
    pub(super) audit: Vec<Finding>,
    /// The address of the page.
    pub(super) dashboard: Option<String>,
}

/// The gateway's answers.
pub(super) struct Asked {
    pub(super) latency_ms: u128,
    pub(super) hello: Value,
    pub(super) status: Value,
    /// With `--deep`: its health, with every platform asked.
    pub(super) health: Option<Value>,
    /// With `--all`: the end of its log.
    pub(super) log: Option<Value>,
    /// With `--usage`: what vendors say is left, and what was spent.
    pub(super) usage: Option<Value>,
}

/// Gathers.
pub(super) fn status(args: &Args, env: &Env) -> Result<Status, Failure> {
    let setting = Setting::for_client(env)?;
    let place = args.target.place(env, &setting)?;
    let gateway = ask(args, env, &setting).map_err(|why| why.to_string());
    Ok(Status {
        dashboard: crate::cli::dashboard::page_of(&place.url, &setting.config),
        url: place.url,
        gateway,
        service: service::status(env, &setting.paths),
        audit: security::findings_of(env)?,
        setting,
    })
}

fn ask(args: &Args, env: &Env, setting: &Setting) -> Result<Asked, Failure> {
    let limit = Duration::from_millis(args.timeout);
    let info = ClientInfo::cli([Scope::Read]);
    block_on(async {
        let begin = Instant::now();
        let client = args.target.connect_as(env, setting, &info, limit).await?;
        let latency_ms = begin.elapsed().as_millis();
        let hello = client.hello().clone();
        let status = client
            .call("status", json!({}), limit)
            .await
            .map_err(Failure::new)?;
        let health = match args.deep {
            true => Some(
                client
                    .call("health", json!({"probe": true}), limit + PLATFORMS)
                    .await
                    .map_err(Failure::new)?,
            ),
            false => None,
        };
        let usage = match args.usage {
            true => Some(usage(&client, limit).await?),
            false => None,
        };
        let log = match args.all {
            true => client
                .call(
                    "logs.tail",
                    json!({"limit": LOG_LINES, "maxBytes": LOG_BYTES}),
                    limit,
                )
                .await
                .ok(),
            false => None,
        };
        Ok(Asked {
            latency_ms,
            hello,
            status,
            health,
            log,
            usage,
        })
    })
}

/// What vendors say is left, and what was spent.
async fn usage(client: &Client, limit: Duration) -> Result<Value, Failure> {
    let left = client.call("usage.status", json!({}), limit).await;
    let left = left.map_err(Failure::new)?;
    let spent = client.call("usage.cost", json!({}), limit).await;
    let spent = spent.map_err(Failure::new)?;
    Ok(json!({ "updatedAt": left["updatedAt"], "providers": left["providers"], "cost": spent }))
}

/// What this machine is.
pub(super) fn os() -> Value {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let release = release.trim().to_owned();
    let (platform, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    json!({"platform": platform, "arch": arch, "release": release, "label": format!("{platform} {release} ({arch})")})
}

// === impl Status ===

impl Status {
    /// The gateway answered.
    pub(super) fn reachable(&self) -> bool {
        self.gateway.is_ok()
    }

    /// The gateway's answer; nothing if there is none.
    pub(super) fn answer(&self) -> &Value {
        static NOTHING: Value = Value::Null;
        self.gateway.as_ref().map_or(&NOTHING, |asked| &asked.status)
    }

    /// The accounts: with what platforms said, if they were asked.
    pub(super) fn accounts(&self) -> &Value {
        let deep = self.gateway.as_ref().ok().and_then(|asked| asked.health.as_ref());
        deep.unwrap_or_else(|| self.answer())
    }

    /// For machines: the gateway's answer and what was read here.
    pub(super) fn json(&self) -> Value {
        let mut all = self.answer().as_object().cloned().unwrap_or_default();
        let paths = &self.setting.paths;
        let mut gateway = json!({
            "mode": self.setting.config.value()["gateway"]["mode"].as_str().unwrap_or("local"), "url": self.url,
            "reachable": self.reachable(), "dashboard": self.dashboard,
        });
        match &self.gateway {
            Ok(asked) => {
                gateway["connectLatencyMs"] = json!(asked.latency_ms);
                gateway["self"] = asked.hello["server"].clone();
                if let Some(usage) = &asked.usage {
                    all.insert("usage".into(), usage.clone());
                }
                if let Some(health) = &asked.health {
                    all.insert("health".into(), health.clone());
                }
            }
            Err(why) => gateway["error"] = json!(why),
        }
        let mut add = |key: &str, value: Value| drop(all.insert(key.into(), value));
        add("gateway", gateway);
        add("os", os());
        add("cliVersion", json!(env!("CARGO_PKG_VERSION")));
        let config = json!({"path": paths.config_file, "exists": self.setting.configured, "stateDir": paths.state_dir});
        add("config", config);
        add("gatewayService", json!(self.service));
        add("nodeService", Value::Null);
        add(
            "update",
            json!({"installed": env!("CARGO_PKG_VERSION"), "available": null}),
        );
        add("updateChannel", Value::Null);
        add("memory", Value::Null);
        add("memoryPlugin", json!({"enabled": false, "slot": null}));
        add("agents", json!({"rows": self.agents()}));
        let plugins = self.setting.assembly.specs.iter().map(|spec| {
            let version = &spec.manifest.version;
            json!({"id": spec.manifest.id, "version": version, "on": spec.reason.is_on(), "reason": spec.reason.to_string()})
        });
        add("installedPlugins", plugins.collect());
        let audit = json!({"summary": Summary::of(&self.audit), "findings": self.audit, "ts": Clock::system().now_ms()});
        add("securityAudit", audit);
        Value::Object(all)
    }

    /// The agents of the configuration.
    pub(super) fn agents(&self) -> Vec<Value> {
        let agents = self.setting.config.agents();
        let rows = agents.agents.iter().map(|agent| {
            let workspace = agent.workspace(&self.setting.paths);
            let mut row = Map::new();
            row.insert("id".into(), json!(agent.id));
            row.insert("name".into(), json!(agent.name));
            row.insert("isDefault".into(), json!(agent.is_default));
            row.insert("model".into(), json!(agent.model.primary));
            row.insert("workspace".into(), json!(workspace));
            row.insert("workspaceExists".into(), json!(workspace.is_dir()));
            Value::Object(row)
        });
        rows.collect()
    }
}
