//! `POST /v1/responses`.
//!
//! A response can be gone on with by its id for a day: the conversation is the agent's, and the id leads to it.
use crate::{
    error::Refusal,
    input::{self, Input, or_default},
    reply::{Reply, Step, Wanted, Whole, now},
    target::{Target, target},
};
use openclaw_plugin_api::{Answer, AnswerBody, Host, HttpCall, Result, StopReason, Usage};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;

/// How long a response can be gone on with.
const REMEMBERED: Duration = Duration::from_secs(24 * 60 * 60);

/// What a client asks.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Request {
    #[serde(deserialize_with = "or_default")]
    model: String,
    input: Option<Input>,
    instructions: Option<String>,
    #[serde(deserialize_with = "or_default")]
    stream: bool,
    #[serde(deserialize_with = "or_default")]
    tools: Vec<Value>,
    tool_choice: Value,
    max_output_tokens: Option<u32>,
    previous_response_id: Option<String>,
    user: Option<String>,
}

/// A request that is being answered.
struct Response {
    id: String,
    message: String,
    created: u64,
    model: String,
    previous: Option<String>,
}

/// Events of one stream, numbered.
struct Events {
    out: AnswerBody,
    number: u64,
}

/// Answers one request.
pub(crate) async fn respond(
    host: &Host,
    config: &crate::config::Config,
    call: &HttpCall,
    answer: Answer,
) -> Result<Option<(Answer, Refusal)>> {
    let (request, target) = match read(host, config, call).await {
        Ok(read) => read,
        Err(refusal) => return Ok(Some((answer, refusal))),
    };
    let response = Response {
        id: format!("resp_{}", call.request_id),
        message: format!("msg_{}", call.request_id),
        created: now(),
        model: request.model.clone(),
        previous: request.previous_response_id.clone(),
    };
    let stream = request.stream;
    let mut reply = match begin(host, &target, request, &response.id).await {
        Ok(reply) => reply,
        Err(refusal) => return Ok(Some((answer, refusal))),
    };
    let key = remembered(&response.id);
    host.store()
        .add(&key, target.session_key, Some(REMEMBERED))
        .await?;
    if stream {
        return response.stream(reply, answer).await;
    }
    match reply.whole().await {
        Ok(whole) => {
            let body = serde_json::to_vec(&response.whole(&whole))?;
            answer.send(200, "application/json", &body).await?;
            Ok(None)
        }
        Err(error) => Ok(Some((answer, Refusal::from(&error)))),
    }
}

async fn read(
    host: &Host,
    config: &crate::config::Config,
    call: &HttpCall,
) -> Result<(Request, Target), Refusal> {
    let request: Request = serde_json::from_slice(&call.body)
        .map_err(|error| Refusal::invalid("body", format!("this is no request for a response: {error}")))?;
    let mut target = target(config, call, &request.model, request.user.as_deref())?;
    if let Some(previous) = &request.previous_response_id {
        let known = host.store().get(&remembered(previous)).await;
        let known = known.map_err(|error| Refusal::from(&error))?;
        let key = known.and_then(|key| String::from_utf8(key).ok());
        target.session_key = key.ok_or_else(|| {
            let message = "there is no such response any more; send the whole conversation";
            Refusal::invalid("previous_response_id", message)
        })?;
        target.lasting = true;
    }
    Ok((request, target))
}

fn remembered(id: &str) -> String {
    let id: String = id.chars().take(100).collect();
    format!("response:{id}")
}

async fn begin(host: &Host, target: &Target, request: Request, id: &str) -> Result<Reply, Refusal> {
    let input = request
        .input
        .ok_or_else(|| Refusal::invalid("input", "input is missing: send a text"))?;
    let said = input::items(&request.instructions.unwrap_or_default(), input)?;
    let choice = input::chosen(input::of_responses(&request.tools)?, &request.tool_choice);
    Reply::begin(host, target, said, choice, request.max_output_tokens, id).await
}

// === impl Response ===

impl Response {
    fn object(&self, status: &str, output: Value, usage: Value) -> Value {
        json!({
            "id": self.id, "object": "response", "created_at": self.created, "status": status, "error": null,
            "incomplete_details": null, "instructions": null, "metadata": {}, "model": self.model, "output": output,
            "parallel_tool_calls": true, "previous_response_id": self.previous, "temperature": null, "top_p": null,
            "tool_choice": "auto", "tools": [], "usage": usage,
        })
    }

    fn whole(&self, whole: &Whole) -> Value {
        let status = status(whole);
        let mut object = self.object(status, self.output(whole).into(), tokens(&whole.end.usage));
        if let Some(why) = cut_short(whole) {
            object["incomplete_details"] = json!({ "reason": why });
        }
        object
    }

    fn output(&self, whole: &Whole) -> Vec<Value> {
        let mut output = Vec::new();
        if !whole.text.is_empty() || whole.calls.is_empty() {
            output.push(self.said(status(whole), &whole.text));
        }
        output.extend(whole.calls.iter().map(wanted));
        output
    }

    fn said(&self, status: &str, text: &str) -> Value {
        let content = match status {
            "in_progress" => json!([]),
            _ => json!([part(text)]),
        };
        json!({
            "type": "message", "id": self.message, "role": "assistant", "status": status, "content": content,
        })
    }

