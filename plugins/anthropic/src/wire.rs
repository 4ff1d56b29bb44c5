//! The body of a request: system prompt, turns, tools, thinking and the marks that say what to cache.
use crate::{catalog, history};
use openclaw_plugin_api::{CacheRetention, Thinking, prelude::*};
use serde_json::Map;

/// What an answer may have besides its thoughts, unless the request says otherwise. Tokens.
const ANSWER_TOKENS: u32 = 32_000;
/// The least that may be thought, and the least that must be left to say. Tokens.
const MIN_BUDGET: u32 = 1_024;
/// What belongs to the host, whatever the parameters say.
const OWN: &[&str] = &["model", "messages", "stream"];

/// The body. `official`: the vendor itself is asked, who keeps a cache for an hour where others don't.
pub fn body(request: &CompletionRequest, official: bool) -> Value {
    let mut messages = history::turns(&request.model, &request.messages);
    let mut body = Map::new();
    body.insert("model".into(), request.model.clone().into());
    body.insert("stream".into(), true.into());
    let thinks = think(&mut body, request, &messages);
    if let Some(temperature) = request.temperature.filter(|_| !thinks) {
        // A float of 32 bits would be written with the noise of its conversion.
        let rounded = (f64::from(temperature).clamp(0.0, 1.0) * 1e3).round() / 1e3;
        body.insert("temperature".into(), rounded.into());
    }
    let mut system: Vec<Value> = request
        .system
        .iter()
        .filter(|block| !block.trim().is_empty())
        .map(|block| json!({ "type": "text", "text": block }))
        .collect();
    let mut tools: Vec<Value> = request.tools.iter().map(tool).collect();
    if let Some(mark) = cache_mark(request.cache, official) {
        // The last block of the system prompt may change with each request, if there are several.
        let stable = system.len().saturating_sub(2);
        set_mark(system.get_mut(stable), &mark);
        set_mark(tools.last_mut(), &mark);
        let last = messages.iter_mut().rev().find(|turn| turn["role"] == "user");
        set_mark(
            last.and_then(|turn| turn["content"].as_array_mut()?.last_mut()),
            &mark,
        );
    }
    if !system.is_empty() {
        body.insert("system".into(), system.into());
    }
    if !tools.is_empty() {
        body.insert("tools".into(), tools.into());
    }
    body.insert("messages".into(), messages.into());
    for (name, value) in request
        .params
        .iter()
        .filter(|(name, _)| !OWN.contains(&name.as_str()))
    {
        body.insert(name.clone(), value.clone());
    }
    Value::Object(body)
}

/// Sets how much may be thought and said. True: it thinks.
fn think(body: &mut Map<String, Value>, request: &CompletionRequest, turns: &[Value]) -> bool {
    let model = &request.model;
    let most = catalog::max_tokens(model, request.max_tokens);
    let limit = request.max_tokens.unwrap_or(ANSWER_TOKENS).clamp(1, most);
    let adaptive = catalog::thinks_adaptively(model);
    let wanted = request.thinking != Thinking::Off && catalog::can_think(model);
    if wanted && adaptive {
        body.insert("max_tokens".into(), limit.into());
        body.insert("thinking".into(), json!({ "type": "adaptive" }));
        body.insert(
            "output_config".into(),
            json!({ "effort": effort(model, request.thinking) }),
        );
        return true;
    }
    let limit_with_thoughts = limit.saturating_add(budget(request.thinking)).min(most);
    let budget = budget(request.thinking).min(limit_with_thoughts.saturating_sub(MIN_BUDGET));
    if !wanted || budget < MIN_BUDGET || !may_think(turns) {
        body.insert("max_tokens".into(), limit.into());
        return false;
    }
    body.insert("max_tokens".into(), limit_with_thoughts.into());
    body.insert(
        "thinking".into(),
        json!({ "type": "enabled", "budget_tokens": budget }),
    );
    true
}

fn budget(thinking: Thinking) -> u32 {
    match thinking {
        Thinking::Off => 0,
        Thinking::Minimal => MIN_BUDGET,
        Thinking::Low => 2_048,
        Thinking::Medium => 8_192,
        Thinking::High | Thinking::Xhigh => 16_384,
    }
}

fn effort(model: &str, thinking: Thinking) -> &'static str {
    match thinking {
        Thinking::Off | Thinking::Minimal | Thinking::Low => "low",
        Thinking::Medium => "medium",
        Thinking::Xhigh if model.starts_with("claude-opus-") => "max",
        Thinking::High | Thinking::Xhigh => "high",
    }
}

/// With a budget, a turn that waits for results of tools must begin with its thoughts. Another model's turn has none
/// that could be shown, so this request has to do without thinking.
fn may_think(turns: &[Value]) -> bool {
    let [.., asked, results] = turns else { return true };
    if results["content"][0]["type"] != "tool_result" {
        return true;
    }
    let first = asked["content"][0]["type"].as_str().unwrap_or_default();
    matches!(first, "thinking" | "redacted_thinking")
}

fn tool(tool: &openclaw_plugin_api::ToolSpec) -> Value {
    let mut schema = tool.parameters.clone();
    match schema.as_object_mut() {
        // The API insists on it.
        Some(schema) if !schema.contains_key("type") => drop(schema.insert("type".into(), "object".into())),
        Some(_) => {}
        None => schema = json!({ "type": "object", "properties": {} }),
    }
    let mut tool = json!({ "name": tool.name, "description": tool.description });
    // schemas are large, and the macro copies what it is given
    tool["input_schema"] = schema;
    tool
}

fn cache_mark(cache: CacheRetention, official: bool) -> Option<Value> {
    match cache {
        CacheRetention::None => None,
        CacheRetention::Long if official => Some(json!({ "type": "ephemeral", "ttl": "1h" })),
        CacheRetention::Short | CacheRetention::Long => Some(json!({ "type": "ephemeral" })),
    }
}

fn set_mark(block: Option<&mut Value>, mark: &Value) {
    if let Some(block) = block {
        block["cache_control"] = mark.clone();
    }
}
