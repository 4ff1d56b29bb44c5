//! `channels.*`: how the accounts of channels are doing, and stopping and starting one.
use super::{failed, params};
use crate::{
    app::Gateway,
    gateway::{Failure, Method, Scope},
    plugins::plugin::Plugin,
};
use futures_util::future::join_all;
use openclaw_plugin_api::{Account, ChannelState, ChannelStatus, surface::ids};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::{sync::Arc, time::Duration};

/// How long a platform may take to answer if the caller doesn't say.
const PROBE_MS: u64 = 10_000;
/// How long it may take at most.
const MAX_PROBE_MS: u64 = 60_000;

/// Parameters of `channels.status`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct Params {
    probe: bool,
    timeout_ms: Option<u64>,
    channel: Option<String>,
}

/// Parameters of `channels.start`, `channels.stop` and `channels.logout`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct One {
    pub(super) channel: String,
    #[serde(default)]
    pub(super) account_id: Option<String>,
}

/// An account that a plugin which is on was given.
pub(super) struct Configured {
    pub(super) plugin: Arc<Plugin>,
    pub(super) channel: String,
    pub(super) account: Account,
    required: bool,
}

pub(super) fn methods() -> Vec<Method> {
    vec![
        Method::new("channels.status", Scope::Read).with::<Params>(),
        Method::new("channels.start", Scope::Admin).with::<One>(),
        Method::new("channels.stop", Scope::Admin).with::<One>(),
    ]
}

/// All channels with their accounts. With `probe`, each platform is asked.
pub(super) async fn status(gateway: &Gateway, given: Value) -> Result<Value, Failure> {
    let asked: Params = params("channels.status", given)?;
    let limit = Duration::from_millis(asked.timeout_ms.unwrap_or(PROBE_MS).clamp(1, MAX_PROBE_MS));
    Ok(overview(gateway, asked.channel.as_deref(), asked.probe.then_some(limit)).await)
}

/// The same for `health` and `status`. `probe`: how long each platform may take.
pub(super) async fn overview(gateway: &Gateway, only: Option<&str>, probe: Option<Duration>) -> Value {
    let mut all = configured(gateway);
    all.retain(|one| only.is_none_or(|only| one.channel == only));
    let rows = join_all(all.iter().map(|one| row(gateway, one, probe))).await;
    let (mut order, mut labels, mut meta) = (Vec::new(), Map::new(), Vec::new());
    let (mut channels, mut accounts, mut usual) = (Map::new(), Map::new(), Map::new());
    let mut issues = Vec::new();
    for (one, row) in all.iter().zip(rows) {
        let id = &one.channel;
        if !channels.contains_key(id) {
            let label = label(gateway, id);
            order.push(id.clone());
            meta.push(json!({ "id": id, "label": label, "detailLabel": label }));
            labels.insert(id.clone(), json!(label));
            channels.insert(id.clone(), row.clone());
            usual.insert(id.clone(), json!(default_account(gateway, id, &all)));
            accounts.insert(id.clone(), json!([]));
        }
        if let Some(problem) = row["lastError"].as_str() {
            issues.push(json!({
                "channel": id, "accountId": one.account.id, "kind": "runtime", "message": problem,
            }));
        }
        if row["accountId"] == usual[id] {
            channels.insert(id.clone(), row.clone());
        }
        if let Some(Value::Array(rows)) = accounts.get_mut(id) {
            rows.push(row);
        }
    }
    json!({
        "ts": gateway.now_ms(), "channelOrder": order, "channelLabels": labels,
        "channelDetailLabels": labels, "channelSystemImages": {}, "channelMeta": meta, "statusIssues": issues,
        "channels": channels, "channelAccounts": accounts, "channelDefaultAccountId": usual,
    })
}

