//! From a plugin that wants something spoken or heard to the engine that a plugin has.
//!
//! It chooses the engine, gives it the key that the provider of the same name has, and sees that an engine which falls
//! silent does not keep its caller. It knows nothing of audio.
//!
//! Invariant: a key goes along only where the caller has named neither a key nor an address of its own.
use crate::{
    agent::SpeechAccess,
    plugins::{plugin::Plugin, registry::Registry, services::Request},
};
use openclaw_plugin_api::{
    Error, ErrorKind, Registration, Result, Sink, SpeechInfo, abi::sink_pair, surface::ids::speech as ids,
};
use serde::de::Deserialize;
use serde_json::{Map, Value};
use std::{pin::pin, sync::Arc, time::Duration};
use tokio::time;

/// Time without a piece of audio while somebody waits for one; then the engine is given up.
const SILENCE: Duration = Duration::from_secs(30);

/// Pieces of audio that wait for who listens.
const PIECES: usize = 16;

/// The engine for a method: the named one, else the first that can.
pub(super) fn engine(registry: &Registry, method: &str, named: &str) -> Result<(Arc<Plugin>, Registration)> {
    let all = registry.offered("speech/1").into_iter();
    let mut named_one = false;
    for (plugin, registration) in all.filter(|(_, r)| named.is_empty() || r.id == named) {
        named_one = true;
        let info = SpeechInfo::deserialize(&registration.spec).unwrap_or_default();
        if can(&info, method) {
            return Ok((plugin, registration));
        }
    }
    let (kind, text) = match (named, named_one) {
        ("", _) => (
            ErrorKind::NotFound,
            format!("no running plugin can {}; enable one", word(method)),
        ),
        (_, true) => (
            ErrorKind::Unsupported,
            format!("the engine {named} can't {}", word(method)),
        ),
        (_, false) => (
            ErrorKind::NotFound,
            format!("no running plugin offers the engine {named}; enable the plugin that has it"),
        ),
    };
    Err(Error::new(kind, text))
}

/// Passes a call on. `access`: the keys to try, the best first; at least one.
pub(super) async fn pass_on(
    (plugin, engine): (Arc<Plugin>, Registration),
    method: &'static str,
    mut request: Request,
    access: Vec<SpeechAccess>,
) -> Result<Vec<u8>> {
    let body: Map<String, Value> = serde_json::from_slice(&request.body)
        .map_err(|_| Error::invalid(format_args!("the body of {method} is not as expected")))?;
    let own = |key: &str| {
        body.get(key)
            .and_then(Value::as_str)
            .is_some_and(|text| !text.is_empty())
    };
    let bound = own("credential") || own("baseUrl");
    let mut keys = access.into_iter().filter(|_| !bound);
    let mut key = keys.next();
    let mut out = request.out.take();
    let mut input = request.input.take();
    loop {
        let next = keys.next().filter(|_| method == ids::SYNTHESIZE);
        let call = Request {
            method: method.to_owned(),
            target: engine.id.clone(),
            meta: request.meta.clone(),
            body: with(&body, key)?,
            input: input.take(),
            out: None,
        };
        let mut said = false;
        let outcome = match (method, out.as_mut()) {
            (ids::SYNTHESIZE, Some(out)) => watched(&plugin, call, out, &mut said).await,
            _ => {
                let out = out.take();
                plugin.call_raw(Request { out, ..call }, None).await
            }
        };
        match (outcome, next) {
            (Err(error), Some(next)) if error.kind() == ErrorKind::Auth && !said => key = Some(next),
            (outcome, _) => return outcome,
        }
    }
}

/// Carries what an engine says; the time in which nobody takes it is not the engine's.
async fn watched(plugin: &Plugin, request: Request, out: &mut Sink, said: &mut bool) -> Result<Vec<u8>> {
    let (own, mut chunks) = sink_pair(PIECES);
    let request = Request {
        out: Some(own),
        ..request
    };
    let mut call = pin!(plugin.call_raw(request, None));
    let mut outcome = None;
    loop {
        tokio::select! {
            biased;
            chunk = chunks.next() => match (chunk, outcome.take()) {
                (Some(chunk), kept) => {
                    *said = true;
                    outcome = kept;
                    if !out.send(&chunk).await {
                        return Ok(Vec::new());
                    }
                }
                (None, Some(outcome)) => return outcome,
                (None, None) => break,
            },
            ended = &mut call, if outcome.is_none() => outcome = Some(ended),
            () = time::sleep(SILENCE) => return Err(silent()),
        }
    }
    time::timeout(SILENCE, call)
        .await
        .unwrap_or_else(|_| Err(silent()))
}

fn silent() -> Error {
    Error::new(
        ErrorKind::Timeout,
        format_args!("the engine said nothing for {} seconds", SILENCE.as_secs()),
    )
}

fn with(body: &Map<String, Value>, access: Option<SpeechAccess>) -> Result<Vec<u8>> {
    let mut body = body.clone();
    if let Some(access) = access {
        if let Some(secret) = access.credential {
            body.insert("credential".into(), Value::from(secret.expose()));
        }
        if !access.base_url.is_empty() {
            body.insert("baseUrl".into(), Value::from(access.base_url));
        }
    }
    Ok(serde_json::to_vec(&body)?)
}

fn can(info: &SpeechInfo, method: &str) -> bool {
    match method {
        ids::SYNTHESIZE => info.synthesize,
        ids::TRANSCRIBE => info.transcribe,
        ids::CONVERSE => info.converse,
        _ => false,
    }
}

fn word(method: &str) -> &'static str {
    match method {
        ids::SYNTHESIZE => "speak",
        ids::TRANSCRIBE => "listen",
        _ => "hold a conversation",
    }
}
