//! The program as process 1 of a container, and as root with a volume of root's.
//!
//! A PID namespace stands for the container. Where the system gives nobody such a thing, a test says that it was skipped.
use openclaw_e2e::{
    program,
    world::{Home, Running, soon},
};
use std::{
    fs,
    io::Write as _,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

/// Leaves a process behind that reads a pipe, and becomes what follows, as process 1.
const ORPHAN: &str = r#"pipe=$1; shift; (cat "$pipe" > /dev/null &); exec "$@""#;
/// A user that is nobody's.
const USER: u32 = 65_532;

fn unshared() -> Command {
    let mut command = Command::new("unshare");
    command.args([
        "--user",
        "--map-root-user",
        "--pid",
        "--fork",
        "--kill-child",
        "--mount-proc",
    ]);
    command
}

fn possible() -> Result<(), String> {
    match unshared().arg("true").stdin(Stdio::null()).output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// A gateway as process 1 of a namespace, with a process that somebody else left behind there.
async fn first_process(home: &Home, pipe: &Path) -> Running {
    let gateway = home.command(&["gateway", "--port", "0", "--allow-unconfigured"]);
    let mut command = unshared();
    command
        .args(["sh", "-c", ORPHAN, "sh"])
        .arg(pipe)
        .arg(gateway.get_program())
        .args(gateway.get_args())
        .env_clear()
        .envs(
            gateway
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .stdin(Stdio::null());
    Running::ready(&mut command).await
}

fn make_pipe(folder: &Path) -> PathBuf {
    let pipe = folder.join("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("mkfifo runs").success());
    pipe
}

/// The children of a process, with the letter of their state.
fn children(pid: u32) -> Vec<(u32, char)> {
    let text = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let state = |pid: u32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let line = status.lines().find(|line| line.starts_with("State:"))?;
        line.split_whitespace().nth(1)?.chars().next()
    };
    text.split_whitespace()
        .filter_map(|pid| pid.parse().ok())
        .filter_map(|pid| Some((pid, state(pid)?)))
        .collect()
}

fn signal(pid: u32, name: &str) {
    let sent = Command::new("kill").args([name, &pid.to_string()]).status();
    assert!(sent.expect("kill runs").success());
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    let looked = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    soon(what, looked).await;
}

#[tokio::test]
async fn process_1_buries_orphans_and_passes_signals_on() {
    if let Err(why) = possible() {
        eprintln!("skipped: no PID namespace can be made here: {why}");
        return;
    }
    let home = Home::new(&["demo"]);
    let pipe = make_pipe(home.state());
    let running = first_process(&home, &pipe).await;
    let first = children(running.pid())[0].0;
    assert_eq!(
        children(first).len(),
        2,
        "the gateway and the orphan: {:?}",
        children(first)
    );

    let mut end = fs::OpenOptions::new()
        .write(true)
        .open(&pipe)
        .expect("somebody reads");
    end.write_all(b"the end").expect("written");
    drop(end);
    until("the orphan's burial", || children(first).len() == 1).await;
    assert_ne!(children(first)[0].1, 'Z', "what is left is the gateway");

    signal(first, "-TERM");
    running.says("stopping").await;
    running.gone().await;
    let (code, log) = running.ended();
    assert_eq!(code, Some(0), "{log}");
}

#[tokio::test]
async fn process_1_ends_as_the_gateway_ends() {
    if let Err(why) = possible() {
        eprintln!("skipped: no PID namespace can be made here: {why}");
        return;
    }
    let home = Home::new(&["demo"]);
    let pipe = make_pipe(home.state());
    let running = first_process(&home, &pipe).await;
    let first = children(running.pid())[0].0;
    let is_gateway = |pid: u32| {
        let line = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line.contains("openclaw")
    };
    let gateway = children(first).into_iter().find(|(pid, _)| is_gateway(*pid));
    signal(gateway.expect("a child of process 1").0, "-KILL");
    running.gone().await;
    let (code, log) = running.ended();
    assert_eq!(code, Some(128 + 9), "{log}");
}

/// A folder that everybody may look into, with the program and a plugin, as an image has them.
fn installation() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let (binaries, plugins) = (
        folder.path().join("bin"),
        folder.path().join("lib/openclaw/plugins"),
    );
    for folder in [&binaries, &plugins] {
        fs::create_dir_all(folder).expect("made");
    }
    fs::copy(program(), binaries.join("openclaw")).expect("copied");
    fs::copy(openclaw_e2e::plugin("demo"), plugins.join("demo.so")).expect("copied");
    for path in [folder.path().to_owned(), binaries.join("openclaw")] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("a mode");
    }
    folder
}

#[tokio::test]
async fn as_root_it_takes_the_volume_over_and_becomes_its_user() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root can become somebody else");
        return;
    }
    let (installed, volume) = (installation(), tempfile::tempdir().expect("a folder"));
    let state = volume.path().join("data");
    fs::create_dir(&state).expect("made");
    fs::create_dir(state.join("lost+found")).expect("made");
    fs::set_permissions(volume.path(), fs::Permissions::from_mode(0o755)).expect("a mode");
    let command = |args: &[&str]| {
        let mut command = Command::new(installed.path().join("bin/openclaw"));
        command
            .args(args)
            .env_clear()
            .env("HOME", &state)
            .env("OPENCLAW_STATE_DIR", &state)
            .env("OPENCLAW_RUN_AS", format!("{USER}:{USER}"))
            .stdin(Stdio::null());
        command
    };
    let running = Running::ready(&mut command(&["gateway", "--port", "0", "--allow-unconfigured"])).await;
    let status = fs::read_to_string(format!("/proc/{}/status", running.pid())).expect("it runs");
    for (line, rest) in [("Uid:", 4), ("Gid:", 4), ("Groups:", 0)] {
        let found = status.lines().find(|l| l.starts_with(line)).expect(line);
        let ids: Vec<_> = found.split_whitespace().skip(1).collect();
        assert!(
            ids.len() >= rest && ids.iter().all(|id| *id == USER.to_string()),
            "{found}"
        );
    }
    // what root's console writes is the gateway's own too
    let output = command(&["config", "set", "logging.level", "info"])
        .output()
        .expect("it runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    for entry in fs::read_dir(&state).expect("a folder") {
        let entry = entry.expect("an entry");
        let owner = fs::symlink_metadata(entry.path()).map(|metadata| metadata.uid());
        // some are gone again by now
        assert_eq!(owner.unwrap_or(USER), USER, "{}", entry.path().display());
    }
    let (code, log) = running.stop().await;
    assert_eq!(code, Some(0), "{log}");
}
