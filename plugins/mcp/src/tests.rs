//! The plugin through the fake host, with a server that behaves and with servers that don't.
//!
//! The servers are processes: this very program, told to be a server.
#[path = "../../../tests/fakes/src/mcp.rs"]
mod fake;

use super::PLUGIN;
use fake::{Mode, serve};
use openclaw_plugin_api::{
    CommandCall, CommandReply, ToolSpec,
    prelude::*,
    surface::ids,
    testing::{FakeAnswer, FakeRequest, TestHost, TestPlugin},
};
use std::time::Duration;

/// Tells this program that it is a server.
const ROLE: &str = "FAKE_MCP_MODE";
/// Longest that anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// No test, but a server, when [`ROLE`] says so.
#[test]
fn a_server_of_its_own() {
    if let Some(mode) = std::env::var(ROLE).ok().as_deref().and_then(Mode::named) {
        serve(mode).expect("pipes");
    }
}

fn server(mode: &str) -> Value {
    let program = std::env::current_exe().expect("a program");
    json!({
        "command": program,
        "args": ["--exact", "tests::a_server_of_its_own", "--nocapture", "--quiet"],
        "env": { ROLE: mode, "NUMBER": 7 },
        "requestTimeoutMs": 20_000,
    })
}

fn config(servers: Value) -> Value {
    json!({ "mcp": { "servers": servers } })
}

async fn soon<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work).await.expect("in time")
}

async fn start(host: &TestHost, servers: Value) -> Result<TestPlugin> {
    let plugin = host.load(&PLUGIN, config(servers))?;
    plugin.call::<()>(ids::service::START, "mcp", &()).await?;
    Ok(plugin)
}

async fn stop(plugin: TestPlugin) -> Result<()> {
    soon(plugin.call::<()>(ids::service::STOP, "mcp", &())).await
}

fn names(tools: &[ToolSpec]) -> Vec<&str> {
    tools.iter().map(|tool| tool.name.as_str()).collect()
}

fn text(output: &ToolOutput) -> &str {
    output.content[0].as_text().expect("text")
}

#[tokio::test]
async fn tools_are_offered_and_called() -> Result<()> {
    let host = TestHost::new();
    let plugin = start(
        &host,
        json!({ "one": server("good"), "off": { "command": "nothing", "enabled": false } }),
    )
    .await?;
    let tools = soon(host.next_tools()).await;
    let offered = [
        "one__echo",
        "one__environment",
        "one__fail",
        "mcp_resources",
        "mcp_prompts",
    ];
    assert_eq!(names(&tools), offered);
    assert!(tools[0].idempotent && !tools[0].side_effects && tools[1].side_effects);
    let output = soon(plugin.tool("one__echo", json!({"text": "hello"}))).await?;
    assert!(
        text(&output).contains("hello") && text(&output).contains("MCP server one"),
        "{}",
        text(&output)
    );
    let output = soon(plugin.tool("one__fail", json!({}))).await?;
    assert!(output.is_error);
    for (name, arguments) in [
        ("one__nothing", json!({})),
        ("off__echo", json!({})),
        ("*", json!({})),
    ] {
        let error = soon(plugin.tool(name, arguments)).await.expect_err(name);
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }
    let error = soon(plugin.tool("one__echo", json!("x")))
        .await
        .expect_err("no object");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    stop(plugin).await
}

#[tokio::test]
async fn a_server_that_is_down_at_first_is_asked_again() -> Result<()> {
    let folder = tempfile::tempdir().expect("a folder");
    let mut late = server("good");
    let program = format!(
        "[ -e '{0}/up' ] && exec {1} --exact tests::a_server_of_its_own --nocapture --quiet; touch '{0}/up'",
        folder.path().display(),
        late["command"]
    );
    late["command"] = json!("sh");
    late["args"] = json!(["-c", program]);
    let host = TestHost::new().secret("PATH", "/bin:/usr/bin");
    let plugin = start(&host, json!({ "late": late })).await?;
    let tools = soon(host.next_tools()).await;
    assert!(names(&tools).contains(&"late__echo"), "{:?}", names(&tools));
    stop(plugin).await
}

#[tokio::test]
async fn servers_that_are_down_keep_no_other_from_being_asked() -> Result<()> {
    let down = || json!({ "command": "sh", "args": ["-c", "exit 1"] });
    let servers =
        json!({ "a": down(), "b": down(), "c": down(), "d": down(), "e": down(), "late": server("good") });
    let host = TestHost::new().secret("PATH", "/bin:/usr/bin");
    let plugin = start(&host, servers).await?;
    let tools = soon(host.next_tools()).await;
    assert!(names(&tools).contains(&"late__echo"), "{:?}", names(&tools));
    stop(plugin).await
}

#[tokio::test]
async fn a_server_gets_the_environment_that_it_needs_and_no_more() -> Result<()> {
    let host = TestHost::new().secret("PATH", "/bin").secret("OTHER", "x");
    let plugin = start(&host, json!({ "one": server("good") })).await?;
    soon(host.next_tools()).await;
    let output = soon(plugin.tool("one__environment", json!({}))).await?;
    let shown = text(&output);
    assert!(
        shown.contains(ROLE) && shown.contains("NUMBER") && shown.contains("PATH"),
        "{shown}"
    );
    for other in ["CARGO", "RUST", "OPENCLAW", "OTHER"] {
        assert!(!shown.contains(other), "{other}: {shown}");
    }
    stop(plugin).await
}

