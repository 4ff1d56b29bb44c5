//! The gateway as a child in a home of its own, and what the system says of its process.
use super::world::TOKEN;
use serde_json::{Value, json};
use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

/// Longest that a start may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// Lines of its log that are kept.
const MAX_LINES: usize = 1000;
/// The plugins that are loaded, each in the gateway's own process.
const PLUGINS: [&str; 5] = ["anthropic", "demo", "google", "openai", "telegram"];
/// Ticks of the clock that `/proc/<pid>/stat` counts in; Linux shows 100 to every program.
const TICKS_PER_SECOND: f64 = 100.0;

type Outcome<T> = Result<T, String>;

/// Folders of a gateway.
pub struct Home {
    folder: tempfile::TempDir,
    program: PathBuf,
}

/// A gateway that is to be started.
pub struct Starting {
    state: PathBuf,
    plugins: PathBuf,
    program: PathBuf,
}

/// A running gateway. Dropping it kills it.
pub struct Running {
    child: Child,
    /// From the start of the process to the line that says that it is ready.
    pub ready: Duration,
    /// What of a processor it had taken by then.
    pub ready_cpu: Duration,
    /// The log's last lines, for somebody who looks for a fault.
    log: mpsc::Receiver<String>,
}

// === impl Home ===

impl Home {
    /// A home with the plugins, beside the services at `root`.
    pub fn new(plugins: &Path, program: &Path, root: &str, max_concurrent: Option<u32>) -> Outcome<Self> {
        let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
        let home = Self {
            folder,
            program: program.to_owned(),
        };
        fs::create_dir(home.plugins()).map_err(|e| e.to_string())?;
        for id in PLUGINS {
            let from = plugins.join(format!("libopenclaw_plugin_{id}.so"));
            fs::copy(&from, home.plugins().join(format!("{id}.so")))
                .map_err(|e| format!("{}: {e}; build it by `cargo xtask bench main`", from.display()))?;
        }
        let text = config(root, max_concurrent).to_string();
        fs::write(home.state().join("openclaw.json"), text).map_err(|e| e.to_string())?;
        Ok(home)
    }

    /// The state directory.
    pub fn state(&self) -> &Path {
        self.folder.path()
    }

    fn plugins(&self) -> PathBuf {
        self.folder.path().join("bundled")
    }

    /// What is needed to start a gateway here, on any thread.
    pub fn starting(&self) -> Starting {
        Starting {
            state: self.state().to_owned(),
            plugins: self.plugins(),
            program: self.program.clone(),
        }
    }
}

impl Starting {
    /// Starts the gateway and waits until it is ready.
    pub fn start(self) -> Outcome<Running> {
        let mut command = Command::new(&self.program);
        command
            .args(["gateway", "--port", "0"])
            .env_clear()
            .env("HOME", &self.state)
            .env("OPENCLAW_STATE_DIR", &self.state)
            .env("OPENCLAW_BUNDLED_PLUGINS_DIR", &self.plugins)
            .env("ANTHROPIC_API_KEY", "bench")
            .env("GEMINI_API_KEY", "bench")
            .stdin(Stdio::null())
            .stderr(Stdio::piped());
        let begin = Instant::now();
        let mut child = command
            .spawn()
            .map_err(|e| format!("{}: {e}", self.program.display()))?;
        let lines = BufReader::new(child.stderr.take().ok_or("no standard error")?).lines();
        let (tx, log) = mpsc::sync_channel(MAX_LINES);
        // somebody has to read what it says, or it would wait for a reader one day
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                // what is over is of no interest, but has to be read
                let _ = tx.try_send(line);
            }
        });
        let mut running = Running {
            child,
            ready: Duration::ZERO,
            ready_cpu: Duration::ZERO,
            log,
        };
        running.wait(begin)?;
        Ok(running)
    }
}

/// Everybody may write, and each chat is a conversation. Nothing waits for company.
fn config(root: &str, max_concurrent: Option<u32>) -> Value {
    let model = json!({ "id": "m", "contextWindow": 200_000 });
    let provider = json!({ "baseUrl": format!("{root}/v1"), "apiKey": "bench", "api": "openai-completions", "models": [model] });
    let mut defaults = json!({ "model": { "primary": "one/m" } });
    if let Some(count) = max_concurrent {
        defaults["maxConcurrent"] = count.into();
    }
    json!({
        "agents": { "defaults": defaults },
        "models": { "providers": { "one": provider } },
        "session": { "dmScope": "per-channel-peer" },
        "messages": { "queue": { "mode": "followup", "debounceMs": 0 } },
        "plugins": { "entries": { "demo": { "enabled": true } } },
        "channels": { "telegram": {
            "apiRoot": root, "botToken": TOKEN, "dmPolicy": "open", "allowFrom": ["*"]
        } },
    })
}

// === impl Running ===

impl Running {
    fn wait(&mut self, begin: Instant) -> Outcome<()> {
        let mut said = String::new();
        loop {
            let left = PATIENCE.saturating_sub(begin.elapsed());
            let Ok(line) = self.log.recv_timeout(left) else {
                return Err(format!("the gateway does not get ready; it said:\n{said}"));
            };
            if line.contains("ready in") {
                self.ready = begin.elapsed();
                self.ready_cpu = cpu_of_threads(self.child.id());
                let all = format!("with {} plugins", PLUGINS.len());
                return if line.contains(&all) {
                    Ok(())
                } else {
                    Err(format!("not every plugin was loaded:\n{said}{line}"))
                };
            }
            said += &line;
            said.push('\n');
        }
    }

    /// What of a processor its process has taken so far, milliseconds.
    pub fn cpu_ms(&self) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        // the name, in brackets, may have spaces
        let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        let ticks: f64 = fields
            .split_whitespace()
            .skip(11)
            .take(2)
            .filter_map(|field| field.parse::<f64>().ok())
            .sum();
        ticks * 1000.0 / TICKS_PER_SECOND
    }

    /// Resident and proportional memory of the process and all that it has started, KB; and how many they are.
    pub fn memory(&self) -> (f64, f64, usize) {
        let tree = tree(self.child.id());
        let sum = |field: &str| tree.iter().map(|pid| rollup(*pid, field)).sum();
        (sum("Rss:"), sum("Pss:"), tree.len())
    }

    /// Asks it to end, and waits until it has.
    pub fn stop(mut self) -> Outcome<()> {
        let asked = Command::new("kill").arg(self.child.id().to_string()).status();
        asked.map_err(|e| e.to_string())?;
        self.child.wait().map(drop).map_err(|e| e.to_string())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the threads that a process has now have taken of a processor: finer than the ticks of `stat`, but without
/// threads that have ended.
fn cpu_of_threads(pid: u32) -> Duration {
    let tasks = fs::read_dir(format!("/proc/{pid}/task"));
    let nanos = tasks.into_iter().flatten().flatten().filter_map(|task| {
        let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanos.sum())
}

fn tree(pid: u32) -> Vec<u32> {
    let mut found = vec![pid];
    let tasks = fs::read_dir(format!("/proc/{pid}/task"));
    for task in tasks.into_iter().flatten().flatten() {
        let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
        for child in children.split_whitespace().filter_map(|child| child.parse().ok()) {
            found.extend(tree(child));
        }
    }
    found
}

fn rollup(pid: u32, field: &str) -> f64 {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(field));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok())
        .unwrap_or(f64::NAN)
}
