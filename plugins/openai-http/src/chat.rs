//! `POST /v1/chat/completions`.
use crate::{
    error::Refusal,
    input::{self, ChatMessage, or_default},
    reply::{End, Reply, Step, Wanted, Whole, now, usage},
    target::{Target, target},
};
use openclaw_plugin_api::{Answer, AnswerBody, Host, HttpCall, Result, StopReason};
use serde::Deserialize;
use serde_json::{Value, json};

/// What a client asks.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Request {
    model: String,
    messages: Vec<ChatMessage>,
    #[serde(deserialize_with = "or_default")]
    stream: bool,
    #[serde(deserialize_with = "or_default")]
    stream_options: StreamOptions,
    #[serde(deserialize_with = "or_default")]
    tools: Vec<Value>,
    tool_choice: Value,
    max_tokens: Option<u32>,
    max_completion_tokens: Option<u32>,
    user: Option<String>,
    n: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct StreamOptions {
    #[serde(deserialize_with = "or_default")]
    include_usage: bool,
}

/// A request that is being answered.
struct Completion {
    id: String,
    created: u64,
    model: String,
    with_usage: bool,
}

/// Answers one request.
pub(crate) async fn complete(
    host: &Host,
    config: &crate::config::Config,
    call: &HttpCall,
    answer: Answer,
) -> Result<Option<(Answer, Refusal)>> {
    let (request, target) = match read(config, call) {
        Ok(read) => read,
        Err(refusal) => return Ok(Some((answer, refusal))),
    };
    let completion = Completion {
        id: format!("chatcmpl_{}", call.request_id),
        created: now(),
        model: request.model.clone(),
        with_usage: request.stream_options.include_usage,
    };
    let stream = request.stream;
    let mut reply = match begin(host, &target, request, &completion.id).await {
        Ok(reply) => reply,
        Err(refusal) => return Ok(Some((answer, refusal))),
    };
    if stream {
        return completion.stream(reply, answer).await;
    }
    match reply.whole().await {
        Ok(whole) => {
            let body = completion.whole(&whole);
            answer
                .send(200, "application/json", &serde_json::to_vec(&body)?)
                .await?;
            Ok(None)
        }
        Err(error) => Ok(Some((answer, Refusal::from(&error)))),
    }
}

fn read(config: &crate::config::Config, call: &HttpCall) -> Result<(Request, Target), Refusal> {
    let request: Request = serde_json::from_slice(&call.body)
        .map_err(|error| Refusal::invalid("body", format!("this is no chat completion: {error}")))?;
    if request.n.is_some_and(|n| n != 1) {
        return Err(Refusal::invalid(
            "n",
            "an agent gives one answer; leave n out or set it to 1",
        ));
    }
    let target = target(config, call, &request.model, request.user.as_deref())?;
    Ok((request, target))
}

async fn begin(host: &Host, target: &Target, request: Request, id: &str) -> Result<Reply, Refusal> {
    let said = input::messages(request.messages)?;
    let choice = input::chosen(input::of_chat(&request.tools)?, &request.tool_choice);
    let most = request.max_completion_tokens.or(request.max_tokens);
    Reply::begin(host, target, said, choice, most, id).await
}

// === impl Completion ===

impl Completion {
    fn whole(&self, whole: &Whole) -> Value {
        let Whole { text, calls, end } = whole;
        let mut message = json!({"role": "assistant", "content": text, "refusal": null});
        if !calls.is_empty() {
            if text.is_empty() {
                message["content"] = Value::Null;
            }
            message["tool_calls"] = calls.iter().map(wanted).collect();
        }
        json!({
            "id": self.id, "object": "chat.completion", "created": self.created, "model": self.model,
            "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": reason(calls.len(), end)}],
            "usage": usage(&end.usage),
        })
    }

    /// Answers piece by piece. What goes wrong before the first piece is an error like any other; after that it is told
    /// in the stream.
    async fn stream(self, mut reply: Reply, answer: Answer) -> Result<Option<(Answer, Refusal)>> {
        let mut step = match reply.next().await {
            Ok(step) => step,
            Err(error) => return Ok(Some((answer, Refusal::from(&error)))),
        };
        let mut out = answer.start(200, crate::routes::EVENTS).await?;
        self.piece(&mut out, &json!({"role": "assistant", "content": ""}), None)
            .await?;
        let mut calls = 0;
        let mut end = End::default();
        loop {
            match step {
                Some(Step::Text(text)) => self.piece(&mut out, &json!({"content": text}), None).await?,
                Some(Step::Call(call)) => {
                    let mut told = wanted(&call);
                    told["index"] = calls.into();
                    calls += 1;
                    self.piece(&mut out, &json!({"tool_calls": [told]}), None).await?;
                }
                Some(Step::Done(how)) => end = how,
                None => break,
            }
            step = match reply.next().await {
                Ok(step) => step,
                Err(error) => {
                    data(&mut out, &Refusal::from(&error).body()).await?;
                    return Ok(None);
                }
            };
        }
        self.piece(&mut out, &json!({}), Some(reason(calls, &end)))
            .await?;
        if self.with_usage {
            let mut last = self.chunk();
            last["choices"] = json!([]);
            last["usage"] = usage(&end.usage);
            data(&mut out, &last).await?;
        }
        out.write(b"data: [DONE]\n\n").await?;
        Ok(None)
    }

    fn chunk(&self) -> Value {
        let mut chunk = json!({
            "id": self.id, "object": "chat.completion.chunk", "created": self.created, "model": self.model,
        });
        if self.with_usage {
            chunk["usage"] = Value::Null;
        }
        chunk
    }

    async fn piece(&self, out: &mut AnswerBody, delta: &Value, end: Option<&str>) -> Result<()> {
        let mut chunk = self.chunk();
        chunk["choices"] = json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": end}]);
        data(out, &chunk).await
    }
}

fn wanted(call: &Wanted) -> Value {
    json!({
        "id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments},
    })
}

fn reason(calls: usize, end: &End) -> &'static str {
    match end.stop {
        _ if calls > 0 => "tool_calls",
        StopReason::Length => "length",
        StopReason::Refusal => "content_filter",
        _ => "stop",
    }
}

async fn data(out: &mut AnswerBody, value: &Value) -> Result<()> {
    out.write(format!("data: {value}\n\n").as_bytes()).await
}
