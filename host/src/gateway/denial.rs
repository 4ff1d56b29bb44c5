//! The answers to those who are not let in, with the codes that clients act on.
//!
//! Invariant: none of them repeats what was offered.
use serde_json::json;
use std::time::Duration;

use super::{
    auth::Method,
    connect::Connect,
    failure::{Code, Failure},
};

/// The answer to a client that is locked out.
pub(crate) fn rate_limited(after: Duration) -> Failure {
    Failure::invalid("unauthorized: too many failed authentication attempts (retry later)")
        .with_details(json!({
            "code": "AUTH_RATE_LIMITED",
            "authReason": "rate_limited",
            "canRetryWithDeviceToken": false,
            "recommendedNextStep": "wait_then_retry",
        }))
        .retry_after(after)
}

/// Nobody is let in without a secret and without a device.
pub(crate) fn device_required() -> Failure {
    Failure::new(Code::NotPaired, "device identity required")
        .with_details(json!({"code": "DEVICE_IDENTITY_REQUIRED"}))
}

/// A secret that isn't ours; `what` it was offered as.
pub(crate) fn mismatch(what: &str) -> Failure {
    let hint = "compare it with gateway.auth in the gateway's configuration";
    let code = match what {
        "password" => "AUTH_PASSWORD_MISMATCH",
        "device token" => "AUTH_DEVICE_TOKEN_MISMATCH",
        _ => "AUTH_TOKEN_MISMATCH",
    };
    unauthorized(
        &format!("gateway {what} mismatch ({hint})"),
        code,
        what,
        "mismatch",
    )
}

fn unauthorized(message: &str, code: &str, what: &str, how: &str) -> Failure {
    Failure::invalid(format!("unauthorized: {message}")).with_details(json!({
        "code": code,
        "authReason": format!("{}_{how}", what.replace(' ', "_")),
        "canRetryWithDeviceToken": false,
        "recommendedNextStep": "update_auth_credentials",
    }))
}

/// A page or a terminal without a device.
pub(crate) fn page_without_device() -> Failure {
    let message = "control ui requires device identity (open it over HTTPS or on localhost)";
    Failure::invalid(message).with_details(json!({"code": "CONTROL_UI_DEVICE_IDENTITY_REQUIRED"}))
}

/// Somebody from elsewhere, and a gateway without a secret.
pub(crate) fn no_secret_configured() -> Failure {
    let message =
        "only programs on its own machine may connect to a gateway without a secret (set gateway.auth.token)";
    unauthorized(message, "AUTH_TOKEN_NOT_CONFIGURED", "token", "not_configured")
}

/// A device without a secret.
pub(crate) fn secret_missing(mode: Method) -> Failure {
    let (what, code) = match mode {
        Method::Password => ("password", "AUTH_PASSWORD_MISSING"),
        Method::Token | Method::None => ("token", "AUTH_TOKEN_MISSING"),
    };
    let message = format!("gateway {what} missing (enter it in the client's settings)");
    unauthorized(&message, code, what, "missing")
}

/// No node is admitted yet: the protocol's answer for that is "not paired".
pub(crate) fn node_refused(connect: &Connect) -> Failure {
    let message = "pairing required: this gateway does not admit nodes yet; connect with role operator";
    Failure::new(Code::NotPaired, message).with_details(json!({
        "code": "PAIRING_REQUIRED",
        "reason": "not-paired",
        "deviceId": connect.device.as_ref().map(|device| &device.id),
        "requestedRole": "node",
        "pauseReconnect": true,
    }))
}