/// The overview in lines for people, one for each account.
pub(super) fn summary(overview: &Map<String, Value>) -> Vec<String> {
    let (labels, accounts) = (&overview["channelLabels"], &overview["channelAccounts"]);
    let line = |channel: &str, row: &Value| {
        let label = labels[channel].as_str().unwrap_or(channel);
        let account = row["accountId"].as_str().unwrap_or_default();
        let state = if row["connected"] == true {
            "connected"
        } else {
            "not connected"
        };
        let why = row["lastError"].as_str().map(|why| format!(": {why}"));
        format!("{label} ({account}): {state}{}", why.unwrap_or_default())
    };
    let rows = |channel: &String| -> Vec<String> {
        let rows = accounts[channel.as_str()].as_array().into_iter().flatten();
        rows.map(|row| line(channel, row)).collect()
    };
    let order = overview["channelOrder"].as_array().into_iter().flatten();
    order
        .filter_map(|id| id.as_str().map(str::to_owned))
        .flat_map(|id| rows(&id))
        .collect()
}

/// Accounts of required plugins that are not connected, with the reason.
pub(super) fn missing(gateway: &Gateway) -> Vec<(String, String)> {
    let required = configured(gateway).into_iter().filter(|one| one.required);
    let states = required.map(|one| (gateway.accounts().of(&one.channel, &one.account.id), one));
    states
        .filter(|(view, _)| !view.is_up())
        .map(|(view, one)| {
            let why = match view.status.problem.as_str() {
                "" => word(view.status.state).to_owned(),
                problem => problem.to_owned(),
            };
            (format!("{}/{}", one.channel, one.account.id), why)
        })
        .collect()
}

/// The ids of a channel's accounts.
pub(super) fn accounts(gateway: &Gateway, channel: &str) -> Vec<String> {
    let all = configured(gateway).into_iter();
    all.filter(|one| one.channel == channel)
        .map(|one| one.account.id)
        .collect()
}

/// Starts accounts that were stopped or have failed; others go on. One that can't keeps no other from it.
pub(super) async fn start(gateway: &Gateway, given: Value) -> Result<Value, Failure> {
    let one: One = params("channels.start", given)?;
    let stopped = |found: &Configured| {
        let state = gateway
            .accounts()
            .of(&found.channel, &found.account.id)
            .status
            .state;
        matches!(state, ChannelState::Stopped | ChannelState::Failed)
    };
    let mut refused = None;
    // a bot's connection is never taken up twice
    for found in chosen(gateway, "channels.start", &one)?
        .into_iter()
        .filter(stopped)
    {
        let started = found
            .plugin
            .call::<()>(ids::channel::START, &found.channel, &found.account);
        if let Err(error) = started.await {
            refused.get_or_insert(failed(&error));
        }
    }
    if let Some(failure) = refused {
        return Err(failure);
    }
    Ok(json!({ "channel": one.channel, "accountId": one.account_id, "started": true }))
}

/// Stops accounts until they are started or the plugin is.
pub(super) async fn stop(gateway: &Gateway, given: Value) -> Result<Value, Failure> {
    let one: One = params("channels.stop", given)?;
    for found in chosen(gateway, "channels.stop", &one)? {
        let stopped = found
            .plugin
            .call::<()>(ids::channel::STOP, &found.channel, &found.account.id);
        stopped.await.map_err(|error| failed(&error))?;
        let status = ChannelStatus {
            account_id: found.account.id.clone(),
            problem: "stopped by the operator".into(),
            ..ChannelStatus::default()
        };
        gateway.accounts().told(&found.channel, status, gateway.now_ms());
    }
    Ok(json!({ "channel": one.channel, "accountId": one.account_id, "stopped": true }))
}

/// What a channel is called.
pub(super) fn label(gateway: &Gateway, channel: &str) -> String {
    let info = gateway.registry.channel_info(channel);
    let name = if info.label.is_empty() {
        channel
    } else {
        &info.label
    };
    name.to_owned()
}

/// Channel and id of every account that there is.
pub(super) fn all_accounts(gateway: &Gateway) -> Vec<(String, String)> {
    let all = configured(gateway).into_iter();
    all.map(|one| (one.channel, one.account.id)).collect()
}

