//! The fake over real sockets, and its objects against Discord's description.
use super::{
    Discord, Fault, Moment, Person, Trouble,
    rest::Asked,
    spec::{check, check_answer},
};
use axum::http::{HeaderMap, HeaderValue, Method, Uri};
use flate2::{Decompress, FlushDecompress};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::time::Duration;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};

const ADA: Person = Person {
    id: 70_001,
    name: "Ada",
};
const ALL: u64 = (1 << 26) - 1;

/// One call without a wire; gives status and body.
async fn call(fake: &Discord, method: &str, path: &str, body: Value) -> (u16, Value) {
    let mut headers = HeaderMap::new();
    let token = format!("Bot {}", fake.bot().token);
    headers.insert("authorization", HeaderValue::try_from(token).expect("text"));
    headers.insert(
        "user-agent",
        HeaderValue::from_static("DiscordBot (https://example.org, 1)"),
    );
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    let method = Method::from_bytes(method.as_bytes()).expect("a method");
    let uri: Uri = format!("/api/v10{path}").parse().expect("a path");
    let bytes = if body.is_null() {
        Vec::new()
    } else {
        body.to_string().into_bytes()
    };
    let (reply, _) = fake.respond(Asked::new(&method, &uri, &headers, &bytes)).await;
    let answer = serde_json::from_slice(&reply.body).unwrap_or_default();
    (reply.status, answer)
}

/// A client of the gateway that knows nothing but frames.
struct Client {
    socket: WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>,
    unzip: Option<Decompress>,
}

impl Client {
    async fn connect(fake: &Discord, more: &str) -> Self {
        let url = format!("{}/?v=10&encoding=json{more}", fake.gateway());
        let (socket, _) = connect_async(url).await.expect("it listens");
        let unzip = more.contains("zlib-stream").then(|| Decompress::new(true));
        Self { socket, unzip }
    }

    /// The next frame, or the code with which it is closed; none if the connection just ends.
    async fn next(&mut self) -> Result<Value, Option<u16>> {
        let mut packed = Vec::new();
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).expect("JSON")),
                Some(Ok(Message::Binary(bytes))) => {
                    packed.extend_from_slice(&bytes);
                    if !packed.ends_with(&[0, 0, 255, 255]) {
                        continue;
                    }
                    let mut text = Vec::with_capacity(1 << 20);
                    let unzip = self.unzip.as_mut().expect("it was asked for");
                    unzip
                        .decompress_vec(&packed, &mut text, FlushDecompress::Sync)
                        .expect("zlib");
                    return Ok(serde_json::from_slice(&text).expect("JSON"));
                }
                Some(Ok(Message::Close(frame))) => return Err(frame.map(|frame| frame.code.into())),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(None),
            }
        }
    }

    async fn frame(&mut self) -> Value {
        self.next().await.expect("a frame")
    }

    async fn send(&mut self, op: u64, data: Value) {
        let frame = json!({ "op": op, "d": data }).to_string();
        self.socket.send(Message::text(frame)).await.expect("it reads");
    }

    async fn identify(&mut self, token: &str, intents: u64) {
        assert_eq!(self.frame().await["op"], 10);
        let properties = json!({ "os": "linux", "browser": "x", "device": "x" });
        self.send(
            2,
            json!({ "token": token, "intents": intents, "properties": properties }),
        )
        .await;
    }

    async fn log_in(fake: &Discord) -> (Self, Value) {
        let mut client = Self::connect(fake, "").await;
        client.identify(&fake.bot().token, ALL).await;
        let ready = client.frame().await;
        assert_eq!(ready["t"], "READY");
        (client, ready["d"].clone())
    }

    async fn resume(fake: &Discord, session: &Value, seq: u64) -> Self {
        let mut client = Self::connect(fake, "").await;
        client.frame().await;
        client
            .send(
                6,
                json!({ "token": fake.bot().token, "session_id": session, "seq": seq }),
            )
            .await;
        client
    }
}

