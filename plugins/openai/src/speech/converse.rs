//! Speech to speech: one model that listens, answers with its own voice, may be interrupted, and may ask for tools.
//!
//! Invariants: after an interruption nothing more of the interrupted answer is given out; an answer is asked for only when
//! none is being made.
use super::{
    Access,
    socket::{Socket, audio, is_fatal, kind, text, told},
    turn_detection, wire_format,
};
use futures_util::future::{Either, select};
use openclaw_plugin_api::{
    Conversation, Source, ToolSpec, Voice, VoiceControl, VoiceEvent, VoiceInput, prelude::*,
};
use std::pin::pin;

/// The model that talks unless another one is named.
const MODEL: &str = "gpt-realtime";
/// The voice that talks unless another one is named.
const VOICE: &str = "marin";
/// The model that writes down what the caller says.
const EAR: &str = "gpt-4o-mini-transcribe";
/// How an answer is refused while another one is being made.
const ALREADY_ANSWERS: &str = "conversation_already_has_active_response";

pub(super) async fn converse(
    host: &Host,
    access: &Access,
    request: &Conversation,
    mut input: Source,
    mut out: Voice,
) -> Result<()> {
    let update = update(request)?;
    let query = url_query(model(request));
    let mut socket = Socket::open(host, access, &query).await?;
    socket.send(&update).await?;
    let mut talk = Talk::default();
    loop {
        let next = match select(pin!(input.next()), pin!(socket.next())).await {
            Either::Left((chunk, _)) => Either::Left(chunk),
            Either::Right((event, _)) => Either::Right(event),
        };
        match next {
            Either::Left(Some(Ok(chunk))) => match VoiceInput::decode(&chunk)? {
                VoiceInput::Audio(audio) => socket.append(&audio).await?,
                VoiceInput::Control(control) => talk.control(&mut socket, control).await?,
            },
            // the caller has hung up
            Either::Left(_) => return Ok(()),
            Either::Right(event) => {
                let Some(event) = event? else {
                    let text = "the service ended the conversation";
                    return Err(Error::new(ErrorKind::Network, text));
                };
                if !talk.take(access, &mut socket, &event, &mut out).await? {
                    return Ok(());
                }
            }
        }
    }
}

fn model(request: &Conversation) -> &str {
    match request.model.as_str() {
        "" => MODEL,
        model => model,
    }
}

fn url_query(model: &str) -> String {
    // names of models need no escapes; what is none does not get into the URL
    let plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | ':');
    format!("model={}", model.chars().filter(plain).collect::<String>())
}

/// The session that is asked for.
pub(super) fn update(request: &Conversation) -> Result<Value> {
    let format = wire_format(&request.format)?;
    let voice = match request.voice.as_str() {
        "" => VOICE,
        voice => voice,
    };
    let tools: Vec<Value> = request.tools.iter().map(tool).collect();
    Ok(json!({
        "type": "session.update",
        "session": {
            "type": "realtime",
            "model": model(request),
            "output_modalities": ["audio"],
            "instructions": request.instructions,
            "audio": {
                "input": {
                    "format": format,
                    "transcription": {"model": EAR},
                    "turn_detection": turn_detection(&request.params),
                },
                "output": {"format": format, "voice": voice},
            },
            "tools": tools,
            "tool_choice": "auto",
        },
    }))
}

fn tool(spec: &ToolSpec) -> Value {
    json!({
        "type": "function",
        "name": spec.name,
        "description": spec.description,
        "parameters": spec.parameters,
    })
}

/// Where the conversation stands.
#[derive(Default)]
struct Talk {
    /// An answer is being made.
    answering: bool,
    /// The answer that was asked for last.
    asked: Asked,
    /// Another one is wanted after it, by these instructions, if any.
    wanted: Option<Option<String>>,
    /// The item that is being spoken.
    spoken: String,
    /// The item that was interrupted: what still comes of it is dropped.
    interrupted: String,
}

/// An answer that was asked for.
#[derive(Default)]
struct Asked {
    /// The how-manieth it is: a refusal names the event that it refuses.
    number: u64,
    /// By which instructions, if any.
    instructions: Option<String>,
}