pub(super) fn chosen(gateway: &Gateway, method: &str, one: &One) -> Result<Vec<Configured>, Failure> {
    let mut all = configured(gateway);
    if !all.iter().any(|found| found.channel == one.channel) {
        return Err(Failure::invalid(format!("invalid {method} channel")));
    }
    all.retain(|found| {
        let account = one.account_id.as_ref();
        found.channel == one.channel && account.is_none_or(|id| *id == found.account.id)
    });
    if all.is_empty() {
        let account = one.account_id.as_deref().unwrap_or("any");
        return Err(Failure::invalid(format!(
            "channel {} has no account \"{account}\"; see `openclaw channels status`",
            one.channel
        )));
    }
    Ok(all)
}

pub(super) fn configured(gateway: &Gateway) -> Vec<Configured> {
    let mut found = Vec::new();
    for plugin in gateway.registry.all() {
        let spec = plugin.spec();
        if spec.reason.is_on() {
            found.extend(
                spec.settings
                    .accounts
                    .iter()
                    .map(|(channel, account)| Configured {
                        plugin: plugin.clone(),
                        channel: channel.clone(),
                        account: account.clone(),
                        required: spec.settings.required,
                    }),
            );
        }
    }
    found.sort_by(|a, b| (&a.channel, &a.account.id).cmp(&(&b.channel, &b.account.id)));
    found
}

async fn row(gateway: &Gateway, one: &Configured, probe: Option<Duration>) -> Value {
    let view = gateway.accounts().of(&one.channel, &one.account.id);
    let status = &view.status;
    let mut row = json!({
        "accountId": one.account.id, "configured": true, "enabled": true,
        "running": status.state != ChannelState::Stopped, "connected": view.is_up(), "state": status.state,
        "identity": status.identity, "plugin": one.plugin.id(),
        "lastInboundAt": time(view.heard_ms), "lastEventAt": time(view.told_ms),
        "lastError": Some(&status.problem).filter(|text| !text.is_empty()), "details": status.details,
    });
    if gateway.registry.channel_info(&one.channel).login {
        // one that is not signed in can't be connected, and says so
        row["linked"] = json!(status.state != ChannelState::Failed);
    }
    if let Some(limit) = probe {
        row["probe"] = ask(one, limit).await;
    }
    row
}

async fn ask(one: &Configured, limit: Duration) -> Value {
    let begin = std::time::Instant::now();
    let call = one
        .plugin
        .call::<ChannelStatus>(ids::channel::PROBE, &one.channel, &one.account.id);
    let told = tokio::time::timeout(limit, call).await;
    let elapsed = u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX);
    match told {
        // a plugin that can't ask its platform answers with nothing
        Ok(Ok(status)) if status == ChannelStatus::default() => Value::Null,
        Ok(Ok(status)) => {
            let ok = matches!(status.state, ChannelState::Connected | ChannelState::Degraded);
            json!({
                "ok": ok, "elapsedMs": elapsed, "state": status.state, "identity": status.identity,
                "error": Some(status.problem).filter(|text| !text.is_empty()), "details": status.details,
            })
        }
        Ok(Err(error)) => json!({ "ok": false, "elapsedMs": elapsed, "error": error.to_string() }),
        Err(_) => {
            json!({ "ok": false, "elapsedMs": elapsed, "error": format!("no answer within {limit:?}") })
        }
    }
}

/// The account that is used where none is named: the one that the operator says, or `default`, or the first one.
pub(super) fn default_account(gateway: &Gateway, channel: &str, all: &[Configured]) -> String {
    let config = gateway.desk().config();
    let said = config.value()["channels"][channel]["defaultAccount"].as_str();
    let own: Vec<&str> = all
        .iter()
        .filter(|one| one.channel == channel)
        .map(|one| one.account.id.as_str())
        .collect();
    let has = |id: &&str| own.contains(id);
    let usual = said
        .filter(has)
        .or(Some("default").filter(has))
        .or(own.first().copied());
    usual.unwrap_or_default().to_owned()
}

fn time(ms: i64) -> Option<i64> {
    (ms > 0).then_some(ms)
}

fn word(state: ChannelState) -> &'static str {
    match state {
        ChannelState::Stopped => "is not started",
        ChannelState::Connecting => "is connecting",
        ChannelState::Connected => "is connected",
        ChannelState::Degraded => "is degraded",
        ChannelState::Failed => "has failed",
    }
}
