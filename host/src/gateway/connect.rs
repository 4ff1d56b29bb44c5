//! The parameters of `connect`: what a client says about itself. Nothing in here is believed; `auth` decides.
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

use super::{failure::Failure, schema::Schema};
use openclaw_plugin_api::Secret;

/// The newest protocol that we speak.
pub const PROTOCOL: u32 = 4;

/// The oldest one.
pub const MIN_PROTOCOL: u32 = 3;

/// Who a client says it is.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ClientInfo {
    /// Program, one of a fixed list.
    pub id: String,
    /// Name for people.
    pub display_name: Option<String>,
    /// Version.
    pub version: String,
    /// Operating system.
    pub platform: String,
    /// Kind of device.
    pub device_family: Option<String>,
    /// Model of the device.
    pub model_identifier: Option<String>,
    /// Time zone.
    pub time_zone: Option<String>,
    /// How it is used, one of a fixed list.
    pub mode: String,
    /// This start of it.
    pub instance_id: Option<String>,
}

/// Parameters of `connect`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Connect {
    pub(crate) min_protocol: u32,
    pub(crate) max_protocol: u32,
    pub(crate) client: ClientInfo,
    pub(crate) caps: Vec<String>,
    pub(crate) commands: Vec<String>,
    pub(crate) role: Option<String>,
    pub(crate) scopes: Vec<String>,
    pub(crate) device: Option<Device>,
    pub(crate) auth: Credentials,
}

/// A device's claim, with its proof.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Device {
    pub(crate) id: String,
    pub(crate) public_key: String,
    pub(crate) signature: String,
    pub(crate) signed_at: i64,
    pub(crate) nonce: String,
}

/// Secrets that the client offers.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Credentials {
    pub(crate) token: Option<Secret>,
    pub(crate) password: Option<Secret>,
    pub(crate) device_token: Option<Secret>,
    pub(crate) bootstrap_token: Option<Secret>,
}

const CLIENT_IDS: [&str; 17] = [
    "webchat-ui",
    "openclaw-control-ui",
    "openclaw-browser-copilot",
    "openclaw-tui",
    "webchat",
    "cli",
    "gateway-client",
    "openclaw-macos",
    "openclaw-linux",
    "openclaw-ios",
    "openclaw-watchos",
    "openclaw-android",
    "node-host",
    "openclaw-worker",
    "test",
    "fingerprint",
    "openclaw-probe",
];

const MODES: [&str; 8] = [
    "webchat", "cli", "ui", "backend", "node", "worker", "probe", "test",
];

static SCHEMA: LazyLock<Schema> = LazyLock::new(|| Schema::new(&schema()));

// === impl Connect ===

impl Connect {
    /// Reads them. Unknown keys are refused, at every level.
    pub(crate) fn parse(params: Value) -> Result<Self, Failure> {
        SCHEMA
            .check(&params)
            .map_err(|problems| Failure::params("connect", problems))?;
        serde_json::from_value(params).map_err(|error| Failure::params("connect", error))
    }

    /// The newest protocol that both sides speak.
    pub(crate) fn negotiate(&self) -> Result<u32, Failure> {
        let newest = self.max_protocol.min(PROTOCOL);
        if newest >= self.min_protocol.max(MIN_PROTOCOL) {
            return Ok(newest);
        }
        Err(Failure::invalid("protocol mismatch").with_details(json!({
            "code": "PROTOCOL_MISMATCH",
            "clientMinProtocol": self.min_protocol,
            "clientMaxProtocol": self.max_protocol,
            "expectedProtocol": PROTOCOL,
            "minimumProbeProtocol": MIN_PROTOCOL,
        })))
    }
}

// === impl ClientInfo ===

impl ClientInfo {
    /// A page or a terminal: it always proves a device.
    pub(crate) fn is_operator_ui(&self) -> bool {
        matches!(
            self.id.as_str(),
            "openclaw-control-ui" | "openclaw-tui" | "openclaw-browser-copilot" | "webchat-ui" | "webchat"
        )
    }

    /// A page: a browser runs it, so it has an origin.
    pub(crate) fn is_page(&self) -> bool {
        self.mode == "webchat" || (self.is_operator_ui() && self.id != "openclaw-tui")
    }

    /// A program of the owner's that works for another one.
    pub(crate) fn is_backend(&self) -> bool {
        self.id == "gateway-client" && self.mode == "backend"
    }

    /// A program of the owner that needs no device beside the shared secret.
    pub(crate) fn is_own_program(&self) -> bool {
        self.is_backend() || (self.id == "cli" && self.mode == "cli")
    }
}

