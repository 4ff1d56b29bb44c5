//! Speech to speech: one model listens and answers with its own voice. The agent behind it is asked where the voice
//! doesn't know enough, and so are tools that the operator names.
//!
//! Invariants: what the caller interrupts is not played to its end, and the model learns how much of it was heard; the
//! voice has no tool that the operator has not permitted; what tools do is bounded in number and time.
mod context;

use crate::{
    call::{CallId, MediaEvent, MediaEvents},
    config::{ConsultPolicy, Realtime, ToolPolicy},
    stream::{Command, Engine},
};
use futures_channel::{mpsc, oneshot};
use futures_util::{
    SinkExt, StreamExt,
    future::{Either, select},
};
use openclaw_plugin_api::{
    Conversation, Conversing, Error, ErrorKind, Feed, Host, Result, ToolCall, ToolSpec, VoiceControl,
    VoiceEvent, VoiceInput, VoiceOutput,
};
use serde_json::{Value, json};
use std::{pin::pin, sync::Weak, time::Duration};

/// The tool by which the voice asks its agent.
const CONSULT: &str = "openclaw_agent_consult";
/// Tools that run at once; one more is told to wait.
const MAX_TOOLS: usize = 4;
/// Time for a tool.
const TOOL: Duration = Duration::from_secs(60);
/// Longest answer of a tool that the voice is given, characters.
const MAX_ANSWER: usize = 8000;
/// Tools of the operator's own.
const MAX_OWN: usize = 64;
/// What the model is told if the operator says nothing.
const INSTRUCTIONS: &str =
    "You are on the phone. Speak in one or two short sentences, as people do on the phone.";

/// One call's line to a model.
pub(crate) struct Line<'a> {
    pub(crate) host: &'a Host,
    pub(crate) engine: &'a Engine,
    pub(crate) config: &'a Realtime,
    pub(crate) call: &'a CallId,
    pub(crate) events: mpsc::Sender<MediaEvent>,
    pub(crate) speaker: mpsc::Sender<Command>,
    pub(crate) listener: Option<Weak<dyn MediaEvents>>,
}

/// What happens on the line.
enum Next {
    Said(Result<Option<VoiceOutput>>),
    Asked(Option<Command>),
    Answered(VoiceControl),
}

/// Talks until the sound ends.
pub(crate) async fn talk(
    mut line: Line<'_>,
    sound: mpsc::Receiver<Vec<u8>>,
    mut asked: mpsc::Receiver<Command>,
) -> Result<()> {
    let context = context::of(&line).await;
    let conversation = conversation(line.engine, line.config, &context);
    let (feed, mut talking) = line.host.speech().converse(&line.engine.id, &conversation)?;
    let (mut controls, controlled) = mpsc::channel(MAX_TOOLS);
    let (answers, mut answered) = mpsc::channel(MAX_TOOLS);
    line.tell(MediaEvent::Started);
    let feeding = pin!(feeding(feed, sound, controlled));
    let talking = pin!(async {
        let mut running = 0;
        loop {
            match next(&mut talking, &mut asked, &mut answered).await {
                Next::Said(said) => match said? {
                    None => return Ok(()),
                    Some(VoiceOutput::Audio(codes)) => line.play(Command::Play(codes)).await?,
                    Some(VoiceOutput::Event(event)) => {
                        line.event(event, &mut controls, &answers, &mut running).await?;
                    }
                },
                Next::Asked(None) => return Ok(()),
                Next::Asked(Some(Command::Say { text, done })) => {
                    let instructions = format!("Say exactly this, and nothing else: {text}");
                    control(&mut controls, VoiceControl::Speak { instructions }).await?;
                    // who has gone away wants no answer
                    let _ = done.send(Ok(()));
                }
                Next::Asked(Some(command)) => line.play(command).await?,
                Next::Answered(answer) => {
                    running -= 1;
                    control(&mut controls, answer).await?;
                }
            }
        }
    });
    match select(talking, feeding).await {
        Either::Left((outcome, _)) => outcome,
        Either::Right(((), _)) => Ok(()),
    }
}

/// What goes to the model: sound, and what it should know. Sound never waits behind an answer.
async fn feeding(
    mut feed: Feed,
    mut sound: mpsc::Receiver<Vec<u8>>,
    mut controls: mpsc::Receiver<VoiceControl>,
) {
    loop {
        let input = match select(controls.next(), sound.next()).await {
            Either::Left((Some(control), _)) => VoiceInput::Control(control),
            Either::Right((Some(codes), _)) => VoiceInput::Audio(codes),
            Either::Left((None, _)) | Either::Right((None, _)) => return,
        };
        if !feed.send(Ok(input.encode())).await {
            // the model has gone away, and says why
            return std::future::pending().await;
        }
    }
}

async fn next(
    talking: &mut Conversing,
    asked: &mut mpsc::Receiver<Command>,
    answered: &mut mpsc::Receiver<VoiceControl>,
) -> Next {
    let said = pin!(talking.next());
    match select(select(asked.next(), answered.next()), said).await {
        Either::Left((Either::Left((command, _)), _)) => Next::Asked(command),
        Either::Left((Either::Right((Some(answer), _)), _)) => Next::Answered(answer),
        Either::Left((Either::Right((None, _)), _)) => Next::Asked(None),
        Either::Right((said, _)) => Next::Said(said),
    }
}

async fn control(controls: &mut mpsc::Sender<VoiceControl>, control: VoiceControl) -> Result<()> {
    controls.send(control).await.map_err(|_| over())
}

fn over() -> Error {
    Error::new(ErrorKind::Closed, "the call is over")
}

