//! Tools that a client runs itself.
use crate::error::Refusal;
use openclaw_plugin_api::ToolSpec;
use serde_json::{Value, json};

/// Tools in one request.
const MAX_TOOLS: usize = 128;

/// What a client says of the use of its tools.
#[derive(Debug, Default)]
pub(crate) struct Choice {
    /// The tools that may be used.
    pub(crate) tools: Vec<ToolSpec>,
    /// What the model is told of it; empty for nothing.
    pub(crate) word: String,
}

/// Tools of a chat completion: `{"type": "function", "function": {…}}`.
pub(crate) fn of_chat(tools: &[Value]) -> Result<Vec<ToolSpec>, Refusal> {
    read(tools, |tool| &tool["function"])
}

/// Tools of a response: `{"type": "function", …}`.
pub(crate) fn of_responses(tools: &[Value]) -> Result<Vec<ToolSpec>, Refusal> {
    read(tools, |tool| tool)
}

/// Applies `tool_choice`.
pub(crate) fn chosen(tools: Vec<ToolSpec>, choice: &Value) -> Choice {
    let named = [&choice["function"]["name"], &choice["name"]]
        .into_iter()
        .find_map(Value::as_str);
    match (choice.as_str(), named) {
        (Some("none"), _) => Choice::default(),
        (Some("required"), _) if !tools.is_empty() => {
            let names: Vec<_> = tools.iter().map(|tool| tool.name.as_str()).collect();
            let word = format!("Answer by calling one of these tools: {}.", names.join(", "));
            Choice { tools, word }
        }
        (_, Some(name)) => {
            let tools = tools.into_iter().filter(|tool| tool.name == name).collect();
            let word = format!("Answer by calling the tool {name}.");
            Choice { tools, word }
        }
        _ => Choice {
            tools,
            word: String::new(),
        },
    }
}

fn read<'v>(tools: &'v [Value], function: impl Fn(&'v Value) -> &'v Value) -> Result<Vec<ToolSpec>, Refusal> {
    let wrong = |message: String| Refusal::invalid("tools", message);
    if tools.len() > MAX_TOOLS {
        return Err(wrong(format!("more than {MAX_TOOLS} tools")));
    }
    let mut specs = Vec::new();
    for tool in tools {
        if tool["type"] != "function" {
            let kind = &tool["type"];
            return Err(wrong(format!(
                "tools of type {kind} are not offered; the agent brings its own"
            )));
        }
        let function = function(tool);
        let name = function["name"].as_str().unwrap_or_default();
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if name.is_empty() || name.len() > 64 || !name.chars().all(fits) {
            return Err(wrong("a tool's name has 1 to 64 letters, digits, _ and -".into()));
        }
        let parameters = match &function["parameters"] {
            Value::Null => json!({"type": "object", "properties": {}}),
            parameters => parameters.clone(),
        };
        specs.push(ToolSpec {
            name: name.to_owned(),
            description: function["description"].as_str().unwrap_or_default().to_owned(),
            parameters,
            ..ToolSpec::default()
        });
    }
    Ok(specs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two() -> Vec<ToolSpec> {
        of_responses(&[
            json!({"type": "function", "name": "a", "parameters": {"type": "object"}}),
            json!({"type": "function", "name": "b"}),
        ])
        .expect("tools")
    }

    #[test]
    fn a_choice_narrows_what_is_offered() {
        let names = |choice: Value| -> Vec<String> {
            let choice = chosen(two(), &choice);
            choice.tools.into_iter().map(|tool| tool.name).collect()
        };
        assert_eq!(names(Value::Null), ["a", "b"]);
        assert_eq!(names(json!("none")), Vec::<String>::new());
        assert_eq!(
            names(json!({"type": "function", "function": {"name": "b"}})),
            ["b"]
        );
        assert!(chosen(two(), &json!("required")).word.contains("a, b"));
    }

    #[test]
    fn odd_tools_are_refused() {
        for tool in [
            json!({"type": "web_search"}),
            json!({"type": "function", "name": "a b"}),
        ] {
            assert!(of_responses(&[tool]).is_err());
        }
    }
}
