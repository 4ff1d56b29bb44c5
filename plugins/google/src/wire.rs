//! The body of a request: system instruction, turns, tools and what governs the answer.
use crate::{catalog, history};
use openclaw_plugin_api::{ToolSpec, prelude::*};
use serde_json::Map;

/// The body. Parameters are the vendor's own: those of the body go there, all others into `generationConfig`.
pub fn body(request: &CompletionRequest) -> Value {
    let mut config = Map::new();
    if let Some(limit) = request.max_tokens {
        config.insert("maxOutputTokens".into(), limit.into());
    }
    if let Some(temperature) = request.temperature {
        // A float of 32 bits would be written with the noise of its conversion.
        let rounded = (f64::from(temperature).clamp(0.0, 2.0) * 1e3).round() / 1e3;
        config.insert("temperature".into(), rounded.into());
    }
    if let Some(thinking) = catalog::thinking(&request.model, request.thinking) {
        config.insert("thinkingConfig".into(), thinking);
    }
    let mut body = Map::new();
    let turns = history::turns(&request.model, &request.messages);
    let system = request.system.iter().filter(|block| !block.trim().is_empty());
    let system: Vec<_> = system.map(|block| json!({ "text": block })).collect();
    if !system.is_empty() {
        body.insert("systemInstruction".into(), json!({ "parts": system }));
    }
    if !request.tools.is_empty() {
        let declarations: Value = request.tools.iter().map(tool).collect();
        // schemas are large, and the macro copies what it is given
        let tools = Value::from_iter([("functionDeclarations", declarations)]);
        body.insert("tools".into(), vec![tools].into());
    }
    for (name, value) in &request.params {
        match name.as_str() {
            "contents" => {}
            "safetySettings" | "toolConfig" | "cachedContent" => {
                drop(body.insert(name.clone(), value.clone()))
            }
            "generationConfig" => config.extend(value.as_object().cloned().unwrap_or_default()),
            _ => drop(config.insert(name.clone(), value.clone())),
        }
    }
    body.insert("contents".into(), turns.into());
    body.insert("generationConfig".into(), config.into());
    Value::Object(body)
}

fn tool(tool: &ToolSpec) -> Value {
    let mut declaration = json!({ "name": tool.name, "description": tool.description });
    if tool.parameters.is_object() {
        declaration["parametersJsonSchema"] = tool.parameters.clone();
    }
    declaration
}
