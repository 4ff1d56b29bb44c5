//! A turn of an agent, begun for a request.
use crate::{error::Refusal, input::Choice, input::Said, target::Target};
use openclaw_plugin_api::{AgentEvent, AgentRun, AgentStream, Host, Result, StopReason, Usage};
use serde_json::{Value, json};

/// A turn that is under way.
#[derive(Debug)]
pub(crate) struct Reply {
    stream: AgentStream,
    tools: Vec<String>,
    told: bool,
    /// The agent has used tools of its own since it wrote: what it writes next is another paragraph.
    apart: bool,
    end: Option<End>,
}

/// What a client hears of a turn.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Step {
    /// More of the answer.
    Text(String),
    /// The model wants one of the client's tools.
    Call(Wanted),
    /// The turn is over.
    Done(End),
}

/// How a turn ended.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct End {
    /// What it cost.
    pub(crate) usage: Usage,
    /// Why the model stopped.
    pub(crate) stop: StopReason,
}

/// A call of one of the client's tools.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Wanted {
    /// Id that the result refers to.
    pub(crate) id: String,
    /// Which tool.
    pub(crate) name: String,
    /// JSON text.
    pub(crate) arguments: String,
}

/// All that came of a turn.
#[derive(Debug, Default)]
pub(crate) struct Whole {
    pub(crate) text: String,
    pub(crate) calls: Vec<Wanted>,
    pub(crate) end: End,
}

// === impl Reply ===

impl Reply {
    /// Begins a turn.
    pub(crate) async fn begin(
        host: &Host,
        target: &Target,
        mut said: Said,
        choice: Choice,
        max_tokens: Option<u32>,
        id: &str,
    ) -> Result<Self, Refusal> {
        let begun = async {
            let mut attachments = Vec::new();
            for (number, picture) in said.pictures.drain(..).enumerate() {
                let name = format!("picture-{}", number + 1);
                attachments.push(
                    host.media()
                        .save(&picture.mime_type, &name, picture.bytes)
                        .await?,
                );
            }
            if target.lasting {
                said.new_only();
            }
            let system = [said.system.as_str(), choice.word.as_str()];
            let system: Vec<_> = system.into_iter().filter(|text| !text.is_empty()).collect();
            host.agents().run(&AgentRun {
                agent_id: target.agent.clone(),
                session_key: target.session_key.clone(),
                messages: said.messages,
                tools: choice.tools.clone(),
                max_tokens,
                attachments,
                system: system.join("\n\n"),
                model: target.model.clone(),
                idempotency_key: id.to_owned(),
                sender_id: target.sender.to_owned(),
                ..AgentRun::default()
            })
        };
        let stream = begun.await.map_err(|error| Refusal::from(&error))?;
        let tools = choice.tools.into_iter().map(|tool| tool.name).collect();
        Ok(Self {
            stream,
            tools,
            told: false,
            apart: false,
            end: None,
        })
    }

    /// The next step; `None` after [`Step::Done`].
    pub(crate) async fn next(&mut self) -> Result<Option<Step>> {
        if let Some(end) = self.end.take() {
            return Ok(Some(Step::Done(end)));
        }
        while let Some(event) = self.stream.next().await? {
            match event {
                AgentEvent::Text { text } if !text.is_empty() => {
                    let apart = std::mem::take(&mut self.apart) && self.told;
                    self.told = true;
                    return Ok(Some(Step::Text(match apart {
                        true => format!("\n\n{text}"),
                        false => text,
                    })));
                }
                AgentEvent::ToolEnded { .. } => self.apart = true,
                AgentEvent::ToolStarted { id, name, arguments } if self.tools.contains(&name) => {
                    return Ok(Some(Step::Call(Wanted {
                        id,
                        name,
                        arguments: arguments.to_string(),
                    })));
                }
                AgentEvent::Done {
                    text, usage, stop, ..
                } => {
                    let end = End { usage, stop };
                    // an answer that was never told piece by piece is told whole
                    if self.told || text.is_empty() {
                        return Ok(Some(Step::Done(end)));
                    }
                    self.end = Some(end);
                    return Ok(Some(Step::Text(text)));
                }
                _ => {}
            }
        }
        Ok(None)
    }

    /// Everything, when it is over.
    pub(crate) async fn whole(&mut self) -> Result<Whole> {
        let mut whole = Whole::default();
        while let Some(step) = self.next().await? {
            match step {
                Step::Text(text) => whole.text.push_str(&text),
                Step::Call(call) => whole.calls.push(call),
                Step::Done(end) => whole.end = end,
            }
        }
        Ok(whole)
    }
}

/// Usage as chat completions tell it.
pub(crate) fn usage(usage: &Usage) -> Value {
    let input = usage.input + usage.cache_read + usage.cache_write;
    json!({
        "prompt_tokens": input,
        "completion_tokens": usage.output,
        "total_tokens": input + usage.output,
        "prompt_tokens_details": {"cached_tokens": usage.cache_read},
    })
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    std::time::SystemTime::UNIX_EPOCH
        .elapsed()
        .map_or(0, |since| since.as_secs())
}
