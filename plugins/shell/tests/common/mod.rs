//! A plugin with a workspace, and a keeper without a gateway.
#![allow(dead_code, reason = "each test file uses a part of it")]
pub mod engine;

use openclaw_plugin_api::{
    ApprovalDecision, ApprovalRequest, ToolCall, ToolOrigin, prelude::*, surface::ids, testing::*,
};
use openclaw_plugin_shell::PLUGIN;
use std::path::PathBuf;

/// What must not be seen by any command.
pub const SECRET: &str = "sk-a-key-of-the-gateway";

pub struct Bench {
    folder: tempfile::TempDir,
    pub host: TestHost,
    pub plugin: TestPlugin,
    pub agent: &'static str,
    pub session: &'static str,
}

impl Bench {
    pub fn new(config: Value) -> Self {
        Self::with(config, |_| ApprovalDecision::default())
    }

    pub fn with(
        mut config: Value,
        operator: impl Fn(&ApprovalRequest) -> ApprovalDecision + Send + Sync + 'static,
    ) -> Self {
        config["keeper"] = json!(env!("CARGO_BIN_EXE_shell-keeper"));
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["workspace", "outside"] {
            std::fs::create_dir(folder.path().join(name)).expect("a folder");
        }
        let host = TestHost::new()
            .secret("PATH", "/usr/local/bin:/usr/bin:/bin")
            .secret("LANG", "C.UTF-8")
            .secret("MODEL_API_KEY", SECRET)
            .operator(operator);
        let plugin = host.load(&PLUGIN, config).expect("it loads");
        Self {
            folder,
            host,
            plugin,
            agent: "main",
            session: "agent:main:main",
        }
    }

    pub fn workspace(&self) -> PathBuf {
        self.folder
            .path()
            .canonicalize()
            .expect("a folder")
            .join("workspace")
    }

    pub fn outside(&self) -> PathBuf {
        self.folder
            .path()
            .canonicalize()
            .expect("a folder")
            .join("outside")
    }

    pub async fn call(&self, tool: &str, arguments: Value) -> Result<ToolOutput> {
        let call = ToolCall {
            arguments,
            origin: ToolOrigin {
                agent_id: self.agent.into(),
                session_key: self.session.into(),
                channel: "pager".into(),
                sender_id: "7".into(),
                workspace_dir: self.workspace().display().to_string(),
                ..ToolOrigin::default()
            },
        };
        self.plugin.call(ids::tool::INVOKE, tool, &call).await
    }

    /// Runs a command, to its end: its details.
    pub async fn exec(&self, arguments: Value) -> Value {
        match self.call("exec", arguments).await {
            Ok(output) => output.details,
            Err(error) => json!({ "status": "error", "reason": error.message() }),
        }
    }

    /// Runs a command in the sandbox: its output, whatever it was.
    pub async fn sh(&self, command: &str) -> String {
        let details = self.exec(json!({ "command": command, "yieldMs": 60_000 })).await;
        match details["aggregated"].as_str() {
            Some(output) => output.to_owned(),
            None => panic!("{command}: {details}"),
        }
    }

    /// Starts a command in the background: its id.
    pub async fn background(&self, mut arguments: Value) -> String {
        arguments["background"] = json!(true);
        let details = self.exec(arguments).await;
        assert_eq!(details["status"], "running", "{details}");
        details["sessionId"].as_str().expect("an id").to_owned()
    }

    /// Works with a command in the background: its text and its details.
    pub async fn process(&self, action: &str, id: &str, mut more: Value) -> (String, Value) {
        more["action"] = json!(action);
        more["sessionId"] = json!(id);
        let output = self.call("process", more).await.expect("it answers");
        (
            output.content[0].as_text().unwrap_or_default().to_owned(),
            output.details,
        )
    }

    /// Polls until the command has said these words, or has ended.
    pub async fn until(&self, id: &str, words: &str) -> String {
        let mut all = String::new();
        for _ in 0..100 {
            let (text, details) = self.process("poll", id, json!({ "timeout": 5000 })).await;
            all.push_str(&text);
            if all.contains(words) || details["status"] != "running" {
                return all;
            }
        }
        panic!("{id} never said {words:?} but {all:?}");
    }

    /// Polls until the command has ended: its details.
    pub async fn end(&self, id: &str) -> Value {
        for _ in 0..100 {
            let (_, details) = self.process("poll", id, json!({ "timeout": 5000 })).await;
            if details["status"] != "running" {
                return details;
            }
        }
        panic!("{id} never ends");
    }
}

/// Is there a process whose command line has these words?
pub fn runs(words: &str) -> bool {
    let entries = std::fs::read_dir("/proc").expect("a proc").flatten();
    entries.into_iter().any(|entry| {
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let state = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(words) && !state.contains(") Z ")
    })
}

/// Waits until there is none.
pub async fn gone(words: &str) {
    let wait = async {
        while runs(words) {
            tokio::task::yield_now().await;
        }
    };
    let limit = std::time::Duration::from_secs(20);
    assert!(
        tokio::time::timeout(limit, wait).await.is_ok(),
        "{words} still runs"
    );
}
