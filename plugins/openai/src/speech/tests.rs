//! Speech against a service that the test plays.
use super::{converse, listen, speak};
use crate::PLUGIN;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use openclaw_plugin_api::{
    AudioFormat, Codec, Conversation, Feed, Synthesis, ToolSpec, Transcript, Transcription, VoiceControl,
    VoiceEvent, VoiceInput, VoiceOutput, WsMessage,
    abi::{Chunks, sink_pair, source_pair},
    prelude::*,
    surface::ids::speech as ids,
    testing::{FakeAnswer, FakeSocket, TestHost, TestPlugin},
};
use std::time::Duration;
use tokio::task::JoinHandle;

const MULAW: AudioFormat = AudioFormat {
    sample_rate: 8000,
    channels: 1,
    codec: Codec::Mulaw,
};

fn load(host: &TestHost) -> TestPlugin {
    host.load(&PLUGIN, json!({})).expect("a plugin")
}

async fn event(socket: &mut FakeSocket) -> Value {
    match socket.next().await {
        Some(WsMessage::Text(text)) => serde_json::from_str(&text).expect("an event"),
        other => panic!("{other:?}"),
    }
}

async fn say(socket: &mut FakeSocket, event: Value) {
    assert!(socket.send(&WsMessage::Text(event.to_string())).await);
}

fn begin(
    plugin: TestPlugin,
    method: &'static str,
    body: &impl Serialize,
) -> (Feed, Chunks, JoinHandle<Result<Vec<u8>>>) {
    let (feed, source) = source_pair(64);
    let (out, chunks) = sink_pair(64);
    let body = serde_json::to_vec(body).expect("a body");
    let call = tokio::spawn(async move {
        plugin
            .streamed_call(method, "openai", body, Some(source), Some(out))
            .await
    });
    (feed, chunks, call)
}

async fn heard(chunks: &mut Chunks) -> Transcript {
    serde_json::from_slice(&chunks.next().await.expect("more")).expect("a transcript")
}

#[tokio::test]
async fn a_text_is_spoken_in_pieces_with_the_key_of_the_environment() {
    let host = TestHost::new().secret("OPENAI_API_KEY", "sk-own").web(|asked| {
        let body: Value = serde_json::from_slice(&asked.body)?;
        assert_eq!(asked.head.url, "https://api.openai.com/v1/audio/speech");
        let key = ("authorization".to_owned(), "Bearer sk-own".to_owned());
        assert!(asked.head.headers.contains(&key));
        assert_eq!(
            body,
            json!({"model": "gpt-4o-mini-tts", "voice": "coral", "input": "Hello.", "response_format": "pcm", "speed": 1.5})
        );
        Ok(FakeAnswer {
            status: 200,
            headers: Vec::new(),
            chunks: vec![vec![1, 2, 3], vec![4]],
            cut: false,
        })
    });
    let request = Synthesis {
        text: " Hello. ".into(),
        voice: "coral".into(),
        speed: 1.5,
        ..Synthesis::default()
    };
    let (_feed, mut chunks, call) = begin(load(&host), ids::SYNTHESIZE, &request);
    assert_eq!(chunks.next().await, Some(vec![1, 2, 3]));
    assert_eq!(chunks.next().await, Some(vec![4]));
    assert!(chunks.next().await.is_none());
    call.await.expect("no panic").expect("spoken");
}

#[tokio::test]
async fn the_key_of_the_environment_goes_to_its_vendor_only() {
    let host = TestHost::new().secret("OPENAI_API_KEY", "sk-own").web(|asked| {
        let told = |(name, _): &(String, String)| name == "authorization";
        assert!(!asked.head.headers.iter().any(told), "{:?}", asked.head.url);
        Ok(FakeAnswer {
            status: 401,
            headers: Vec::new(),
            chunks: vec![br#"{"error": {"message": "no key"}}"#.to_vec()],
            cut: false,
        })
    });
    let request = Synthesis {
        text: "Hello.".into(),
        base_url: "https://elsewhere.example/v1".into(),
        ..Synthesis::default()
    };
    let (_feed, _chunks, call) = begin(load(&host), ids::SYNTHESIZE, &request);
    let error = call.await.expect("no panic").expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Auth);
}

#[test]
fn what_openai_does_not_write_is_not_asked_for() {
    let request = |format: AudioFormat, text: &str| Synthesis {
        text: text.into(),
        format,
        ..Synthesis::default()
    };
    assert!(speak::body(&request(MULAW, "a")).is_err());
    assert!(speak::body(&request(AudioFormat::default(), " ")).is_err());
    assert!(speak::body(&request(AudioFormat::default(), &"é".repeat(4097))).is_err());
    assert!(speak::body(&request(AudioFormat::default(), &"é".repeat(4096))).is_ok());
    let narrow = AudioFormat {
        sample_rate: 16_000,
        ..AudioFormat::default()
    };
    let asked = Transcription {
        format: narrow,
        ..Transcription::default()
    };
    assert!(listen::update(&asked).is_err());
}

