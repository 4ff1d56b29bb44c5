//! The whole of a compaction: cut, have the older part summarised piece by piece, put the summary in its place.
//!
//! A history is changed only when the summary is there: a call that fails leaves it as it was.
use super::{
    super::{
        asker::{Models, told},
        failover::{Driver, Failure, Try},
        tokens::{self, Window},
        turn::{History, Turn},
    },
    MAX_SUMMARY_TOKENS, Policy, cut, parts, request,
    summary::{broken_off, shorter},
};
use crate::models::Served;
use openclaw_plugin_api::{CompletionRequest, Error, ErrorKind, Result, StopReason};
use std::sync::Arc;

/// How to shorten.
#[derive(Debug, Clone, Copy)]
pub struct Shortening<'a> {
    /// What stays.
    pub policy: Policy,
    /// The window of the model that summarises, and of the one that goes on.
    pub window: Window,
    /// The words after `/compact`.
    pub instructions: Option<&'a str>,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shortened {
    /// Tokens of the history before.
    pub tokens_before: u64,
    /// Tokens of the history now.
    pub tokens_after: u64,
}

/// Shortens the history of a turn that does not fit, by the model that is to go on with it.
pub(in crate::agent) async fn shorten(
    models: &Models,
    turn: &Turn,
    history: &mut History,
    served: &Arc<Served>,
    window: Window,
) -> Result<()> {
    let usual = turn.shortening;
    let (summarising, window) = models.summarising(turn, served, window).await;
    for policy in [usual, usual.tighter()] {
        let how = Shortening {
            policy,
            window,
            instructions: None,
        };
        let ask = |request| ask(models, turn, &summarising, request);
        if let Some(done) = summarise(history, &how, ask).await? {
            let Shortened {
                tokens_before,
                tokens_after,
            } = done;
            tracing::info!(
                target: "openclaw::agent",
                session = turn.session_id, tokens_before, tokens_after, "a conversation was summarised"
            );
            return Ok(());
        }
    }
    let text = format!(
        "the message does not fit into the window of {}, and there is nothing before it to summarise; send a shorter one or \
         choose a model with a larger window",
        served.reference
    );
    Err(Error::new(ErrorKind::ContextOverflow, text))
}

/// Summarises the older part of a history with as many calls of `ask` as it takes. None: there is nothing to summarise.
pub async fn summarise<F, R>(
    history: &mut History,
    how: &Shortening<'_>,
    mut ask: F,
) -> Result<Option<Shortened>>
where
    F: FnMut(CompletionRequest) -> R,
    R: Future<Output = Result<String>>,
{
    let Some(cut) = cut(&history.messages, how.policy, how.window) else {
        return Ok(None);
    };
    let older = &history.messages[..cut.first_kept];
    let mut summary = history.summary.clone();
    for part in parts(older, how.window) {
        let request = request(&older[part], summary.as_deref(), how.instructions, how.window);
        let text = ask(request).await?;
        let text = text.trim();
        if text.is_empty() {
            let text = "the model gave no summary of the conversation; try again or choose another model";
            return Err(Error::new(ErrorKind::Server, text));
        }
        summary = Some(text.to_owned());
    }
    let done = Shortened {
        tokens_before: history.tokens,
        tokens_after: cut.tokens_kept + summary.as_deref().map_or(0, tokens::of_text),
    };
    history.messages.drain(..cut.first_kept);
    history.summary = summary;
    history.tokens = done.tokens_after;
    Ok(Some(done))
}

/// Asks the model for a summary, as a turn asks for an answer: again after a pause, and with its next key.
pub(in crate::agent) async fn ask(
    models: &Models,
    turn: &Turn,
    served: &Arc<Served>,
    request: CompletionRequest,
) -> Result<String> {
    let limit = turn.summariser.limit;
    let ask = |request: CompletionRequest| async move {
        let request = &request;
        let asked = persistently(models.driver(limit), served, |now| async move {
            let call = call(turn, request, now.served.request(&now.credential));
            let answer = models.aside(&now.served, call, &now.begun).await;
            answer.map_err(Failure::early)
        });
        let answer = asked.await?;
        Ok::<_, Error>((answer.message.plain_text(), answer.stop))
    };
    let most = served.info.max_tokens.clamp(1, MAX_SUMMARY_TOKENS);
    let asked = whole(request, most, ask);
    tokio::time::timeout(limit, asked).await.unwrap_or_else(|_| {
        let text =
            format!("the summary took longer than {limit:?}; see agents.defaults.compaction.timeoutSeconds");
        Err(Error::new(ErrorKind::Timeout, text))
    })
}

/// Has a summary made. One that broke off at the longest answer is asked for once more in fewer words: what it would have
/// said last is what is still to be done. One that breaks off again says so.
pub(super) async fn whole<F, R>(request: CompletionRequest, most: u32, mut ask: F) -> Result<String>
where
    F: FnMut(CompletionRequest) -> R,
    R: Future<Output = Result<(String, StopReason)>>,
{
    let (first, stop) = ask(request.clone()).await?;
    if stop != StopReason::Length {
        return Ok(first);
    }
    let (second, stop) = ask(shorter(request, most)).await?;
    Ok(match stop {
        StopReason::Length if second.trim().is_empty() => broken_off(first),
        StopReason::Length => broken_off(second),
        _ => second,
    })
}

/// Asks one model until it answers or there is no sense in it.
pub(super) async fn persistently<A, F, R>(driver: Driver<'_>, served: &Arc<Served>, attempt: F) -> Result<A>
where
    F: FnMut(Try) -> R,
    R: Future<Output = std::result::Result<A, Failure>>,
{
    let plan = [served.clone()];
    let asked = driver.run(&plan, attempt).await;
    asked.map(|answered| answered.answer).map_err(told)
}

/// The request for a summary with what the model's own has: address, key, parameters, and the longest answer.
fn call(turn: &Turn, wanted: &CompletionRequest, own: CompletionRequest) -> CompletionRequest {
    CompletionRequest {
        system: wanted.system.clone(),
        messages: wanted.messages.clone(),
        thinking: wanted.thinking,
        session_id: turn.session_id.clone(),
        max_tokens: wanted.max_tokens.into_iter().chain(own.max_tokens).min(),
        ..own
    }
}
