//! A gateway with a carrier and a model.
use openclaw_e2e::{
    running::{Home, Running, soon},
    world::KEY,
};
use openclaw_fakes::{
    openai::OpenAi,
    voice::{Carrier, Ed25519, Rest, encoded, twilio_form},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// The account.
pub const SID: &str = "AC00000000000000000000000000000001";
/// Its secret.
pub const TOKEN: &str = "the-secret-of-a-twilio-account-in-tests";
/// What a tunnel is opened with.
pub const NGROK: &str = "the-token-of-an-ngrok-account-in-tests";
/// The webhook, as the carrier calls it.
pub const PUBLIC: &str = "https://voice.example.com/voice/webhook";
/// What the carrier calls the first call that it is asked for.
pub const FIRST: &str = "CA00000000000000000000000000000001";
/// Somebody who may call.
pub const ADA: &str = "+15550001111";
/// The gateway's number.
pub const OURS: &str = "+15550009999";

/// A gateway with a carrier and a model.
pub struct World {
    pub carrier: Rest,
    pub model: OpenAi,
    pub home: Home,
    pub gateway: Running,
}

/// What a webhook was answered.
#[derive(Debug, PartialEq)]
pub struct Answer {
    pub status: u16,
    pub body: String,
}

// === impl World ===

impl World {
    /// With Twilio.
    pub async fn new(change: impl FnOnce(&mut Value)) -> Self {
        Self::with(change, |_| {}).await
    }

    /// The same; `prepare` is given the home before the program starts.
    pub async fn with(change: impl FnOnce(&mut Value), prepare: impl FnOnce(&Home)) -> Self {
        Self::over(Carrier::Twilio, change, prepare).await
    }

    /// With this carrier.
    pub async fn over(
        carrier: Carrier,
        change: impl FnOnce(&mut Value),
        prepare: impl FnOnce(&Home),
    ) -> Self {
        let kind = carrier;
        let carrier = Rest::start(kind, SID, TOKEN).await.expect("a port");
        let model = OpenAi::start().await.expect("a port");
        let home = Home::new(&["voice-call", "openai"]);
        let mut config = json!({
            "agents": { "defaults": { "model": { "primary": "one/m" } } },
            "models": { "providers": { "one": {
                "baseUrl": model.base_url(), "apiKey": KEY, "api": "openai-completions",
                "models": [{ "id": "m", "contextWindow": 100_000 }],
            } } },
            "plugins": { "entries": { "voice-call": { "enabled": true, "config": {
                "fromNumber": OURS, "publicUrl": PUBLIC,
                "inboundPolicy": "allowlist", "allowFrom": [ADA], "inboundGreeting": "Good day.",
            } } } },
        });
        let own = &mut config["plugins"]["entries"]["voice-call"]["config"];
        let root = carrier.root();
        let (name, account) = match kind {
            Carrier::Twilio => (
                "twilio",
                json!({ "accountSid": SID, "authToken": TOKEN, "apiRoot": root }),
            ),
            Carrier::Telnyx => (
                "telnyx",
                json!({ "apiKey": TOKEN, "connectionId": "c-1", "publicKey": Ed25519::known().public(), "apiRoot": root }),
            ),
            Carrier::Plivo => (
                "plivo",
                json!({ "authId": SID, "authToken": TOKEN, "apiRoot": root }),
            ),
        };
        own["provider"] = json!(name);
        own[name] = account;
        change(own);
        home.configure(&config);
        prepare(&home);
        let mut command = home.command(&["gateway", "--port", "0", "--verbose"]);
        command.env("PATH", format!("{}/bin:/usr/bin:/bin", home.state().display()));
        let gateway = Running::ready(&mut command).await;
        Self {
            carrier,
            model,
            home,
            gateway,
        }
    }

    /// A webhook that the carrier signs.
    pub async fn signed(&self, query: &str, fields: &[(&str, &str)]) -> Answer {
        self.signed_for(PUBLIC, query, fields).await
    }

    /// A webhook that the carrier signs for this address.
    pub async fn signed_for(&self, public: &str, query: &str, fields: &[(&str, &str)]) -> Answer {
        let signature = twilio_form(TOKEN, &url(public, query), fields);
        self.post(query, fields, &[("x-twilio-signature", &signature)])
            .await
    }

    pub async fn post(&self, query: &str, fields: &[(&str, &str)], headers: &[(&str, &str)]) -> Answer {
        let form = "application/x-www-form-urlencoded";
        self.send(query, (form, &encoded(fields)), headers).await
    }

    pub async fn send(&self, query: &str, (kind, body): (&str, &str), headers: &[(&str, &str)]) -> Answer {
        let mut tcp = TcpStream::connect(format!("127.0.0.1:{}", self.gateway.port))
            .await
            .expect("it listens");
        let mut request = format!(
            "POST /voice/webhook{} HTTP/1.1\r\nhost: voice.example.com\r\nconnection: close\r\n\
             content-type: {kind}\r\ncontent-length: {}\r\n",
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

    /// A command of the plugin that prints JSON.
    pub async fn command(&self, args: &[&str]) -> Value {
        self.run(&[&["voicecall"], args, &["--json"]].concat()).await
    }

    /// A command that prints JSON.
    pub async fn run(&self, args: &[&str]) -> Value {
        let mut command = self.home.command(args);
        command.env("OPENCLAW_GATEWAY_PORT", &self.gateway.port);
        let output = tokio::task::spawn_blocking(move || command.output())
            .await
            .expect("it does not panic");
        let output = output.expect("the program runs");
        let said = String::from_utf8_lossy(&output.stderr);
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{args:?}: {said}"))
    }

    /// The newest call.
    pub async fn call(&self) -> Value {
        let calls = self.command(&["tail"]).await;
        calls
            .as_array()
            .and_then(|calls| calls.last())
            .cloned()
            .expect("a call")
    }

    /// The newest call, once it has so many lines: a carrier knows what it was told before that is noted.
    pub async fn with_lines(&self, count: usize) -> Value {
        let noted = async {
            loop {
                let call = self.call().await;
                let lines = call["transcript"].as_array().map_or(0, Vec::len);
                if lines >= count {
                    return call;
                }
            }
        };
        let call = soon("the lines to be noted", noted).await;
        assert_eq!(
            call["transcript"].as_array().map(Vec::len),
            Some(count),
            "{call:#}"
        );
        call
    }

    /// The gateway is killed and started again.
    pub async fn killed(self) -> Self {
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

    pub async fn end(self) {
        let (code, log) = self.gateway.stop().await;
        assert_eq!(code, Some(0), "{log}");
        assert_eq!(self.carrier.complaints(), [""; 0]);
        assert_eq!(self.model.complaints(), [""; 0]);
        for secret in [TOKEN, KEY, NGROK] {
            assert!(!log.contains(secret), "a secret is logged:\n{log}");
        }
    }
}

fn url(public: &str, query: &str) -> String {
    match query.is_empty() {
        true => public.to_owned(),
        false => format!("{public}?{query}"),
    }
}

/// What Twilio tells of a call that comes in.
pub fn leg<'a>(status: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
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
pub fn action(document: &str) -> String {
    let rest = document
        .split_once("action=\"")
        .unwrap_or_else(|| panic!("no action in {document}"))
        .1;
    let link = rest.split('"').next().expect("a link").replace("&amp;", "&");
    link.split_once('?').expect("a query").1.to_owned()
}

/// The query of the link by which the carrier asks again.
pub fn redirect(document: &str) -> String {
    let rest = document.split_once("<Redirect method=\"POST\">");
    let rest = rest.unwrap_or_else(|| panic!("no redirect in {document}")).1;
    let link = rest.split('<').next().expect("a link").replace("&amp;", "&");
    link.split_once('?').expect("a query").1.to_owned()
}