#[tokio::test]
async fn resources_and_prompts_are_listed_and_given() -> Result<()> {
    let host = TestHost::new();
    let plugin = start(&host, json!({ "one": server("good") })).await?;
    soon(host.next_tools()).await;
    for (tool, arguments, words) in [
        ("mcp_resources", json!({}), "fake://note"),
        (
            "mcp_resources",
            json!({"server": "one", "uri": "fake://note"}),
            "what the note says",
        ),
        ("mcp_prompts", json!({"server": "one"}), "greet(who)"),
        (
            "mcp_prompts",
            json!({"server": "one", "name": "greet", "arguments": {"who": "Ada"}}),
            "Greet Ada.",
        ),
    ] {
        let output = soon(plugin.tool(tool, arguments)).await?;
        assert!(text(&output).contains(words), "{tool}: {}", text(&output));
    }
    let error = soon(plugin.tool("mcp_resources", json!({"server": "two"})))
        .await
        .expect_err("unknown");
    assert!(error.to_string().contains("configured are: one"), "{error}");
    stop(plugin).await
}

#[tokio::test]
async fn known_tools_are_offered_without_starting_the_server() -> Result<()> {
    let host = TestHost::new();
    let plugin = start(&host, json!({ "one": server("good") })).await?;
    soon(host.next_tools()).await;
    stop(plugin).await?;
    let plugin = start(&host, json!({ "one": server("good") })).await?;
    assert_eq!(soon(host.next_tools()).await.len(), 5);
    let list = command(&plugin, &["list"]).await?;
    assert_eq!(list.data["servers"][0]["running"], false);
    soon(plugin.tool("one__echo", json!({"text": "x"}))).await?;
    let list = command(&plugin, &["list"]).await?;
    assert_eq!(list.data["servers"][0]["running"], true);
    stop(plugin).await
}

#[tokio::test]
async fn a_server_that_dies_is_started_anew() -> Result<()> {
    let host = TestHost::new();
    let plugin = start(&host, json!({ "one": server("dies") })).await?;
    soon(host.next_tools()).await;
    let error = soon(plugin.tool("one__echo", json!({"text": "x"})))
        .await
        .expect_err("it ends");
    assert_eq!(error.kind(), ErrorKind::Unknown, "{error}");
    // a new process answers other questions
    let output = soon(plugin.tool("mcp_resources", json!({"server": "one", "uri": "fake://note"}))).await?;
    assert!(text(&output).contains("what the note says"), "{}", text(&output));
    stop(plugin).await
}

#[tokio::test]
async fn a_server_that_hangs_costs_its_deadline_and_no_other_server() -> Result<()> {
    let host = TestHost::new();
    let mut hangs = server("hangs");
    hangs["requestTimeoutMs"] = 300.into();
    let mut mute = server("mute");
    mute["connectionTimeoutMs"] = 300.into();
    let plugin = start(
        &host,
        json!({ "hangs": hangs, "mute": mute, "good": server("good") }),
    )
    .await?;
    while !names(&soon(host.next_tools()).await).contains(&"hangs__echo") {}
    let error = soon(plugin.tool("hangs__echo", json!({"text": "x"})))
        .await
        .expect_err("a deadline");
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    let test = command(&plugin, &["test", "mute"]).await?;
    assert_eq!((test.exit_code, &test.data["ok"]), (1, &json!(false)));
    let output = soon(plugin.tool("good__echo", json!({"text": "well"}))).await?;
    assert!(text(&output).contains("well"));
    stop(plugin).await
}

#[tokio::test]
async fn floods_noise_and_giants_hurt_only_the_server() -> Result<()> {
    let host = TestHost::new();
    let mut huge = server("huge");
    huge["requestTimeoutMs"] = 1_000.into();
    let all = json!({
        "floods": server("floods"), "babbles": server("babbles"), "complains": server("complains"),
        "huge": huge, "endless": server("endless"),
    });
    let count = all.as_object().map_or(0, |all| all.len()) * 3 + 2;
    let plugin = start(&host, all).await?;
    while soon(host.next_tools()).await.len() < count {}
    let error = soon(plugin.tool("floods__echo", json!({})))
        .await
        .expect_err("it is closed");
    assert_eq!(error.kind(), ErrorKind::Unknown, "{error}");
    let error = soon(plugin.tool("huge__echo", json!({})))
        .await
        .expect_err("too large");
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    for name in ["babbles__echo", "complains__echo", "endless__echo"] {
        let output = soon(plugin.tool(name, json!({"text": "well"}))).await?;
        assert!(text(&output).contains("well"), "{name}: {}", text(&output));
    }
    stop(plugin).await
}

