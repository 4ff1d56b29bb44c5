//! The whole of a compaction: cut, have the older part summarised piece by piece, put the summary in its place.
//!
//! A history is changed only when the summary is there: a call that fails leaves it as it was.
use super::{
    super::{
        asker::Models,
        tokens::{self, Window},
        turn::{History, Turn},
    },
    Policy, cut, parts, request,
};
use crate::models::{Scope, Served};
use openclaw_plugin_api::{CompletionRequest, Error, ErrorKind, Result};
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

/// Asks the model with one of its keys after the other, as long as the fault is the key's.
pub(in crate::agent) async fn ask(
    models: &Models,
    turn: &Turn,
    served: &Served,
    request: CompletionRequest,
) -> Result<String> {
    let mut last = None;
    for credential in &served.credentials {
        let mut call = served.request(credential);
        call.system.clone_from(&request.system);
        call.messages.clone_from(&request.messages);
        call.thinking = request.thinking;
        call.session_id.clone_from(&turn.session_id);
        call.max_tokens = match (request.max_tokens, call.max_tokens) {
            (Some(wanted), Some(most)) => Some(wanted.min(most)),
            (wanted, most) => wanted.or(most),
        };
        let limit = turn.summariser.limit;
        let asked = tokio::time::timeout(limit, models.aside(served, call)).await;
        let late = |_| {
            let text = format!(
                "the summary took longer than {limit:?}; see agents.defaults.compaction.timeoutSeconds"
            );
            Err(Error::new(ErrorKind::Timeout, text))
        };
        match asked.unwrap_or_else(late) {
            Err(error)
                if matches!(
                    Scope::of(error.kind()),
                    Some(Scope::Credential | Scope::CredentialAndModel)
                ) =>
            {
                last = Some(error);
            }
            outcome => return outcome,
        }
    }
    Err(last.unwrap_or_else(|| {
        let text = format!(
            "there is no key for {}; see `openclaw models status`",
            served.reference
        );
        Error::new(ErrorKind::Auth, text)
    }))
}
