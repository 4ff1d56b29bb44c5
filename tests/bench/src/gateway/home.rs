//! A gateway with a token and some plugins, in a home of its own.
use serde_json::{Value, json};
use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

/// What opens it.
pub(super) const TOKEN: &str = "a-token-of-the-benchmarks-0000";

/// A running gateway. Dropping it kills it.
pub(super) struct Gateway {
    child: Child,
    /// Where it listens.
    pub(super) port: u16,
    _home: tempfile::TempDir,
}

impl Gateway {
    /// Starts it beside a model at `root`, and waits until it is ready.
    pub(super) fn start(plugins: &Path, program: &Path, root: &str, ids: &[&str]) -> Result<Self, String> {
        let home = tempfile::tempdir().map_err(|e| e.to_string())?;
        let bundled = home.path().join("bundled");
        fs::create_dir(&bundled).map_err(|e| e.to_string())?;
        for id in ids {
            let from = plugins.join(format!("libopenclaw_plugin_{}.so", id.replace('-', "_")));
            let copied = fs::copy(&from, bundled.join(format!("{id}.so")));
            copied
                .map_err(|e| format!("{}: {e}; build it by `cargo xtask bench gateway`", from.display()))?;
        }
        let config = config(root, ids.contains(&"openai")).to_string();
        fs::write(home.path().join("openclaw.json"), config).map_err(|e| e.to_string())?;
        let mut child = Command::new(program)
            .args(["gateway", "--port", "0"])
            .env_clear()
            .env("HOME", home.path())
            .env("OPENCLAW_STATE_DIR", home.path())
            .env("OPENCLAW_BUNDLED_PLUGINS_DIR", &bundled)
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|e| format!("{}: {e}", program.display()))?;
        let log = child.stderr.take().ok_or("no standard error")?;
        let mut gateway = Self {
            child,
            port: 0,
            _home: home,
        };
        let mut lines = BufReader::new(log).lines().map_while(Result::ok);
        let mut said = String::new();
        for line in lines.by_ref() {
            said += &line;
            said.push('\n');
            if let Some((_, rest)) = line.split_once("ws://127.0.0.1:") {
                let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
                gateway.port = digits.parse().map_err(|_| format!("no port in {line}"))?;
            }
            if line.contains("ready in") {
                // somebody has to read what it says, or it would wait for a reader one day
                std::thread::spawn(move || lines.for_each(drop));
                return Ok(gateway);
            }
        }
        Err(format!("the gateway does not get ready; it said:\n{said}"))
    }

    /// Its process.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn config(root: &str, has_model: bool) -> Value {
    let mut config = json!({
        "gateway": {
            "auth": { "token": TOKEN }, "http": { "endpoints": { "chatCompletions": { "enabled": has_model } } },
        },
        "agents": { "defaults": { "model": { "primary": "demo/echo" }, "maxConcurrent": 64 } },
    });
    if has_model {
        let model = json!({ "id": "m", "contextWindow": 200_000 });
        config["agents"]["defaults"]["model"]["primary"] = json!("one/m");
        config["models"] = json!({ "providers": { "one": {
            "baseUrl": format!("{root}/v1"), "apiKey": "bench", "api": "openai-completions", "models": [model],
        }}});
    }
    config
}