impl Talk {
    async fn control(&mut self, socket: &mut Socket, control: VoiceControl) -> Result<()> {
        match control {
            VoiceControl::ToolResult { id, output } => {
                let item = json!({"type": "function_call_output", "call_id": id, "output": output});
                let event = json!({"type": "conversation.item.create", "item": item});
                socket.send(&event).await?;
                self.want(socket, None).await
            }
            VoiceControl::Speak { instructions } => self.want(socket, Some(instructions)).await,
            VoiceControl::Played { ms } if !self.interrupted.is_empty() => {
                let event = json!({
                    "type": "conversation.item.truncate", "item_id": self.interrupted,
                    "content_index": 0, "audio_end_ms": ms,
                });
                socket.send(&event).await
            }
            VoiceControl::Played { .. } | VoiceControl::Unknown => Ok(()),
        }
    }

    async fn want(&mut self, socket: &mut Socket, instructions: Option<String>) -> Result<()> {
        if self.answering {
            self.wanted = Some(instructions);
            return Ok(());
        }
        self.answering = true;
        let response = match &instructions {
            Some(words) => json!({"instructions": words}),
            None => json!({}),
        };
        self.asked = Asked {
            number: self.asked.number + 1,
            instructions,
        };
        let event = json!({"type": "response.create", "event_id": self.asked.id(), "response": response});
        socket.send(&event).await
    }

    /// Something was refused. If it was an answer, none is made, and nothing will say that it is done.
    async fn refused(&mut self, socket: &mut Socket, error: &Value) -> Result<()> {
        if text(error, "event_id") != self.asked.id() {
            return Ok(());
        }
        if text(error, "code") == ALREADY_ANSWERS {
            // it began one by itself: this one comes after it
            let again = self.asked.instructions.take();
            self.wanted.get_or_insert(again);
            return Ok(());
        }
        self.done(socket).await
    }

    /// No answer is being made any more.
    async fn done(&mut self, socket: &mut Socket) -> Result<()> {
        self.answering = false;
        match self.wanted.take() {
            Some(instructions) => self.want(socket, instructions).await,
            None => Ok(()),
        }
    }

    /// Takes an event. False: nobody listens any more.
    async fn take(
        &mut self,
        access: &Access,
        socket: &mut Socket,
        event: &Value,
        out: &mut Voice,
    ) -> Result<bool> {
        let said = |field: &str| text(event, field).trim().to_owned();
        let event = match kind(event) {
            "input_audio_buffer.speech_started" => {
                self.interrupted = std::mem::take(&mut self.spoken);
                VoiceEvent::Interrupted
            }
            "response.created" => {
                self.answering = true;
                return Ok(true);
            }
            "response.output_audio.delta" => {
                let item = text(event, "item_id");
                if !self.interrupted.is_empty() && item == self.interrupted {
                    return Ok(true);
                }
                item.clone_into(&mut self.spoken);
                return Ok(out.audio(&audio(event)).await);
            }
            "response.output_audio_transcript.done" => VoiceEvent::Said {
                text: said("transcript"),
            },
            "conversation.item.input_audio_transcription.completed" => VoiceEvent::Heard {
                text: said("transcript"),
            },
            "response.output_item.done" if text(&event["item"], "type") == "function_call" => {
                call(&event["item"])
            }
            "response.done" => {
                self.done(socket).await?;
                return Ok(true);
            }
            "error" if is_fatal(event) => return Err(told(access, event)),
            "error" => {
                tracing::warn!(error = %told(access, event), "the service refuses something");
                self.refused(socket, &event["error"]).await?;
                return Ok(true);
            }
            _ => return Ok(true),
        };
        Ok(out.event(&event).await)
    }
}

impl Asked {
    fn id(&self) -> String {
        format!("answer-{}", self.number)
    }
}

fn call(item: &Value) -> VoiceEvent {
    VoiceEvent::ToolCall {
        id: text(item, "call_id").to_owned(),
        name: text(item, "name").to_owned(),
        arguments: serde_json::from_str(text(item, "arguments")).unwrap_or_else(|_| json!({})),
    }
}
