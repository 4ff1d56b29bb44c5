//! The sound of calls in the real program: a scripted caller on a media stream, a vendor of speech, a tunnel that is lost.
use openclaw_e2e::{
    running::{Home, Running, soon},
    world::KEY,
};
use openclaw_fakes::{
    openai::{OpenAi, Turn},
    speech::{Speech, length_ms},
    voice::{Carrier, Rest, encoded, twilio_form},
    voice_stream::Caller,
};
use serde_json::{Value, json};
use std::{fs, os::unix::fs::PermissionsExt};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const SID: &str = "AC00000000000000000000000000000001";
const TOKEN: &str = "the-secret-of-a-twilio-account-in-tests";
const SPEECH_KEY: &str = "sk-a-key-for-speech-that-is-not-printed";
const NAME: &str = "https://voice.example.com";
const ADA: &str = "+15550001111";
const GREETING: &str = "Good day.";

struct World {
    carrier: Rest,
    model: OpenAi,
    speech: Speech,
    home: Home,
    gateway: Running,
    /// The address that signatures are made for.
    public: String,
}

// === impl World ===

impl World {
    async fn new(change: impl FnOnce(&mut Value)) -> Self {
        Self::with(change, |_| {}).await
    }

    /// `prepare` is given the home before the program starts.
    async fn with(change: impl FnOnce(&mut Value), prepare: impl FnOnce(&Home)) -> Self {
        let carrier = Rest::start(Carrier::Twilio, SID, TOKEN).await.expect("a port");
        let model = OpenAi::start().await.expect("a port");
        let speech = Speech::start(SPEECH_KEY).await.expect("a port");
        let home = Home::new(&["voice-call", "openai"]);
        let engine = json!({ "openai": { "apiKey": SPEECH_KEY, "baseUrl": speech.base_url() } });
        let mut config = json!({
            "agents": { "defaults": { "model": { "primary": "one/m" } } },
            "models": { "providers": {
                "one": {
                    "baseUrl": model.base_url(), "apiKey": KEY, "api": "openai-completions",
                    "models": [{ "id": "m", "contextWindow": 100_000 }],
                },
                // the vendor of speech is reached under the engine's name
                "openai": { "baseUrl": speech.base_url(), "apiKey": SPEECH_KEY, "models": [] },
            } },
            "plugins": { "entries": { "voice-call": { "enabled": true, "config": {
                "provider": "twilio", "fromNumber": "+15550009999", "publicUrl": format!("{NAME}/voice/webhook"),
                "twilio": { "accountSid": SID, "authToken": TOKEN, "apiRoot": carrier.root() },
                "inboundPolicy": "allowlist", "allowFrom": [ADA], "inboundGreeting": GREETING,
                "silenceTimeoutMs": 300,
                "streaming": { "enabled": true, "provider": "openai", "providers": engine },
                "tts": { "provider": "openai", "providers": engine },
            } } } },
        });
        change(&mut config["plugins"]["entries"]["voice-call"]["config"]);
        home.configure(&config);
        prepare(&home);
        let mut command = home.command(&["gateway", "--port", "0", "--verbose"]);
        command.env("PATH", format!("{}/bin:/usr/bin:/bin", home.state().display()));
        let gateway = Running::ready(&mut command).await;
        gateway.says("calls are streamed").await;
        Self {
            carrier,
            model,
            speech,
            home,
            gateway,
            public: NAME.to_owned(),
        }
    }