    /// Answers piece by piece.
    async fn stream(self, mut reply: Reply, answer: Answer) -> Result<Option<(Answer, Refusal)>> {
        let mut step = match reply.next().await {
            Ok(step) => step,
            Err(error) => return Ok(Some((answer, Refusal::from(&error)))),
        };
        let mut events = Events {
            out: answer.start(200, crate::routes::EVENTS).await?,
            number: 0,
        };
        let begun = self.object("in_progress", json!([]), Value::Null);
        for kind in ["response.created", "response.in_progress"] {
            events.send(kind, json!({"response": begun})).await?;
        }
        let mut whole = Whole::default();
        loop {
            match step {
                Some(Step::Text(text)) => {
                    if whole.text.is_empty() {
                        self.open(&mut events).await?;
                    }
                    whole.text.push_str(&text);
                    let delta = json!({
                        "item_id": self.message, "output_index": 0, "content_index": 0, "delta": text, "logprobs": [],
                    });
                    events.send("response.output_text.delta", delta).await?;
                }
                Some(Step::Call(call)) => whole.calls.push(call),
                Some(Step::Done(end)) => whole.end = end,
                None => break,
            }
            step = match reply.next().await {
                Ok(step) => step,
                Err(error) => {
                    let mut failed = self.object("failed", self.output(&whole).into(), Value::Null);
                    let refusal = Refusal::from(&error);
                    failed["error"] = json!({"code": "server_error", "message": refusal.message});
                    events
                        .send("response.failed", json!({"response": failed}))
                        .await?;
                    return events.end().await.map(|()| None);
                }
            };
        }
        self.close(&mut events, &whole).await?;
        let kind = format!("response.{}", status(&whole));
        events
            .send(&kind, json!({"response": self.whole(&whole)}))
            .await?;
        events.end().await.map(|()| None)
    }

    async fn open(&self, events: &mut Events) -> Result<()> {
        let item = json!({"output_index": 0, "item": self.said("in_progress", "")});
        events.send("response.output_item.added", item).await?;
        let content =
            json!({"item_id": self.message, "output_index": 0, "content_index": 0, "part": part("")});
        events.send("response.content_part.added", content).await
    }

    async fn close(&self, events: &mut Events, whole: &Whole) -> Result<()> {
        if whole.text.is_empty() && whole.calls.is_empty() {
            self.open(events).await?;
        }
        let output = self.output(whole);
        for (index, item) in output.iter().enumerate() {
            if item["type"] == "message" {
                let place = json!({"item_id": self.message, "output_index": index, "content_index": 0});
                let text = with(&place, json!({"text": whole.text, "logprobs": []}));
                events.send("response.output_text.done", text).await?;
                let content = with(&place, json!({"part": part(&whole.text)}));
                events.send("response.content_part.done", content).await?;
            } else {
                self.call(events, index, item).await?;
            }
            let done = json!({"output_index": index, "item": item});
            events.send("response.output_item.done", done).await?;
        }
        Ok(())
    }

    async fn call(&self, events: &mut Events, index: usize, item: &Value) -> Result<()> {
        let (id, arguments) = (&item["id"], &item["arguments"]);
        let mut begun = item.clone();
        begun["status"] = "in_progress".into();
        begun["arguments"] = "".into();
        let added = json!({"output_index": index, "item": begun});
        events.send("response.output_item.added", added).await?;
        let delta = json!({"item_id": id, "output_index": index, "delta": arguments});
        events
            .send("response.function_call_arguments.delta", delta)
            .await?;
        let done =
            json!({"item_id": id, "output_index": index, "name": item["name"], "arguments": arguments});
        events.send("response.function_call_arguments.done", done).await
    }
}

// === impl Events ===

impl Events {
    async fn send(&mut self, kind: &str, body: Value) -> Result<()> {
        let event = with(&body, json!({"type": kind, "sequence_number": self.number}));
        self.number += 1;
        let text = format!("event: {kind}\ndata: {event}\n\n");
        self.out.write(text.as_bytes()).await
    }

    async fn end(mut self) -> Result<()> {
        self.out.write(b"data: [DONE]\n\n").await
    }
}

fn with(object: &Value, more: Value) -> Value {
    let mut all = object.clone();
    if let (Value::Object(all), Value::Object(more)) = (&mut all, more) {
        all.extend(more);
    }
    all
}

fn status(whole: &Whole) -> &'static str {
    match cut_short(whole) {
        Some(_) => "incomplete",
        None => "completed",
    }
}

/// Why there is no more of an answer that has no end of its own.
fn cut_short(whole: &Whole) -> Option<&'static str> {
    match whole.end.stop {
        StopReason::Length => Some("max_output_tokens"),
        StopReason::Refusal => Some("content_filter"),
        _ => None,
    }
}

fn part(text: &str) -> Value {
    json!({"type": "output_text", "text": text, "annotations": [], "logprobs": []})
}

fn wanted(call: &Wanted) -> Value {
    json!({
        "type": "function_call", "id": format!("fc_{}", call.id), "call_id": call.id, "name": call.name,
        "arguments": call.arguments, "status": "completed",
    })
}

fn tokens(usage: &Usage) -> Value {
    let input = usage.input + usage.cache_read + usage.cache_write;
    json!({
        "input_tokens": input, "input_tokens_details": {"cached_tokens": usage.cache_read},
        "output_tokens": usage.output, "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": input + usage.output,
    })
}
