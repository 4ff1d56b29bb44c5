//! Speech written down while it is spoken. The service says when somebody begins and when an utterance is over.
//!
//! Invariant: a socket that breaks is opened again, a few times and ever more slowly; what is said meanwhile is lost, not
//! held, and the caller of this engine is never kept from going on.
use super::{
    Access,
    socket::{Socket, is_fatal, kind, text, told},
    turn_detection, wire_format,
};
use futures_util::future::{Either, select};
use openclaw_plugin_api::{Source, Transcript, Transcription, Transcripts, prelude::*};
use std::{collections::HashMap, pin::pin, time::Duration};

/// The model that listens unless another one is named.
const MODEL: &str = "gpt-4o-transcribe";
/// Sockets in a row that may break before anything was heard.
const MAX_TRIES: u32 = 5;
/// Wait before the second socket; it doubles.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// Time for the last words when the audio has ended.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// Utterances whose words may be on their way at once; beyond it the oldest are forgotten.
const MAX_UTTERANCES: usize = 16;

/// How one socket ended.
enum End {
    /// The audio ended, or nobody listens any more.
    Over,
    /// It broke; whether anything was heard before.
    Broke(Error, bool),
}

pub(super) async fn listen(
    host: &Host,
    access: &Access,
    request: &Transcription,
    mut audio: Source,
    mut out: Transcripts,
) -> Result<()> {
    let update = update(request)?;
    let (mut tries, mut wait) = (0, FIRST_WAIT);
    loop {
        let end = match Socket::open(host, access, "intent=transcription").await {
            Ok(socket) => session(host, access, socket, &update, &mut audio, &mut out).await?,
            Err(error) if error.kind().is_transient() => End::Broke(error, false),
            Err(error) => return Err(error),
        };
        match end {
            End::Over => return Ok(()),
            End::Broke(_, true) => (tries, wait) = (0, FIRST_WAIT),
            End::Broke(error, false) if tries + 1 >= MAX_TRIES => return Err(error),
            End::Broke(..) => tries += 1,
        }
        tracing::warn!(tries, "listening broke off; it is taken up again");
        if !discard(host, &mut audio, wait).await {
            return Ok(());
        }
        wait *= 2;
    }
}

/// The session that is asked for.
pub(super) fn update(request: &Transcription) -> Result<Value> {
    let model = match request.model.as_str() {
        "" => MODEL,
        model => model,
    };
    let mut transcription = json!({"model": model});
    if !request.language.is_empty() {
        // the API knows languages, not regions
        let language = request.language.split('-').next().unwrap_or_default();
        transcription["language"] = json!(language);
    }
    if !request.hint.is_empty() {
        transcription["prompt"] = json!(request.hint);
    }
    Ok(json!({
        "type": "session.update",
        "session": {
            "type": "transcription",
            "audio": {"input": {
                "format": wire_format(&request.format)?,
                "transcription": transcription,
                "turn_detection": turn_detection(&request.params),
            }},
        },
    }))
}

async fn session(
    host: &Host,
    access: &Access,
    mut socket: Socket,
    update: &Value,
    audio: &mut Source,
    out: &mut Transcripts,
) -> Result<End> {
    let mut words = Words::default();
    if let Err(error) = socket.send(update).await {
        return Ok(End::Broke(error, false));
    }
    loop {
        let next = match select(pin!(audio.next()), pin!(socket.next())).await {
            Either::Left((chunk, _)) => Either::Left(chunk),
            Either::Right((event, _)) => Either::Right(event),
        };
        match next {
            Either::Left(Some(Ok(chunk))) => {
                if let Err(error) = socket.append(&chunk).await {
                    return Ok(End::Broke(error, words.heard));
                }
            }
            Either::Left(_) => {
                let rest = last_words(access, &mut socket, &mut words, out);
                // what is late has nobody to hear it
                let _ = host.timeout(LAST_WORDS, rest).await;
                return Ok(End::Over);
            }
            Either::Right(Ok(Some(event))) => {
                if !words.take(access, &event, out).await? {
                    return Ok(End::Over);
                }
            }
            Either::Right(Ok(None)) => {
                let error = Error::new(ErrorKind::Network, "the service stopped listening");
                return Ok(End::Broke(error, words.heard));
            }
            Either::Right(Err(error)) => return Ok(End::Broke(error, words.heard)),
        }
    }
}

/// The audio is over: what was being said is taken as it is.
async fn last_words(
    access: &Access,
    socket: &mut Socket,
    words: &mut Words,
    out: &mut Transcripts,
) -> Result<()> {
    if words.speaking {
        socket.send(&json!({"type": "input_audio_buffer.commit"})).await?;
        words.open += 1;
    }
    while words.open > 0 {
        let Some(event) = socket.next().await? else { break };
        if !words.take(access, &event, out).await? {
            break;
        }
    }
    Ok(())
}

/// Throws audio away for a while. False: there is no more.
async fn discard(host: &Host, audio: &mut Source, time: Duration) -> bool {
    let mut pause = pin!(host.sleep(time));
    loop {
        match select(pause.as_mut(), pin!(audio.next())).await {
            Either::Left(_) => return true,
            Either::Right((Some(Ok(_)), _)) => {}
            Either::Right(_) => return false,
        }
    }
}

/// What was understood so far.
#[derive(Default)]
struct Words {
    /// By item, as far as they have come.
    partial: HashMap<String, String>,
    order: Vec<String>,
    speaking: bool,
    /// Utterances that are over and whose words are to come.
    open: usize,
    heard: bool,
}

impl Words {
    /// Takes an event. False: nobody listens any more.
    async fn take(&mut self, access: &Access, event: &Value, out: &mut Transcripts) -> Result<bool> {
        let item = text(event, "item_id");
        let transcript = match kind(event) {
            "input_audio_buffer.speech_started" => {
                (self.speaking, self.heard) = (true, true);
                Transcript {
                    speech_started: true,
                    ..Transcript::default()
                }
            }
            "input_audio_buffer.speech_stopped" => {
                self.speaking = false;
                self.open += 1;
                return Ok(true);
            }
            "conversation.item.input_audio_transcription.delta" => Transcript {
                text: self.grow(item, text(event, "delta")),
                ..Transcript::default()
            },
            "conversation.item.input_audio_transcription.completed" => {
                self.end(item);
                Transcript {
                    text: text(event, "transcript").trim().to_owned(),
                    is_final: true,
                    ..Transcript::default()
                }
            }
            "conversation.item.input_audio_transcription.failed" => {
                self.end(item);
                tracing::warn!("an utterance was not understood");
                return Ok(true);
            }
            "error" if is_fatal(event) => return Err(told(access, event)),
            "error" => {
                tracing::warn!(error = %told(access, event), "the service refuses something");
                return Ok(true);
            }
            _ => return Ok(true),
        };
        Ok(out.send(&transcript).await)
    }

    fn grow(&mut self, item: &str, delta: &str) -> String {
        if !self.partial.contains_key(item) {
            if self.order.len() >= MAX_UTTERANCES {
                let oldest = self.order.remove(0);
                self.partial.remove(&oldest);
            }
            self.order.push(item.to_owned());
        }
        let words = self.partial.entry(item.to_owned()).or_default();
        words.push_str(delta);
        words.trim().to_owned()
    }

    fn end(&mut self, item: &str) {
        self.partial.remove(item);
        self.order.retain(|known| known != item);
        self.open = self.open.saturating_sub(1);
    }
}