    /// A signed webhook; gives the document.
    async fn webhook(&self, query: &str, fields: &[(&str, &str)]) -> String {
        let url = format!("{}/voice/webhook{query}", self.public);
        let signature = twilio_form(TOKEN, &url, fields);
        let body = encoded(fields);
        let mut tcp = TcpStream::connect(format!("127.0.0.1:{}", self.gateway.port))
            .await
            .expect("it listens");
        let request = format!(
            "POST /voice/webhook{query} HTTP/1.1\r\nhost: voice.example.com\r\nconnection: close\r\n\
             content-type: application/x-www-form-urlencoded\r\nx-twilio-signature: {signature}\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
        tcp.write_all(request.as_bytes()).await.expect("sent");
        let mut answer = String::new();
        soon("an answer", tcp.read_to_string(&mut answer))
            .await
            .expect("text");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        answer
    }

    /// Somebody calls, and the carrier opens the stream that it is told to open.
    async fn call(&self, call: &str) -> Caller {
        let fields = [
            ("CallSid", call),
            ("Direction", "inbound"),
            ("CallStatus", "ringing"),
            ("From", ADA),
            ("To", "+15550009999"),
        ];
        let document = self.webhook("", &fields).await;
        self.open(call, &document).await
    }

    /// The carrier opens the stream that this document tells it to open.
    async fn open(&self, call: &str, document: &str) -> Caller {
        let url = attribute(document, "url=\"");
        let token = attribute(document, "name=\"token\" value=\"");
        let path = url
            .strip_prefix(&self.public.replace("https", "wss"))
            .unwrap_or_else(|| panic!("{url}"));
        assert!(
            path.starts_with("/voice/stream/") || path.starts_with("/sound/"),
            "{path}"
        );
        let address = format!("127.0.0.1:{}", self.gateway.port);
        let local = format!("ws://{address}{path}");
        let caller = Caller::connect(
            &address,
            &local,
            call,
            json!({ "token": token }),
            self.speech.tones(),
        );
        soon("a stream", caller).await.expect("a stream")
    }

    async fn end(self) {
        let (code, log) = self.gateway.stop().await;
        assert_eq!(code, Some(0), "{log}");
        assert_eq!(self.speech.complaints(), [""; 0]);
        assert_eq!(self.carrier.complaints(), [""; 0]);
        assert_eq!(self.model.complaints(), [""; 0]);
        for secret in [TOKEN, KEY, SPEECH_KEY] {
            assert!(!log.contains(secret), "a secret is logged:\n{log}");
        }
    }

    async fn report(&self) -> Value {
        self.run(&["voicecall", "status", "--json"]).await
    }

    /// A command that prints JSON.
    async fn run(&self, args: &[&str]) -> Value {
        let mut command = self.home.command(args);
        command.env("OPENCLAW_GATEWAY_PORT", &self.gateway.port);
        let output = tokio::task::spawn_blocking(move || command.output()).await;
        let output = output.expect("it does not panic").expect("the program runs");
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }
}

fn attribute(document: &str, before: &str) -> String {
    let rest = document
        .split_once(before)
        .unwrap_or_else(|| panic!("no {before} in {document}"))
        .1;
    rest.split('"').next().expect("an end").replace("&amp;", "&")
}

#[tokio::test]
async fn a_caller_is_greeted_heard_and_answered_over_three_turns() {
    let world = World::new(|_| {}).await;
    let caller = world.call("CA1").await;
    assert_eq!(soon("the greeting", caller.texts(1)).await, [GREETING]);
    for (turn, words) in ["What is up?", "And then?", "Thanks."].into_iter().enumerate() {
        let answer = format!("Answer {turn}.");
        world.model.script(Turn::text(&answer));
        caller.say(words).await;
        let heard = soon("an answer", caller.texts(turn + 2)).await;
        assert_eq!(heard.last(), Some(&answer));
    }
    // the whole of each text was heard, to within a frame at each end
    for (n, (_, ms)) in caller.heard(4).await.iter().enumerate() {
        let text = if n == 0 { GREETING } else { "Answer 0." };
        assert!(ms.abs_diff(length_ms(text)) <= 40, "{n}: {ms}");
    }
    assert_eq!(
        world
            .speech
            .spoken()
            .iter()
            .filter(|text| *text == GREETING)
            .count(),
        1
    );
    let session = &world.speech.sessions()[0]["audio"]["input"]["turn_detection"];
    assert_eq!(session["silence_duration_ms"], 300.0);
    caller.hang_up().await;
    soon("the end", caller.closed()).await;
    world
        .webhook("?type=status", &[("CallSid", "CA1"), ("CallStatus", "completed")])
        .await;
    world.end().await;
}

#[tokio::test]
async fn a_stream_that_breaks_off_is_no_end_of_its_call() {
    let world = World::new(|_| {}).await;
    let caller = world.call("CA1").await;
    assert_eq!(soon("the greeting", caller.texts(1)).await, [GREETING]);
    drop(caller);
    // the carrier says that the call goes on, and is sent for another stream
    let asked = soon("the carrier to be asked", world.carrier.until(1)).await;
    assert_eq!(asked.method, "GET", "{asked:?}");
    let sent = soon("the call to be led back", world.carrier.until(2)).await;
    let link = sent.field("Url").strip_prefix(NAME).unwrap_or_default();
    let query = link
        .strip_prefix("/voice/webhook")
        .unwrap_or_else(|| panic!("{sent:?}"));
    let asks = [("CallSid", "CA1"), ("CallStatus", "in-progress")];
    let document = world.webhook(query, &asks).await;
    let caller = world.open("CA1", &document).await;
    world.model.script(Turn::text("Still here."));
    caller.say("Are you there?").await;
    let heard = soon("an answer", caller.texts(1)).await;
    assert_eq!(heard, ["Still here."], "no second greeting");
    caller.hang_up().await;
    soon("the end", caller.closed()).await;
    world.end().await;
}

#[tokio::test]
async fn who_interrupts_is_listened_to() {
    let long = "A story that takes so long that nobody hears its end at all.";
    let world = World::new(|config| config["inboundGreeting"] = json!(long)).await;
    let caller = world.call("CA1").await;
    soon("the beginning", caller.hears()).await;
    assert_eq!(caller.hearing().as_deref(), Some(long));
    world.model.script(Turn::text("Sure."));
    caller.say("Stop it!").await;
    soon("silence", caller.cleared(1)).await;
    let heard = soon("an answer", caller.heard(2)).await;
    assert!(heard[0].1 < length_ms(long) / 2, "{heard:?}");
    let texts = caller.texts(2).await;
    assert_eq!(texts[1], "Sure.", "nothing of the story comes after it");
    caller.hang_up().await;
    world.end().await;
}

#[tokio::test]
async fn a_model_that_speaks_by_itself_talks_and_is_interrupted() {
    let world = World::new(|config| {
        let engine = config["streaming"]["providers"].clone();
        config["realtime"] =
            json!({ "enabled": true, "provider": "openai", "providers": engine, "streamPath": "/sound" });
        config["streaming"] = json!({ "enabled": false });
    })
    .await;
    let caller = world.call("CA1").await;
    soon("the beginning", caller.hears()).await;
    caller.say("Who are you?").await;
    soon("silence", caller.cleared(1)).await;
    soon("an answer", caller.hears()).await;
    assert_eq!(caller.hearing().as_deref(), Some("Who are you??"));
    caller.press('5').await;
    let tail = ["voicecall", "tail", "--json"];
    let noted = async { while !world.run(&tail).await.to_string().contains("(keys pressed: 5)") {} };
    soon("the key to be noted", noted).await;
    // whoever was asked in this conversation before was asked by the time that this is answered
    world.model.script(Turn::text("Ready."));
    let talk = "agent:main:voice:15550001111";
    let asking = ["agent", "--session-key", talk, "--message", "Ready?", "--json"];
    let answer = world.run(&asking).await;
    assert!(answer.to_string().contains("Ready."), "{answer}");
    assert_eq!(world.model.asked().len(), 1, "an agent answers beside it");
    caller.hang_up().await;
    soon("the end", caller.closed()).await;
    world.end().await;
}

#[tokio::test]
async fn without_an_engine_the_carriers_own_voice_is_used() {
    let world = World::new(|_| {}).await;
    let fields = |call| {
        [
            ("CallSid", call),
            ("Direction", "inbound"),
            ("CallStatus", "ringing"),
            ("From", ADA),
            ("To", "+15550009999"),
        ]
    };
    assert!(world.webhook("", &fields("CA1")).await.contains("<Stream"));
    // who has no ticket gets no socket
    let address = format!("127.0.0.1:{}", world.gateway.port);
    let url = format!("ws://{address}/voice/stream/guess");
    let stranger = Caller::connect(&address, &url, "CA1", json!({}), world.speech.tones()).await;
    assert!(stranger.is_err());
    let World {
        carrier,
        model,
        speech,
        home,
        gateway,
        public,
    } = world;
    gateway.stop().await;
    let text = fs::read_to_string(home.config_file()).expect("it was written");
    let mut config: Value = serde_json::from_str(&text).expect("JSON");
    config["plugins"]["entries"]["openai"] = json!({ "enabled": false });
    home.configure(&config);
    let gateway = home.start().await;
    gateway.says("the carrier's own voice is used").await;
    let world = World {
        carrier,
        model,
        speech,
        home,
        gateway,
        public,
    };
    let document = world.webhook("", &fields("CA2")).await;
    assert!(
        document.contains(&format!("{GREETING}</Say><Gather")),
        "{document}"
    );
}

#[tokio::test]
async fn a_tunnel_that_is_lost_in_a_call_is_opened_again_under_its_new_name() {
    let mut state = None;
    let mut world = World::with(
        |config| {
            config.as_object_mut().expect("an object").remove("publicUrl");
            config["tunnel"] = json!({ "provider": "tailscale-funnel" });
        },
        |home| {
            // the command is found before any other of its name
            let folder = home.state().join("bin");
            fs::create_dir_all(&folder).expect("a folder");
            let status = folder.join("status.json");
            name(&status, "one");
            let script = format!(
                "#!/bin/sh\nif [ \"$1\" = status ]; then cat {}; fi\n",
                status.display()
            );
            let program = folder.join("tailscale");
            fs::write(&program, script).expect("written");
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("it may be run");
            state = Some((folder, status));
        },
    )
    .await;
    let (_, status) = state.expect("it was prepared");
    world.gateway.says("https://one.tail.ts.net/voice/webhook").await;
    world.public = "https://one.tail.ts.net".to_owned();
    let caller = world.call("CA1").await;
    assert_eq!(soon("the greeting", caller.texts(1)).await, [GREETING]);
    fs::write(&status, r#"{"BackendState": "Stopped"}"#).expect("written");
    world.gateway.says("the tunnel is down").await;
    let report = world.report().await;
    assert!(report.to_string().contains("the tunnel is down"), "{report}");
    // the call is not the tunnel: it goes on as long as its socket does
    world.model.script(Turn::text("Still here."));
    caller.say("Are you there?").await;
    assert_eq!(soon("an answer", caller.texts(2)).await[1], "Still here.");
    name(&status, "two");
    world.gateway.says("https://two.tail.ts.net/voice/webhook").await;
    world.public = "https://two.tail.ts.net".to_owned();
    let other = world.call("CA2").await;
    assert_eq!(soon("the greeting", other.texts(1)).await, [GREETING]);
    world.end().await;
}

fn name(status: &std::path::Path, name: &str) {
    let written = json!({ "BackendState": "Running", "Self": { "DNSName": format!("{name}.tail.ts.net.") } });
    // in one step: it may be read meanwhile
    let fresh = status.with_extension("new");
    fs::write(&fresh, written.to_string()).expect("written");
    fs::rename(fresh, status).expect("renamed");
}