#[tokio::test]
async fn messages_are_told_compressed_or_not_and_only_what_the_intents_allow() {
    let fake = Discord::start().await.expect("a port");
    let general = fake.channel(fake.guild("Home"), "general");
    for more in ["", "&compress=zlib-stream"] {
        fake.allow_haste();
        fake.split_payloads();
        let mut client = Client::connect(&fake, more).await;
        client.identify(&fake.bot().token, 1 | 1 << 9).await;
        assert_eq!(client.frame().await["t"], "READY");
        let guild = client.frame().await;
        assert_eq!(
            (&guild["t"], &guild["d"]["channels"][0]["name"]),
            (&json!("GUILD_CREATE"), &json!("general"))
        );
        fake.dm(ADA, "nobody hears this");
        fake.say(general, ADA, "without the content");
        fake.say(general, ADA, &format!("<@{}> hello", fake.bot().id));
        let first = client.frame().await;
        assert_eq!((&first["d"]["content"], &first["s"]), (&json!(""), &json!(3)));
        let second = client.frame().await;
        assert!(
            second["d"]["content"]
                .as_str()
                .is_some_and(|text| text.ends_with("hello"))
        );
        assert_eq!(second["d"]["mentions"][0]["id"], fake.bot().id.to_string());
        client.send(1, json!(4)).await;
        assert_eq!(client.frame().await["op"], 11);
    }
    assert_eq!(fake.complaints(), [""; 0]);
}

#[tokio::test]
async fn what_was_missed_is_told_after_a_resume_and_what_was_had_if_the_script_says_so() {
    let fake = Discord::start().await.expect("a port");
    let general = fake.channel(fake.guild("Home"), "general");
    let (mut client, ready) = Client::log_in(&fake).await;
    client.frame().await;
    fake.say(general, ADA, "one");
    assert_eq!(client.frame().await["d"]["content"], "one");
    fake.trouble(Trouble::Drop);
    assert_eq!(client.next().await, Err(None));
    fake.until(|fake| fake.online().is_empty().then_some(())).await;
    fake.say(general, ADA, "two");
    fake.repeat_after_resume(1);
    let mut client = Client::resume(&fake, &ready["session_id"], 3).await;
    for words in ["one", "two"] {
        assert_eq!(client.frame().await["d"]["content"], words);
    }
    assert_eq!(client.frame().await["t"], "RESUMED");
    fake.trouble(Trouble::Invalid { resumable: false });
    assert_eq!(client.frame().await["op"], 9);
    let mut client = Client::resume(&fake, &ready["session_id"], 4).await;
    let refused = client.frame().await;
    assert_eq!((&refused["op"], &refused["d"]), (&json!(9), &json!(false)));
    let taken: Vec<_> = fake.resumes().iter().map(|resume| resume.taken).collect();
    assert_eq!(taken, [true, false]);
}

#[tokio::test]
async fn who_is_there_is_asked_for_a_sign_of_life_where_the_script_says_so() {
    let fake = Discord::start().await.expect("a port");
    fake.ask_for_signs();
    let (mut client, ready) = Client::log_in(&fake).await;
    assert_eq!(client.frame().await["op"], 1);
    client.send(1, json!(1)).await;
    assert_eq!(client.frame().await["op"], 11);
    fake.trouble(Trouble::Drop);
    assert_eq!(client.next().await, Err(None));
    fake.until(|fake| fake.online().is_empty().then_some(())).await;
    let mut client = Client::resume(&fake, &ready["session_id"], 1).await;
    assert_eq!(client.frame().await["t"], "RESUMED");
    assert_eq!(client.frame().await["op"], 1);
}

#[tokio::test]
async fn a_login_is_refused_with_discords_codes() {
    let fake = Discord::start().await.expect("a port");
    let bot = fake.bot();
    let log_in = async |token: &str, intents: u64| {
        let mut client = Client::connect(&fake, "").await;
        client.identify(token, intents).await;
        client.next().await
    };
    assert_eq!(log_in("wrong", 1).await, Err(Some(4004)));
    assert_eq!(log_in(&bot.token, 1 << 40).await, Err(Some(4013)));
    fake.forbid_intents(&bot, 1 << 15);
    assert_eq!(log_in(&bot.token, 1 << 15).await, Err(Some(4014)));
    fake.forbid_intents(&bot, 0);
    let early = log_in(&bot.token, 1).await.expect("an answer");
    assert_eq!((&early["op"], &early["d"]), (&json!(9), &json!(false)));
    fake.allow_haste();
    fake.set_shards(&bot, 2);
    assert_eq!(log_in(&bot.token, 1).await, Err(Some(4011)));
    fake.set_shards(&bot, 1);
    fake.set_starts(&bot, 0);
    assert_eq!(log_in(&bot.token, 1).await, Err(Some(4004)));
    fake.set_starts(&bot, 9);
    for (moment, code) in [(Moment::Identify, 4000), (Moment::Identify, 4012)] {
        fake.trouble_at(moment, Trouble::Close(code));
        assert_eq!(log_in(&bot.token, 1).await, Err(Some(code)));
    }
    assert_eq!(fake.identifies().len(), 6);
    assert!(
        fake.complaints()
            .iter()
            .any(|complaint| complaint.contains("five seconds"))
    );
}

