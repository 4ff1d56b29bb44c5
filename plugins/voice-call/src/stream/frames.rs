//! The messages of Twilio's media streams, read and written. No I/O.
use base64::{Engine as _, engine::general_purpose::STANDARD};
use openclaw_plugin_api::{Error, Result};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// Longest id of a stream.
const MAX_ID: usize = 64;
/// Longest audio in one message, bytes: two seconds.
const MAX_AUDIO: usize = 16_000;

/// What a carrier says.
#[derive(Debug, PartialEq)]
pub(super) enum Incoming {
    /// The stream of a call begins.
    Start(Start),
    /// The caller's sound, µ-law.
    Audio(Vec<u8>),
    /// What was sent before this mark has been played, or thrown away.
    Mark(String),
    /// A key was pressed.
    Digit(char),
    /// The call is over, or the carrier goes on without the stream.
    Stop,
    /// Nothing that matters.
    Other,
}

/// The beginning of a stream.
#[derive(Debug, PartialEq)]
pub(super) struct Start {
    pub(super) stream: String,
    pub(super) call: String,
    pub(super) token: String,
    /// It is µ-law of 8,000 Hz, mono.
    pub(super) is_mulaw: bool,
}

#[derive(Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[derive(Default)]
struct Wire {
    event: String,
    stream_sid: String,
    start: Option<StartWire>,
    media: Option<MediaWire>,
    mark: Option<MarkWire>,
    dtmf: Option<DtmfWire>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct StartWire {
    stream_sid: String,
    call_sid: String,
    custom_parameters: Map<String, Value>,
    media_format: MediaFormat,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct MediaFormat {
    encoding: String,
    sample_rate: u32,
    channels: u32,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct MediaWire {
    track: String,
    payload: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct MarkWire {
    name: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct DtmfWire {
    digit: String,
}

/// Reads a message.
pub(super) fn read(text: &str) -> Result<Incoming> {
    let wire: Wire = serde_json::from_str(text).map_err(|_| odd("it is no JSON of a media stream"))?;
    Ok(match wire.event.as_str() {
        "start" => Incoming::Start(start(wire.start.unwrap_or_default(), wire.stream_sid)?),
        "media" => match wire.media.filter(|media| media.track != "outbound") {
            Some(media) => Incoming::Audio(audio(&media.payload)?),
            None => Incoming::Other,
        },
        "mark" => Incoming::Mark(wire.mark.unwrap_or_default().name),
        "dtmf" => {
            let digit = wire.dtmf.and_then(|dtmf| dtmf.digit.chars().next());
            let digit = digit.filter(|digit| matches!(digit, '0'..='9' | '*' | '#' | 'A'..='D' | 'a'..='d'));
            digit.map_or(Incoming::Other, Incoming::Digit)
        }
        "stop" => Incoming::Stop,
        _ => Incoming::Other,
    })
}

fn start(start: StartWire, outer: String) -> Result<Start> {
    let stream = match start.stream_sid.is_empty() {
        true => outer,
        false => start.stream_sid,
    };
    let plain = stream.len() <= MAX_ID && stream.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if stream.is_empty() || !plain {
        return Err(odd("its stream has no proper id"));
    }
    let format = &start.media_format;
    let token = start.custom_parameters.get("token").and_then(Value::as_str);
    Ok(Start {
        stream,
        call: start.call_sid,
        token: token.unwrap_or_default().to_owned(),
        is_mulaw: format.encoding == "audio/x-mulaw" && format.sample_rate == 8000 && format.channels == 1,
    })
}

fn audio(payload: &str) -> Result<Vec<u8>> {
    if payload.len() > MAX_AUDIO * 4 / 3 + 4 {
        return Err(odd("it has more sound than a message may have"));
    }
    STANDARD
        .decode(payload)
        .map_err(|_| odd("its sound is no base64"))
}

fn odd(what: &str) -> Error {
    Error::invalid(format_args!(
        "a message of the media stream is not understood: {what}"
    ))
}

/// Sound for the caller.
pub(super) fn media(stream: &str, codes: &[u8]) -> String {
    let payload = STANDARD.encode(codes);
    // written by hand: it is written fifty times a second for each call, and neither part needs escapes
    format!(r#"{{"event":"media","streamSid":"{stream}","media":{{"payload":"{payload}"}}}}"#)
}

/// A mark behind what was sent.
pub(super) fn mark(stream: &str, name: &str) -> String {
    json!({"event": "mark", "streamSid": stream, "mark": {"name": name}}).to_string()
}

/// Throw away what has not been played.
pub(super) fn clear(stream: &str) -> String {
    json!({"event": "clear", "streamSid": stream}).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_carriers_messages_are_understood() {
        let start = json!({"event": "start", "sequenceNumber": "1", "streamSid": "MZ1", "start": {
            "streamSid": "MZ1", "accountSid": "AC1", "callSid": "CA1", "tracks": ["inbound"],
            "customParameters": {"token": "t"},
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}}});
        let expected = Start {
            stream: "MZ1".into(),
            call: "CA1".into(),
            token: "t".into(),
            is_mulaw: true,
        };
        assert_eq!(read(&start.to_string()).unwrap(), Incoming::Start(expected));
        for (message, expected) in [
            (
                json!({"event": "connected", "protocol": "Call", "version": "1.0.0"}),
                Incoming::Other,
            ),
            (
                json!({"event": "media", "media": {"track": "inbound", "chunk": "2", "timestamp": "5", "payload": "/38="}}),
                Incoming::Audio(vec![0xff, 0x7f]),
            ),
            (
                json!({"event": "media", "media": {"track": "outbound", "payload": "/38="}}),
                Incoming::Other,
            ),
            (
                json!({"event": "mark", "mark": {"name": "m"}}),
                Incoming::Mark("m".into()),
            ),
            (
                json!({"event": "dtmf", "dtmf": {"track": "inbound_track", "digit": "#"}}),
                Incoming::Digit('#'),
            ),
            (json!({"event": "dtmf", "dtmf": {"digit": "\n"}}), Incoming::Other),
            (json!({"event": "stop"}), Incoming::Stop),
            (json!({}), Incoming::Other),
        ] {
            assert_eq!(read(&message.to_string()).unwrap(), expected, "{message}");
        }
    }

    #[test]
    fn what_is_no_message_is_refused() {
        let id = "M".repeat(65);
        for message in [
            "".to_owned(),
            "[1".to_owned(),
            json!({"event": "media", "media": {"payload": "!"}}).to_string(),
            json!({"event": "media", "media": {"payload": "A".repeat(22_000)}}).to_string(),
            json!({"event": "start", "start": {}}).to_string(),
            json!({"event": "start", "streamSid": "a\"b"}).to_string(),
            json!({"event": "start", "streamSid": id}).to_string(),
        ] {
            assert!(read(&message).is_err(), "{message}");
        }
        let other = json!({"event": "start", "streamSid": "MZ1", "start": {"mediaFormat": {"encoding": "audio/l16"}}});
        assert!(matches!(read(&other.to_string()), Ok(Incoming::Start(start)) if !start.is_mulaw));
    }

    #[test]
    fn what_is_sent_is_json() {
        let sent: Value = serde_json::from_str(&media("MZ1", &[0xff, 0x7f])).unwrap();
        assert_eq!(
            sent,
            json!({"event": "media", "streamSid": "MZ1", "media": {"payload": "/38="}})
        );
    }
}
