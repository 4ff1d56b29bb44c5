//! Carriers and their credentials.
use super::value::E164;
use openclaw_plugin_api::setting::Token;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who carries calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Carrier {
    /// Twilio.
    Twilio,
    /// Telnyx, Call Control.
    Telnyx,
    /// Plivo.
    Plivo,
    /// Nobody: for development, on this machine only.
    Mock,
    /// The older name of `mock`.
    Log,
}

/// Credentials of Twilio.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct Twilio {
    /// `AC…`; `TWILIO_ACCOUNT_SID` if nothing is said.
    pub account_sid: Option<String>,
    /// The account's secret; `TWILIO_AUTH_TOKEN` if nothing is said.
    pub auth_token: Token,
    /// Where calls are processed; `us1` if nothing is said.
    pub region: Option<Region>,
    /// The older name of `fromNumber`.
    pub from: Option<E164>,
    /// Where the REST API is, for a proxy of yours; Twilio's own if nothing is said.
    #[schemars(extend("x-egress" = true))]
    pub api_root: Option<String>,
}

/// A region of Twilio.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Region {
    /// United States.
    #[default]
    Us1,
    /// Ireland.
    Ie1,
    /// Australia.
    Au1,
}

/// Credentials of Telnyx.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct Telnyx {
    /// The key of the account. `TELNYX_API_KEY` if nothing is said.
    pub api_key: Token,
    /// The Call Control application; `TELNYX_CONNECTION_ID` if nothing is said.
    pub connection_id: Option<String>,
    /// The key that webhooks are signed with, as the portal shows it; `TELNYX_PUBLIC_KEY` if nothing is said.
    pub public_key: Option<String>,
    /// Where the REST API is, for a proxy of yours; Telnyx's own if nothing is said.
    #[schemars(extend("x-egress" = true))]
    pub api_root: Option<String>,
}

/// Credentials of Plivo.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct Plivo {
    /// `MA…`; `PLIVO_AUTH_ID` if nothing is said.
    pub auth_id: Option<String>,
    /// The account's secret; `PLIVO_AUTH_TOKEN` if nothing is said.
    pub auth_token: Token,
    /// Where the REST API is, for a proxy of yours; Plivo's own if nothing is said.
    #[schemars(extend("x-egress" = true))]
    pub api_root: Option<String>,
}
