//! The routes of the running plugins, for the gateway's port.
//!
//! It decides nothing about a request: the order of what is checked is the gateway's. A plugin that is being replaced is
//! waited for, as in every other call.
use crate::{
    gateway::{Offer, Routes},
    plugins::{registry::Registry, services::Request},
};
use futures_util::future::BoxFuture;
use openclaw_plugin_api::{
    Error, ErrorKind, HttpCall, Result, Route, Sink, Source, abi::source_pair, surface::ids::http as ids,
};
use serde::de::Deserialize;
use std::{
    sync::{Arc, Weak},
    time::Duration,
};

/// Capability of routes.
const CAPABILITY: &str = "http/1";

/// The routes of the running plugins.
#[derive(Debug)]
pub(super) struct OfPlugins(Weak<Registry>);

impl OfPlugins {
    pub(super) fn new(registry: &Arc<Registry>) -> Self {
        Self(Arc::downgrade(registry))
    }

    fn call(
        &self,
        offer: &Offer,
        request: Result<Request>,
        deadline: Duration,
    ) -> BoxFuture<'static, Result<Vec<u8>>> {
        let plugin = self.0.upgrade().and_then(|registry| registry.get(&offer.plugin));
        Box::pin(async move {
            let gone = || Error::new(ErrorKind::Closed, "the plugin of this route is gone");
            plugin.ok_or_else(gone)?.call_raw(request?, Some(deadline)).await
        })
    }
}

impl Routes for OfPlugins {
    fn revision(&self) -> u64 {
        self.0.upgrade().map_or(0, |registry| registry.revision())
    }

    fn offers(&self) -> Vec<Offer> {
        let Some(registry) = self.0.upgrade() else {
            return Vec::new();
        };
        let mut offers = Vec::new();
        for plugin in registry.all() {
            let spec = plugin.spec();
            if !spec.reason.is_on() {
                continue;
            }
            let running = plugin.current();
            let registered = running
                .iter()
                .flat_map(|generation| &generation.registrations.registrations);
            let routes: Vec<_> = registered.filter(|r| r.capability == CAPABILITY).collect();
            offers.extend(spec.manifest.routes.iter().map(|path| {
                Offer {
                    plugin: plugin.id().to_owned(),
                    path: spec.settings.moved_routes.get(path).unwrap_or(path).clone(),
                    declared: path.clone(),
                    route: routes
                        .iter()
                        .find(|r| r.id == *path)
                        .and_then(|r| Route::deserialize(&r.spec).ok()),
                }
            }));
        }
        offers
    }

    fn check(&self, offer: &Offer, head: HttpCall, deadline: Duration) -> BoxFuture<'static, Result<()>> {
        let call = self.call(offer, request(ids::CHECK, offer, &at_home(offer, head)), deadline);
        Box::pin(async move { call.await.map(drop) })
    }

    fn handle(&self, offer: &Offer, call: HttpCall, out: Sink) -> BoxFuture<'static, Result<()>> {
        let (mut feed, input) = source_pair(1);
        let call = at_home(offer, call);
        let request = request(ids::HANDLE, offer, &call).map(|request| Request {
            out: Some(out),
            input: Some(input),
            ..request
        });
        // How long it may take depends on the client too, who is not the plugin's fault: the gateway looks at that.
        let handled = self.call(offer, request, Duration::MAX);
        Box::pin(async move {
            if !call.body.is_empty() {
                feed.send(Ok(call.body)).await;
            }
            drop(feed);
            handled.await.map(drop)
        })
    }

    fn websocket(
        &self,
        offer: &Offer,
        call: HttpCall,
        input: Source,
        out: Sink,
    ) -> BoxFuture<'static, Result<()>> {
        let request = request(ids::WEBSOCKET, offer, &at_home(offer, call)).map(|request| Request {
            out: Some(out),
            input: Some(input),
            ..request
        });
        // it lasts as long as both sides want
        let served = self.call(offer, request, Duration::MAX);
        Box::pin(async move { served.await.map(drop) })
    }
}

/// The call with the path that the plugin has declared, wherever the operator moved it.
fn at_home(offer: &Offer, mut call: HttpCall) -> HttpCall {
    if offer.path != offer.declared
        && let Some(rest) = call.path.strip_prefix(&offer.path)
    {
        let declared = offer.declared.trim_end_matches('/');
        call.path = match format!("{declared}{rest}") {
            path if path.is_empty() => "/".to_owned(),
            path => path,
        };
    }
    call
}

fn request(method: &str, offer: &Offer, call: &HttpCall) -> Result<Request> {
    Ok(Request {
        method: method.to_owned(),
        target: offer.declared.clone(),
        body: serde_json::to_vec(call)?,
        ..Request::default()
    })
}
