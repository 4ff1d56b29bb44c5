//! An image's first minutes without a container engine: its files as the root of a process in namespaces of its own,
//! started as the engine would start it, as process 1.
//!
//! Where the system gives nobody such namespaces, it says so and tries nothing.
use super::dockerfile::Stage;
use crate::{
    error::{Error, Result},
    layout,
    machine::unshared,
    progress::Step,
};
use serde_json::{Value, json};
use std::{
    fs,
    io::{Read as _, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

/// Mounts what an engine mounts, and becomes the program.
const ENTER: &str = r#"mount --bind "$DATA" "$ROOT/data" && mount -t proc proc "$ROOT/proc" && mount --rbind /dev "$ROOT/dev" \
&& change=$(command -v chroot) && root=$ROOT && PATH=$IMAGE_PATH && unset ROOT DATA IMAGE_PATH && export PATH && exec "$change" "$root" "$@""#;
/// Starts of which the median counts.
const STARTS: usize = 7;
/// Longest that a start or an end may take; a good one takes a thousandth.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks whether it answers.
const LOOK_EVERY: Duration = Duration::from_micros(500);

/// The image's files, the place of its volume, and how it is run.
struct Trial<'a> {
    root: &'a Path,
    data: PathBuf,
    stage: &'a Stage,
    port: u16,
    token: String,
}

/// A gateway that runs within. Dropping it kills it with all that it started.
struct Inside {
    child: Child,
    begin: Instant,
}

/// Starts the image some times, asks after its health, has every plugin loaded, and ends it by a signal. Gives the
/// median of the times from spawn to ready in milliseconds, or nothing if it can't be tried here.
pub(super) fn run(step: &Step, root: &Path, stage: &Stage, plugins: &[String]) -> Result<Option<f64>> {
    if let Err(why) = possible() {
        eprintln!("      the image was not started: no namespaces can be had here: {why}");
        return Ok(None);
    }
    let data = root.with_file_name("data");
    let mut trial = Trial {
        root,
        data,
        stage,
        port: free_port()?,
        token: random()?,
    };
    step.say("start and stop");
    let mut times = Vec::new();
    trial.empty_volume(None)?;
    for _ in 0..STARTS {
        let inside = trial.start()?;
        times.push(trial.answers(&inside, "/readyz")?);
        trial
            .command(&trial.stage.health)
            .and_then(|mut health| succeed(&mut health))?;
        inside.stop()?;
    }
    step.say("load every plugin");
    trial.port = free_port()?;
    trial.empty_volume(Some(plugins))?;
    let inside = trial.start()?;
    trial.answers(&inside, "/startupz")?;
    trial.judge_plugins(plugins)?;
    inside.stop()?;
    times.sort_by(f64::total_cmp);
    Ok(Some(times[STARTS / 2]))
}

// === impl Trial ===

impl Trial<'_> {
    /// A volume as it is when it is new, or with a configuration that switches every plugin on.
    fn empty_volume(&self, plugins: Option<&[String]>) -> Result<()> {
        if self.data.exists() {
            fs::remove_dir_all(&self.data).map_err(Error::file("remove", &self.data))?;
        }
        layout::create(&self.data)?;
        let Some(plugins) = plugins else {
            return Ok(());
        };
        let entries: serde_json::Map<_, _> = plugins
            .iter()
            .map(|id| (id.clone(), json!({"enabled": true})))
            .collect();
        let config = json!({"gateway": {"mode": "local"}, "plugins": {"entries": entries}});
        let file = self.data.join("openclaw.json");
        fs::write(&file, config.to_string()).map_err(Error::file("write", &file))
    }

    fn start(&self) -> Result<Inside> {
        // nobody but this machine shall reach what is only tried
        let command = self.stage.command.iter().map(|word| match word.as_str() {
            "lan" => "loopback".to_owned(),
            word => word.to_owned(),
        });
        let mut command = self.command(&command.collect::<Vec<_>>())?;
        let begin = Instant::now();
        let child = command.spawn().map_err(Error::spawn(&command))?;
        Ok(Inside { child, begin })
    }

    fn command(&self, words: &[String]) -> Result<Command> {
        let mut command = unshared();
        command
            .args(["sh", "-c", ENTER, "sh"])
            .args(words)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default());
        for (name, value) in &self.stage.variables {
            match name.as_str() {
                "PATH" => command.env("IMAGE_PATH", value),
                // in these namespaces there is only one user
                "OPENCLAW_RUN_AS" => &mut command,
                _ => command.env(name, value),
            };
        }
        command
            .env("ROOT", self.root)
            .env("DATA", &self.data)
            .env("OPENCLAW_GATEWAY_PORT", self.port.to_string())
            .env("OPENCLAW_GATEWAY_TOKEN", &self.token)
            .stdin(Stdio::null());
        Ok(command)
    }

    /// Waits until a path is answered well; gives the milliseconds since the start.
    fn answers(&self, inside: &Inside, path: &str) -> Result<f64> {
        while inside.begin.elapsed() < PATIENCE {
            if get(self.port, path).is_some_and(|answer| answer.starts_with("HTTP/1.1 200")) {
                return Ok(inside.begin.elapsed().as_secs_f64() * 1e3);
            }
            pause();
        }
        let last = get(self.port, path).unwrap_or_else(|| "nothing".to_owned());
        Err(wrong(format!("{path} answers {last:?}")))
    }

    fn judge_plugins(&self, plugins: &[String]) -> Result<()> {
        let words = ["openclaw", "plugins", "list", "--json"].map(str::to_owned);
        let output = succeed(&mut self.command(&words)?)?;
        let list: Value = serde_json::from_slice(&output.stdout)?;
        let status = |id: &String| {
            let rows = list["plugins"].as_array().into_iter().flatten();
            let row = rows.into_iter().find(|row| row["id"] == id.as_str())?;
            Some(row["live"]["status"].as_str().unwrap_or("not there").to_owned())
        };
        let broken: Vec<_> = plugins
            .iter()
            .map(|id| (id, status(id).unwrap_or_else(|| "not in the image".to_owned())))
            .filter(|(_, status)| status != "loaded")
            .map(|(id, status)| format!("{id} is {status}"))
            .collect();
        match broken.is_empty() && list["problems"] == json!([]) {
            true => Ok(()),
            false => Err(wrong(format!(
                "{}; problems: {}",
                broken.join(", "),
                list["problems"]
            ))),
        }
    }
}

