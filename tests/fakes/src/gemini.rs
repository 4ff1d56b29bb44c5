//! Gemini on loopback: `models/<id>:streamGenerateContent` and `models`, at any version's path.
//!
//! Without a script it repeats the last text that it heard, word by word. Invariant: what the vendor would refuse is
//! refused here, by its own description where that is at hand.
use crate::{
    server::{Asked, Reply, Server, Vendor},
    spec::{judge, validator},
    turn::Turn,
};
use jsonschema::Validator;
use serde_json::{Value, json};
use std::{
    collections::VecDeque,
    io,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

static BODY: LazyLock<Option<Validator>> = LazyLock::new(|| {
    validator("gemini_core.json", "GenerateContentRequest", |schemas| {
        // The service takes the model from the path; its description wants it in the body too.
        schemas["GenerateContentRequest"]["required"] = json!(["contents"]);
    })
});

/// A running fake.
#[derive(Debug)]
pub struct Gemini {
    /// Requests and faults.
    pub server: Server,
    turns: Turns,
}

type Turns = Arc<Mutex<VecDeque<Turn>>>;

struct Generate(Turns);

impl Gemini {
    /// Starts one on a free port.
    pub async fn start() -> io::Result<Self> {
        let turns = Turns::default();
        let server = Server::start(Generate(turns.clone())).await?;
        Ok(Self { server, turns })
    }

    /// What `baseUrl` has to say.
    pub fn base_url(&self) -> String {
        self.server.url() + "/v1beta"
    }

    /// The answer to the next request that no earlier turn is for.
    pub fn turn(&self, turn: Turn) {
        self.turns
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push_back(turn);
    }
}

impl Vendor for Generate {
    fn answer(&self, asked: &Asked) -> Reply {
        let path = asked.path.split('?').next().unwrap_or_default();
        if asked.header("x-goog-api-key").is_empty() && asked.header("authorization").is_empty() {
            return refusal(
                403,
                "PERMISSION_DENIED",
                "Method doesn't allow unregistered callers",
            );
        }
        if path.ends_with("/models") {
            let model = json!({ "name": "models/gemini-3-pro-preview", "displayName": "Gemini 3 Pro", "inputTokenLimit": 1_048_576, "outputTokenLimit": 65_536, "supportedGenerationMethods": ["generateContent"] });
            return Reply::json(200, &json!({ "models": [model] }));
        }
        if !path.ends_with(":streamGenerateContent") {
            return refusal(404, "NOT_FOUND", "Requested entity was not found.");
        }
        let turn = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        exchange(&asked.json(), turn).map_or_else(|why| refusal(400, "INVALID_ARGUMENT", &why), Reply::events)
    }
}

fn refusal(code: u16, status: &str, message: &str) -> Reply {
    Reply::json(
        code,
        &json!({ "error": { "code": code, "message": message, "status": status } }),
    )
}

/// What the vendor would send for a body, event by event, or why it would refuse it. Without a turn: an echo.
pub fn exchange(body: &Value, turn: Option<Turn>) -> Result<Vec<String>, String> {
    if let Some(validator) = BODY.as_ref() {
        judge(validator, body)?;
    }
    if body["contents"][0]["role"] != "user" {
        return Err("Please ensure that the conversation begins with a user turn.".into());
    }
    let turn = turn.unwrap_or_else(|| Turn::say(&last_text(body)));
    let mut parts = Vec::new();
    if !turn.thinking.is_empty() {
        parts.push(json!({ "text": turn.thinking, "thought": true }));
    }
    parts.extend(turn.text.iter().map(|text| json!({ "text": text })));
    let calls = turn.calls.iter();
    parts.extend(calls.map(|(name, args)| json!({ "functionCall": { "name": name, "args": args }, "thoughtSignature": "c2lnbmVk" })));
    parts.push(json!({ "text": "" }));
    let last = parts.len() - 1;
    let (input, output) = turn.usage;
    let pieces = parts.into_iter().enumerate().map(|(number, part)| {
        let mut candidate = json!({ "index": 0, "content": { "role": "model", "parts": [part] } });
        if number == last {
            candidate["finishReason"] = turn.stop.as_deref().unwrap_or("STOP").into();
        }
        let usage = json!({ "promptTokenCount": input, "candidatesTokenCount": output, "totalTokenCount": input + output });
        json!({ "candidates": [candidate], "usageMetadata": usage, "responseId": "fake", "modelVersion": "fake" })
    });
    Ok(pieces.map(|piece| format!("data: {piece}\r\n\r\n")).collect())
}

fn last_text(body: &Value) -> String {
    let turns = body["contents"].as_array().into_iter().flatten();
    let parts = turns.flat_map(|turn| turn["parts"].as_array().into_iter().flatten());
    let mut texts = parts.filter_map(|part| part["text"].as_str());
    texts.next_back().unwrap_or("nothing").to_owned()
}