fn schema() -> Value {
    let text = || json!({"type": "string"});
    let short = |max: u32| json!({"type": "string", "maxLength": max});
    let named = json!({"type": "string", "minLength": 1});
    let texts = json!({"type": "array", "items": named});
    let mut client = properties(
        &["displayName", "deviceFamily", "modelIdentifier", "instanceId"],
        text(),
    );
    client.extend(properties(&["version", "platform"], named.clone()));
    client.insert("buildId".into(), short(96));
    client.insert("timeZone".into(), short(64));
    client.insert("id".into(), json!({"enum": CLIENT_IDS}));
    client.insert("mode".into(), json!({"enum": MODES}));
    let auth = properties(
        &[
            "token",
            "bootstrapToken",
            "deviceToken",
            "password",
            "approvalRuntimeToken",
            "agentRuntimeIdentityToken",
        ],
        text(),
    );
    let mut device = properties(&["id", "publicKey", "signature"], named.clone());
    device.insert("signedAt".into(), json!({"type": "integer", "minimum": 0}));
    device.insert("nonce".into(), text());
    let model_catalog = strict(properties(&["sessionKey"], named.clone()), &[]);
    let protocol = json!({"type": "integer", "minimum": 1, "maximum": 1_000_000});
    let mut root = properties(&["pathEnv", "locale", "userAgent"], text());
    root.extend(properties(&["minProtocol", "maxProtocol"], protocol));
    root.extend(properties(&["caps", "commands", "scopes"], texts));
    root.extend(properties(&["computerUse", "workerRuns"], json!({})));
    root.insert(
        "client".into(),
        strict(client, &["id", "version", "platform", "mode"]),
    );
    root.insert(
        "permissions".into(),
        json!({"type": "object", "additionalProperties": {"type": "boolean"}}),
    );
    root.insert("role".into(), named);
    let proof = ["id", "publicKey", "signature", "signedAt", "nonce"];
    root.insert("device".into(), strict(device, &proof));
    root.insert("auth".into(), strict(auth, &[]));
    root.insert("modelCatalog".into(), model_catalog);
    strict(root, &["minProtocol", "maxProtocol", "client"])
}

fn properties(names: &[&str], schema: Value) -> Map<String, Value> {
    names
        .iter()
        .map(|name| ((*name).to_owned(), schema.clone()))
        .collect()
}

fn strict(properties: Map<String, Value>, required: &[&str]) -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": required,
        "properties": properties,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn params(min: u32, max: u32) -> Value {
        json!({
            "minProtocol": min,
            "maxProtocol": max,
            "client": {"id": "cli", "version": "1", "platform": "linux", "mode": "cli"},
        })
    }

    #[test]
    fn the_newest_common_protocol_is_spoken() {
        let spoken = |min, max| Connect::parse(params(min, max)).unwrap().negotiate().ok();
        let table = [
            (4, 4, Some(4)),
            (3, 3, Some(3)),
            (3, 9, Some(4)),
            (1, 3, Some(3)),
            (5, 6, None),
            (1, 2, None),
            (4, 3, None),
        ];
        for (min, max, expected) in table {
            assert_eq!(spoken(min, max), expected, "{min}..{max}");
        }
    }

    #[test]
    fn whatever_is_not_expected_is_refused() {
        let refused = |change: fn(&mut Value)| {
            let mut value = params(4, 4);
            change(&mut value);
            Connect::parse(value).unwrap_err().message
        };
        type Change = fn(&mut Value);
        let table: [(Change, &str); 5] = [
            (|v| v["foo"] = json!(1), "at root: unexpected property 'foo'"),
            (
                |v| v["client"]["id"] = json!("mine"),
                "at /client/id: must be equal to one of the allowed values",
            ),
            (
                |v| v["device"] = json!({"id": "a", "publicKey": "b", "signature": "c", "signedAt": 1}),
                "at /device: must have required property 'nonce'",
            ),
            (
                |v| v["scopes"] = json!("operator.admin"),
                "at /scopes: must be array",
            ),
            (
                |v| v["auth"] = json!({"key": "x"}),
                "at /auth: unexpected property 'key'",
            ),
        ];
        for (change, text) in table {
            assert_eq!(refused(change), format!("invalid connect params: {text}"));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn no_params_make_it_panic(text in ".{0,200}", number in any::<i64>(), flag in any::<bool>()) {
            let values = [json!(text), json!(number), json!(flag), json!([text]), json!({text.clone(): number}), Value::Null];
            for key in ["minProtocol", "client", "caps", "role", "scopes", "device", "auth", "permissions", &text] {
                for value in &values {
                    let mut params = params(4, 4);
                    params[key] = value.clone();
                    let _ = Connect::parse(params);
                }
            }
        }
    }
}
