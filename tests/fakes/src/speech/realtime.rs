//! A session of the realtime API: it hears tones, writes down their texts and, in a conversation, answers.
use super::{
    Shared, length_ms,
    tones::{linear, mulaw, pitch_of, tone},
};
use axum::extract::ws::{Message, WebSocket};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use std::{sync::Arc, time::Instant};

/// Samples in a second of a telephone.
const RATE: u32 = 8000;
/// Samples that are looked at together: 20 ms.
const WINDOW: usize = 160;

struct Session {
    shared: Arc<Shared>,
    socket: WebSocket,
    /// Speaks by itself.
    answers: bool,
    /// Silence that ends an utterance, windows.
    patience: usize,
    pending: Vec<i16>,
    speech: Vec<i16>,
    silence: usize,
    items: u64,
}

pub(super) async fn serve(shared: Arc<Shared>, socket: WebSocket) {
    let mut session = Session {
        shared,
        socket,
        answers: false,
        patience: 40,
        pending: Vec::new(),
        speech: Vec::new(),
        silence: 0,
        items: 0,
    };
    if session.say(json!({"type": "session.created"})).await.is_none() {
        return;
    }
    while let Some(Ok(message)) = session.socket.recv().await {
        let Message::Text(text) = message else { continue };
        let event: Value = serde_json::from_str(text.as_str()).unwrap_or_default();
        if session.take(&event).await.is_none() {
            return;
        }
    }
}

impl Session {
    async fn say(&mut self, event: Value) -> Option<()> {
        self.socket
            .send(Message::Text(event.to_string().into()))
            .await
            .ok()
    }

    async fn take(&mut self, event: &Value) -> Option<()> {
        match event["type"].as_str().unwrap_or_default() {
            "session.update" => self.update(&event["session"]).await,
            "input_audio_buffer.append" => self.hear(event).await,
            "input_audio_buffer.commit" => self.end_of_utterance().await,
            "response.create" => {
                let words = event["response"]["instructions"]
                    .as_str()
                    .unwrap_or("yes")
                    .to_owned();
                let words = words.rsplit(": ").next().unwrap_or_default().to_owned();
                self.answer(&words).await
            }
            "conversation.item.create" | "conversation.item.truncate" => Some(()),
            other => {
                self.shared.complain(format!("realtime: {other}"));
                let error =
                    json!({"type": "invalid_request_error", "code": "unknown_event", "message": other});
                self.say(json!({"type": "error", "error": error})).await
            }
        }
    }

    async fn update(&mut self, session: &Value) -> Option<()> {
        let input = &session["audio"]["input"];
        self.answers = session["type"] == "realtime";
        let fine = matches!(session["type"].as_str(), Some("transcription" | "realtime"))
            && input["format"]["type"] == "audio/pcmu"
            && input["transcription"]["model"].is_string();
        if !fine {
            self.shared.complain(format!("realtime: session {session}"));
        }
        let silence = input["turn_detection"]["silence_duration_ms"]
            .as_f64()
            .unwrap_or(500.0);
        let patience = (silence / 20.0) as usize;
        self.patience = patience.max(1);
        self.shared.notes(|notes| notes.sessions.push(session.clone()));
        self.say(json!({"type": "session.updated"})).await
    }

    async fn hear(&mut self, event: &Value) -> Option<()> {
        let audio = event["audio"].as_str().unwrap_or_default();
        let codes = STANDARD.decode(audio).unwrap_or_default();
        self.pending.extend(codes.into_iter().map(linear));
        while self.pending.len() >= WINDOW {
            let window: Vec<i16> = self.pending.drain(..WINDOW).collect();
            let loud = pitch_of(&window, RATE).is_some();
            if loud {
                if self.speech.is_empty() {
                    self.items += 1;
                    let item = self.item();
                    self.say(json!({"type": "input_audio_buffer.speech_started", "item_id": item}))
                        .await?;
                }
                self.silence = 0;
                self.speech.extend(window);
            } else if !self.speech.is_empty() {
                self.silence += 1;
                if self.silence >= self.patience {
                    self.end_of_utterance().await?;
                }
            }
        }
        Some(())
    }

    fn item(&self) -> String {
        format!("item_{}", self.items)
    }

    async fn end_of_utterance(&mut self) -> Option<()> {
        let speech = std::mem::take(&mut self.speech);
        self.silence = 0;
        let text = pitch_of(&speech, RATE).and_then(|pitch| self.shared.tones.text(pitch));
        let text = text.unwrap_or_default();
        let item = self.item();
        self.say(json!({"type": "input_audio_buffer.speech_stopped", "item_id": item}))
            .await?;
        let kind = "conversation.item.input_audio_transcription";
        self.say(json!({"type": format!("{kind}.delta"), "item_id": item, "delta": text}))
            .await?;
        self.shared.notes(|notes| notes.heard_at.push(Instant::now()));
        self.say(json!({"type": format!("{kind}.completed"), "item_id": item, "transcript": text}))
            .await?;
        match self.answers {
            true => self.answer(&format!("{text}?")).await,
            false => Some(()),
        }
    }

    /// Says something, faster than one listens.
    async fn answer(&mut self, words: &str) -> Option<()> {
        self.items += 1;
        let item = self.item();
        self.say(json!({"type": "response.created"})).await?;
        let samples = tone(self.shared.tones.pitch(words), RATE, length_ms(words));
        for piece in samples.chunks(10 * WINDOW) {
            let codes: Vec<u8> = piece.iter().map(|sample| mulaw(*sample)).collect();
            let delta = STANDARD.encode(codes);
            self.say(json!({"type": "response.output_audio.delta", "item_id": item, "delta": delta}))
                .await?;
        }
        self.say(
            json!({"type": "response.output_audio_transcript.done", "item_id": item, "transcript": words}),
        )
        .await?;
        self.say(json!({"type": "response.done"})).await
    }
}
