//! The head of a request as a plugin sees it.
//!
//! Invariant: the gateway's own credentials are not among what a plugin is told.
use axum::http::{HeaderMap, header, request::Parts};
use openclaw_plugin_api::{HttpCall, Route, RouteAuth};

use super::super::random;
use crate::http::server::{Network, Peer, Remote};

/// The call without its body.
pub(super) fn call(parts: &Parts, path: String, route: &Route, peer: &Peer, trusted: &[Network]) -> HttpCall {
    HttpCall {
        method: parts.method.as_str().to_owned(),
        path,
        query: parts.uri.query().unwrap_or_default().to_owned(),
        url: url(parts, trusted),
        headers: headers(&parts.headers, route.auth == RouteAuth::Gateway),
        peer: peer.address().to_string(),
        request_id: random::uuid(),
        caller_is_owner: false,
        body: Vec::new(),
    }
}

fn headers(headers: &HeaderMap, without_credentials: bool) -> Vec<(String, String)> {
    let told = headers
        .iter()
        .filter(|(name, _)| !(without_credentials && *name == header::AUTHORIZATION));
    told.map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.as_str().to_owned(), value)
    })
    .collect()
}

/// What the other side called. Only a trusted proxy may say that it was something else than what arrived here.
fn url(parts: &Parts, trusted: &[Network]) -> String {
    let relay = parts.extensions.get::<Remote>().map(|remote| remote.0.ip());
    let believed = relay.is_some_and(|relay| trusted.iter().any(|network| network.contains(relay)));
    let said = |name: &str| {
        let value = parts.headers.get(name)?.to_str().ok()?;
        // of several proxies, the nearest is the one that is trusted
        value.rsplit(',').next().map(str::trim).filter(|_| believed)
    };
    let scheme = match said("x-forwarded-proto") {
        Some(scheme) if scheme.eq_ignore_ascii_case("https") => "https",
        _ => "http",
    };
    let host = parts
        .headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let host = said("x-forwarded-host").or(host).unwrap_or_default();
    let rest = parts.uri.path_and_query().map_or("/", |rest| rest.as_str());
    format!("{scheme}://{host}{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;

    fn seen(auth: RouteAuth, trusted: &[Network]) -> HttpCall {
        let request = Request::post("/h%6Fok?a=%2f")
            .header("host", "127.0.0.1:1")
            .header("authorization", "Bearer t")
            .header("x-forwarded-proto", "ftp, https")
            .header("x-forwarded-host", "bot.example")
            .header("x-twice", "1")
            .header("x-twice", "2")
            .extension(Remote("10.0.0.1:9".parse().expect("an address")))
            .body(())
            .expect("a request");
        let (parts, ()) = request.into_parts();
        let peer = Peer::of("10.0.0.1".parse().expect("an address"), &parts.headers, trusted);
        let route = Route {
            auth,
            ..Route::default()
        };
        call(&parts, "/hook".into(), &route, &peer, trusted)
    }

    #[test]
    fn a_plugin_sees_the_request_but_not_the_gateways_credentials() {
        let call = seen(RouteAuth::Gateway, &[]);
        assert_eq!((call.path.as_str(), call.query.as_str()), ("/hook", "a=%2f"));
        assert_eq!(call.header("authorization"), None);
        let twice = call.headers.iter().filter(|(name, _)| name == "x-twice");
        assert_eq!(twice.count(), 2);
        let signed = seen(RouteAuth::Signature, &[]);
        assert_eq!(
            signed.header("authorization"),
            Some("Bearer t"),
            "it is the other side's own"
        );
    }

    #[test]
    fn only_a_trusted_proxy_changes_the_address_that_was_called() {
        let url = |trusted: &[Network]| seen(RouteAuth::Signature, trusted).url;
        assert_eq!(url(&[]), "http://127.0.0.1:1/h%6Fok?a=%2f");
        let proxy = "10.0.0.0/8".parse().expect("a network");
        assert_eq!(url(&[proxy]), "https://bot.example/h%6Fok?a=%2f");
    }
}
