//! The model: it repeats what it hears, word by word, and asks for a tool when told to.
use openclaw_plugin_api::{CatalogRequest, Delta, Message, ModelInfo, Role, prelude::*};

/// The provider.
pub struct Demo;

/// What the model does with a message.
enum Plan {
    Say(String),
    Ask { name: String, arguments: String },
}

impl Provider for Demo {
    const ID: &'static str = "demo";

    async fn complete(&self, request: CompletionRequest, mut out: Deltas) -> Result<Completion> {
        let heard: u64 = request
            .messages
            .iter()
            .map(|message| words(&message.plain_text()))
            .sum();
        let (stop_reason, output) = match plan(&request)? {
            Plan::Say(text) => {
                for piece in text.split_inclusive(' ') {
                    out.text(piece).await?;
                }
                (StopReason::Stop, words(&text))
            }
            Plan::Ask { name, arguments } => {
                let id = format!("demo-{}", request.messages.len());
                out.send(Delta::ToolCall { index: 0, id, name }).await?;
                out.send(Delta::Arguments {
                    index: 0,
                    json: arguments,
                })
                .await?;
                (StopReason::ToolUse, 1)
            }
        };
        let usage = Usage {
            input: heard,
            output,
            ..Usage::default()
        };
        Ok(Completion {
            stop_reason,
            usage,
            model: request.model,
            ..Completion::default()
        })
    }

    async fn models(&self, _: CatalogRequest) -> Result<Vec<ModelInfo>> {
        let echo = ModelInfo {
            id: "echo".into(),
            name: "Demo: repeats what it hears".into(),
            context_window: 200_000,
            max_tokens: 8_192,
            input: vec!["text".into()],
            ..ModelInfo::default()
        };
        Ok(vec![echo])
    }
}

fn plan(request: &CompletionRequest) -> Result<Plan> {
    let last = request
        .messages
        .last()
        .ok_or_else(|| Error::invalid("a conversation has at least one message"))?;
    let text = last.plain_text();
    if last.role == Role::ToolResult {
        return Ok(Plan::Say(tool_report(last, &text)));
    }
    let Some(wish) = text.trim().strip_prefix("/tool ") else {
        return Ok(Plan::Say(format!("You said: {}", text.trim())));
    };
    let (name, arguments) = wish.split_once(' ').unwrap_or((wish, "{}"));
    if !request.tools.iter().any(|tool| tool.name == name) {
        let known: Vec<_> = request.tools.iter().map(|tool| tool.name.as_str()).collect();
        return Ok(Plan::Say(format!(
            "I have no tool \"{name}\", only: {}",
            known.join(", ")
        )));
    }
    Ok(Plan::Ask {
        name: name.to_owned(),
        arguments: arguments.trim().to_owned(),
    })
}

fn tool_report(result: &Message, text: &str) -> String {
    let verb = if result.is_error { "failed" } else { "answered" };
    format!("{} {verb}: {text}", result.tool_name)
}

fn words(text: &str) -> u64 {
    text.split_whitespace().count() as u64
}
