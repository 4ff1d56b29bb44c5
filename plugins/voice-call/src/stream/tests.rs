//! Streams with a scripted caller, engines that the test plays, and a clock that the test holds.
use super::*;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use openclaw_plugin_api::{
    AgentProfile, Transcript, VoiceControl, VoiceEvent, VoiceInput, WsMessage, host_ids,
    testing::{FakeSpeech, ServedSocket, TestHost},
};
use serde_json::{Value, json};
use tokio::{
    sync::mpsc as queue,
    task::JoinHandle,
    time::{self, Instant},
};

/// Notes what happens, and knows everything when it is asked.
struct Listener(queue::Sender<MediaEvent>);

impl MediaEvents for Listener {
    fn media(&self, _: &CallId, event: MediaEvent) -> BoxFuture<'static, ()> {
        self.0.try_send(event).unwrap();
        Box::pin(async {})
    }

    fn consult(&self, _: &CallId, question: String) -> BoxFuture<'static, Result<String>> {
        Box::pin(async move { Ok(format!("about {question}: yes")) })
    }
}

struct World {
    host: TestHost,
    streams: Streams,
    events: queue::Receiver<MediaEvent>,
    _listener: Arc<dyn MediaEvents>,
    call: CallId,
    /// The number that was dialled.
    number: &'static str,
    begin: Instant,
}

/// A caller's end of a stream.
struct Phone {
    socket: ServedSocket,
    serving: JoinHandle<Result<()>>,
    begin: Instant,
}

async fn world(config: Value) -> World {
    let host = TestHost::new();
    let begin = Instant::now();
    let clock = Clock::from_fn(move || u64::try_from(begin.elapsed().as_millis()).unwrap());
    let config: Config = serde_json::from_value(config).unwrap();
    let realtime = config.realtime.enabled;
    let streams = Streams::with_beat(&host.host(), &config, clock, Arc::new(move || begin.elapsed()));
    let (sender, events) = queue::channel(256);
    let listener: Arc<dyn MediaEvents> = Arc::new(Listener(sender));
    let call = CallId::given("call");
    streams.reached_by(Some(
        &Url::parse("https://voice.example:8443/voice/webhook?a=b").unwrap(),
    ));
    assert!(streams.ticket(&call, "CA1", "").is_none(), "nobody listens yet");
    streams.start(Arc::downgrade(&listener));
    let probes = if realtime { 1 } else { 2 };
    for _ in 0..probes {
        host.next_speech().await.fail(Error::unsupported("not like that"));
    }
    while !streams.is_ready() {
        tokio::task::yield_now().await;
    }
    World {
        host,
        streams,
        events,
        _listener: listener,
        call,
        number: "",
        begin,
    }
}

fn streaming() -> Value {
    json!({"provider": "twilio", "streaming": {"enabled": true}})
}

fn start(call: &str, token: &str) -> Value {
    json!({"event": "start", "streamSid": "MZ1", "start": {
        "streamSid": "MZ1", "callSid": call, "customParameters": {"token": token},
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}}})
}

impl World {
    fn ticket(&self) -> (HttpCall, String) {
        let ticket = self.streams.ticket(&self.call, "CA1", self.number).unwrap();
        let path = ticket.url.strip_prefix("wss://voice.example:8443").unwrap();
        let head = HttpCall {
            path: path.to_owned(),
            peer: "192.0.2.1".into(),
            ..HttpCall::default()
        };
        (head, ticket.token)
    }

    fn connect(&self, head: HttpCall) -> Phone {
        let (socket, messages, out) = ServedSocket::open();
        let streams = self.streams.clone();
        let serving = tokio::spawn(async move { streams.websocket(head, messages, out).await });
        Phone {
            socket,
            serving,
            begin: self.begin,
        }
    }

    /// A call whose sound flows, and the engine that listens to it.
    async fn open(&mut self) -> (Phone, FakeSpeech) {
        let (head, token) = self.ticket();
        self.streams.check(&head).unwrap();
        let mut phone = self.connect(head);
        phone
            .send(json!({"event": "connected", "protocol": "Call"}))
            .await;
        phone.send(start("CA1", &token)).await;
        assert_eq!(self.events.recv().await, Some(MediaEvent::Started));
        let ear = self.host.next_speech().await;
        (phone, ear)
    }

