//! Phone calls in the real program: a carrier that signs, one that does not, and a gateway that is killed meanwhile.
use openclaw_e2e::{
    running::{Home, Running, soon},
    world::KEY,
};
use openclaw_fakes::{
    openai::{OpenAi, Turn},
    server::Fault,
    voice::{Carrier, Rest, encoded, twilio_form},
};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const SID: &str = "AC00000000000000000000000000000001";
const TOKEN: &str = "the-secret-of-a-twilio-account-in-tests";
const PUBLIC: &str = "https://voice.example.com/voice/webhook";
/// What the carrier calls the first call that it is asked for.
const FIRST: &str = "CA00000000000000000000000000000001";
const ADA: &str = "+15550001111";
const OURS: &str = "+15550009999";

/// A gateway with a carrier and a model.
struct World {
    carrier: Rest,
    model: OpenAi,
    home: Home,
    gateway: Running,
}

/// What a webhook was answered.
#[derive(Debug, PartialEq)]
struct Answer {
    status: u16,
    body: String,
}

// === impl World ===

impl World {
    async fn new(change: impl FnOnce(&mut Value)) -> Self {
        let carrier = Rest::start(Carrier::Twilio, SID, TOKEN).await.expect("a port");
        let model = OpenAi::start().await.expect("a port");
        let home = Home::new(&["voice-call", "openai"]);
        let mut config = json!({
            "agents": { "defaults": { "model": { "primary": "one/m" } } },
            "models": { "providers": { "one": {
                "baseUrl": model.base_url(), "apiKey": KEY, "api": "openai-completions",
                "models": [{ "id": "m", "contextWindow": 100_000 }],
            } } },
            "plugins": { "entries": { "voice-call": { "enabled": true, "config": {
                "provider": "twilio", "fromNumber": OURS, "publicUrl": PUBLIC,
                "twilio": { "accountSid": SID, "authToken": TOKEN, "apiRoot": carrier.root() },
                "inboundPolicy": "allowlist", "allowFrom": [ADA], "inboundGreeting": "Good day.",
            } } } },
        });
        change(&mut config["plugins"]["entries"]["voice-call"]["config"]);
        home.configure(&config);
        let gateway = home.start().await;
        Self {
            carrier,
            model,
            home,
            gateway,
        }
    }

    /// A webhook that the carrier signs.
    async fn signed(&self, query: &str, fields: &[(&str, &str)]) -> Answer {
        let signature = twilio_form(TOKEN, &url(query), fields);
        self.post(query, fields, &[("x-twilio-signature", &signature)])
            .await
    }

    async fn post(&self, query: &str, fields: &[(&str, &str)], headers: &[(&str, &str)]) -> Answer {
        let mut tcp = TcpStream::connect(format!("127.0.0.1:{}", self.gateway.port))
            .await
            .expect("it listens");
        let body = encoded(fields);
        let mut request = format!(
            "POST /voice/webhook{} HTTP/1.1\r\nhost: voice.example.com\r\nconnection: close\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n",
            if query.is_empty() {
                String::new()
            } else {
                format!("?{query}")
            },
            body.len()
        );
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        tcp.write_all(format!("{request}\r\n{body}").as_bytes())
            .await
            .expect("sent");
        let mut answer = String::new();
        soon("an answer", tcp.read_to_string(&mut answer))
            .await
            .expect("text");
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
        Answer {
            status: status.expect("a status"),
            body: answer
                .split_once("<?xml")
                .map(|(_, body)| body.to_owned())
                .unwrap_or_default(),
        }
    }

    async fn command(&self, args: &[&str]) -> Value {
        let words: Vec<_> = ["voicecall"]
            .iter()
            .chain(args)
            .chain(&["--json"])
            .copied()
            .collect();
        let mut command = self.home.command(&words);
        command.env("OPENCLAW_GATEWAY_PORT", &self.gateway.port);
        let output = tokio::task::spawn_blocking(move || command.output())
            .await
            .expect("it does not panic");
        let output = output.expect("the program runs");
        let said = String::from_utf8_lossy(&output.stderr);
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{args:?}: {said}"))
    }

    /// The newest call.
    async fn call(&self) -> Value {
        let calls = self.command(&["tail"]).await;
        calls
            .as_array()
            .and_then(|calls| calls.last())
            .cloned()
            .expect("a call")
    }

