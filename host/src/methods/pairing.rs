//! `channels.pairing.*`: who asks to be let in on a channel, and letting them in or not.
//!
//! A request has an id here that is not its code: the code is what its sender was told.
use super::{
    channels,
    config::{self, Files},
    params,
};
use crate::{
    access::{OlderFiles, Pairing, PairingError},
    app::Gateway,
    gateway::{Caller, Failure, Method, Scope},
    journal::{JournalError, LIFETIME_MS, PairingRequest, Peer},
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Requests of one account that may wait.
const PENDING: u32 = 3;
/// Bytes of a request's id.
const ID: usize = 12;

/// Parameters of `channels.pairing.list`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct List {
    #[serde(default)]
    channel: Option<String>,
    #[serde(default)]
    account_id: Option<String>,
}

/// Parameters of `channels.pairing.approve`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Approve {
    channel: String,
    account_id: String,
    request_id: String,
    #[serde(default)]
    notify: Option<bool>,
    #[serde(default)]
    bootstrap_command_owner: Option<bool>,
}

/// Parameters of `channels.pairing.dismiss`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Dismiss {
    channel: String,
    account_id: String,
    request_id: String,
}

pub(super) fn methods() -> Vec<Method> {
    vec![
        Method::new("channels.pairing.list", Scope::Pairing).with::<List>(),
        Method::new("channels.pairing.approve", Scope::Pairing).with::<Approve>(),
        Method::new("channels.pairing.dismiss", Scope::Pairing).with::<Dismiss>(),
    ]
}

/// Answers what is about people who ask to be let in.
pub(super) async fn call(
    files: &Files,
    method: &str,
    given: Value,
    caller: &Caller,
) -> Result<Value, Failure> {
    let gateway = &files.gateway;
    match method {
        "channels.pairing.list" => list(gateway, params(method, given)?).await,
        "channels.pairing.approve" => approve(files, params(method, given)?, caller).await,
        _ => dismiss(gateway, params(method, given)?).await,
    }
}

async fn list(gateway: &Gateway, asked: List) -> Result<Value, Failure> {
    let requests = work(gateway, move |pairing, now| {
        Ok(pairing.list(asked.channel.as_deref(), asked.account_id.as_deref(), now)?)
    });
    let requests = requests.await?;
    let rows: Vec<_> = requests.iter().map(|request| row(gateway, request)).collect();
    let accounts: Vec<_> = channels::all_accounts(gateway)
        .into_iter()
        .map(|(channel, account)| {
            json!({
                "channel": channel, "channelLabel": channels::label(gateway, &channel), "accountId": account,
                "notifySupported": false,
            })
        })
        .collect();
    Ok(json!({
        "accounts": accounts, "requests": rows, "commandOwnerConfigured": has_owner(gateway),
        "limits": { "pendingPerAccount": PENDING, "ttlMs": LIFETIME_MS },
    }))
}

async fn approve(files: &Files, asked: Approve, caller: &Caller) -> Result<Value, Failure> {
    let owner = asked.bootstrap_command_owner == Some(true);
    if owner && !caller.principal.scopes().permit(Scope::Admin) {
        return Err(Failure::missing_scope(Scope::Admin));
    }
    let gateway = &files.gateway;
    let notification = if asked.notify == Some(true) {
        "unsupported"
    } else {
        "not-requested"
    };
    let request_id = asked.request_id.clone();
    let approved = work(gateway, move |pairing, now| {
        let request = find(pairing, &asked.channel, &asked.account_id, &asked.request_id, now)?;
        let account = Some(request.account.as_str());
        Ok(pairing.approve(Some(&request.channel), account, &request.code, now)?)
    });
    let approved = approved.await?;
    let bootstrap = match (owner, has_owner(gateway)) {
        (false, _) => "not-requested",
        (true, true) => "already-configured",
        (true, false) => {
            let owner = format!("{}:{}", approved.channel, approved.sender);
            let patch = json!({ "commands": { "ownerAllowFrom": [owner] } });
            match config::change(files, config::Change::small(&patch)).await {
                Ok(_) => "configured",
                Err(failure) => {
                    tracing::warn!(target: "openclaw::access", "no owner is configured: {failure}");
                    "unavailable"
                }
            }
        }
    };
    Ok(json!({
        "requestId": request_id, "senderId": approved.sender, "notification": notification,
        "commandOwnerBootstrap": bootstrap,
    }))
}

