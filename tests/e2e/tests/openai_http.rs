//! The OpenAI-compatible API of the real program.
use openclaw_e2e::{
    running::{Home, Running, soon},
    world::KEY,
};
use openclaw_fakes::openai::{OpenAi, Turn};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const TOKEN: &str = "a-token-that-only-this-test-knows";

struct Api {
    model: OpenAi,
    gateway: Running,
    _home: Home,
}

impl Api {
    async fn new(change: impl FnOnce(&mut Value)) -> Self {
        let model = OpenAi::start().await.expect("a fake");
        let home = Home::new(&["openai", "openai-http"]);
        let mut config = json!({
            "agents": {"defaults": {"model": {"primary": "acme/m"}}},
            "models": {"providers": {"acme": {
                "baseUrl": model.base_url(), "apiKey": KEY, "api": "openai-completions",
                "models": [{"id": "m", "contextWindow": 100_000}],
            }}},
            "gateway": {
                "mode": "local", "auth": {"token": TOKEN},
                "http": {"endpoints": {"chatCompletions": {"enabled": true}}},
            },
        });
        change(&mut config);
        home.configure(&config);
        let gateway = home.start().await;
        Self {
            model,
            gateway,
            _home: home,
        }
    }

    /// A connection that has asked for a completion.
    async fn ask(&self, token: &str, body: &Value) -> TcpStream {
        self.post("/v1/chat/completions", token, body).await
    }

    /// What is answered at a path: the status, and the body as JSON.
    async fn answer_at(&self, path: &str, token: &str, body: &Value) -> (u16, Value) {
        let mut tcp = self.post(path, token, body).await;
        let mut response = Vec::new();
        soon("an answer", tcp.read_to_end(&mut response))
            .await
            .expect("read");
        let response = String::from_utf8_lossy(&response);
        let status = response.split(' ').nth(1).and_then(|status| status.parse().ok());
        // it comes in one chunk, between its length and the end
        let body = response.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        let whole = body.find('{').zip(body.rfind('}'));
        let body = whole.map_or("", |(from, to)| &body[from..=to]);
        let json = serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {response}"));
        (status.expect("a status"), json)
    }

    async fn post(&self, path: &str, token: &str, body: &Value) -> TcpStream {
        let address = format!("127.0.0.1:{}", self.gateway.port);
        let mut tcp = TcpStream::connect(&address).await.expect("it listens");
        let body = body.to_string();
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
             authorization: Bearer {token}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        tcp.write_all(request.as_bytes()).await.expect("sent");
        tcp
    }

    async fn answer(&self, token: &str, body: &Value) -> String {
        let mut tcp = self.ask(token, body).await;
        let mut response = Vec::new();
        soon("an answer", tcp.read_to_end(&mut response))
            .await
            .expect("read");
        String::from_utf8_lossy(&response).into_owned()
    }
}

fn hello(stream: bool) -> Value {
    json!({"model": "openclaw", "stream": stream, "messages": [
        {"role": "system", "content": "Speak like a pirate."}, {"role": "user", "content": "hello"},
        {"role": "assistant", "content": "ahoy"}, {"role": "user", "content": "and more"},
    ]})
}

#[tokio::test]
async fn a_conversation_of_the_clients_own_reaches_the_model_whole() {
    let api = Api::new(|_| {}).await;
    api.model.script(Turn::text("arr"));
    let answer = api.answer(TOKEN, &hello(false)).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.contains(r#""content":"arr""#), "{answer}");
    let heard = api.model.heard(1).await.pop().expect("a request").to_string();
    for words in ["Speak like a pirate.", "hello", "ahoy", "and more"] {
        assert!(heard.contains(words), "{words} in {heard}");
    }
}

#[tokio::test]
async fn what_the_agent_says_before_its_tools_stands_apart_and_what_is_cut_is_called_so() {
    let api = Api::new(|_| {}).await;
    for stream in [false, true] {
        let looks = Turn::text("Let me look.").and_call("c1", "session_status", &json!({}));
        api.model.script(looks);
        api.model.script(Turn::text("It runs, and").stop("length"));
        let answer = api.answer(TOKEN, &hello(stream)).await;
        let words = match stream {
            false => r#""content":"Let me look.\n\nIt runs, and""#,
            true => r#""content":"\n\nIt"#,
        };
        assert!(answer.contains(words), "{answer}");
        assert!(answer.contains(r#""finish_reason":"length""#), "{answer}");
    }
}

#[tokio::test]
async fn a_client_that_goes_away_ends_its_turn() {
    let api = Api::new(|_| {}).await;
    let (turn, valve) = Turn::text("one two three").held(2);
    api.model.script(turn);
    let mut tcp = api.ask(TOKEN, &hello(true)).await;
    let mut begun = vec![0; 16];
    soon("the beginning", tcp.read_exact(&mut begun))
        .await
        .expect("read");
    drop(tcp);
    soon("the request to the model to be given up", valve.abandoned()).await;
}

#[tokio::test]
async fn only_who_has_the_secret_is_served_and_only_what_is_on() {
    let api = Api::new(|_| {}).await;
    let answer = api.answer("wrong", &hello(false)).await;
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    assert!(api.model.asked().is_empty(), "no model was asked");
    let (_, log) = api.gateway.stop().await;
    assert!(!log.contains(TOKEN), "{log}");
    let off = Api::new(|config| {
        config["gateway"]["http"]["endpoints"] = json!({"responses": {"enabled": true}});
    })
    .await;
    let answer = off.answer(TOKEN, &hello(false)).await;
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    assert!(answer.contains("chatCompletions.enabled"), "{answer}");
}

#[tokio::test]
async fn one_tool_is_called_without_a_model_and_none_that_does_harm() {
    let api = Api::new(|_| {}).await;
    let tool = |name: &str| json!({ "tool": name, "args": {} });
    let (status, answer) = api.answer_at("/tools/invoke", TOKEN, &tool("agents_list")).await;
    assert_eq!((status, &answer["ok"]), (200, &json!(true)), "{answer}");
    assert!(
        answer["result"]["content"].to_string().contains("main"),
        "{answer}"
    );
    for name in ["gateway", "cron", "no_such_tool"] {
        let (status, answer) = api.answer_at("/tools/invoke", TOKEN, &tool(name)).await;
        assert_eq!(
            (status, &answer["error"]["type"]),
            (404, &json!("not_found")),
            "{name}: {answer}"
        );
    }
    let (status, _) = api
        .answer_at("/tools/invoke", "wrong", &tool("agents_list"))
        .await;
    assert_eq!(status, 401);
    assert!(api.model.asked().is_empty(), "no model was asked");
}

#[tokio::test]
async fn texts_become_vectors_in_their_order() {
    let api = Api::new(|_| {}).await;
    let asked = json!({ "model": "acme/text-embedding-3-small", "input": ["one", "three"] });
    let (status, answer) = api.answer_at("/v1/embeddings", TOKEN, &asked).await;
    assert_eq!(status, 200, "{answer}");
    let vectors: Vec<_> = answer["data"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|item| (&item["index"], item["embedding"][0].as_f64()))
        .collect();
    assert_eq!(
        vectors,
        [(&json!(0), Some(3.0)), (&json!(1), Some(5.0))],
        "{answer}"
    );
    assert_eq!(answer["usage"]["prompt_tokens"], 2);
    assert_eq!(api.model.heard(1).await[0]["model"], "text-embedding-3-small");
    let (status, _) = api.answer_at("/v1/embeddings", "wrong", &asked).await;
    assert_eq!(status, 401);
}
