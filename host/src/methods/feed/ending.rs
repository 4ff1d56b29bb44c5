//! How the end of a run is told.
use super::{
    event::{Event, chat, message},
    tale::Tale,
};
use crate::{
    agent::{
        about::stop_word,
        live::{End, Run, Source},
    },
    methods::{agent::Ended, sessions::message::injected},
};
use openclaw_plugin_api::{Error, ErrorKind};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

/// Most of a vendor's words that clients are shown, characters.
const MAX_WORDS: usize = 300;

/// It ended before it was taken: its message is not in the journal.
pub(super) fn is_refused(run: &Run) -> bool {
    matches!(run.how(), Some(End::Aborted)) && run.began_ms().is_none() && run.stopped_by_nobody()
}

/// Tells how a run has ended.
pub(super) fn tell(tale: &mut Tale, run: &Run, now: Instant, now_ms: i64, out: &mut Vec<Event>) {
    match run.how() {
        Some(End::Answered { text, usage }) => {
            let ended = Ended::of(run, text.clone(), usage);
            answered(tale, run, (&text, &ended), now, now_ms, out);
        }
        Some(End::Failed { message, error }) => failed(tale, run, &message, &error, now_ms, out),
        Some(End::Aborted) | None => aborted(tale, run, now, now_ms, out),
        Some(End::Merged) => {
            tale.seq += 1;
            out.push(chat(without_agent(tale.chat_event("final"))));
        }
        Some(End::Told { text }) => told(tale, &text, now, now_ms, out),
    }
}

fn answered(
    tale: &mut Tale,
    run: &Run,
    (text, ended): (&str, &Ended),
    now: Instant,
    now_ms: i64,
    out: &mut Vec<Event>,
) {
    let (stop, visible) = (stop_word(run.stop()), ended.visible());
    // what tools did can't be taken back by asking again
    let spent = !run.tools().is_empty();
    let mut finishing = json!({
        "phase": "finishing", "stopReason": stop, "aborted": false, "livenessState": "working",
        "endedAt": now_ms,
    });
    if spent {
        finishing["replayInvalid"] = json!(true);
    }
    out.push(tale.lifecycle(run, finishing, now_ms));
    out.push(idle(tale, run, now_ms));
    let mut end = json!({ "phase": "end", "aborted": false, "executionSettled": true });
    if tale.source != Source::Caller {
        end["replayInvalid"] = json!(spent);
    }
    merge(&mut end, ended.told());
    out.push(tale.lifecycle(run, end, now_ms));
    tale.close(text, now, now_ms, out);
    let mut last = tale.chat_event("final");
    last["stopReason"] = json!(stop);
    if !visible.is_empty() {
        last["message"] = message(&visible, now_ms);
    }
    out.push(chat(last));
}

fn failed(tale: &mut Tale, run: &Run, words: &str, error: &Error, now_ms: i64, out: &mut Vec<Event>) {
    let detail = detail(run, error);
    if tale.began {
        let finishing = json!({
            "phase": "finishing", "error": words, "errorObservation": detail, "aborted": false,
            "livenessState": "blocked", "endedAt": now_ms,
        });
        out.push(tale.lifecycle(run, finishing, now_ms));
        out.push(idle(tale, run, now_ms));
        let end = json!({
            "phase": "error", "error": words, "errorObservation": detail, "aborted": false,
            "livenessState": "blocked", "startedAt": run.began_ms(), "endedAt": now_ms,
            "executionSettled": true,
        });
        out.push(tale.lifecycle(run, end, now_ms));
    } else {
        tale.seq += 1;
    }
    let mut last = tale.chat_event("error");
    last["errorMessage"] = json!(words);
    if let Some(kind) = kind(error.kind()) {
        last["errorKind"] = json!(kind);
    }
    last["errorDetail"] = detail;
    out.push(chat(last));
}

/// What went wrong, for a program.
fn detail(run: &Run, error: &Error) -> Value {
    let (provider, model) = run.model();
    let words: String = error.message().chars().take(MAX_WORDS).collect();
    let mut detail = json!({
        "provider": provider, "model": model, "failoverReason": crate::agent::failover::reason(error.kind()),
        "providerRuntimeFailureKind": error.kind().as_str(), "providerErrorMessagePreview": words,
    });
    for (field, name) in [
        ("status", "httpStatus"),
        ("httpStatus", "httpStatus"),
        ("type", "providerErrorType"),
    ] {
        if let Some(value) = error.detail().get(field) {
            detail[name] = value.clone();
        }
    }
    detail
}

fn kind(kind: ErrorKind) -> Option<&'static str> {
    match kind {
        ErrorKind::Refused | ErrorKind::Rejected => Some("refusal"),
        ErrorKind::Timeout => Some("timeout"),
        ErrorKind::RateLimited => Some("rate_limit"),
        ErrorKind::ContextOverflow => Some("context_length"),
        ErrorKind::Unknown | ErrorKind::Internal | ErrorKind::Panic => Some("unknown"),
        _ => None,
    }
}

fn aborted(tale: &mut Tale, run: &Run, now: Instant, now_ms: i64, out: &mut Vec<Event>) {
    let why = run.stopped_by();
    tale.seq += 1;
    let mut last = tale.chat_event("aborted");
    last["stopReason"] = json!(why);
    let said = run.text();
    if !said.trim().is_empty() {
        last["message"] = message(&said, now_ms);
    }
    out.push(chat(last));
    if !tale.began {
        return;
    }
    // the chat's event and the first of these have one place
    tale.seq -= 1;
    let end = json!({
        "phase": "end", "status": "cancelled", "aborted": true, "stopReason": why, "startedAt": run.began_ms(),
        "endedAt": now_ms,
    });
    out.push(tale.lifecycle(run, end, now_ms));
    out.push(idle(tale, run, now_ms));
    tale.closed(now, out);
    let end = json!({
        "phase": "error", "error": "the run was aborted", "aborted": true, "stopReason": "aborted",
        "startedAt": run.began_ms(), "endedAt": now_ms, "executionSettled": true,
    });
    out.push(tale.lifecycle(run, end, now_ms));
}

/// The answer to a command, or what was put in by hand.
fn told(tale: &mut Tale, text: &str, now: Instant, now_ms: i64, out: &mut Vec<Event>) {
    let by_hand = tale.source == Source::Caller;
    if !by_hand {
        tale.seq += 1;
        tale.completed(now, out);
        out.extend(tale.timing("first-assistant-event", now, Map::new()));
    }
    let mut last = tale.chat_event("final");
    if !text.is_empty() {
        let mut said = injected(text, now_ms);
        if !by_hand {
            said["idempotencyKey"] = json!(tale.run_id);
            said["excludeFromContext"] = json!(true);
            said["__openclaw"] = json!({ "contextFreeCommand": true });
        }
        last["message"] = said;
    }
    out.push(chat(if by_hand { last } else { without_agent(last) }));
}

/// No model is asked any more.
fn idle(tale: &mut Tale, run: &Run, now_ms: i64) -> Event {
    let data = json!({ "phase": "model", "provider": null, "model": null });
    let mut event = tale.lifecycle(run, data, now_ms);
    if tale.source != Source::Caller {
        event.payload["lane"] = json!("main");
    }
    event
}

fn without_agent(mut payload: Value) -> Value {
    if let Some(fields) = payload.as_object_mut() {
        fields.remove("agentId");
    }
    payload
}

fn merge(into: &mut Value, more: Value) {
    if let (Some(into), Value::Object(more)) = (into.as_object_mut(), more) {
        into.extend(more);
    }
}
