//! A server of the Model Context Protocol over standard input and output, which misbehaves when told to.
//!
//! It blocks, as a small program does; a test starts it as a process of its own. Invariant: only what the mode names goes
//! wrong, everything else is as the protocol says.
use serde_json::{Value, json};
use std::{
    io::{self, BufRead, Write},
    thread,
};

/// How the server behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Well.
    Good,
    /// It never says hello.
    Mute,
    /// It says hello and answers nothing else.
    Hangs,
    /// It ends as soon as a tool is called.
    Dies,
    /// It ends before it says hello.
    Stillborn,
    /// It sends notifications without an end, once a tool is called.
    Floods,
    /// It writes lines that are no JSON, and JSON that is no message, between its answers.
    Babbles,
    /// It answers a tool with a text of 64 MiB.
    Huge,
    /// It writes to standard error without an end.
    Complains,
    /// It has another tool after each call, and says so.
    Changes,
    /// It does not end when its input does, and has started a process that does not either.
    Clings,
    /// Its lists have no last page.
    Endless,
}

impl Mode {
    /// By its name on the command line.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "good" => Self::Good,
            "mute" => Self::Mute,
            "hangs" => Self::Hangs,
            "dies" => Self::Dies,
            "stillborn" => Self::Stillborn,
            "floods" => Self::Floods,
            "babbles" => Self::Babbles,
            "huge" => Self::Huge,
            "complains" => Self::Complains,
            "changes" => Self::Changes,
            "clings" => Self::Clings,
            "endless" => Self::Endless,
            _ => return None,
        })
    }
}

/// What the server remembers.
struct Server {
    mode: Mode,
    calls: u32,
    /// It ends now.
    over: bool,
}

/// Serves until the input ends.
pub fn serve(mode: Mode) -> io::Result<()> {
    let mut server = Server {
        mode,
        calls: 0,
        over: false,
    };
    match mode {
        Mode::Stillborn => return Ok(()),
        Mode::Complains => drop(thread::spawn(complain)),
        Mode::Clings => {
            // it outlives its parent unless somebody ends the whole group
            let child = std::process::Command::new("sleep").arg("3600").spawn()?;
            eprintln!("the clinging child is {}", child.id());
        }
        _ => {}
    }
    for line in io::stdin().lock().lines() {
        let Ok(message) = serde_json::from_str::<Value>(&line?) else {
            continue;
        };
        if let Some(answer) = server.answer(&message) {
            if server.over {
                return Ok(());
            }
            say(&answer)?;
        }
    }
    if mode == Mode::Clings {
        loop {
            thread::park();
        }
    }
    Ok(())
}

impl Server {
    fn answer(&mut self, message: &Value) -> Option<Value> {
        let id = message.get("id")?;
        let result = match message["method"].as_str()? {
            _ if self.mode == Mode::Mute => return None,
            "initialize" => json!({
                "protocolVersion": message["params"]["protocolVersion"],
                "capabilities": { "tools": { "listChanged": true }, "resources": {}, "prompts": {} },
                "serverInfo": { "name": "fake", "version": "1" },
            }),
            "tools/list" => self.tools(),
            _ if self.mode == Mode::Hangs => return None,
            "tools/call" => self.call(&message["params"]),
            "resources/list" => json!({ "resources": [{ "uri": "fake://note", "name": "note" }] }),
            "resources/read" => {
                json!({ "contents": [{ "uri": "fake://note", "text": "what the note says" }] })
            }
            "prompts/list" => json!({ "prompts": [{ "name": "greet", "arguments": [{ "name": "who" }] }] }),
            "prompts/get" => {
                let text = format!(
                    "Greet {}.",
                    message["params"]["arguments"]["who"]
                        .as_str()
                        .unwrap_or("somebody")
                );
                json!({ "messages": [{ "role": "user", "content": { "type": "text", "text": text } }] })
            }
            "ping" => json!({}),
            _ => {
                let error = json!({ "code": -32601, "message": "there is no such method" });
                return Some(json!({ "jsonrpc": "2.0", "id": id, "error": error }));
            }
        };
        Some(json!({ "jsonrpc": "2.0", "id": id, "result": result }))
    }

    fn tools(&self) -> Value {
        let object = json!({ "type": "object", "properties": { "text": { "type": "string" } } });
        let tool =
            |name: &str| json!({ "name": name, "description": "A tool of the fake.", "inputSchema": object });
        let mut echo = tool("echo");
        echo["annotations"] = json!({ "readOnlyHint": true });
        let mut tools = vec![echo, tool("environment"), tool("fail")];
        if self.calls > 0 && self.mode == Mode::Changes {
            tools.push(tool(&format!("new_{}", self.calls)));
        }
        match self.mode {
            Mode::Endless => json!({ "tools": tools, "nextCursor": "on" }),
            _ => json!({ "tools": tools }),
        }
    }

    fn call(&mut self, params: &Value) -> Value {
        self.calls += 1;
        match self.mode {
            Mode::Dies => self.over = true,
            Mode::Floods => {
                flood();
                self.over = true;
            }
            Mode::Babbles => babble(),
            Mode::Changes => {
                let _ = say(&json!({ "jsonrpc": "2.0", "method": "notifications/tools/list_changed" }));
            }
            _ => {}
        }
        let text = match params["name"].as_str() {
            _ if self.mode == Mode::Huge => "x".repeat(64 << 20),
            Some("environment") => environment(),
            Some("fail") => {
                return json!({ "content": [{ "type": "text", "text": "it failed" }], "isError": true });
            }
            _ => params["arguments"]["text"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
        };
        json!({ "content": [{ "type": "text", "text": text }] })
    }
}

/// Names of all variables, sorted.
fn environment() -> String {
    let mut names: Vec<_> = std::env::vars_os()
        .map(|(name, _)| name.to_string_lossy().into_owned())
        .collect();
    names.sort();
    names.join(" ")
}

fn say(message: &Value) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{message}")?;
    out.flush()
}

/// Ends when nobody reads any more.
fn flood() {
    let told = json!({
        "jsonrpc": "2.0", "method": "notifications/message", "params": { "level": "info", "data": "x".repeat(100) },
    });
    while say(&told).is_ok() {}
}

fn babble() {
    let mut out = io::stdout().lock();
    for line in [
        "this is no JSON",
        "{",
        "[]",
        "{\"jsonrpc\":\"2.0\"}",
        "{\"id\":{}}",
        "null",
        "",
    ] {
        let _ = writeln!(out, "{line}");
    }
    let _ = writeln!(out, "{}", "y".repeat(16 << 20));
}

fn complain() {
    while writeln!(io::stderr(), "{}", "a complaint ".repeat(50)).is_ok() {}
}