    /// The gateway is killed and started again.
    async fn killed(self) -> Self {
        let Self {
            carrier,
            model,
            home,
            mut gateway,
        } = self;
        gateway.kill();
        let gateway = home.start().await;
        Self {
            carrier,
            model,
            home,
            gateway,
        }
    }

    async fn end(self) {
        let (code, log) = self.gateway.stop().await;
        assert_eq!(code, Some(0), "{log}");
        assert_eq!(self.carrier.complaints(), [""; 0]);
        assert_eq!(self.model.complaints(), [""; 0]);
        assert!(
            !log.contains(TOKEN) && !log.contains(KEY),
            "a secret is logged:\n{log}"
        );
    }
}

fn url(query: &str) -> String {
    if query.is_empty() {
        PUBLIC.to_owned()
    } else {
        format!("{PUBLIC}?{query}")
    }
}

fn leg<'a>(status: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut fields = vec![
        ("CallSid", "CA1"),
        ("Direction", "inbound"),
        ("CallStatus", status),
        ("From", ADA),
        ("To", OURS),
    ];
    fields.extend(more);
    fields
}

/// The query of the link that a document gathers speech for.
fn action(document: &str) -> String {
    let rest = document
        .split_once("action=\"")
        .unwrap_or_else(|| panic!("no action in {document}"))
        .1;
    let link = rest.split('"').next().expect("a link").replace("&amp;", "&");
    link.split_once('?').expect("a query").1.to_owned()
}

#[tokio::test]
async fn a_caller_is_greeted_and_heard_over_three_turns_and_strangers_are_not() {
    let world = World::new(|_| {}).await;
    // who does not sign, or signs wrongly, reaches nothing
    let ringing = leg("ringing", &[]);
    assert_eq!(world.post("", &ringing, &[]).await.status, 401);
    let forged = twilio_form("another-secret", PUBLIC, &ringing);
    assert_eq!(
        world
            .post("", &ringing, &[("x-twilio-signature", &forged)])
            .await
            .status,
        401
    );
    let elsewhere = twilio_form(TOKEN, "https://evil.example/voice/webhook", &ringing);
    let headers = [
        ("x-twilio-signature", elsewhere.as_str()),
        ("x-forwarded-host", "evil.example"),
    ];
    assert_eq!(world.post("", &ringing, &headers).await.status, 401);
    assert_eq!(world.command(&["tail"]).await, json!([]));
    let mut document = world.signed("", &ringing).await;
    assert!(document.body.contains("Good day.</Say><Gather"), "{document:?}");
    // told again, it has the same answer and no effect
    assert_eq!(world.signed("", &ringing).await, document);
    for (turn, words) in ["What is up?", "And then?", "Thanks."].into_iter().enumerate() {
        world.model.script(Turn::text(&format!("Answer {turn}.")));
        let fields = leg("in-progress", &[("SpeechResult", words), ("Confidence", "0.9")]);
        let query = action(&document.body);
        let waits = world.signed(&query, &fields).await;
        assert!(waits.body.contains("<Redirect"), "{waits:?}");
        assert_eq!(world.signed(&query, &fields).await, waits, "a repeat");
        let told = soon("the carrier to be told", world.carrier.until(turn + 1)).await;
        assert!(
            told.field("Twiml")
                .contains(&format!("Answer {turn}.</Say><Gather")),
            "{told:?}"
        );
        document.body = told.field("Twiml").to_owned();
    }
    world
        .signed("type=status", &leg("completed", &[("Timestamp", "now")]))
        .await;
    let call = world.call().await;
    assert_eq!(
        (&call["state"], &call["direction"]),
        (&json!("completed"), &json!("inbound"))
    );
    assert_eq!(call["transcript"].as_array().map(Vec::len), Some(7), "{call:#}");
    assert_eq!(world.model.asked().len(), 3);
    world.end().await;
}

