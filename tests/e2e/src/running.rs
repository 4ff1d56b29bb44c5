//! The real program in a home of its own: started, listened to, stopped or killed.
//!
//! Nothing here waits for time to pass: it waits for what the program says, and ends a test that waits too long with the
//! program's log.
use crate::{fixture, plugin, program};
use serde_json::Value;
use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Notify,
};

/// Longest that anything may take; a busy machine needs a small part of it.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Says that it is ready, behind where it listens.
const READY: &str = "ready in";
/// Stands after the last line of a log.
const END: &str = "[its log ends here]";

/// A folder for the program's state, and one with plugins.
#[derive(Debug)]
pub struct Home {
    state: tempfile::TempDir,
    plugins: tempfile::TempDir,
}

/// A running gateway. Dropping it kills it.
#[derive(Debug)]
pub struct Running {
    child: Child,
    /// Where it listens.
    pub port: String,
    log: Arc<Log>,
}

#[derive(Debug, Default)]
struct Log {
    lines: Mutex<Vec<String>>,
    grown: Notify,
}

/// Waits for something, not for ever.
pub async fn soon<T>(what: &str, work: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, work).await {
        Ok(value) => value,
        Err(_) => panic!("waited for {what} in vain"),
    }
}

// === impl Home ===

impl Home {
    /// A home with these plugins.
    pub fn new(plugins: &[&str]) -> Self {
        let home = Self {
            state: tempfile::tempdir().expect("a folder"),
            plugins: tempfile::tempdir().expect("a folder"),
        };
        for id in plugins {
            let library = if *id == "loopback" {
                fixture(id)
            } else {
                plugin(id)
            };
            fs::copy(library, home.plugins.path().join(format!("{id}.so"))).expect("copied");
        }
        home
    }

    /// The state directory.
    pub fn state(&self) -> &Path {
        self.state.path()
    }

    /// Where its plugins are.
    pub fn plugins(&self) -> &Path {
        self.plugins.path()
    }

    /// What the libraries of its plugins take, bytes.
    pub fn plugin_bytes(&self) -> u64 {
        let files = fs::read_dir(self.plugins.path()).expect("a folder");
        let sizes = files.map(|file| file.and_then(|file| file.metadata()).expect("a file").len());
        sizes.sum()
    }

    /// `openclaw.json`
    pub fn config_file(&self) -> PathBuf {
        self.state().join("openclaw.json")
    }

    /// Writes the configuration, in one step.
    pub fn configure(&self, config: &Value) {
        self.write_config(&format!("{config:#}"));
    }

    /// The same with any text.
    pub fn write_config(&self, text: &str) {
        let new = self.state().join("openclaw.json.new");
        fs::write(&new, text).expect("written");
        fs::rename(new, self.config_file()).expect("renamed");
    }

    /// The program, in this home and with nothing of the environment.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(program());
        command
            .args(args)
            .env_clear()
            .env("HOME", self.state())
            .env("OPENCLAW_STATE_DIR", self.state())
            .env("OPENCLAW_BUNDLED_PLUGINS_DIR", self.plugins.path())
            .stdin(Stdio::null());
        if args.first() == Some(&"gateway") {
            // tests wait for what it says
            command.env("OPENCLAW_LOG", "info,openclaw::lane=debug");
        }
        command
    }

    /// Runs a command to its end.
    pub async fn run(&self, args: &[&str]) -> Output {
        let mut command = self.command(args);
        let output = tokio::task::spawn_blocking(move || command.output());
        output
            .await
            .expect("it does not panic")
            .expect("the program runs")
    }

    /// Runs a command that prints JSON.
    pub async fn json(&self, args: &[&str]) -> Value {
        let output = self.run(args).await;
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {said}");
        serde_json::from_slice(&output.stdout).expect("JSON on standard output and nothing else")
    }

    /// Starts the gateway and waits until it is ready.
    pub async fn start(&self) -> Running {
        Running::ready(&mut self.command(&["gateway", "--port", "0", "--verbose"])).await
    }
}

// === impl Running ===

