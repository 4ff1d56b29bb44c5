//! Who sends a request over HTTP.
use axum::{
    Json,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;
use tokio::time::{self, Instant};

use super::{
    auth::{ProxyClaim, Role},
    denial,
    http::header_text,
    limiter::Client,
    scope::Scope,
    server::Shared,
};
use crate::http::server::{Peer, Sites};

/// Who sends a request.
pub(super) enum Caller {
    /// Nobody in particular.
    Anonymous,
    /// Somebody who may do what was asked for, and `owner`: everything else.
    Known { owner: bool },
}

/// Who asks: nobody in particular, or somebody who may do what takes `needed`: with the secret, by the token of a device,
/// by a proxy's word, or on this machine where there is no secret. A wrong secret is refused and counted.
pub(super) async fn identify(
    shared: &Shared,
    peer: &Peer,
    headers: &HeaderMap,
    needed: Scope,
) -> Result<Caller, Response> {
    let verifier = shared.verifier();
    if verifier.is_open() {
        // clients send something as their key in any case
        let local = is_local(peer, headers).then_some(Caller::Known { owner: true });
        return Ok(local.unwrap_or(Caller::Anonymous));
    }
    let claim = ProxyClaim::read(verifier.proxy(), peer, headers);
    let vouched = claim.permits(needed).then(|| Caller::Known {
        owner: claim.permits(Scope::Admin),
    });
    let Some(offered) = header_text(headers, &header::AUTHORIZATION) else {
        return Ok(vouched.unwrap_or(Caller::Anonymous));
    };
    let client = Client::new(peer, headers.contains_key(header::ORIGIN));
    if let Err(after) = shared.limiter.check(client, Instant::now()) {
        let failure = denial::rate_limited(after);
        let error = json!({"error": {"message": failure.message, "type": "rate_limited"}});
        let seconds = after.as_secs().max(1).to_string();
        let headers = [(header::RETRY_AFTER, seconds)];
        return Err((StatusCode::TOO_MANY_REQUESTS, headers, Json(error)).into_response());
    }
    let secret = offered.strip_prefix("Bearer ").map(str::trim).unwrap_or_default();
    if verifier.check(secret).is_some() {
        shared.limiter.succeeded(client);
        return Ok(Caller::Known { owner: true });
    }
    if let Some(holder) = shared.devices.holder(secret).await {
        shared.limiter.succeeded(client);
        if holder.role == Role::Operator && holder.scopes.permit(needed) {
            let owner = holder.scopes.permit(Scope::Admin);
            return Ok(Caller::Known { owner });
        }
        let error = json!({"error": {"message": "Forbidden", "type": "forbidden"}});
        return Err((StatusCode::FORBIDDEN, Json(error)).into_response());
    }
    if let Some(vouched) = vouched {
        // what it brings is for the proxy
        return Ok(vouched);
    }
    time::sleep(shared.limiter.failed(client, Instant::now())).await;
    let error = json!({"error": {"message": "Unauthorized", "type": "unauthorized"}});
    Err((StatusCode::UNAUTHORIZED, Json(error)).into_response())
}

/// Is it a program on this machine, as far as can be seen?
pub(super) fn is_local(peer: &Peer, headers: &HeaderMap) -> bool {
    let host = header_text(headers, &header::HOST).unwrap_or_default();
    peer.is_local() && Sites::is_loopback(host)
}