#[tokio::test]
async fn a_gateway_that_is_killed_in_a_call_goes_on_with_it() {
    let world = World::new(|_| {}).await;
    let ringing = leg("ringing", &[]);
    let greeted = world.signed("", &ringing).await;
    let fields = leg("in-progress", &[("SpeechResult", "Hold on.")]);
    world.model.script(Turn::text("I wait."));
    let waits = world.signed(&action(&greeted.body), &fields).await;
    let told = soon("the carrier to be told", world.carrier.until(1)).await;
    // killed before that, nobody could know whether the caller has heard it
    let noted = async { while !world.command(&["tail"]).await.to_string().contains("I wait.") {} };
    soon("the answer to be noted", noted).await;
    let world = world.killed().await;
    // the memory of webhooks outlives the process: no second greeting, no second turn
    assert_eq!(world.signed("", &ringing).await, greeted);
    assert_eq!(world.signed(&action(&greeted.body), &fields).await, waits);
    world.model.script(Turn::text("Here I am."));
    world
        .signed(
            &action(told.field("Twiml")),
            &leg("in-progress", &[("SpeechResult", "Still there?")]),
        )
        .await;
    // the carrier was asked after the call, then told the answer
    let asked = soon("the carrier to be asked", world.carrier.until(2)).await;
    assert_eq!(asked.method, "GET");
    let told = soon("the carrier to be told", world.carrier.until(3)).await;
    assert!(told.field("Twiml").contains("Here I am."), "{told:?}");
    assert_eq!(world.model.asked().len(), 2);
    let calls = world.command(&["tail"]).await;
    assert_eq!(calls.as_array().map(Vec::len), Some(1), "{calls:#}");
    world.end().await;
}

#[tokio::test]
async fn a_notice_is_given_even_if_its_webhook_overtakes_the_answer_of_the_carrier() {
    let world = World::new(|_| {}).await;
    world.carrier.script([Fault::Delay(Duration::from_secs(2))]);
    let calling = ["call", "-m", "Dinner & dessert.", "-t", ADA, "--mode", "notify"];
    let webhook = async {
        let dial = loop {
            match world.carrier.arrived().pop() {
                Some(dial) => break dial,
                None => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        };
        let query = dial.field("Url").split_once('?').expect("a query").1.to_owned();
        assert!(
            world.carrier.taken().is_empty(),
            "the carrier has not answered yet"
        );
        let answered = [
            ("CallSid", FIRST),
            ("Direction", "outbound-api"),
            ("CallStatus", "in-progress"),
        ];
        let document = world.signed(&query, &answered).await;
        assert!(
            document.body.contains("Dinner &amp; dessert.</Say><Hangup/>"),
            "{document:?}"
        );
        query
    };
    let (made, query) = tokio::join!(world.command(&calling), webhook);
    assert_eq!(made["initiated"], true, "{made}");
    assert_eq!(
        format!("callId={}", made["callId"].as_str().expect("an id")),
        query
    );
    let ended = [("CallSid", FIRST), ("CallStatus", "completed")];
    world.signed(&format!("{query}&type=status"), &ended).await;
    let call = world.call().await;
    assert_eq!(
        (&call["state"], &call["direction"]),
        (&json!("completed"), &json!("outbound")),
        "{call:#}"
    );
    world.end().await;
}

#[tokio::test]
async fn a_conversation_is_led_from_the_command_line() {
    let world = World::new(|_| {}).await;
    let made = world.command(&["call", "-m", "Hello.", "-t", ADA]).await;
    let id = made["callId"].as_str().expect("an id").to_owned();
    let sid = ("CallSid", FIRST);
    let answered = [sid, ("Direction", "outbound-api"), ("CallStatus", "in-progress")];
    let document = world.signed(&format!("callId={id}"), &answered).await;
    assert!(document.body.contains("Hello.</Say><Gather"), "{document:?}");
    let asking = ["continue", "--call-id", &id, "--message", "Red or white?"];
    let answering = async {
        let told = soon("the question", world.carrier.until(2)).await;
        let fields = [sid, ("CallStatus", "in-progress"), ("SpeechResult", "Red.")];
        world.signed(&action(told.field("Twiml")), &fields).await;
    };
    let (heard, ()) = tokio::join!(world.command(&asking), answering);
    assert_eq!(heard, json!({"success": true, "transcript": "Red."}));
    assert_eq!(world.command(&["end", "--call-id", &id]).await["success"], true);
    let status = world.command(&["status", "--call-id", &id]).await;
    assert_eq!(status["call"]["endReason"], "hangup-bot", "{status:#}");
    assert!(world.model.asked().is_empty());
    world.end().await;
}

#[tokio::test]
async fn the_configuration_of_a_private_deployment_is_taken_and_says_what_is_missing() {
    let home = Home::new(&["voice-call"]);
    home.configure(
        &json!({ "plugins": { "entries": { "voice-call": { "enabled": true, "config": {
        "provider": "twilio", "tunnel": { "provider": "ngrok" },
        "webhookSecurity": { "allowedHosts": ["example.ngrok.app"] } } } } } }),
    );
    let mut command = home.command(&["gateway", "--port", "0"]);
    command
        .env("TWILIO_ACCOUNT_SID", SID)
        .env("TWILIO_AUTH_TOKEN", TOKEN)
        .env("TWILIO_FROM_NUMBER", OURS);
    let gateway = Running::ready(&mut command).await;
    let mut status = home.command(&["voicecall", "status", "--json"]);
    status.env("OPENCLAW_GATEWAY_PORT", &gateway.port);
    let output = tokio::task::spawn_blocking(move || status.output())
        .await
        .expect("it does not panic");
    let status: Value = serde_json::from_slice(&output.expect("it runs").stdout).expect("JSON");
    let missing =
        "plugins.entries.voice-call.config.tunnel.ngrokAuthToken is required (or set NGROK_AUTHTOKEN env)";
    assert_eq!(status["plugin"]["missing"], json!([missing]), "{status:#}");
    let (code, log) = gateway.stop().await;
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("setup incomplete") && !log.contains(TOKEN), "{log}");
    // without a gateway the command says the same by itself
    let alone = home.json(&["voicecall", "status", "--json"]).await;
    assert_eq!(alone["plugin"]["ready"], false, "{alone:#}");
}

