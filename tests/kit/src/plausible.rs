//! Requests as the gateway would make them, and what their answers have to look like.
//!
//! A method of a later revision is asked with an empty object and its answer is not judged.
use crate::{
    generate,
    outcome::{Stop, Verdict},
    rng::Rng,
    subject::{Answer, Request, Subject, is_lifecycle},
};
use openclaw_plugin_api::{
    Account, Action, Activity, CatalogRequest, ChannelStatus, CommandCall, CommandReply, Completion,
    CompletionRequest, Delta, Edit, Health, HttpCall, HttpHead, LoginRequest, LoginStep, Message,
    MessageTarget, MethodCall, ModelInfo, Outbound, React, Receipt, Role, ToolCall, ToolOutput, ToolSpec,
    surface::ids,
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

/// What a chat of the kit is called.
const CHAT: &str = "kit-chat";
/// The account of the kit.
pub(crate) const ACCOUNT: &str = "default";

/// One sensible request for everything that can be called, except what starts and stops.
pub(crate) fn requests(subject: &Subject, rng: &mut Rng) -> Vec<Request> {
    let mut all = subject.endpoints();
    all.retain(|request| !is_lifecycle(&request.method) && !starts_or_stops(&request.method));
    for request in &mut all {
        let spec = subject
            .registrations
            .registrations
            .iter()
            .find(|r| r.id == request.target);
        let body = body(request, spec.map_or(&Value::Null, |r| &r.spec), rng);
        request.body = serde_json::to_vec(&body).expect("the kit's records are JSON");
    }
    all
}

/// As the gateway starts the account of a channel.
pub(crate) fn start_channel(channel: &str, config: Value) -> Request {
    Request::json(
        ids::channel::START,
        channel,
        &Account {
            id: ACCOUNT.into(),
            config,
        },
    )
}

/// A message for a channel.
pub(crate) fn outbound(key: &str) -> Outbound {
    Outbound {
        idempotency_key: key.into(),
        account_id: ACCOUNT.into(),
        chat_id: CHAT.into(),
        text: "hello from the kit".into(),
        ..Outbound::default()
    }
}

/// What a model is asked.
pub(crate) fn completion() -> CompletionRequest {
    CompletionRequest {
        model: "kit-model".into(),
        system: vec!["You are being tested.".into()],
        messages: vec![Message::text(
            Role::User,
            "one two three four five six seven eight",
        )],
        max_tokens: Some(64),
        ..CompletionRequest::default()
    }
}

fn starts_or_stops(method: &str) -> bool {
    [
        ids::channel::START,
        ids::channel::STOP,
        ids::service::START,
        ids::service::STOP,
    ]
    .contains(&method)
}

fn body(request: &Request, spec: &Value, rng: &mut Rng) -> Value {
    let record = match request.method.as_str() {
        ids::tool::INVOKE => serde_json::to_value(tool_call(spec, rng)),
        ids::provider::COMPLETE => serde_json::to_value(completion()),
        ids::provider::MODELS => serde_json::to_value(CatalogRequest::default()),
        ids::command::RUN => serde_json::to_value(command_call(&request.target)),
        ids::method::CALL => serde_json::to_value(MethodCall {
            method: request.target.clone(),
            params: json!({}),
            client_id: "kit".into(),
            scopes: vec!["operator.admin".into()],
        }),
        ids::http::HANDLE | ids::http::WEBSOCKET => serde_json::to_value(HttpCall {
            method: "GET".into(),
            path: request.target.clone(),
            url: format!("https://kit.invalid{}", request.target),
            peer: "192.0.2.1".into(),
            request_id: "kit-1".into(),
            ..HttpCall::default()
        }),
        ids::service::HEALTH => Ok(Value::Null),
        method if method.starts_with("channel/1/") => channel_body(method),
        ids::speech::SYNTHESIZE => Ok(json!({"text": "hello", "voice": ""})),
        _ => Ok(json!({})),
    };
    record.expect("the kit's records are JSON")
}

fn channel_body(method: &str) -> serde_json::Result<Value> {
    let target = MessageTarget {
        account_id: ACCOUNT.into(),
        chat_id: CHAT.into(),
        message_id: "1".into(),
        ..MessageTarget::default()
    };
    match method {
        ids::channel::SEND => serde_json::to_value(outbound("kit-plausible")),
        ids::channel::EDIT => serde_json::to_value(Edit {
            target,
            text: "better".into(),
            ..Edit::default()
        }),
        ids::channel::DELETE => serde_json::to_value(target),
        ids::channel::REACT => serde_json::to_value(React {
            target,
            emoji: "👍".into(),
            remove: false,
        }),
        ids::channel::ACTIVITY => serde_json::to_value(Activity {
            account_id: ACCOUNT.into(),
            chat_id: CHAT.into(),
            ..Activity::default()
        }),
        ids::channel::ACTION => serde_json::to_value(Action {
            name: "no-such-action".into(),
            account_id: ACCOUNT.into(),
            chat_id: CHAT.into(),
            params: Map::new(),
            ..Action::default()
        }),
        ids::channel::LOGIN => serde_json::to_value(LoginRequest {
            account_id: ACCOUNT.into(),
            ..LoginRequest::default()
        }),
        // The others take the account's id.
        _ => Ok(json!(ACCOUNT)),
    }
}

fn tool_call(spec: &Value, rng: &mut Rng) -> ToolCall {
    let spec: ToolSpec = serde_json::from_value(spec.clone()).unwrap_or_default();
    let arguments = generate::valid(&spec.parameters, rng).unwrap_or_else(|| json!({}));
    ToolCall {
        arguments,
        ..ToolCall::default()
    }
}

fn command_call(name: &str) -> CommandCall {
    CommandCall {
        name: name.into(),
        args: vec!["one".into(), "two".into()],
        text: "one two".into(),
        ..CommandCall::default()
    }
}

/// Is a good answer to this request a record as the boundary wants it? Errors are answers too.
pub(crate) fn check(request: &Request, answer: &Answer) -> Verdict {
    let Ok(reply) = &answer.reply else { return Ok(()) };
    let read = match request.method.as_str() {
        ids::tool::INVOKE => parse::<ToolOutput>(reply),
        ids::provider::COMPLETE => parse::<Completion>(reply).and_then(|()| {
            let mut deltas = answer.chunks.iter().map(|chunk| Delta::decode(chunk));
            deltas.try_for_each(|delta| delta.map(drop).map_err(|e| format!("a delta can't be read: {e}")))
        }),
        ids::provider::MODELS => parse::<Vec<ModelInfo>>(reply),
        ids::command::RUN => parse::<CommandReply>(reply),
        ids::method::CALL | ids::channel::ACTION => parse::<Value>(reply),
        ids::service::HEALTH => parse::<Health>(reply),
        ids::channel::PROBE => parse::<ChannelStatus>(reply),
        ids::channel::LOGIN => parse::<LoginStep>(reply),
        ids::channel::SEND | ids::channel::EDIT => parse::<Receipt>(reply),
        ids::http::HANDLE => match answer.chunks.first() {
            Some(head) => parse::<HttpHead>(head),
            None => Err("the answer has no head".to_owned()),
        },
        _ => Ok(()),
    };
    read.map_err(|why| {
        Stop::failed(format_args!(
            "{request} answered something else than its record: {why}"
        ))
    })
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<(), String> {
    serde_json::from_slice::<T>(bytes)
        .map(drop)
        .map_err(|e| e.to_string())
}
