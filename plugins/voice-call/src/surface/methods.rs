//! Methods of the gateway, `voicecall.*`.
use super::operations::{self, Params};
use crate::{clock::uuid, phone::Line};
use openclaw_plugin_api::{Error, ErrorKind, Host, MethodCall, MethodSpec, Methods, Result};
use serde_json::{Value, json};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

/// Their names.
pub(crate) const NAMES: &[&str] = &[
    "voicecall.initiate",
    "voicecall.start",
    "voicecall.continue",
    "voicecall.continue.start",
    "voicecall.continue.result",
    "voicecall.speak",
    "voicecall.dtmf",
    "voicecall.end",
    "voicecall.status",
    "voicecall.tail",
];
/// Conversations that are waited for in the background; the oldest is forgotten.
const MAX_PENDING: usize = 64;
/// Records that can be had at once.
const MAX_TAIL: u64 = 500;
/// Records when nobody says how many.
const TAIL: u64 = 25;

/// What is still to be told: names of events and what they carry.
type Pending = VecDeque<(String, Option<Value>)>;

/// The methods.
#[derive(Debug)]
pub(crate) struct VoiceMethods {
    host: Host,
    line: Line,
    pending: Arc<Mutex<Pending>>,
}

// === impl VoiceMethods ===

impl VoiceMethods {
    pub(crate) fn new(host: Host, line: Line) -> Self {
        Self {
            host,
            line,
            pending: Arc::default(),
        }
    }

    /// Begins a conversation whose answer is asked for later.
    fn begin(&self, params: Params) -> Result<Value> {
        // what is wrong with it is told at once
        self.line.phone()?;
        params.call()?;
        params.message()?;
        let id = uuid();
        {
            let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
            if pending.len() >= MAX_PENDING {
                pending.pop_front();
            }
            pending.push_back((id.clone(), None));
        }
        let (pending, line, key) = (self.pending.clone(), self.line.clone(), id.clone());
        self.host.spawn(async move {
            let outcome = match operations::converse(&line, &params).await {
                Ok(result) => result,
                Err(error) => json!({ "success": false, "error": error.message() }),
            };
            let mut pending = pending.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((_, slot)) = pending.iter_mut().find(|(id, _)| *id == key) {
                *slot = Some(outcome);
            }
        });
        Ok(json!({ "operationId": id }))
    }

    fn result(&self, params: &Params) -> Result<Value> {
        let id = params.operation_id.as_deref().unwrap_or_default();
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        let at = pending.iter().position(|(known, _)| known == id);
        let at = at.ok_or_else(|| Error::new(ErrorKind::NotFound, "there is no such operation"))?;
        let Some(result) = pending[at].1.clone() else {
            return Ok(json!({ "operationId": id, "done": false }));
        };
        pending.remove(at);
        Ok(json!({ "operationId": id, "done": true, "result": result }))
    }

    async fn answer(&self, method: &str, raw: &Value) -> Result<Value> {
        let params = Params::read(raw)?;
        match method {
            "voicecall.initiate" => {
                params.message()?;
                operations::call(&self.line, params).await
            }
            "voicecall.start" => operations::call(&self.line, params).await,
            "voicecall.continue" => operations::converse(&self.line, &params).await,
            "voicecall.continue.start" => self.begin(params),
            "voicecall.continue.result" => self.result(&params),
            "voicecall.speak" => operations::speak(&self.line, &params).await,
            "voicecall.dtmf" => operations::press(&self.line, &params).await,
            "voicecall.end" => operations::end(&self.line, &params).await,
            "voicecall.tail" => {
                let count = raw["since"].as_u64().unwrap_or(TAIL).min(MAX_TAIL);
                let calls = self.line.phone()?.calls.clone();
                let count = usize::try_from(count).unwrap_or(usize::MAX);
                Ok(json!({ "calls": calls.history(count).await? }))
            }
            _ => operations::status(&self.line, &params).await,
        }
    }
}

impl Methods for VoiceMethods {
    fn methods(&self) -> Vec<MethodSpec> {
        let spec = |name: &&str| MethodSpec {
            name: (*name).to_owned(),
            description: description(name).to_owned(),
            scope: match *name {
                "voicecall.status" | "voicecall.tail" => "operator.read".to_owned(),
                _ => "operator.write".to_owned(),
            },
        };
        NAMES.iter().map(spec).collect()
    }

    async fn call(&self, call: MethodCall) -> Result<Value> {
        self.answer(&call.method, &call.params).await.map_err(|error| {
            let told = operations::failure(&error);
            // clients of OpenClaw look for the text there
            error.with("error", told["error"].clone())
        })
    }
}

fn description(name: &str) -> &'static str {
    match name {
        "voicecall.initiate" => "Makes a call with a message",
        "voicecall.start" => "Makes a call",
        "voicecall.continue" => "Says something in a call and gives the answer",
        "voicecall.continue.start" => "Says something in a call; the answer is asked for later",
        "voicecall.continue.result" => "The answer of continue.start",
        "voicecall.speak" => "Says something in a call",
        "voicecall.dtmf" => "Presses keys in a call",
        "voicecall.end" => "Ends a call",
        "voicecall.tail" => "The newest calls",
        _ => "One call, or all that go on",
    }
}