#[tokio::test]
async fn what_is_said_is_written_down_and_last_words_are_waited_for() {
    let host = TestHost::new().secret("OPENAI_API_KEY", "sk-own");
    let params = json!({"silenceDurationMs": 500, "vadThreshold": 0.25});
    let request = Transcription {
        format: MULAW,
        language: "de-AT".into(),
        params: serde_json::from_value(params).expect("an object"),
        ..Transcription::default()
    };
    let (mut feed, mut chunks, call) = begin(load(&host), ids::TRANSCRIBE, &request);
    let mut socket = host.next_socket().await;
    assert_eq!(
        socket.request.url,
        "wss://api.openai.com/v1/realtime?intent=transcription"
    );
    let update = event(&mut socket).await;
    assert_eq!(
        update["session"],
        json!({"type": "transcription", "audio": {"input": {
            "format": {"type": "audio/pcmu"},
            "transcription": {"model": "gpt-4o-transcribe", "language": "de"},
            "turn_detection": {"type": "server_vad", "threshold": 0.25, "prefix_padding_ms": 300, "silence_duration_ms": 500.0},
        }}})
    );
    feed.send(Ok(vec![0xff; 160])).await;
    let appended = event(&mut socket).await;
    assert_eq!(appended["audio"], STANDARD.encode([0xff; 160]));
    say(
        &mut socket,
        json!({"type": "input_audio_buffer.speech_started", "item_id": "a"}),
    )
    .await;
    assert!(heard(&mut chunks).await.speech_started);
    let delta = "conversation.item.input_audio_transcription.delta";
    for (words, so_far) in [("Guten", "Guten"), (" Tag", "Guten Tag")] {
        say(
            &mut socket,
            json!({"type": delta, "item_id": "a", "delta": words}),
        )
        .await;
        assert_eq!(heard(&mut chunks).await.text, so_far);
    }
    say(
        &mut socket,
        json!({"type": "error", "error": {"type": "invalid_request_error", "message": "odd"}}),
    )
    .await;
    drop(feed);
    assert_eq!(event(&mut socket).await["type"], "input_audio_buffer.commit");
    let done = "conversation.item.input_audio_transcription.completed";
    say(
        &mut socket,
        json!({"type": done, "item_id": "a", "transcript": "Guten Tag."}),
    )
    .await;
    let last = heard(&mut chunks).await;
    assert!(last.is_final && last.text == "Guten Tag.");
    call.await.expect("no panic").expect("it ended well");
}

#[tokio::test(start_paused = true)]
async fn a_socket_that_breaks_is_opened_again_and_given_up_after_five() {
    let host = TestHost::new().secret("OPENAI_API_KEY", "sk-own");
    let request = Transcription {
        format: MULAW,
        ..Transcription::default()
    };
    let (mut feed, mut chunks, call) = begin(load(&host), ids::TRANSCRIBE, &request);
    // the first one hears something before it breaks, so it does not count
    let mut first = host.next_socket().await;
    say(&mut first, json!({"type": "input_audio_buffer.speech_started"})).await;
    heard(&mut chunks).await;
    drop(first);
    for _ in 0..5 {
        assert!(feed.send(Ok(vec![0; 160])).await, "nobody is kept waiting");
        drop(host.next_socket().await);
    }
    let error = tokio::time::timeout(Duration::from_secs(60), call).await;
    let error = error.expect("it ends").expect("no panic").expect_err("given up");
    assert_eq!(error.kind(), ErrorKind::Network);
}

#[tokio::test]
async fn a_key_that_is_wrong_ends_it_at_once() {
    let host = TestHost::new().secret("OPENAI_API_KEY", "sk-own");
    let request = Transcription {
        format: MULAW,
        ..Transcription::default()
    };
    let (_feed, _chunks, call) = begin(load(&host), ids::TRANSCRIBE, &request);
    let mut socket = host.next_socket().await;
    let error =
        json!({"type": "invalid_request_error", "code": "invalid_api_key", "message": "wrong key sk-own"});
    say(&mut socket, json!({"type": "error", "error": error})).await;
    let error = call.await.expect("no panic").expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Auth);
    assert!(!error.message().contains("sk-own"), "{error}");
}

async fn voice(chunks: &mut Chunks) -> VoiceOutput {
    VoiceOutput::decode(&chunks.next().await.expect("more")).expect("an output")
}

/// The next event; what does not come is not waited for.
async fn soon(socket: &mut FakeSocket) -> Value {
    let event = tokio::time::timeout(Duration::from_secs(60), event(socket));
    event.await.expect("it comes")
}