impl Running {
    /// Starts a command that is a gateway.
    pub fn spawn(command: &mut Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().expect("the program runs");
        let lines = BufReader::new(child.stderr.take().expect("piped")).lines();
        let log = Arc::<Log>::default();
        let reader = log.clone();
        // Somebody has to read what it says, or it would wait for a reader one day.
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                reader.lines().push(line);
                reader.grown.notify_waiters();
            }
            reader.lines().push(END.to_owned());
            reader.grown.notify_waiters();
        });
        Self {
            child,
            port: String::new(),
            log,
        }
    }

    /// Starts a command that is a gateway, and waits until it is ready.
    pub async fn ready(command: &mut Command) -> Self {
        let mut running = Self::spawn(command);
        running.says(READY).await;
        running.port = running.log.port().expect("it listens");
        running
    }

    /// What it answers to a request over HTTP, with its head.
    pub async fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(format!("127.0.0.1:{}", self.port))
            .await
            .expect("it listens");
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("it reads");
        let mut answer = String::new();
        soon("its answer", stream.read_to_string(&mut answer))
            .await
            .expect("text");
        answer
    }

    /// Waits until it has said something; gives the line.
    pub async fn says(&self, words: &str) -> String {
        self.says_one_of(&[words]).await
    }

    /// The same with several that would do.
    pub async fn says_one_of(&self, words: &[&str]) -> String {
        let looked = tokio::time::timeout(PATIENCE, async {
            loop {
                let grown = self.log.grown.notified();
                // asked before the look: the last line and the end may come between the two
                let ended = self.log.has_ended();
                match self.log.find(words) {
                    Some(found) => return found,
                    None if ended => {
                        panic!("it ended without saying {words:?}:\n{}", self.log())
                    }
                    None => grown.await,
                }
            }
        });
        match looked.await {
            Ok(found) => found,
            Err(_) => panic!("it does not say {words:?}:\n{}", self.log()),
        }
    }

    /// Waits until this many messages have come to their conversation. That a message was taken is known earlier: the
    /// platform is told before it is sorted.
    pub async fn has_sorted(&self, messages: usize) {
        self.says_times("a message is in the lane", messages).await;
    }

    /// Waits until it has begun anew this often, and follows it to where it listens then.
    pub async fn has_begun_anew(&mut self, times: usize) {
        self.says_times(READY, times + 1).await;
        self.port = self.log.port().expect("it listens");
    }

    async fn says_times(&self, words: &str, times: usize) {
        let looked = tokio::time::timeout(PATIENCE, async {
            loop {
                let grown = self.log.grown.notified();
                let said = |line: &&String| line.contains(words);
                if self.log.lines().iter().filter(said).count() >= times {
                    return;
                }
                grown.await;
            }
        });
        assert!(
            looked.await.is_ok(),
            "it does not say {words:?} {times} times:\n{}",
            self.log()
        );
    }

    /// What it has said so far.
    pub fn log(&self) -> String {
        self.log.lines().join("\n")
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it at once, as a power cut would.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Waits until it has ended by itself.
    pub async fn gone(&self) {
        self.says(END).await;
    }

    /// Did it end by `SIGKILL`? Waits until it has ended.
    pub fn was_killed(&mut self) -> bool {
        use std::os::unix::process::ExitStatusExt;
        self.child.wait().expect("it ends").signal() == Some(9)
    }

    /// Of one that has ended: its exit code and all that it said.
    pub fn ended(mut self) -> (Option<i32>, String) {
        (self.child.wait().expect("it ends").code(), self.log())
    }

    /// Asks it to end, and waits until it has; gives its exit code and all that it said.
    pub async fn stop(mut self) -> (Option<i32>, String) {
        let asked = Command::new("kill").arg(self.pid().to_string()).status();
        assert!(asked.expect("kill runs").success());
        self.gone().await;
        (self.child.wait().expect("it ends").code(), self.log())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("--- the gateway said:\n{}", self.log());
        }
    }
}

// === impl Log ===

impl Log {
    fn lines(&self) -> MutexGuard<'_, Vec<String>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, words: &[&str]) -> Option<String> {
        let lines = self.lines();
        let mut lines = lines.iter();
        lines
            .find(|line| words.iter().any(|words| line.contains(words)))
            .cloned()
    }

    /// Where it said last that it listens.
    fn port(&self) -> Option<String> {
        let lines = self.lines();
        let mut ports = lines.iter().rev().filter_map(|line| {
            let (_, rest) = line.split_once("listening on ws://127.0.0.1:")?;
            rest.split(' ').next()
        });
        ports.next().map(str::to_owned)
    }

    fn has_ended(&self) -> bool {
        self.lines().last().is_some_and(|line| line == END)
    }
}
