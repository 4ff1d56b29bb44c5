//! A text as audio, in pieces as they come.
use super::Access;
use crate::errors::{Told, wait_in_headers};
use openclaw_plugin_api::{AudioFormat, Codec, Sink, Synthesis, prelude::*};
use std::time::Duration;

/// The model that speaks unless another one is named.
const MODEL: &str = "gpt-4o-mini-tts";
/// The voice that speaks unless another one is named.
const VOICE: &str = "alloy";
/// Longest text that the API takes, characters.
const MAX_TEXT: usize = 4096;
/// Time to the head of the answer.
const HEAD_TIMEOUT: Duration = Duration::from_secs(20);
/// Longest silence within it.
const IDLE_TIMEOUT: Duration = Duration::from_secs(15);
/// Longest audio: some twenty minutes of PCM. Bytes.
const MAX_AUDIO: u64 = 64 << 20;
/// Longest body of a refusal that is read. Bytes.
const MAX_REFUSAL: usize = 64 << 10;

pub(super) async fn speak(host: &Host, access: &Access, request: &Synthesis, mut out: Sink) -> Result<()> {
    let body = body(request)?;
    let mut post = host
        .http()
        .post(format!("{}/audio/speech", access.service.base_url))
        .timeout(HEAD_TIMEOUT)
        .idle_timeout(Some(IDLE_TIMEOUT))
        .max_bytes(MAX_AUDIO)
        .redirects(0)
        .json(&body);
    if let Some(key) = &access.key {
        post = post.bearer(key);
    }
    let mut answer = post.send().await?;
    if !answer.is_success() {
        let status = answer.status();
        let wait = wait_in_headers(|name| answer.header(name));
        let words = answer.bytes_up_to(MAX_REFUSAL).await.unwrap_or_default();
        let told = Told::from_body(status, &words);
        return Err(told.into_error(&access.service.name, access.key.as_ref(), wait));
    }
    while let Some(piece) = answer.chunk().await? {
        if !out.send(&piece).await {
            return Ok(());
        }
    }
    Ok(())
}

/// The request's body.
pub(super) fn body(request: &Synthesis) -> Result<Value> {
    let text = request.text.trim();
    if text.is_empty() {
        return Err(Error::invalid("there is no text to speak"));
    }
    if text.chars().count() > MAX_TEXT {
        return Err(Error::invalid(format_args!(
            "a text of more than {MAX_TEXT} characters can't be spoken at once; send it in parts"
        )));
    }
    let or = |given: &str, usual: &str| match given {
        "" => usual.to_owned(),
        given => given.to_owned(),
    };
    let mut body = json!({
        "model": or(&request.model, MODEL),
        "voice": or(&request.voice, VOICE),
        "input": text,
        "response_format": format(&request.format)?,
    });
    if request.speed > 0.0 {
        body["speed"] = json!(request.speed.clamp(0.25, 4.0));
    }
    if let Some(words) = request.params.get("instructions").and_then(Value::as_str) {
        body["instructions"] = json!(words);
    }
    Ok(body)
}

fn format(format: &AudioFormat) -> Result<&'static str> {
    match (format.codec, format.sample_rate, format.channels) {
        (Codec::Pcm16, 24_000, 1) => Ok("pcm"),
        (Codec::Mp3, ..) => Ok("mp3"),
        (Codec::Opus, ..) => Ok("opus"),
        (Codec::Wav, ..) => Ok("wav"),
        _ => Err(Error::unsupported(
            "this engine speaks mono PCM of 24,000 Hz, MP3, Opus and WAV; ask for one of these and convert it",
        )),
    }
}