    fn say(&self, text: &str) -> JoinHandle<Result<()>> {
        tokio::spawn(self.streams.say(&self.call, text))
    }
}

impl Phone {
    async fn send(&mut self, message: Value) {
        self.socket.send(&WsMessage::Text(message.to_string())).await;
    }

    async fn next(&mut self) -> Value {
        match self.socket.next().await {
            Some(WsMessage::Text(text)) => serde_json::from_str(&text).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    /// The next frames, with the milliseconds at which they came.
    async fn frames(&mut self, count: usize) -> Vec<u128> {
        let mut times = Vec::new();
        for _ in 0..count {
            let message = self.next().await;
            let payload = message["media"]["payload"].as_str().unwrap();
            assert_eq!(STANDARD.decode(payload).unwrap().len(), 160, "{message}");
            times.push(self.begin.elapsed().as_millis());
        }
        let first = times[0];
        times.iter().map(|time| time - first).collect()
    }

    async fn hear(&mut self, code: u8) {
        let payload = STANDARD.encode([code; 160]);
        self.send(json!({"event": "media", "media": {"track": "inbound", "payload": payload}}))
            .await;
    }

    async fn echo(&mut self) {
        let message = self.next().await;
        assert_eq!(message["event"], "mark", "{message}");
        self.send(json!({"event": "mark", "mark": message["mark"]})).await;
    }

    async fn refusal(mut self) -> String {
        match self.socket.next().await {
            Some(WsMessage::Close(close)) => format!("{} {}", close.code, close.reason),
            other => panic!("{other:?}"),
        }
    }
}

async fn transcript(ear: &mut FakeSpeech, transcript: Transcript) {
    ear.send(&serde_json::to_vec(&transcript).unwrap()).await;
}

fn words(text: &str, is_final: bool) -> Transcript {
    Transcript {
        text: text.into(),
        is_final,
        ..Transcript::default()
    }
}

/// So many frames of sound, as an engine speaks it.
fn pcm(frames: usize) -> Vec<u8> {
    vec![0; frames * 160 * 3 * 2]
}

#[tokio::test(start_paused = true)]
async fn three_turns_are_heard_and_answered_in_their_time() {
    let mut world = world(streaming()).await;
    let (mut phone, mut ear) = world.open().await;
    assert_eq!(
        ear.request["format"],
        json!({"sampleRate": 8000, "channels": 1, "codec": "mulaw"})
    );
    for turn in ["one", "two", "three"] {
        phone.hear(7).await;
        assert_eq!(ear.next().await, Some(vec![7; 160]));
        let begins = Transcript {
            speech_started: true,
            ..Transcript::default()
        };
        transcript(&mut ear, begins).await;
        transcript(&mut ear, words(turn, true)).await;
        assert_eq!(world.events.recv().await, Some(MediaEvent::Interrupted));
        let heard = MediaEvent::Heard {
            text: turn.into(),
            is_final: true,
        };
        assert_eq!(world.events.recv().await, Some(heard));
        let said = world.say(&format!("you said {turn}"));
        let mut voice = world.host.next_speech().await;
        assert_eq!(voice.method, host_ids::SYNTHESIZE);
        assert_eq!(voice.request["text"], format!("you said {turn}"));
        voice.send(&pcm(10)).await;
        drop(voice);
        let times = phone.frames(10).await;
        assert_eq!(times, [0, 0, 0, 0, 20, 40, 60, 80, 100, 120]);
        assert!(
            !said.is_finished(),
            "it was sent, but nobody knows whether it was heard"
        );
        phone.echo().await;
        said.await.unwrap().unwrap();
    }
    phone.send(json!({"event": "dtmf", "dtmf": {"digit": "5"}})).await;
    assert_eq!(world.events.recv().await, Some(MediaEvent::Digits("5".into())));
    phone.send(json!({"event": "stop"})).await;
    assert_eq!(world.events.recv().await, Some(MediaEvent::Stopped));
    phone.serving.await.unwrap().unwrap();
    assert!(!world.streams.is_open(&world.call));
    let error = world.say("too late").await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
}

#[tokio::test(start_paused = true)]
async fn an_interruption_stops_what_is_spoken_and_what_would_follow() {
    let mut world = world(streaming()).await;
    let (mut phone, mut ear) = world.open().await;
    let (first, second) = (world.say("a long story"), world.say("and another"));
    let mut voice = world.host.next_speech().await;
    voice.send(&pcm(50)).await;
    phone.frames(5).await;
    transcript(&mut ear, words("wait", false)).await;
    assert_eq!(world.events.recv().await, Some(MediaEvent::Interrupted));
    loop {
        // what was on its way before it
        let message = phone.next().await;
        if message["event"] == "clear" {
            break;
        }
        assert_eq!(message["event"], "media");
    }
    first.await.unwrap().unwrap();
    second.await.unwrap().unwrap();
    // late audio has nowhere to go, and nothing of it is heard
    while voice.send(&pcm(1)).await {
        tokio::task::yield_now().await;
    }
    let partial = MediaEvent::Heard {
        text: "wait".into(),
        is_final: false,
    };
    assert_eq!(world.events.recv().await, Some(partial));
    transcript(&mut ear, words("wait a moment", false)).await;
    transcript(&mut ear, words("wait a moment", true)).await;
    let said = world.say("yes?");
    let mut voice = world.host.next_speech().await;
    assert_eq!(voice.request["text"], "yes?");
    voice.send(&pcm(1)).await;
    drop(voice);
    phone.frames(1).await;
    phone.echo().await;
    said.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_fails_or_falls_silent_is_told() {
    let mut world = world(streaming()).await;
    let (mut phone, _ear) = world.open().await;
    let said = world.say("one");
    let broken = Error::new(ErrorKind::Server, "no voice today");
    world.host.next_speech().await.fail(broken);
    assert_eq!(said.await.unwrap().unwrap_err().kind(), ErrorKind::Server);
    let said = world.say("two");
    let _silent = world.host.next_speech().await;
    let before = Instant::now();
    assert_eq!(said.await.unwrap().unwrap_err().kind(), ErrorKind::Timeout);
    assert_eq!(before.elapsed().as_secs(), 8);
    // a carrier that does not say that it has played it is no reason to say it again
    let said = world.say("three");
    let mut voice = world.host.next_speech().await;
    voice.send(&pcm(1)).await;
    drop(voice);
    phone.frames(1).await;
    said.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn nobody_gets_in_without_both_halves_of_a_ticket() {
    let world = world(streaming()).await;
    let (head, token) = world.ticket();
    assert!(head.path.starts_with("/voice/stream/") && !head.path.contains(&token));
    let stranger = HttpCall {
        path: "/voice/stream/guess".into(),
        ..head.clone()
    };
    assert_eq!(
        world.streams.check(&stranger).unwrap_err().kind(),
        ErrorKind::Auth
    );
    assert_eq!(world.connect(stranger).refusal().await, "1008 no ticket");
    let odd = json!({"event": "start", "streamSid": "MZ1", "start": {"callSid": "CA1",
        "customParameters": {"token": token}, "mediaFormat": {"encoding": "audio/x-l16", "sampleRate": 8000, "channels": 1}}});
    for first in [
        start("CA1", ""),
        start("CA1", "guess"),
        start("CA2", &token),
        odd,
        json!({"event": "media", "media": {"payload": ""}}),
        json!({"event": "stop"}),
    ] {
        let (head, token) = world.ticket();
        let mut phone = world.connect(head);
        let is_foreign = first["start"]["callSid"] == "CA2";
        let first = if is_foreign { start("CA2", &token) } else { first };
        phone.send(first.clone()).await;
        assert_eq!(phone.refusal().await, "1008 not this call", "{first}");
    }
    let (head, _) = world.ticket();
    let before = Instant::now();
    let phone = world.connect(head.clone());
    assert_eq!(phone.refusal().await, "1008 start timeout");
    assert_eq!(before.elapsed().as_secs(), 5);
    assert_eq!(
        world.connect(head).refusal().await,
        "1008 no ticket",
        "it is used up"
    );
}

#[tokio::test(start_paused = true)]
async fn streams_that_say_nothing_are_few() {
    let config =
        json!({"provider": "twilio", "streaming": {"enabled": true, "maxPendingConnectionsPerIp": 2}});
    let mut world = world(config).await;
    let mut silent = Vec::new();
    for n in 0..2 {
        world.call = CallId::given(&n.to_string());
        let (head, _) = world.ticket();
        silent.push(world.connect(head));
        tokio::task::yield_now().await;
    }
    world.call = CallId::given("third");
    let (head, token) = world.ticket();
    assert_eq!(
        world.streams.check(&head).unwrap_err().kind(),
        ErrorKind::Overloaded
    );
    assert_eq!(world.connect(head).refusal().await, "1013 too many streams");
    time::sleep(Duration::from_secs(6)).await;
    assert_eq!(token.len(), 22);
    world.open().await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_breaks_may_come_back_for_a_moment() {
    let mut world = world(streaming()).await;
    let (phone, _ear) = world.open().await;
    drop(phone.socket);
    phone.serving.await.unwrap().unwrap();
    let (mut phone, _ear) = world.open().await;
    time::sleep(Duration::from_secs(3)).await;
    assert!(world.events.try_recv().is_err(), "it is still the same call");
    // another socket of the same call takes over
    let (other, _other_ear) = world.open().await;
    assert!(phone.socket.next().await.is_none());
    drop(other.socket);
    let before = Instant::now();
    assert_eq!(world.events.recv().await, Some(MediaEvent::Broken));
    assert_eq!(before.elapsed().as_secs(), 2);
    // what we close ourselves is no news
    let (mut phone, _ear) = world.open().await;
    world.streams.close(&world.call);
    assert!(phone.socket.next().await.is_none());
    time::sleep(Duration::from_secs(3)).await;
    assert!(world.events.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn without_engines_or_an_address_no_carrier_is_sent_here() {
    let world = world(streaming()).await;
    assert!(world.streams.ticket(&world.call, "CA1", "").is_some());
    world.streams.reached_by(None);
    assert!(world.streams.ticket(&world.call, "CA1", "").is_none());
    world
        .streams
        .reached_by(Some(&Url::parse("http://127.0.0.1:3334/").unwrap()));
    let local = world.streams.ticket(&world.call, "CA1", "").unwrap();
    assert!(
        local.url.starts_with("ws://127.0.0.1:3334/voice/stream/"),
        "{}",
        local.url
    );
    // the key is gone
    let missing = Error::new(ErrorKind::Auth, "there is no key");
    world.host.next_speech().await.fail(missing);
    while world.streams.is_ready() {
        tokio::task::yield_now().await;
    }
    assert!(world.streams.ticket(&world.call, "CA1", "").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_model_that_speaks_is_interrupted_and_asks_its_agent() {
    let config = json!({"provider": "twilio", "inboundPolicy": "open", "realtime": {
        "enabled": true, "toolPolicy": "safe-read-only", "tools": [{"name": "drop_tables"}]}});
    let mut world = world(config).await;
    let (mut phone, mut model) = world.open().await;
    assert_eq!(model.method, host_ids::CONVERSE);
    let tools = model.request["tools"].as_array().unwrap();
    assert_eq!(tools.len(), 1, "{tools:?}");
    let said = world.say("Hello!");
    let Some(VoiceInput::Control(VoiceControl::Speak { instructions })) = model.voice().await else {
        panic!("it should speak");
    };
    assert!(instructions.contains("Hello!"));
    said.await.unwrap().unwrap();
    phone.hear(9).await;
    assert_eq!(model.voice().await, Some(VoiceInput::Audio(vec![9; 160])));
    let audio = [&b"a"[..], &[3; 160 * 20]].concat();
    model.send(&audio).await;
    assert_eq!(phone.frames(6).await, [0, 0, 0, 0, 20, 40]);
    let event = |event: VoiceEvent| [&b"e"[..], &serde_json::to_vec(&event).unwrap()].concat();
    model.send(&event(VoiceEvent::Interrupted)).await;
    assert_eq!(world.events.recv().await, Some(MediaEvent::Interrupted));
    while phone.next().await["event"] != "clear" {}
    let Some(VoiceInput::Control(VoiceControl::Played { ms })) = model.voice().await else {
        panic!("it should know what was heard");
    };
    assert!((60..=100).contains(&ms), "{ms}");
    for (name, output) in [
        ("openclaw_agent_consult", "about x: yes"),
        ("drop_tables", "error: "),
    ] {
        let ask = VoiceEvent::ToolCall {
            id: "c".into(),
            name: name.into(),
            arguments: json!({"question": "x"}),
        };
        model.send(&event(ask)).await;
        let answer = model.voice().await;
        let Some(VoiceInput::Control(VoiceControl::ToolResult { output: told, .. })) = answer else {
            panic!("{answer:?}");
        };
        assert!(told.starts_with(output), "{told}");
    }
    let text = "Bye.".to_owned();
    model.send(&event(VoiceEvent::Said { text: text.clone() })).await;
    assert_eq!(world.events.recv().await, Some(MediaEvent::Said { text }));
    drop(model);
    assert_eq!(world.events.recv().await, Some(MediaEvent::Stopped));
}

#[tokio::test(start_paused = true)]
async fn a_number_speaks_with_its_own_voice() {
    let mut config = streaming();
    config["tts"] = json!({"provider": "openai", "openai": {"model": "tts-1", "voice": "nova"}});
    let own = json!({"providers": {"openai": {"voice": "onyx"}}});
    config["numbers"] = json!({"+15550001111": {"tts": own}});
    for (number, voice) in [("+15550001111", "onyx"), ("+15550002222", "nova"), ("", "nova")] {
        let mut world = world(config.clone()).await;
        world.number = number;
        let (_phone, _ear) = world.open().await;
        let _saying = world.say("Hello!");
        let engine = world.host.next_speech().await;
        assert_eq!(
            (&engine.request["voice"], &engine.request["model"]),
            (&json!(voice), &json!("tts-1")),
            "{number}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_model_that_speaks_has_a_path_of_its_own_and_asks_as_it_is_told() {
    for (own, path, asks) in [
        (json!({}), "/voice/stream/realtime/", None),
        (
            json!({"streamPath": "/sound/", "consultPolicy": "always"}),
            "/sound/",
            Some("before each answer"),
        ),
        (
            json!({"consultPolicy": "substantive", "instructions": "Be brief."}),
            "/voice/stream/realtime/",
            Some("everything but greetings"),
        ),
    ] {
        let mut realtime = json!({"enabled": true});
        realtime
            .as_object_mut()
            .unwrap()
            .extend(own.as_object().unwrap().clone());
        // the path of the other kind of stream has no say
        let config = json!({"provider": "twilio", "inboundPolicy": "open", "realtime": realtime,
            "streaming": {"streamPath": "/other"}});
        let mut world = world(config).await;
        let url = world.streams.ticket(&world.call, "CA1", "").unwrap().url;
        let begins = format!("wss://voice.example:8443{path}");
        assert!(
            url.starts_with(&begins) && !url[begins.len()..].contains('/'),
            "{url}"
        );
        let (_phone, model) = world.open().await;
        let instructions = model.request["instructions"].as_str().unwrap();
        assert_eq!(
            asks.is_some(),
            instructions.contains("openclaw_agent_consult"),
            "{instructions}"
        );
        assert!(
            asks.is_none_or(|asks| instructions.contains(asks)),
            "{instructions}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_model_that_speaks_knows_who_its_agent_is_if_the_operator_wants_it() {
    for (context, known) in [
        (json!({"enabled": true}), true),
        (json!({}), false),
        (json!({"enabled": true, "includeIdentity": false}), false),
    ] {
        let realtime = json!({"enabled": true, "instructions": "Be brief.", "agentContext": context});
        let config = json!({"provider": "twilio", "inboundPolicy": "open", "realtime": realtime});
        let mut world = world(config).await;
        let profile = AgentProfile {
            name: "Molty".into(),
            ..AgentProfile::default()
        };
        let _ = world.host.clone().agent_profile(profile);
        let (_phone, model) = world.open().await;
        let instructions = model.request["instructions"].as_str().unwrap();
        assert!(instructions.starts_with("Be brief."), "{instructions}");
        assert_eq!(instructions.contains("Molty"), known, "{instructions}");
    }
    // a host that can't say is no reason for silence
    let realtime = json!({"enabled": true, "instructions": "Be brief.", "agentContext": {"enabled": true}});
    let config = json!({"provider": "twilio", "inboundPolicy": "open", "realtime": realtime});
    let mut world = world(config).await;
    let (_phone, model) = world.open().await;
    assert_eq!(model.request["instructions"], "Be brief.");
}
