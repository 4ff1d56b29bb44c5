//! A conversation as the body of `POST /chat/completions`, in the dialect of the service.
use super::stream::THOUGHT_FIELDS;
use crate::{
    compat::{MaxTokens, ThinkingFormat},
    history::{self, Answer, Step},
    proof::Claim,
    service::{self, Service},
};
use openclaw_plugin_api::{Content, Thinking, ToolSpec, prelude::*};
use serde_json::Map;
use std::borrow::Cow;

/// Longest id of a call that OpenAI takes.
const MAX_CALL_ID: usize = 40;
/// Said before the pictures of results: a tool's message holds text only.
const PICTURES_FOLLOW: &str = "Pictures from the tool results above:";
/// Said for the model where a service wants it to speak after a tool.
const ACKNOWLEDGED: &str = "I have the results.";

/// The body.
pub fn body(service: &Service, request: &CompletionRequest) -> Value {
    let quirks = &service.compat.quirks;
    let mut body = Map::new();
    body.insert("model".into(), request.model.as_str().into());
    body.insert("messages".into(), Messages::new(service, request).list.into());
    body.insert("stream".into(), true.into());
    if quirks.usage_in_stream {
        body.insert("stream_options".into(), json!({ "include_usage": true }));
    }
    if quirks.store {
        body.insert("store".into(), false.into());
    }
    if let Some(limit) = request.max_tokens {
        let field = match quirks.max_tokens {
            MaxTokens::Plain => "max_tokens",
            MaxTokens::Completion => "max_completion_tokens",
        };
        body.insert(field.into(), limit.into());
    }
    if let Some(temperature) = service.temperature(request) {
        body.insert("temperature".into(), temperature.into());
    }
    if quirks.tools && !request.tools.is_empty() {
        body.insert("tools".into(), tools(service, request).into());
    }
    think(service, request.thinking, &mut body);
    if quirks.cache_key {
        service.cache(request, &mut body);
    }
    service::add_params(&mut body, &request.params);
    body.into()
}

fn tools(service: &Service, request: &CompletionRequest) -> Vec<Value> {
    let tool = |tool: &ToolSpec| {
        let mut function = json!({ "name": tool.name, "description": tool.description });
        // schemas are large, and the macro copies what it is given
        function["parameters"] = service::parameters(tool);
        if service.compat.quirks.strict {
            function["strict"] = false.into();
        }
        Value::from_iter([("type", "function".into()), ("function", function)])
    };
    request.tools.iter().map(tool).collect()
}

fn think(service: &Service, level: Thinking, body: &mut Map<String, Value>) {
    let on = level != Thinking::Off;
    let effort = service.compat.effort(level).filter(|_| service.thinks(level));
    let switch = json!({ "type": if on { "enabled" } else { "disabled" } });
    let (field, value) = match service.compat.quirks.thinking {
        ThinkingFormat::OpenAi => ("reasoning_effort", effort.map(Value::from)),
        ThinkingFormat::OpenRouter => ("reasoning", effort.map(|effort| json!({ "effort": effort }))),
        ThinkingFormat::Together => ("reasoning", on.then(|| json!({ "enabled": true }))),
        ThinkingFormat::Zai | ThinkingFormat::DeepSeek => ("thinking", Some(switch)),
        ThinkingFormat::Qwen => ("enable_thinking", Some(on.into())),
        ThinkingFormat::QwenChatTemplate => ("chat_template_kwargs", Some(json!({ "enable_thinking": on }))),
    };
    if let Some(value) = value {
        body.insert(field.into(), value);
    }
}

/// The messages, as they are put together.
struct Messages<'a> {
    service: &'a Service,
    list: Vec<Value>,
}

// === impl Messages ===

impl<'a> Messages<'a> {
    fn new(service: &'a Service, request: &CompletionRequest) -> Self {
        let mut messages = Self {
            service,
            list: Vec::with_capacity(request.messages.len() + 1),
        };
        if !request.system.is_empty() {
            let role = service.system_role(request.thinking);
            messages
                .list
                .push(json!({ "role": role, "content": request.system.join("\n\n") }));
        }
        for step in history::steps(&request.messages) {
            match step {
                Step::User(content) if service.takes_pictures() => messages.user(content),
                Step::User(content) => messages.user(&history::without_pictures(content)),
                Step::Assistant(content) => messages.assistant(content),
                Step::Results(answers) => messages.results(&answers),
            }
        }
        messages
    }

