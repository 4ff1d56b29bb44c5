//! `device.*`: which devices are let in, letting them in, and taking it back. The rules are in `gateway::devices`.
use super::params;
use crate::gateway::{Caller, Devices, Failure, Method, Scope};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// Parameters of `device.pair.list`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct List {}

/// Parameters of methods about one request.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Request {
    #[schemars(length(min = 1))]
    request_id: String,
}

/// Parameters of `device.pair.remove`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Remove {
    #[schemars(length(min = 1))]
    device_id: String,
}

/// Parameters of `device.pair.rename`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Rename {
    #[schemars(length(min = 1))]
    device_id: String,
    #[schemars(length(min = 1, max = 64))]
    label: String,
}

/// Parameters of `device.token.rotate`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Rotate {
    #[schemars(length(min = 1))]
    device_id: String,
    #[schemars(length(min = 1))]
    role: String,
    scopes: Option<Vec<String>>,
}

/// Parameters of `device.token.revoke`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Revoke {
    #[schemars(length(min = 1))]
    device_id: String,
    #[schemars(length(min = 1))]
    role: String,
}

pub(super) fn methods() -> Vec<Method> {
    vec![
        Method::new("device.pair.list", Scope::Pairing).with::<List>(),
        Method::new("device.pair.approve", Scope::Pairing).with::<Request>(),
        Method::new("device.pair.reject", Scope::Pairing).with::<Request>(),
        Method::new("device.pair.remove", Scope::Pairing).with::<Remove>(),
        Method::new("device.pair.rename", Scope::Pairing).with::<Rename>(),
        Method::new("device.token.rotate", Scope::Pairing).with::<Rotate>(),
        Method::new("device.token.revoke", Scope::Pairing).with::<Revoke>(),
    ]
}

pub(super) async fn call(
    devices: &Devices,
    method: &str,
    given: Value,
    caller: &Caller,
) -> Result<Value, Failure> {
    match method {
        "device.pair.list" => devices.list(caller).await,
        "device.pair.approve" => {
            let asked: Request = params(method, given)?;
            devices.approve(&asked.request_id, caller).await
        }
        "device.pair.reject" => {
            let asked: Request = params(method, given)?;
            devices.reject(&asked.request_id, caller).await
        }
        "device.pair.remove" => {
            let asked: Remove = params(method, given)?;
            devices.remove(&asked.device_id, caller).await
        }
        "device.pair.rename" => {
            let asked: Rename = params(method, given)?;
            devices.rename(&asked.device_id, &asked.label, caller).await
        }
        "device.token.rotate" => {
            let asked: Rotate = params(method, given)?;
            devices
                .rotate(&asked.device_id, &asked.role, asked.scopes, caller)
                .await
        }
        "device.token.revoke" => {
            let asked: Revoke = params(method, given)?;
            devices.revoke(&asked.device_id, &asked.role, caller).await
        }
        _ => Err(Failure::unknown_method(method)),
    }
}