#[tokio::test]
async fn who_is_silent_is_closed_and_who_is_deaf_gets_no_acknowledgement() {
    let fake = Discord::start().await.expect("a port");
    fake.heartbeat(Duration::from_millis(20));
    let (mut client, _) = Client::log_in(&fake).await;
    assert_eq!(client.next().await, Err(Some(4009)));
    fake.allow_haste();
    fake.heartbeat(Duration::from_secs(3600));
    let (mut client, _) = Client::log_in(&fake).await;
    fake.trouble(Trouble::Deaf);
    fake.trouble(Trouble::Reconnect);
    client.frame().await;
    client.send(1, Value::Null).await;
    fake.trouble(Trouble::Close(4008));
    assert_eq!(
        client.next().await,
        Err(Some(4008)),
        "no acknowledgement came before"
    );
}

#[tokio::test]
async fn a_message_is_made_once_for_a_nonce_and_refused_as_discord_does() {
    let fake = Discord::start().await.expect("a port");
    let general = fake.channel(fake.guild("Home"), "general");
    let path = format!("/channels/{general}/messages");
    fake.unlimited();
    let body = json!({ "content": "hi", "nonce": "n1", "enforce_nonce": true });
    let first = call(&fake, "POST", &path, body.clone()).await;
    assert_eq!(first, call(&fake, "POST", &path, body).await);
    assert_eq!(check_answer("POST", &path, first.0, &first.1), Ok(()));
    assert_eq!(fake.messages(general).len(), 1);
    let mine = |id: &Value| format!("{path}/{}", id.as_str().unwrap_or_default());
    let edited = call(&fake, "PATCH", &mine(&first.1["id"]), json!({ "content": "ho" })).await;
    assert_eq!((edited.0, &edited.1["content"]), (200, &json!("ho")));
    for (body, code) in [
        (json!({ "content": "x".repeat(2001) }), 50035),
        (json!({ "content": " " }), 50006),
        (
            json!({ "content": "x", "message_reference": { "message_id": "5" } }),
            50035,
        ),
        (json!({ "content": 5 }), 50035),
    ] {
        let (status, answer) = call(&fake, "POST", &path, body.clone()).await;
        assert_eq!((status, &answer["code"]), (400, &json!(code)), "{body:.60}");
    }
    assert_eq!(
        call(&fake, "GET", "/channels/5/messages", Value::Null).await.0,
        404
    );
    let odd = json!({ "content": "x", "mesage_reference": {} });
    assert_eq!(call(&fake, "POST", &path, odd).await.0, 200, "as Discord does");
    assert_eq!(fake.complaints().len(), 2, "{:?}", fake.complaints());
}

#[tokio::test]
async fn buckets_empty_and_the_script_has_its_way() {
    let fake = Discord::start().await.expect("a port");
    let general = fake.channel(fake.guild("Home"), "general");
    let path = format!("/channels/{general}/messages");
    fake.limit("POST /channels/*/messages", 2, Duration::from_secs(3600));
    for _ in 0..2 {
        assert_eq!(call(&fake, "POST", &path, json!({ "content": "x" })).await.0, 200);
    }
    let (status, answer) = call(&fake, "POST", &path, json!({ "content": "x" })).await;
    assert_eq!((status, &answer["global"]), (429, &json!(false)));
    assert!(answer["retry_after"].as_f64().is_some_and(|after| after > 3000.0));
    fake.unlimited();
    fake.fail(
        "POST /channels/*/messages",
        Fault::Limited {
            after: Duration::from_millis(5),
            global: true,
        },
    );
    fake.fail("POST /channels/*/messages", Fault::Page { status: 502 });
    fake.fail("POST /channels/*/messages", Fault::PageAfter { status: 502 });
    let before = fake.messages(general).len();
    assert_eq!(
        call(&fake, "POST", &path, json!({ "content": "y" })).await.1["global"],
        true
    );
    for _ in 0..2 {
        assert_eq!(call(&fake, "POST", &path, json!({ "content": "z" })).await.0, 502);
    }
    assert_eq!(
        fake.messages(general).len(),
        before + 1,
        "one of the two took effect"
    );
    assert_eq!((fake.exceeded(), fake.invalid()), (1, 2));
}