#[tokio::test(start_paused = true)]
async fn after_an_answer_that_was_refused_the_next_one_is_asked_for() {
    let host = TestHost::new().secret("OPENAI_API_KEY", "sk-own");
    let request = Conversation {
        format: MULAW,
        ..Conversation::default()
    };
    let (mut feed, _chunks, _call) = begin(load(&host), ids::CONVERSE, &request);
    let mut socket = host.next_socket().await;
    soon(&mut socket).await;
    let speak = |words: &str| {
        let instructions = words.to_owned();
        VoiceInput::Control(VoiceControl::Speak { instructions }).encode()
    };
    let refusal = |asked: &Value, code: &str| {
        let error = json!({
            "type": "invalid_request_error", "code": code, "message": "no", "event_id": asked["event_id"],
        });
        json!({"type": "error", "error": error})
    };
    feed.send(Ok(speak("one"))).await;
    let one = soon(&mut socket).await;
    // of another event: the answer is still being made
    let other = json!({"event_id": "another"});
    say(&mut socket, refusal(&other, "invalid_value")).await;
    feed.send(Ok(speak("two"))).await;
    say(&mut socket, refusal(&one, "invalid_value")).await;
    let two = soon(&mut socket).await;
    assert_eq!(two["response"]["instructions"], "two");
    assert_ne!(one["event_id"], two["event_id"]);
    // it answers by itself: what was asked for comes behind that
    let busy = "conversation_already_has_active_response";
    say(&mut socket, refusal(&two, busy)).await;
    say(&mut socket, json!({"type": "response.done"})).await;
    assert_eq!(soon(&mut socket).await["response"]["instructions"], "two");
}

#[tokio::test]
async fn a_conversation_is_interrupted_and_asks_for_tools() {
    let host = TestHost::new().secret("OPENAI_API_KEY", "sk-own");
    let request = Conversation {
        format: MULAW,
        instructions: "Be brief.".into(),
        tools: vec![ToolSpec {
            name: "consult".into(),
            description: "Asks.".into(),
            parameters: json!({"type": "object"}),
            ..ToolSpec::default()
        }],
        ..Conversation::default()
    };
    assert_eq!(
        converse::update(&request).expect("valid")["session"]["audio"]["output"],
        json!({"format": {"type": "audio/pcmu"}, "voice": "marin"})
    );
    let (mut feed, mut chunks, call) = begin(load(&host), ids::CONVERSE, &request);
    let mut socket = host.next_socket().await;
    assert!(socket.request.url.ends_with("/v1/realtime?model=gpt-realtime"));
    let update = event(&mut socket).await;
    assert_eq!(update["session"]["tools"][0]["name"], "consult");
    let control = |control| VoiceInput::Control(control).encode();
    feed.send(Ok(control(VoiceControl::Speak {
        instructions: "Greet.".into(),
    })))
    .await;
    assert_eq!(event(&mut socket).await["response"]["instructions"], "Greet.");
    let delta = |item: &str, byte: u8| {
        let audio = STANDARD.encode([byte; 160]);
        json!({"type": "response.output_audio.delta", "item_id": item, "delta": audio})
    };
    say(&mut socket, delta("one", 1)).await;
    assert_eq!(voice(&mut chunks).await, VoiceOutput::Audio(vec![1; 160]));
    say(&mut socket, json!({"type": "input_audio_buffer.speech_started"})).await;
    assert_eq!(
        voice(&mut chunks).await,
        VoiceOutput::Event(VoiceEvent::Interrupted)
    );
    feed.send(Ok(control(VoiceControl::Played { ms: 120 }))).await;
    let truncate = event(&mut socket).await;
    assert_eq!(
        (&truncate["item_id"], &truncate["audio_end_ms"]),
        (&json!("one"), &json!(120))
    );
    // what still comes of the interrupted answer is dropped; the tool is asked for in the next one
    say(&mut socket, delta("one", 2)).await;
    say(&mut socket, json!({"type": "response.done"})).await;
    say(&mut socket, json!({"type": "response.created"})).await;
    let item = json!({"type": "function_call", "call_id": "c", "name": "consult", "arguments": "{\"q\":1}"});
    say(
        &mut socket,
        json!({"type": "response.output_item.done", "item": item}),
    )
    .await;
    assert_eq!(
        voice(&mut chunks).await,
        VoiceOutput::Event(VoiceEvent::ToolCall {
            id: "c".into(),
            name: "consult".into(),
            arguments: json!({"q": 1}),
        })
    );
    feed.send(Ok(control(VoiceControl::ToolResult {
        id: "c".into(),
        output: "42".into(),
    })))
    .await;
    assert_eq!(event(&mut socket).await["item"]["output"], "42");
    // an answer is still being made: the next one is asked for when it is done
    say(&mut socket, json!({"type": "response.done"})).await;
    assert_eq!(event(&mut socket).await["type"], "response.create");
    say(&mut socket, delta("two", 3)).await;
    assert_eq!(voice(&mut chunks).await, VoiceOutput::Audio(vec![3; 160]));
    let said = json!({"type": "response.output_audio_transcript.done", "transcript": " Yes. "});
    say(&mut socket, said).await;
    let text = "Yes.".to_owned();
    assert_eq!(
        voice(&mut chunks).await,
        VoiceOutput::Event(VoiceEvent::Said { text })
    );
    drop(feed);
    call.await.expect("no panic").expect("it ended well");
}
