//! The answers to those who are not let in, with the codes that clients act on.
//!
//! Invariant: none of them repeats what was offered.
use serde_json::json;
use std::time::Duration;

use super::{
    auth::Method,
    devices::Lack,
    failure::{Code, Failure},
};
use crate::journal::DeviceRequest;

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
/// `retry`: the token of its device would let it in.
pub(crate) fn mismatch(what: &str, retry: bool) -> Failure {
    let hint = "compare it with gateway.auth in the gateway's configuration";
    let code = match what {
        "password" => "AUTH_PASSWORD_MISMATCH",
        "device token" => "AUTH_DEVICE_TOKEN_MISMATCH",
        "bootstrap token" => "AUTH_BOOTSTRAP_TOKEN_INVALID",
        _ => "AUTH_TOKEN_MISMATCH",
    };
    let mut failure = unauthorized(
        &format!("gateway {what} mismatch ({hint})"),
        code,
        what,
        "mismatch",
    );
    if let Some(details) = failure.details.as_deref_mut().filter(|_| retry) {
        details["canRetryWithDeviceToken"] = json!(true);
        details["recommendedNextStep"] = json!("retry_with_device_token");
    }
    failure
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
        Method::Token | Method::DeviceToken | Method::TrustedProxy | Method::None => {
            ("token", "AUTH_TOKEN_MISSING")
        }
    };
    let message = format!("gateway {what} missing (enter it in the client's settings)");
    unauthorized(&message, code, what, "missing")
}

/// A device that asks for more scopes than its token has.
pub(crate) fn scope_mismatch() -> Failure {
    let message =
        "the device's token does not hold all of these scopes (ask for fewer, or pair the device again)";
    let details = json!({
        "code": "AUTH_SCOPE_MISMATCH",
        "authReason": "scope_mismatch",
        "canRetryWithDeviceToken": false,
        "recommendedNextStep": "review_auth_configuration",
    });
    Failure::invalid(format!("unauthorized: {message}")).with_details(details)
}

/// A device that has to be let in by somebody, by the request that waits now.
pub(crate) fn pairing_required(lack: Lack, request: &DeviceRequest) -> Failure {
    let why = match lack {
        Lack::Unknown => "device is not approved yet",
        Lack::Role => "device asks for a role that it does not have",
        Lack::Scopes => "device asks for more scopes than it has",
        Lack::Facts => "device says to be another machine than before",
    };
    let mut details = json!({
        "code": "PAIRING_REQUIRED",
        "reason": lack.name(),
        "requestId": request.id,
        "remediationHint": format!("let it in with `openclaw devices approve {}`", request.id),
        "recommendedNextStep": "wait_then_retry",
        "retryable": true,
        "pauseReconnect": false,
        "deviceId": request.device,
        "requestedRole": request.role,
    });
    if !request.scopes.is_empty() {
        details["requestedScopes"] = json!(request.scopes);
    }
    Failure::new(Code::NotPaired, format!("pairing required: {why}")).with_details(details)
}

/// The request does not come from a proxy that may vouch for anybody.
pub(crate) fn not_a_proxy() -> Failure {
    let message = "only clients of a trusted proxy may connect (see gateway.trustedProxies)";
    unauthorized(message, "AUTH_UNAUTHORIZED", "trusted_proxy", "untrusted_source")
}

/// The proxy does not say who it is.
pub(crate) fn identity_header_required() -> Failure {
    let message = "the proxy does not say who this is (see gateway.auth.trustedProxy)";
    unauthorized(
        message,
        "AUTH_IDENTITY_HEADER_REQUIRED",
        "trusted_proxy",
        "header_missing",
    )
}

/// The proxy says who it is, and that isn't enough.
pub(crate) fn user_not_allowed() -> Failure {
    let message = "this user may not connect (see gateway.auth.trustedProxy.allowUsers)";
    unauthorized(message, "AUTH_UNAUTHORIZED", "trusted_proxy", "user_not_allowed")
}
