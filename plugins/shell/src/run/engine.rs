//! Calls of a container engine's program: what it says, how long it may take, and that nothing of it stays behind.
use super::keeping::on_thread;
use rustix::process::{Pid, Signal, kill_process_group};
use std::{
    collections::BTreeMap,
    io::{self, Read},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::Duration,
};
use tokio::time::timeout;

/// How long an engine may take for what is not known to take long.
pub(super) const ASKING: Duration = Duration::from_secs(30);
/// Most that is kept of what an engine says, bytes; the rest is read and forgotten, so that it is not held up.
const MAX_SAID: u64 = 64 << 10;
/// Most of an engine's complaint that is told, characters.
const MAX_TOLD: usize = 300;

/// The program that has the containers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Engine<'e> {
    /// Its path.
    pub program: &'e Path,
    /// Its whole environment.
    pub environment: &'e BTreeMap<String, String>,
}

/// The processes of an engine's program. They end with whoever waits for them.
struct Group(Option<Pid>);

// === impl Engine ===

impl Engine<'_> {
    /// None if there is no such container. An engine that can't say is an error: it may have it.
    pub async fn is_running(self, name: &str) -> Result<Option<bool>, String> {
        let asked = [
            "inspect",
            "--type",
            "container",
            "--format",
            "{{.State.Running}}",
            name,
        ];
        match self.run(&asked, ASKING).await {
            Ok(said) => Ok(Some(said.trim() == "true")),
            Err(error) if is_absence(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What it says, or why it did not do it.
    pub async fn run(self, args: &[&str], limit: Duration) -> Result<String, String> {
        let mut command = Command::new(self.program);
        command
            .args(args)
            .env_clear()
            .envs(self.environment)
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let what = format!("{} {}", self.program.display(), args[0]);
        let failed = |why: &dyn std::fmt::Display| format!("{what} failed: {why}");
        let mut child = command.spawn().map_err(|e| failed(&e))?;
        let mut group = Group(i32::try_from(child.id()).ok().and_then(Pid::from_raw));
        let ended = on_thread(move || heard(&mut child)).map_err(|e| failed(&e))?;
        let Ok(ended) = timeout(limit, ended).await else {
            return Err(failed(&format!("it took longer than {} s", limit.as_secs())));
        };
        group.0 = None;
        match ended {
            Ok(Ok((status, said, _))) if status.success() => Ok(said),
            Ok(Ok((_, _, said))) => {
                let said: String = said.trim().chars().take(MAX_TOLD).collect();
                Err(failed(&said))
            }
            Ok(Err(error)) => Err(failed(&error)),
            Err(_) => Err(failed(&"nobody waited for it")),
        }
    }
}

// === impl Group ===

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// Does an engine say that it has no such container?
pub(super) fn is_absence(error: &str) -> bool {
    let error = error.to_lowercase();
    error.contains("no such container") || error.contains("no such object")
}

/// How a program ended, and the beginnings of what it said and of what it complained of.
fn heard(child: &mut Child) -> io::Result<(ExitStatus, String, String)> {
    let (out, complaints) = (child.stdout.take(), child.stderr.take());
    // both at once, or a full one would hold up the other
    let (said, complained) = thread::scope(|scope| {
        let said = scope.spawn(|| beginning(out));
        let complained = beginning(complaints);
        (said.join(), complained)
    });
    let said = said.unwrap_or_else(|_| Err(io::ErrorKind::Other.into()))?;
    Ok((child.wait()?, said, complained?))
}

fn beginning(from: Option<impl Read>) -> io::Result<String> {
    let mut kept = Vec::new();
    if let Some(mut from) = from {
        from.by_ref().take(MAX_SAID).read_to_end(&mut kept)?;
        io::copy(&mut from, &mut io::sink())?;
    }
    Ok(String::from_utf8_lossy(&kept).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_engine_that_says_much_is_heard_to_its_end_and_little_of_it_is_kept() {
        let engine = Engine {
            program: Path::new("/bin/sh"),
            environment: &BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]),
        };
        let much = "head -c 3000000 /dev/zero | tr '\\0' x; head -c 3000000 /dev/zero | tr '\\0' y >&2";
        let said = engine.run(&["-c", much], ASKING).await.expect("it ends well");
        assert_eq!(said.len() as u64, MAX_SAID);
    }

    #[tokio::test]
    async fn an_engine_that_can_not_say_is_not_taken_for_one_without_the_container() {
        let folder = tempfile::tempdir().expect("a folder");
        for (says, there) in [
            ("Error response from daemon: No such container: box", Some(None)),
            ("Cannot connect to the Docker daemon", None),
        ] {
            let program = folder.path().join("engine");
            std::fs::write(&program, format!("#!/bin/sh\necho '{says}' >&2; exit 1\n")).expect("written");
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            std::fs::set_permissions(&program, mode).expect("set");
            let engine = Engine {
                program: &program,
                environment: &BTreeMap::new(),
            };
            assert_eq!(engine.is_running("box").await.ok(), there, "{says}");
        }
    }
}
