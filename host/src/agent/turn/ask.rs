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
    ToolSpec, Usage,
    abi::{Chunks, sink_pair},
    surface::ids,
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
    let (out, chunks) = sink_pair(WINDOW);
    let call = Request {
        method: ids::provider::COMPLETE.to_owned(),
        target: target.to_owned(),
        body: serde_json::to_vec(request).map_err(|e| early(e.into()))?,
        out: Some(out),
        ..Request::default()
    };
    let at = Instant::now();
    let (provider, model) = reference.split_once('/').unwrap_or(("", reference));
    if let Some(run) = &events.run {
        run.asks(provider, model);
    }
    let (completion, heard) = hear(plugin.call_raw(call, None), chunks, events, begun).await?;
    let (message, calls) = heard.finish();
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

/// Reads an answer while the call that gives it is under way. One that can't be read ends the call: the provider would
/// wait for somebody to read on.
async fn hear(
    call: impl Future<Output = Result<Vec<u8>>>,
    chunks: Chunks,
    events: &TurnEvents,
    begun: &AtomicBool,
) -> std::result::Result<(Completion, Collector), Failed> {
    let call = async { Ok(call.await) };
    let (reply, (began, answer)) = tokio::try_join!(call, read(chunks, events, begun))?;
    let failed = |error: Error| Failed { error, began };
    let completion = serde_json::from_slice(&reply.map_err(failed)?).map_err(|e| failed(e.into()))?;
    Ok((completion, answer))
}

/// Takes the steps of an answer in. True: somebody may have seen something of it.
async fn read(
    mut chunks: Chunks,
    events: &TurnEvents,
    begun: &AtomicBool,
) -> std::result::Result<(bool, Collector), Failed> {
    let (mut began, mut answer) = (false, Collector::default());
    while let Some(chunk) = chunks.next().await {
        let delta = Delta::decode(&chunk).map_err(|error| Failed { error, began })?;
        let Some(delta) = delta else {
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
            let text = "the model's answer is longer than anything sensible";
            let error = Error::new(ErrorKind::Refused, text);
            return Err(Failed { error, began });
        }
    }
    Ok((began, answer))
}

#[cfg(test)]
mod tests {
    use super::*;
    use openclaw_plugin_api::Sink;
    use std::time::Duration;

    /// A provider that writes the same for as long as it is asked to, and looks at nothing.
    async fn writes(mut out: Sink, chunk: Vec<u8>) -> Result<Vec<u8>> {
        while out.send(&chunk).await {}
        std::future::pending().await
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_cant_be_read_ends_the_call_and_is_told_as_what_it_is() {
        let endless = [b"t".as_slice(), &[b'x'; 64 << 10]].concat();
        let no_text = vec![b't', 0xff];
        for (chunk, kind, seen) in [
            (endless, ErrorKind::Refused, true),
            (no_text, ErrorKind::Internal, false),
        ] {
            let events = TurnEvents::new(tokio::sync::mpsc::channel(1).0, None);
            let (out, chunks) = sink_pair(WINDOW);
            let begun = AtomicBool::default();
            let heard = hear(writes(out, chunk), chunks, &events, &begun);
            let heard = tokio::time::timeout(Duration::from_secs(3600), heard).await;
            let failed = heard
                .expect("it ends by itself")
                .map(drop)
                .expect_err("no answer");
            assert_eq!((failed.error.kind(), failed.began), (kind, seen));
        }
    }
}
