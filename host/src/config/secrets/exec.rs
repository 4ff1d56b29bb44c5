//! Secrets that a program knows: it is started without a shell, told the ids as JSON, and answers as JSON.
//!
//! Only an absolute path to a program that nobody else can change is started. It has a deadline, a bounded answer and
//! no variables but those that it is given; when its time is over it ends with everything that it started.
use super::{
    ExecProvider,
    file::{filled, is_ours},
};
use crate::config::Env;
use openclaw_plugin_api::Secret;
use rustix::process::{Pid, Signal, kill_process_group};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs,
    io::{Read, Write},
    os::unix::{fs::MetadataExt, process::CommandExt},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc::sync_channel,
    time::{Duration, Instant},
};

/// Longest run, if the configuration does not say, milliseconds.
const TIMEOUT_MS: u64 = 5000;
/// Longest answer, if the configuration does not say, bytes.
const MAX_OUTPUT: u64 = 1 << 20;
/// The version of the exchange.
const PROTOCOL: u32 = 1;

/// What a program answered.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answer {
    protocol_version: u32,
    #[serde(default)]
    values: BTreeMap<String, Value>,
    #[serde(default)]
    errors: BTreeMap<String, Refusal>,
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(default)]
    code: String,
}

/// Asks the program for secrets. The text of the error names the program and never holds what it said.
pub(super) fn ask(provider: &ExecProvider, alias: &str, ids: &[&str], env: &Env) -> Result<Answer, String> {
    let wrong = |why: String| format!("the program {} {why}", provider.command);
    if ids.is_empty() {
        return Err("no secret was asked for".into());
    }
    check(Path::new(&provider.command)).map_err(wrong)?;
    let request = json!({"protocolVersion": PROTOCOL, "provider": alias, "ids": ids}).to_string();
    let output = run(provider, request.into_bytes(), env).map_err(wrong)?;
    let text =
        String::from_utf8(output).map_err(|_| wrong("answered with something else than text".into()))?;
    match serde_json::from_str::<Answer>(&text) {
        Ok(answer) if answer.protocol_version == PROTOCOL => Ok(answer),
        Ok(_) => Err(wrong(format!("answered in another protocolVersion than {PROTOCOL}"))),
        Err(_) if provider.json_only == Some(false) && ids.len() == 1 => Ok(Answer {
            protocol_version: PROTOCOL,
            values: BTreeMap::from([(ids[0].to_owned(), Value::String(text.trim_end().to_owned()))]),
            errors: BTreeMap::new(),
        }),
        Err(_) => Err(wrong(
            "did not answer with `{\"protocolVersion\": 1, \"values\": {…}}`; correct it, or set jsonOnly to false for one secret"
                .into(),
        )),
    }
}

/// The secret with this id.
pub(super) fn secret(answer: &Answer, id: &str) -> Result<Secret, String> {
    if let Some(refusal) = answer.errors.get(id) {
        // the code is the program's word and may be anything: only a plain one is shown
        let plain = refusal.code.len() <= 64
            && refusal
                .code
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
        let code = if plain { refusal.code.as_str() } else { "…" };
        return Err(format!("the program has no secret `{id}` ({code}); add it there"));
    }
    match answer.values.get(id) {
        Some(Value::String(text)) => filled(text, id),
        Some(_) => Err(format!("the program's secret `{id}` is not a string")),
        None => Err(format!("the program did not answer for `{id}`; add it there")),
    }
}

fn check(command: &Path) -> Result<(), String> {
    if !command.is_absolute() {
        return Err("has a relative path; write an absolute one".into());
    }
    let metadata = fs::symlink_metadata(command)
        .map_err(|error| format!("can't be found: {error}; correct its path"))?;
    if metadata.is_symlink() {
        return Err("is a link; name the program that it leads to".into());
    }
    if !metadata.is_file() {
        return Err("is not a regular file; name a program".into());
    }
    if metadata.mode() & 0o022 != 0 {
        return Err("can be changed by other users; run `chmod go-w` on it".into());
    }
    if !is_ours(&metadata) {
        return Err("belongs to another user; use one of this user or of root".into());
    }
    Ok(())
}

fn run(provider: &ExecProvider, request: Vec<u8>, env: &Env) -> Result<Vec<u8>, String> {
    let passed = provider
        .pass_env
        .iter()
        .filter_map(|name| Some((name, env.var(name)?)));
    let own = provider.env.iter().map(|(name, value)| (name, value.expose()));
    let mut command = Command::new(&provider.command);
    command
        .args(&provider.args)
        .env_clear()
        .envs(passed.chain(own))
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0);
    let child = command
        .spawn()
        .map_err(|error| format!("can't be started: {error}"))?;
    let mut running = Running(child);
    let end = Instant::now() + Duration::from_millis(provider.timeout_ms.unwrap_or(TIMEOUT_MS));
    let limit = provider.max_output_bytes.unwrap_or(MAX_OUTPUT);
    let (mut stdin, stdout) = (running.0.stdin.take(), running.0.stdout.take());
    let stdout = stdout.expect("it was started with a pipe");
    let (sender, receiver) = sync_channel(1);
    std::thread::spawn(move || {
        // a program that does not read its input may still answer
        if let Some(mut pipe) = stdin.take() {
            let _ = pipe.write_all(&request);
        }
    });
    std::thread::spawn(move || {
        let mut output = Vec::new();
        let read = stdout.take(limit + 1).read_to_end(&mut output).map(|_| output);
        sender.send(read)
    });
    let late = || "took too long; check it, or raise timeoutMs".to_owned();
    let output = receiver
        .recv_timeout(end.saturating_duration_since(Instant::now()))
        .map_err(|_| late())?
        .map_err(|error| format!("can't be read from: {error}"))?;
    if output.len() as u64 > limit {
        return Err(format!(
            "answered with more than {limit} bytes; correct it, or raise maxOutputBytes"
        ));
    }
    match running.finish(end) {
        None => Err(late()),
        Some(status) if status.success() => Ok(output),
        Some(status) => Err(format!("failed ({status}); run it by hand to see why")),
    }
}

/// A program that is ended, with all that it started, when this is dropped.
struct Running(Child);

impl Running {
    /// Waits for its end. It has closed its output, so that is soon.
    fn finish(&mut self, end: Instant) -> Option<std::process::ExitStatus> {
        const STEP: Duration = Duration::from_millis(5);
        loop {
            if let Ok(Some(status)) = self.0.try_wait() {
                return Some(status);
            }
            if Instant::now() >= end {
                return None;
            }
            std::thread::park_timeout(STEP);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(group) = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.0.wait();
    }
}
