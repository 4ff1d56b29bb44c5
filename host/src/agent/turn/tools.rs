//! Tools: run for a model, once. Whatever goes wrong is an answer for the model, not the end of the turn.
use super::{TurnEvents, tell};
use crate::agent::{collect::Wish, tokens, tools::Toolbox};
use openclaw_plugin_api::{
    AgentEvent, Content, Error, ErrorKind, Message, Result, Role, ToolCall, ToolOrigin, ToolOutput, ToolSpec,
};
use serde_json::Value;

/// Longest answer of a tool that a model sees, characters: three tenths of the usual window.
const MAX_CHARS: usize = 240_000;

/// A call that a killed process had begun.
pub(super) struct Interrupted {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) arguments: Value,
}

/// Runs one tool.
pub(super) async fn run(
    toolbox: &Toolbox,
    origin: &ToolOrigin,
    wish: Wish,
    tools: &[ToolSpec],
    events: &TurnEvents,
) -> Message {
    let arguments = wish.arguments.clone().unwrap_or_default();
    let (id, name) = (wish.id.clone(), wish.name.clone());
    let started = AgentEvent::ToolStarted {
        id: id.clone(),
        name: name.clone(),
        arguments,
    };
    tell(events, started).await;
    let output = match invoke(toolbox, origin, wish, tools).await {
        Ok(output) => output,
        Err(error) => failed(format!("error: {error}")),
    };
    if let Some(run) = events.run.as_ref().filter(|_| !output.is_error) {
        run.used(&name);
    }
    let ended = AgentEvent::ToolEnded {
        id: id.clone(),
        output: output.clone(),
    };
    tell(events, ended).await;
    result(id, name, output)
}

/// Goes on with a call whose end nobody saw: one that may run twice does, of any other the model is told.
pub(super) async fn resume(
    toolbox: &Toolbox,
    origin: &ToolOrigin,
    call: Interrupted,
    tools: &[ToolSpec],
    events: &TurnEvents,
) -> Message {
    let spec = tools.iter().find(|tool| tool.name == call.name);
    if spec.is_some_and(|tool| tool.idempotent) {
        let wish = Wish {
            id: call.id,
            name: call.name,
            arguments: Ok(call.arguments),
        };
        return run(toolbox, origin, wish, tools, events).await;
    }
    let text = "the gateway was restarted while this ran: it may or may not have taken effect; find out before you try \
                it again";
    result(call.id, call.name, failed(text.to_owned()))
}

async fn invoke(
    toolbox: &Toolbox,
    origin: &ToolOrigin,
    wish: Wish,
    tools: &[ToolSpec],
) -> Result<ToolOutput> {
    let arguments = wish
        .arguments
        .map_err(|e| Error::invalid(format_args!("the arguments of {} are not JSON: {e}", wish.name)))?;
    let offered = tools.iter().any(|tool| tool.name == wish.name);
    if !offered {
        let text = format!("there is no tool named {}", wish.name);
        return Err(Error::new(ErrorKind::NotFound, text));
    }
    let origin = ToolOrigin {
        call_id: wish.id,
        ..origin.clone()
    };
    toolbox.invoke(&wish.name, ToolCall { arguments, origin }).await
}

fn failed(text: String) -> ToolOutput {
    ToolOutput {
        content: vec![Content::text(text)],
        is_error: true,
        ..ToolOutput::default()
    }
}

fn result(id: String, name: String, mut output: ToolOutput) -> Message {
    tokens::cap_tool_result(&mut output.content, MAX_CHARS);
    Message {
        role: Role::ToolResult,
        content: output.content,
        tool_call_id: id,
        tool_name: name,
        is_error: output.is_error,
    }
}
