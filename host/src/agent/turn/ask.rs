//! One request to a model, read as a stream.
use super::{History, Turn, TurnEvents, tell};
use crate::{
    agent::{
        about::{About, stop_word},
        collect::{Collector, Wish},
    },
    plugins::{plugin::Plugin, services::Request},
};
use futures_util::future::BoxFuture;
use openclaw_plugin_api::{
    AgentEvent, Completion, CompletionRequest, Delta, Error, ErrorKind, Message, Result, StopReason,
    ToolSpec, Usage, abi::sink_pair, surface::ids,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

/// Deltas that wait before the provider has to.
const WINDOW: usize = 32;

/// Finds the model that answers, with everything that may be tried when the first one does not.
pub trait Asker: Send + Sync {
    /// Asks for the next message of a turn. May shorten the history when it does not fit.
    fn ask<'a>(
        &'a self,
        turn: &'a Turn,
        history: &'a mut History,
        tools: &'a [Arc<ToolSpec>],
        events: &'a TurnEvents,
    ) -> BoxFuture<'a, Result<Answer>>;
}

/// What a model said.
#[derive(Debug)]
pub struct Answer {
    /// Its message.
    pub message: Message,
    /// Tools that it wants.
    pub(in crate::agent) calls: Vec<Wish>,
    /// What is known of it beside its words.
    pub about: About,
    /// What it cost.
    pub usage: Usage,
    /// Why it stopped.
    pub stop: StopReason,
    /// The model that answered, `provider/model`.
    pub model: String,
    /// What to tell the person beside it.
    pub notices: Vec<String>,
}

/// A request that failed.
#[derive(Debug)]
pub struct Failed {
    /// Why.
    pub error: Error,
    /// The model had begun to say something, and somebody may have seen it.
    pub began: bool,
}

/// Asks one model once. What it says goes to `events` as it comes; `begun` is set with the first of it.
pub async fn attempt(
    plugin: &Plugin,
    target: &str,
    reference: &str,
    request: &CompletionRequest,
    events: &TurnEvents,
    begun: &AtomicBool,
) -> std::result::Result<Answer, Failed> {
    let early = |error: Error| Failed { error, began: false };
    let (out, mut chunks) = sink_pair(WINDOW);
    let call = Request {
        method: ids::provider::COMPLETE.to_owned(),
        target: target.to_owned(),
        body: serde_json::to_vec(request).map_err(|e| early(e.into()))?,
        out: Some(out),
        ..Request::default()
    };
    let (mut began, at) = (false, Instant::now());
    let (provider, model) = reference.split_once('/').unwrap_or(("", reference));
    if let Some(run) = &events.run {
        run.asks(provider, model);
    }
    let read = async {
        let mut answer = Collector::default();
        while let Some(chunk) = chunks.next().await {
            let Some(delta) = Delta::decode(&chunk)? else {
                continue;
            };
            begun.store(true, Ordering::Relaxed);
            match &delta {
                Delta::Text(text) => {
                    began |= !text.is_empty();
                    tell(events, AgentEvent::Text { text: text.clone() }).await;
                }
                Delta::Thinking(text) => tell(events, AgentEvent::Thinking { text: text.clone() }).await,
                _ => {}
            }
            if !answer.push(delta) {
                return Err(Error::new(
                    ErrorKind::Refused,
                    "the model's answer is longer than anything sensible",
                ));
            }
        }
        Ok(answer)
    };
    let (reply, answer) = tokio::join!(plugin.call_raw(call, None), read);
    let failed = |error: Error| Failed { error, began };
    let completion: Completion =
        serde_json::from_slice(&reply.map_err(failed)?).map_err(|e| failed(e.into()))?;
    let (message, calls) = answer.map_err(failed)?.finish();
    let about = About {
        provider: provider.to_owned(),
        model: model.to_owned(),
        stop_reason: stop_word(completion.stop_reason).to_owned(),
        took_ms: u64::try_from(at.elapsed().as_millis()).unwrap_or(u64::MAX),
        ..About::default()
    };
    Ok(Answer {
        message,
        calls,
        about,
        stop: completion.stop_reason,
        usage: completion.usage,
        model: reference.to_owned(),
        notices: Vec::new(),
    })
}