/// What the model is and may.
fn conversation(engine: &Engine, config: &Realtime, context: &str) -> Conversation {
    let words = config.instructions.as_deref().unwrap_or(INSTRUCTIONS);
    let words = format!("{words}{context}");
    let asks = matches!(
        config.consult_policy,
        Some(ConsultPolicy::Substantive | ConsultPolicy::Always)
    );
    let instructions = match asks && policy(config) != ToolPolicy::None {
        true => format!("{words}\n\nThe tool {CONSULT}: {}", when(config)),
        false => words,
    };
    Conversation {
        instructions,
        tools: tools(config),
        ..engine.conversation()
    }
}

/// When the agent behind the voice is asked.
fn when(config: &Realtime) -> &'static str {
    match config.consult_policy.unwrap_or(ConsultPolicy::Auto) {
        ConsultPolicy::Auto => "Ask where you don't know enough.",
        ConsultPolicy::Substantive => "Ask for everything but greetings and small talk.",
        ConsultPolicy::Always => "Ask before each answer, and answer with what it says and nothing else.",
    }
}

fn policy(config: &Realtime) -> ToolPolicy {
    config.tool_policy.unwrap_or(ToolPolicy::SafeReadOnly)
}

fn tools(config: &Realtime) -> Vec<ToolSpec> {
    if policy(config) == ToolPolicy::None {
        return Vec::new();
    }
    let consult = ToolSpec {
        name: CONSULT.into(),
        description: format!(
            "Asks the agent behind you, who knows the person, remembers, and has tools. Say that you are looking it up \
             before you ask. {}",
            when(config)
        ),
        parameters: json!({
            "type": "object",
            "properties": {"question": {"type": "string", "description": "What to find out or to do."}},
            "required": ["question"],
        }),
        ..ToolSpec::default()
    };
    let own = config.tools.iter().filter_map(own_tool).take(MAX_OWN);
    let own = own.filter(|_| policy(config) == ToolPolicy::Owner);
    std::iter::once(consult).chain(own).collect()
}

/// A tool as the operator writes it: a name, or an object as models know them.
fn own_tool(written: &Value) -> Option<ToolSpec> {
    let name = written.as_str().or_else(|| written["name"].as_str())?;
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if name.is_empty() || name.len() > 64 || !name.chars().all(fits) || name == CONSULT {
        return None;
    }
    let object = json!({"type": "object"});
    Some(ToolSpec {
        name: name.to_owned(),
        description: written["description"].as_str().unwrap_or(name).to_owned(),
        parameters: written.get("parameters").cloned().unwrap_or(object),
        ..ToolSpec::default()
    })
}

// === impl Line ===

impl Line<'_> {
    fn tell(&self, event: MediaEvent) {
        // each clone of a sender has room for one
        let _ = self.events.clone().try_send(event);
    }

    async fn play(&mut self, command: Command) -> Result<()> {
        self.speaker.send(command).await.map_err(|_| over())
    }

    async fn event(
        &mut self,
        event: VoiceEvent,
        controls: &mut mpsc::Sender<VoiceControl>,
        answers: &mpsc::Sender<VoiceControl>,
        running: &mut usize,
    ) -> Result<()> {
        match event {
            VoiceEvent::Interrupted => {
                let (reply, heard) = oneshot::channel();
                self.play(Command::Clear(Some(reply))).await?;
                let heard = heard.await.unwrap_or_default();
                self.tell(MediaEvent::Interrupted);
                if !heard.is_zero() {
                    let ms = u64::try_from(heard.as_millis()).unwrap_or(u64::MAX);
                    control(controls, VoiceControl::Played { ms }).await?;
                }
            }
            VoiceEvent::Heard { text } if !text.is_empty() => {
                self.tell(MediaEvent::Heard { text, is_final: true });
            }
            VoiceEvent::Said { text } => {
                self.play(Command::Rest).await?;
                self.tell(MediaEvent::Said { text });
            }
            VoiceEvent::ToolCall { id, .. } if *running >= MAX_TOOLS => {
                let output = "error: too much at once; ask again later".to_owned();
                control(controls, VoiceControl::ToolResult { id, output }).await?;
            }
            VoiceEvent::ToolCall { id, name, arguments } => {
                *running += 1;
                self.run_tool(id, name, arguments, answers.clone());
            }
            VoiceEvent::Heard { .. } | VoiceEvent::Unknown => {}
        }
        Ok(())
    }

    /// Runs a tool beside the conversation, which goes on meanwhile.
    fn run_tool(&self, id: String, name: String, arguments: Value, mut answers: mpsc::Sender<VoiceControl>) {
        let (host, call, listener) = (self.host.clone(), self.call.clone(), self.listener.clone());
        let permitted = tools(self.config).iter().any(|tool| tool.name == name);
        self.host.spawn(async move {
            let running = async {
                if !permitted {
                    return Err(Error::new(ErrorKind::Refused, "there is no such tool"));
                }
                if name == CONSULT {
                    let listener = listener.as_ref().and_then(Weak::upgrade).ok_or_else(over)?;
                    let question = arguments["question"].as_str().unwrap_or_default().to_owned();
                    return listener.consult(&call, question).await;
                }
                let call = ToolCall {
                    arguments,
                    ..ToolCall::default()
                };
                let output = host.capabilities().invoke(&name, &call).await?;
                let texts: Vec<_> = output.content.iter().filter_map(|part| part.as_text()).collect();
                Ok(texts.join("\n"))
            };
            let output = match host.timeout(TOOL, running).await {
                Ok(Ok(text)) => text.chars().take(MAX_ANSWER).collect(),
                Ok(Err(error)) | Err(error) => format!("error: {error}"),
            };
            // the call may be over
            let _ = answers.send(VoiceControl::ToolResult { id, output }).await;
        });
    }
}