#[tokio::test]
async fn a_list_that_changes_is_offered_anew() -> Result<()> {
    let host = TestHost::new();
    let plugin = start(&host, json!({ "one": server("changes") })).await?;
    soon(host.next_tools()).await;
    soon(plugin.tool("one__echo", json!({"text": "x"}))).await?;
    let tools = soon(host.next_tools()).await;
    assert!(names(&tools).contains(&"one__new_1"), "{:?}", names(&tools));
    stop(plugin).await
}

#[tokio::test]
async fn what_cant_be_started_is_said_and_the_rest_is_offered() -> Result<()> {
    let host = TestHost::new();
    let all = json!({
        "gone": { "command": "/nowhere/at-all" }, "stillborn": server("stillborn"), "nothing": {}, "good": server("good"),
    });
    let plugin = start(&host, all).await?;
    assert_eq!(soon(host.next_tools()).await.len(), 5);
    for (name, words) in [
        ("gone", "can't be started"),
        ("stillborn", ""),
        ("nothing", "no command and no url"),
    ] {
        let test = command(&plugin, &["test", name]).await?;
        assert_eq!(test.exit_code, 1, "{name}");
        assert!(
            test.text.contains(words) || test.text.contains("tried again"),
            "{name}: {}",
            test.text
        );
    }
    stop(plugin).await
}

#[tokio::test]
async fn a_filter_decides_what_is_offered() -> Result<()> {
    let host = TestHost::new();
    let mut filtered = server("good");
    filtered["toolFilter"] = json!({ "include": ["e*"], "exclude": ["*ment"] });
    let plugin = start(&host, json!({ "one": filtered })).await?;
    assert_eq!(
        names(&soon(host.next_tools()).await),
        ["one__echo", "mcp_resources", "mcp_prompts"]
    );
    soon(plugin.tool("one__fail", json!({})))
        .await
        .expect_err("it is not offered");
    let tools = command(&plugin, &["tools", "one"]).await?;
    assert_eq!(tools.data["tools"].as_array().map(Vec::len), Some(1));
    stop(plugin).await
}

#[tokio::test]
async fn a_server_over_http_is_asked_through_the_host() -> Result<()> {
    let host = TestHost::new().web(|request: FakeRequest| {
        assert_eq!(request.head.url, "https://tools.example/mcp");
        let key = request.head.headers.iter().find(|(name, _)| name == "x-key");
        assert!(
            key.is_some_and(|(_, value)| value == "k-1"),
            "the header is missing"
        );
        if request.head.method != "POST" {
            return Ok(FakeAnswer::new(405, ""));
        }
        let asked: Value = serde_json::from_slice(&request.body)?;
        let result = match asked["method"].as_str().unwrap_or_default() {
            "initialize" => json!({
                "protocolVersion": asked["params"]["protocolVersion"], "capabilities": { "tools": {} },
                "serverInfo": { "name": "far", "version": "1" },
            }),
            "tools/list" => json!({ "tools": [{ "name": "far", "inputSchema": { "type": "object" } }] }),
            "tools/call" => json!({ "content": [{ "type": "text", "text": "from afar" }] }),
            _ => return Ok(FakeAnswer::new(202, "")),
        };
        let answer = json!({ "jsonrpc": "2.0", "id": asked["id"], "result": result });
        Ok(match asked["method"] == "tools/call" {
            true => FakeAnswer::events([answer.to_string()]),
            false => FakeAnswer::json(200, &answer),
        })
    });
    let far = json!({ "url": "https://tools.example/mcp", "headers": { "x-key": "k-1" } });
    let plugin = start(&host, json!({ "far": far })).await?;
    assert_eq!(names(&soon(host.next_tools()).await), ["far__far"]);
    let output = soon(plugin.tool("far__far", json!({}))).await?;
    assert!(text(&output).contains("from afar"), "{}", text(&output));
    stop(plugin).await
}

#[tokio::test]
async fn a_server_that_wants_a_login_says_what_to_set() -> Result<()> {
    let host = TestHost::new().web(|request: FakeRequest| {
        let token = request
            .head
            .headers
            .iter()
            .find(|(name, _)| name == "authorization");
        assert!(token.is_none_or(|(_, value)| value == "Bearer t-1"));
        Ok(FakeAnswer::new(401, ""))
    });
    let url = "https://tools.example/mcp";
    let servers = json!({
        "bare": { "url": url },
        "wrong": { "url": url, "headers": { "Authorization": "Bearer t-1" } },
        "login": { "url": url, "auth": "oauth" },
    });
    let plugin = start(&host, servers).await?;
    for name in ["bare", "wrong", "login"] {
        let said = command(&plugin, &["test", name]).await?;
        assert_eq!(said.exit_code, 1, "{name}");
        assert!(
            said.text.contains("OAuth is not supported") && said.text.contains("Bearer <token>"),
            "{}",
            said.text
        );
        assert!(!said.text.contains("t-1"), "{}", said.text);
    }
    stop(plugin).await
}

async fn command(plugin: &TestPlugin, words: &[&str]) -> Result<CommandReply> {
    let call = CommandCall {
        name: "mcp".into(),
        args: words.iter().map(|&word| word.to_owned()).collect(),
        ..CommandCall::default()
    };
    soon(plugin.command(&call)).await
}