#[tokio::test]
async fn an_interaction_is_answered_once() {
    let fake = Discord::start().await.expect("a port");
    let general = fake.channel(fake.guild("Home"), "general");
    let (mut client, _) = Client::log_in(&fake).await;
    client.frame().await;
    let id = fake.slash(&fake.bot(), general, ADA, "status", json!([]));
    let event = client.frame().await;
    assert_eq!(event["d"]["member"]["user"]["id"], ADA.id.to_string());
    let token = event["d"]["token"].as_str().expect("a token").to_owned();
    let path = format!("/interactions/{id}/{token}/callback");
    let defer = json!({ "type": 5, "data": { "flags": 64 } });
    assert_eq!(call(&fake, "POST", &path, defer.clone()).await.0, 204);
    assert_eq!(call(&fake, "POST", &path, defer).await.1["code"], 40060);
    let path = format!("/webhooks/{}/{token}/messages/@original", fake.bot().id);
    let (status, answer) = call(&fake, "PATCH", &path, json!({ "content": "all is well" })).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(check_answer("PATCH", &path, status, &answer), Ok(()));
    let said = fake.messages(general);
    assert_eq!(
        (&said[0]["content"], &said[0]["flags"]),
        (&json!("all is well"), &json!(64))
    );
}

#[tokio::test]
async fn what_is_answered_is_what_discord_describes() {
    let fake = Discord::start().await.expect("a port");
    let guild = fake.guild("Home");
    let (general, forum) = (
        fake.channel(guild, "general"),
        fake.channel_of_kind(guild, "ideas", 15),
    );
    fake.join(guild, ADA, &[fake.role(guild, "Staff")]);
    let (bot, said) = (fake.bot().id, fake.say(general, ADA, "hello"));
    fake.react(general, said, ADA, "👍");
    let thread = fake.thread(general, ADA, "aside");
    let get = |path: String| ("GET", path, Value::Null);
    let mut wrong = Vec::new();
    let command = json!({ "name": "status", "description": "Shows it", "type": 1 });
    for (method, path, body) in [
        get("/gateway/bot".into()),
        get("/users/@me".into()),
        get("/users/@me/guilds".into()),
        get("/applications/@me".into()),
        get("/oauth2/applications/@me".into()),
        get(format!("/guilds/{guild}")),
        get(format!("/guilds/{guild}/channels")),
        get(format!("/guilds/{guild}/roles")),
        get(format!("/guilds/{guild}/members")),
        get(format!("/guilds/{guild}/members/{}", ADA.id)),
        get(format!("/guilds/{guild}/threads/active")),
        get(format!("/channels/{general}")),
        get(format!("/channels/{thread}")),
        get(format!("/channels/{general}/messages")),
        get(format!("/channels/{general}/messages/{said}")),
        get(format!(
            "/channels/{general}/messages/{said}/reactions/%F0%9F%91%8D"
        )),
        get(format!("/channels/{general}/messages/pins")),
        (
            "POST",
            "/users/@me/channels".into(),
            json!({ "recipient_id": ADA.id.to_string() }),
        ),
        (
            "POST",
            format!("/channels/{general}/messages/{said}/threads"),
            json!({ "name": "about it" }),
        ),
        (
            "POST",
            format!("/channels/{forum}/threads"),
            json!({ "name": "idea", "message": { "content": "what if" } }),
        ),
        ("POST", format!("/applications/{bot}/commands"), command.clone()),
        ("PUT", format!("/applications/{bot}/commands"), json!([command])),
        get(format!("/applications/{bot}/commands")),
    ] {
        assert_eq!(
            check(method, path.split('?').next().unwrap_or_default(), &body),
            Ok(()),
            "{path}"
        );
        let (status, answer) = call(&fake, method, &path, body).await;
        assert!(status < 300, "{method} {path}: {status} {answer}");
        if let Err(problem) = check_answer(method, &path, status, &answer) {
            wrong.push(format!("{method} {path}: {problem} in {answer}"));
        }
    }
    assert_eq!(wrong, [""; 0]);
    assert_eq!(fake.complaints(), [""; 0]);
}