async fn dismiss(gateway: &Gateway, asked: Dismiss) -> Result<Value, Failure> {
    let request_id = asked.request_id.clone();
    let sender = work(gateway, move |pairing, now| {
        let request = find(pairing, &asked.channel, &asked.account_id, &asked.request_id, now)?;
        pairing.dismiss(&Peer {
            channel: &request.channel,
            account: &request.account,
            sender: &request.sender,
        })?;
        Ok(request.sender)
    });
    Ok(json!({ "requestId": request_id, "senderId": sender.await? }))
}

/// Why nothing was done.
enum Trouble {
    Pairing(PairingError),
    Gone,
}

impl From<PairingError> for Trouble {
    fn from(error: PairingError) -> Self {
        Trouble::Pairing(error)
    }
}

impl From<JournalError> for Trouble {
    fn from(error: JournalError) -> Self {
        Trouble::Pairing(error.into())
    }
}

async fn work<T: Send + 'static>(
    gateway: &Gateway,
    work: impl FnOnce(&Pairing, i64) -> Result<T, Trouble> + Send + 'static,
) -> Result<T, Failure> {
    let older = OlderFiles::of_state(&gateway.paths().state_dir);
    let (pairing, now) = (Pairing::new(gateway.journal().clone(), older), gateway.now_ms());
    let done = tokio::task::spawn_blocking(move || work(&pairing, now)).await;
    let done = done.map_err(|ended| Failure::unavailable(ended.to_string()))?;
    done.map_err(|trouble| match trouble {
        Trouble::Gone => Failure::invalid("unknown pairing request; it may have ended: list them again"),
        Trouble::Pairing(PairingError::Journal(error)) => Failure::unavailable(error.to_string()),
        Trouble::Pairing(error) => Failure::invalid(error.to_string()),
    })
}

fn find(
    pairing: &Pairing,
    channel: &str,
    account: &str,
    id: &str,
    now: i64,
) -> Result<PairingRequest, Trouble> {
    let waiting = pairing.list(Some(channel), Some(account), now)?;
    waiting
        .into_iter()
        .find(|request| request_id(request) == id)
        .ok_or(Trouble::Gone)
}

fn row(gateway: &Gateway, request: &PairingRequest) -> Value {
    let time = |ms: i64| {
        jiff::Timestamp::from_millisecond(ms)
            .unwrap_or_default()
            .to_string()
    };
    let label = if request.name.is_empty() {
        &request.sender
    } else {
        &request.name
    };
    json!({
        "requestId": request_id(request), "channel": request.channel,
        "channelLabel": channels::label(gateway, &request.channel), "accountId": request.account,
        "senderId": request.sender, "senderLabel": label, "createdAt": time(request.created_ms),
        "lastSeenAt": time(request.last_seen_ms), "expiresAt": time(request.created_ms + LIFETIME_MS),
        "notifySupported": false,
    })
}

/// The same request has the same id, and nobody learns the code from it.
fn request_id(request: &PairingRequest) -> String {
    let mut hash = Sha256::new();
    for part in [
        &request.channel,
        &request.account,
        &request.sender,
        &request.created_ms.to_string(),
    ] {
        hash.update(part.len().to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize()
        .iter()
        .take(ID)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn has_owner(gateway: &Gateway) -> bool {
    let config = gateway.desk().config();
    config
        .commands
        .owner_allow_from
        .as_ref()
        .is_some_and(|owners| !owners.is_empty())
}
