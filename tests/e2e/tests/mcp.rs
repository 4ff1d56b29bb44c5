//! Servers of the Model Context Protocol under the real program: called, killed, hanging, clinging, added and removed.
use openclaw_e2e::running::{Home, Running};
use openclaw_fakes::mcp::{Mode, serve};
use serde_json::{Value, json};
use std::{fs, process::Command};

/// A gateway whose model asks for whatever tool a message names.
struct World {
    home: Home,
    gateway: Running,
}

/// Tells this program that it is a server.
const ROLE: &str = "FAKE_MCP_MODE";

/// No test, but a server, when [`ROLE`] says so.
#[test]
fn a_server_of_its_own() {
    if let Some(mode) = std::env::var(ROLE).ok().as_deref().and_then(Mode::named) {
        serve(mode).expect("pipes");
    }
}

/// This program, to be started as a server.
const ARGS: [&str; 4] = ["--exact", "a_server_of_its_own", "--nocapture", "--quiet"];

fn server(mode: &str) -> Value {
    let program = std::env::current_exe().expect("a program");
    json!({ "command": program, "args": ARGS, "env": { ROLE: mode } })
}

impl World {
    /// Begins when the tools of that many servers are there.
    async fn new(servers: Value) -> Self {
        let home = Home::new(&["demo", "mcp"]);
        home.configure(&json!({ "mcp": { "servers": servers } }));
        let gateway = home.start().await;
        gateway.says("tools of MCP servers are offered").await;
        Self { home, gateway }
    }

    async fn tool(&self, name: &str, arguments: Value) -> String {
        let message = format!("/tool {name} {arguments}");
        let port = self.gateway.port.clone();
        let answer = self
            .home
            .json(&["agent", "--port", &port, "--json", "-m", &message])
            .await;
        let text = answer["result"]["payloads"][0]["text"].as_str();
        text.unwrap_or_else(|| panic!("no text: {answer:#}")).to_owned()
    }
}

/// Children of a process.
fn children(of: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").expect("a list of processes").flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    ids.filter(|id| parent(*id) == Some(of)).collect()
}

fn parent(id: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut fields = rest.split(' ');
    // a process that has ended and that nobody has looked at yet is none
    (fields.next()? != "Z").then_some(())?;
    fields.next()?.parse().ok()
}

fn is_alive(id: u32) -> bool {
    parent(id).is_some()
}

#[tokio::test]
async fn an_agent_calls_a_tool_and_a_killed_server_is_started_anew() {
    let world = World::new(json!({ "one": server("good") })).await;
    let said = world.tool("one__echo", json!({"text": "hello"})).await;
    assert!(
        said.starts_with("one__echo answered:") && said.contains("hello"),
        "{said}"
    );
    let servers = children(world.gateway.pid());
    assert_eq!(servers.len(), 1, "one server runs");
    let killed = Command::new("kill")
        .args(["-9", &servers[0].to_string()])
        .status();
    assert!(killed.expect("kill runs").success());
    while is_alive(servers[0]) {
        tokio::task::yield_now().await;
    }
    let said = world.tool("one__echo", json!({"text": "again"})).await;
    // it may have been asked in the moment in which it ended
    let said = match said.contains("again") {
        true => said,
        false => world.tool("one__echo", json!({"text": "again"})).await,
    };
    assert!(said.contains("again"), "{said}");
    let (code, log) = world.gateway.stop().await;
    assert_eq!(code, Some(0), "{log}");
}

#[tokio::test]
async fn a_server_that_hangs_costs_its_deadline() {
    let mut hangs = server("hangs");
    hangs["requestTimeoutMs"] = 300.into();
    let world = World::new(json!({ "hangs": hangs })).await;
    let said = world.tool("hangs__echo", json!({"text": "x"})).await;
    assert!(
        said.contains("hangs__echo failed") && said.contains("did not answer within"),
        "{said}"
    );
}

#[tokio::test]
async fn nobody_is_left_behind() {
    let world = World::new(json!({ "clings": server("clings") })).await;
    world.tool("clings__echo", json!({"text": "x"})).await;
    let servers = children(world.gateway.pid());
    let clinging: Vec<_> = servers.iter().flat_map(|id| children(*id)).collect();
    assert_eq!((servers.len(), clinging.len()), (1, 1));
    let (code, log) = world.gateway.stop().await;
    assert_eq!(code, Some(0), "{log}");
    let mut left: Vec<_> = servers.into_iter().chain(clinging).collect();
    let gone = async {
        while !left.is_empty() {
            left.retain(|id| is_alive(*id));
            tokio::task::yield_now().await;
        }
    };
    openclaw_e2e::running::soon("the end of the servers", gone).await;
}

#[tokio::test]
async fn servers_are_listed_added_tested_and_removed_by_command() {
    let home = Home::new(&["demo", "mcp"]);
    home.write_config(
        "// my own words\n{ mcp: { servers: {\n  // the first\n  one: { enabled: false } } } }\n",
    );
    let gateway = home.start().await;
    let run = |args: &[&str]| {
        let mut command = home.command(args);
        command.env("OPENCLAW_GATEWAY_PORT", &gateway.port);
        let output = command.output().expect("the program runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let program = std::env::current_exe().expect("a program").display().to_string();
    let role = format!("{ROLE}=good");
    let words = ["mcp", "add", "two", "--env", &role, &program];
    let (code, out, err) = run(&[&words[..], &ARGS].concat());
    assert_eq!(code, Some(0), "{out}{err}");
    gateway.says("tools of MCP servers are offered").await;
    let written = fs::read_to_string(home.config_file()).expect("a file");
    assert!(
        written.contains("// my own words") && written.contains("// the first"),
        "{written}"
    );
    let (code, out, err) = run(&["mcp", "test", "two", "--json"]);
    assert_eq!(code, Some(0), "{out}{err}");
    let test: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((&test["ok"], &test["tools"]), (&json!(true), &json!(3)));
    let (_, out, _) = run(&["mcp", "list"]);
    assert!(
        out.contains("two: stdio, running, 3 tools") && !out.contains("one"),
        "{out}"
    );
    let (_, out, _) = run(&["mcp", "tools", "two"]);
    assert!(out.contains("two__echo"), "{out}");
    let (code, _, err) = run(&["mcp", "add", "two", "x"]);
    assert!(code != Some(0) && err.contains("already"), "{err}");
    let (code, out, err) = run(&["mcp", "remove", "two"]);
    assert_eq!(code, Some(0), "{out}{err}");
    let written = fs::read_to_string(home.config_file()).expect("a file");
    assert!(
        !written.contains("two") && written.contains("// the first"),
        "{written}"
    );
}