/// Memory of the gateway, KiB.
fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .expect("its memory");
    line.split_whitespace()
        .nth(1)
        .and_then(|kib| kib.parse().ok())
        .expect("a number")
}

/// The status of an answer to a request that is sent as it is.
async fn raw(port: &str, request: &[u8]) -> u16 {
    let mut tcp = TcpStream::connect(format!("127.0.0.1:{port}"))
        .await
        .expect("it listens");
    // the other side may answer and close before all of it is there
    let _ = tcp.write_all(request).await;
    let mut answer = [0; 16];
    let read = soon("an answer", tcp.read(&mut answer)).await.unwrap_or(0);
    let answer = String::from_utf8_lossy(&answer[..read]).into_owned();
    answer
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .unwrap_or(0)
}

#[tokio::test]
async fn unsigned_requests_are_refused_by_their_heads_and_cost_little() {
    let world = World::new(|_| {}).await;
    let port = world.gateway.port.clone();
    let head = |headers: &str| {
        format!("POST /voice/webhook HTTP/1.1\r\nhost: voice.example.com\r\n{headers}\r\n").into_bytes()
    };
    // nothing of the body is waited for
    assert_eq!(raw(&port, &head("content-length: 60000\r\n")).await, 401);
    let signed = "x-twilio-signature: AAAA\r\n";
    assert_eq!(
        raw(&port, &head(&format!("{signed}content-length: 65537\r\n"))).await,
        413
    );
    let mut endless = head(&format!("{signed}transfer-encoding: chunked\r\n"));
    let piece = format!("4000\r\n{}\r\n", "x".repeat(0x4000));
    endless.extend(piece.repeat(5).into_bytes());
    assert_eq!(raw(&port, &endless).await, 413);
    // five seconds for a body, and no more
    assert_eq!(
        raw(&port, &head(&format!("{signed}content-length: 100\r\n"))).await,
        408
    );
    let get = b"GET /voice/webhook HTTP/1.1\r\nhost: voice.example.com\r\n\r\n";
    assert_eq!(raw(&port, get).await, 405);
    let before = resident(world.gateway.pid());
    let unsigned = head("content-length: 60000\r\n");
    let asking = (0..1000).map(|_| raw(&port, &unsigned));
    let answers = futures_util::future::join_all(asking).await;
    assert!(
        answers.iter().all(|status| matches!(status, 0 | 401 | 503)),
        "{answers:?}"
    );
    assert!(answers.iter().filter(|status| **status == 401).count() > 0);
    let grown = resident(world.gateway.pid()).saturating_sub(before);
    assert!(grown < 20 * 1024, "{grown} KiB for 1,000 requests");
    assert_eq!(world.command(&["tail"]).await, json!([]));
    world.end().await;
}