// === impl Inside ===

impl Inside {
    /// Ends process 1 of the inside as an engine does, and waits until it has ended well.
    fn stop(mut self) -> Result<()> {
        let outer = self.child.id();
        let children = PathBuf::from(format!("/proc/{outer}/task/{outer}/children"));
        let text = fs::read_to_string(&children).map_err(Error::file("read", &children))?;
        let first = text
            .split_whitespace()
            .next()
            .ok_or_else(|| wrong("it has ended".to_owned()))?;
        let mut kill = Command::new("kill");
        succeed(kill.args(["-TERM", first]))?;
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            match self.child.try_wait().map_err(|e| wrong(e.to_string()))? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return Err(wrong(format!("it ended with {status} after SIGTERM"))),
                None => pause(),
            }
        }
        Err(wrong("it does not end after SIGTERM".to_owned()))
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn possible() -> std::result::Result<(), String> {
    match unshared().arg("true").stdin(Stdio::null()).output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn succeed(command: &mut Command) -> Result<Output> {
    let output = command.output().map_err(Error::spawn(command))?;
    if output.status.success() {
        return Ok(output);
    }
    let said = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    Err(wrong(format!(
        "`{}` ended with {}: {}",
        crate::error::command_line(command),
        output.status,
        String::from_utf8_lossy(&said).trim()
    )))
}

fn get(port: u16, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    listener
        .map(|address| address.port())
        .map_err(|e| wrong(e.to_string()))
}

fn random() -> Result<String> {
    let path = Path::new("/dev/urandom");
    let mut bytes = [0; 24];
    let read = fs::File::open(path).and_then(|mut file| file.read_exact(&mut bytes));
    read.map_err(Error::file("read", path))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[expect(
    clippy::disallowed_methods,
    reason = "a task of one thread, which waits for another program"
)]
fn pause() {
    thread::sleep(LOOK_EVERY);
}

fn wrong(why: String) -> Error {
    Error::Wrong {
        what: "the image does not do what it should",
        why,
        remedy: "its output above may say more",
    }
}