    fn user(&mut self, content: &[Content]) {
        let pictures = content.iter().any(|part| matches!(part, Content::Image { .. }));
        let parts: Vec<_> = content
            .iter()
            .filter_map(|part| match part {
                Content::Text { text } if pictures => Some(json!({ "type": "text", "text": text })),
                Content::Text { text } => Some(text.as_str().into()),
                Content::Image { mime_type, data } => Some(image(mime_type, data)),
                _ => None,
            })
            .collect();
        if parts.is_empty() {
            return;
        }
        let content = if pictures {
            Value::from(parts)
        } else {
            let texts: Vec<_> = parts.iter().filter_map(Value::as_str).collect();
            texts.join("\n").into()
        };
        self.push_user(content);
    }

    fn push_user(&mut self, content: Value) {
        let after_tool = self.list.last().is_some_and(|last| last["role"] == "tool");
        if after_tool && self.service.compat.quirks.assistant_after_tool {
            self.list
                .push(json!({ "role": "assistant", "content": ACKNOWLEDGED }));
        }
        // pictures are large
        self.list
            .push(Value::from_iter([("role", "user".into()), ("content", content)]));
    }

    fn assistant(&mut self, content: &[Content]) {
        let text = content
            .iter()
            .filter_map(Content::as_text)
            .collect::<Vec<_>>()
            .join("\n");
        let calls: Vec<_> = content
            .iter()
            .filter_map(|part| match part {
                Content::ToolCall {
                    id, name, arguments, ..
                } => Some(json!({
                    "id": self.call_id(id),
                    "type": "function",
                    "function": { "name": name, "arguments": history::arguments(arguments) },
                })),
                _ => None,
            })
            .collect();
        if text.is_empty() && calls.is_empty() {
            return;
        }
        let text = if text.is_empty() { Value::Null } else { text.into() };
        let mut message = json!({ "role": "assistant", "content": text });
        self.thoughts(content, &mut message);
        if !calls.is_empty() {
            message["tool_calls"] = calls.into();
        }
        self.list.push(message);
    }

    /// Gives the thoughts back where and as this service sent them.
    fn thoughts(&self, content: &[Content], message: &mut Value) {
        let thinking: String = content
            .iter()
            .filter_map(|part| match part {
                Content::Thinking { thinking, .. } => Some(thinking.as_str()),
                _ => None,
            })
            .collect();
        let mut details = Vec::new();
        for claim in self.service.origin.claims(content) {
            match claim {
                Claim::Field { name } if !thinking.is_empty() && THOUGHT_FIELDS.contains(&name.as_str()) => {
                    message[name] = thinking.as_str().into();
                }
                Claim::Detail { detail } => details.push(detail),
                _ => {}
            }
        }
        if !details.is_empty() {
            message["reasoning_details"] = details.into();
        }
    }

    fn results(&mut self, answers: &[Answer<'_>]) {
        let mut pictures = Vec::new();
        let takes_pictures = self.service.takes_pictures();
        for answer in answers {
            let text = if takes_pictures {
                answer.text.as_str().into()
            } else {
                answer.text_alone()
            };
            let mut message = json!({
                "role": "tool",
                "tool_call_id": self.call_id(answer.call_id),
                "content": text,
            });
            if self.service.compat.quirks.tool_result_name {
                message["name"] = answer.name.into();
            }
            self.list.push(message);
            pictures.extend(
                answer
                    .pictures
                    .iter()
                    .map(|(mime_type, data)| image(mime_type, data)),
            );
        }
        if !pictures.is_empty() && takes_pictures {
            pictures.insert(0, json!({ "type": "text", "text": PICTURES_FOLLOW }));
            self.push_user(pictures.into());
        }
    }

    fn call_id<'b>(&self, id: &'b str) -> Cow<'b, str> {
        if self.service.compat.quirks.short_call_ids {
            history::short_call_id(id)
        } else {
            history::call_id(id, MAX_CALL_ID)
        }
    }
}

fn image(mime_type: &str, data: &str) -> Value {
    json!({ "type": "image_url", "image_url": { "url": history::data_url(mime_type, data) } })
}
