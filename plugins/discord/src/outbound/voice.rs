//! Voice messages: one Ogg file, for which Discord wants to be told how long it is and how it looks.
use super::compose::Draft;
use base64::{Engine, engine::general_purpose::STANDARD};
use openclaw_plugin_api::{Host, MediaRef};
use serde_json::json;

/// Samples a second in which Ogg counts Opus, whatever was recorded.
const RATE: u64 = 48_000;
/// Bytes of the end that are looked at: longer than any page of Ogg.
const TAIL: usize = 66 << 10;
/// Points of the picture.
const POINTS: usize = 64;

/// Can it be a voice message?
pub(super) fn fits(file: &MediaRef) -> bool {
    let kind = file
        .mime_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    matches!(kind.as_str(), "audio/ogg" | "audio/opus")
}

/// Makes a draft with one file a voice message. A file whose length can't be found stays an ordinary one.
pub(super) async fn mark(host: &Host, draft: &mut Draft) {
    let Some(seconds) = length(host, &draft.files[0]).await else {
        return;
    };
    // Nobody has looked at the sound, so the picture is an even line.
    let waveform = STANDARD.encode([64_u8; POINTS]);
    let part =
        json!({ "id": "0", "filename": "voice-message.ogg", "duration_secs": seconds, "waveform": waveform });
    draft.files[0].file_name = "voice-message.ogg".into();
    draft.body.insert("attachments".into(), json!([part]));
}

/// The length in seconds, from the last page.
async fn length(host: &Host, file: &MediaRef) -> Option<f64> {
    let mut reader = host.media().open(file);
    let mut tail: Vec<u8> = Vec::new();
    while let Some(chunk) = reader.chunk().await.ok()? {
        tail.extend_from_slice(&chunk);
        if tail.len() > 2 * TAIL {
            tail.drain(..tail.len() - TAIL);
        }
    }
    samples(&tail).map(|samples| (samples as f64 / RATE as f64 * 10.0).round() / 10.0)
}

fn samples(bytes: &[u8]) -> Option<u64> {
    let page = bytes.windows(4).rposition(|window| window == b"OggS")?;
    let position = bytes.get(page + 6..page + 14)?;
    let samples = u64::from_le_bytes(position.try_into().ok()?);
    // All ones: nothing ends on this page.
    (samples != u64::MAX && samples > 0).then_some(samples)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_page_tells_the_length() {
        let page = |samples: u64| [b"OggS\0\x04".as_slice(), &samples.to_le_bytes(), &[0; 12]].concat();
        assert_eq!(samples(&[page(0), page(96_000)].concat()), Some(96_000));
        assert_eq!(
            (samples(&page(u64::MAX)), samples(b"OggS"), samples(b"")),
            (None, None, None)
        );
    }
}
