//! `/metrics`: what is counted, for programs that watch. They bring the gateway's secret, as every operator's program does,
//! for figures tell who works with what and what it costs.
use super::{
    identify::{Caller, identify},
    scope::Scope,
    server::Shared,
};
use crate::http::server::Peer;
use axum::{
    Extension,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use std::sync::Arc;

pub(super) async fn figures(
    State(shared): State<Arc<Shared>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
) -> Response {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("null"));
    let host = text(header::HOST).unwrap_or_default();
    if text(header::ORIGIN).is_some_and(|origin| !shared.rules.get().sites.origin_allowed(origin, host)) {
        return (StatusCode::FORBIDDEN, "this page may not call the gateway\n").into_response();
    }
    match identify(&shared, &peer, &headers, Scope::Read).await {
        Ok(Caller::Known { .. }) => {}
        Ok(Caller::Anonymous) => {
            let scheme = [(header::WWW_AUTHENTICATE, "Bearer")];
            return (StatusCode::UNAUTHORIZED, scheme, "unauthorized\n").into_response();
        }
        Err(refused) => return refused,
    }
    match shared.handler.figures() {
        Some(figures) => {
            let (text, kind) = figures.await;
            let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-store")];
            (headers, text).into_response()
        }
        None => (StatusCode::NOT_FOUND, "diagnostics.enabled is false\n").into_response(),
    }
}
