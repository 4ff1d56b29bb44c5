//! One turn: ask the model, run the tools that it asks for, ask again, until it has said what it has to say.
use super::{
    collect::{Collector, Wish},
    sessions::Sessions,
};
use crate::plugins::{registry::Registry, services::Request};
use openclaw_plugin_api::{
    AgentEvent, Completion, CompletionRequest, Content, Delta, Error, ErrorKind, Message, Result, Role,
    ToolCall, ToolOrigin, ToolOutput, ToolSpec, Usage, abi::sink_pair, surface::ids,
};
use tokio::sync::mpsc;

/// How often a model may ask for tools in one turn.
const MAX_ROUNDS: usize = 24;
/// Deltas that wait before the provider has to.
const WINDOW: usize = 32;

/// What a turn is about.
#[derive(Debug, Clone, Default)]
pub struct Turn {
    /// Id of this turn.
    pub run_id: String,
    /// `provider/model`
    pub model: String,
    /// System prompt.
    pub system: Vec<String>,
    /// What the person says.
    pub text: String,
    /// On whose behalf tools run.
    pub origin: ToolOrigin,
}

/// How a turn ended.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TurnOutcome {
    /// The whole answer.
    pub text: String,
    /// What it cost.
    pub usage: Usage,
    /// Model that answered, `provider/model`.
    pub model: String,
}

/// Where a turn tells what happens. Nobody has to listen.
pub type TurnEvents = mpsc::Sender<AgentEvent>;

/// Runs one turn of a conversation. The transcript grows only by turns that ended well.
pub async fn run(
    registry: &Registry,
    transcript: &mut Vec<Message>,
    turn: &Turn,
    events: &TurnEvents,
) -> Result<TurnOutcome> {
    tell(
        events,
        AgentEvent::Started {
            run_id: turn.run_id.clone(),
        },
    )
    .await;
    let mut messages = transcript.clone();
    messages.push(Message::text(Role::User, &turn.text));
    let tools = registry.tools();
    let mut usage = Usage::default();
    let mut said = Vec::new();
    for _ in 0..MAX_ROUNDS {
        let (message, wishes, completion) = ask(registry, turn, &messages, &tools, events).await?;
        add(&mut usage, &completion.usage);
        said.push(message.plain_text());
        messages.push(message);
        if wishes.is_empty() {
            said.retain(|text| !text.is_empty());
            let text = said.join("\n\n");
            *transcript = messages;
            Sessions::trim(transcript);
            let done = AgentEvent::Done {
                text: text.clone(),
                usage,
                model: turn.model.clone(),
            };
            tell(events, done).await;
            return Ok(TurnOutcome {
                text,
                usage,
                model: turn.model.clone(),
            });
        }
        for wish in wishes {
            messages.push(use_tool(registry, turn, wish, &tools, events).await);
        }
    }
    let text = format!("the model asked for tools {MAX_ROUNDS} times in one turn without an answer");
    Err(Error::new(ErrorKind::Refused, text))
}

/// One request to the model, streamed.
async fn ask(
    registry: &Registry,
    turn: &Turn,
    messages: &[Message],
    tools: &[ToolSpec],
    events: &TurnEvents,
) -> Result<(Message, Vec<Wish>, Completion)> {
    let (provider, model) = turn.model.split_once('/').ok_or_else(|| {
        Error::new(
            ErrorKind::Config,
            format_args!("\"{}\" is no model; write provider/model", turn.model),
        )
    })?;
    let plugin = registry.offering("provider/1", provider).ok_or_else(|| {
        let text = format!("no running plugin offers the provider {provider}; see `openclaw plugins list`");
        Error::new(ErrorKind::NotFound, text)
    })?;
    let request = CompletionRequest {
        model: model.to_owned(),
        system: turn.system.clone(),
        messages: messages.to_vec(),
        tools: tools.to_vec(),
        session_id: turn.origin.session_key.clone(),
        ..CompletionRequest::default()
    };
    let (out, mut chunks) = sink_pair(WINDOW);
    let request = Request {
        method: ids::provider::COMPLETE.to_owned(),
        target: provider.to_owned(),
        body: serde_json::to_vec(&request)?,
        out: Some(out),
        ..Request::default()
    };
    let read = async move {
        let mut answer = Collector::default();
        while let Some(chunk) = chunks.next().await {
            let Some(delta) = Delta::decode(&chunk)? else {
                continue;
            };
            match &delta {
                Delta::Text(text) => tell(events, AgentEvent::Text { text: text.clone() }).await,
                Delta::Thinking(text) => tell(events, AgentEvent::Thinking { text: text.clone() }).await,
                _ => {}
            }
            if !answer.push(delta) {
                return Err(Error::new(
                    ErrorKind::Refused,
                    "the model's answer is longer than anything sensible",
                ));
            }
        }
        Ok(answer)
    };
    let (reply, answer) = tokio::join!(plugin.call_raw(request, None), read);
    let completion: Completion = serde_json::from_slice(&reply?)?;
    let (message, wishes) = answer?.finish();
    Ok((message, wishes, completion))
}

/// Runs one tool. Whatever goes wrong is an answer for the model, not the end of the turn.
async fn use_tool(
    registry: &Registry,
    turn: &Turn,
    wish: Wish,
    tools: &[ToolSpec],
    events: &TurnEvents,
) -> Message {
    let arguments = wish.arguments.clone().unwrap_or_default();
    let (id, name) = (wish.id.clone(), wish.name.clone());
    tell(
        events,
        AgentEvent::ToolStarted {
            id: id.clone(),
            name: name.clone(),
            arguments,
        },
    )
    .await;
    let output = invoke(registry, turn, wish, tools)
        .await
        .unwrap_or_else(|error| ToolOutput {
            content: vec![Content::text(format!("error: {error}"))],
            is_error: true,
            ..ToolOutput::default()
        });
    tell(
        events,
        AgentEvent::ToolEnded {
            id: id.clone(),
            output: output.clone(),
        },
    )
    .await;
    Message {
        role: Role::ToolResult,
        content: output.content,
        tool_call_id: id,
        tool_name: name,
        is_error: output.is_error,
    }
}

async fn invoke(registry: &Registry, turn: &Turn, wish: Wish, tools: &[ToolSpec]) -> Result<ToolOutput> {
    let arguments = wish
        .arguments
        .map_err(|e| Error::invalid(format_args!("the arguments of {} are not JSON: {e}", wish.name)))?;
    let offered = tools.iter().any(|tool| tool.name == wish.name);
    let plugin = registry.offering("tool/1", &wish.name).filter(|_| offered);
    let plugin = plugin.ok_or_else(|| {
        Error::new(
            ErrorKind::NotFound,
            format_args!("there is no tool named {}", wish.name),
        )
    })?;
    let origin = ToolOrigin {
        call_id: wish.id,
        ..turn.origin.clone()
    };
    plugin
        .call(ids::tool::INVOKE, &wish.name, &ToolCall { arguments, origin })
        .await
}

fn add(sum: &mut Usage, more: &Usage) {
    sum.input += more.input;
    sum.output += more.output;
    sum.cache_read += more.cache_read;
    sum.cache_write += more.cache_write;
    sum.cost += more.cost;
}

async fn tell(events: &TurnEvents, event: AgentEvent) {
    // Nobody listening is fine.
    let _ = events.send(event).await;
}
