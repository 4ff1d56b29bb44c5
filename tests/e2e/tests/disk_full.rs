//! A disk without room: what can't be kept is not acknowledged, and when there is room again all of it is answered.
//!
//! The disk is a small one in memory, in a namespace of its own. Where the system gives nobody such a thing, the test
//! says that it was skipped.
use openclaw_e2e::world::{ADA, Home, Running, config, soon, text_of};
use openclaw_fakes::{openai::OpenAi, telegram::Telegram};
use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Room beside the copies of the plugins, bytes.
const ROOM: u64 = 4 << 20;
/// Mounts a disk of `$1` bytes at `$2` and becomes what follows.
const MOUNT: &str = r#"mount -t tmpfs -o size="$1" tmpfs "$2" && shift 2 && exec "$@""#;

/// A command in a namespace in which it may mount.
fn unshared() -> Command {
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", MOUNT, "sh"]);
    command
}

/// Can a disk be made here? If not: why.
fn possible() -> Result<(), String> {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = unshared();
    let tried = command
        .arg("65536")
        .arg(folder.path())
        .arg("true")
        .stdin(Stdio::null())
        .output();
    match tried {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Takes all the room there is; gives the file to be removed.
fn fill(folder: &Path) -> PathBuf {
    let path = folder.join("fill");
    let mut file = File::create(&path).expect("room for a file");
    for size in [1 << 16, 1 << 12, 1] {
        while file.write_all(&vec![b'x'; size]).is_ok() {}
    }
    path
}

#[tokio::test]
async fn a_full_disk_costs_no_message() {
    if let Err(why) = possible() {
        eprintln!("skipped: no disk of its own can be made here: {why}");
        return;
    }
    let telegram = Telegram::start().await.expect("a port");
    let model = OpenAi::start().await.expect("a port");
    let home = Home::new(&["telegram", "openai"]);
    let elsewhere = tempfile::tempdir().expect("a folder");
    let file = elsewhere.path().join("openclaw.json");
    fs::write(&file, config(&telegram, &[("one", &model)]).to_string()).expect("written");
    let gateway = home.command(&["gateway", "--port", "0"]);
    let mut command = unshared();
    command
        .arg((home.plugin_bytes() + ROOM).to_string())
        .arg(home.state())
        .arg(gateway.get_program())
        .args(gateway.get_args())
        .env_clear()
        .envs(
            gateway
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("OPENCLAW_CONFIG_PATH", &file)
        .stdin(Stdio::null());
    let running = Running::ready(&mut command).await;
    let answered = async |words: &str| {
        let found = telegram.until(|telegram| {
            let sent = telegram.bodies("sendMessage");
            sent.iter()
                .any(|body| text_of(body).ends_with(words))
                .then_some(())
        });
        soon(words, found).await;
    };
    telegram.dm(ADA, "while there is room");
    answered("while there is room").await;

    let disk = Path::new("/proc").join(running.pid().to_string()).join("root");
    let disk = disk.join(home.state().strip_prefix("/").expect("an absolute path"));
    let filled = fill(&disk);
    telegram.dm(ADA, "without room");
    running.says("nothing is acknowledged").await;
    running.says("the host can't take an event").await;
    assert_eq!(telegram.unconfirmed().len(), 1, "{}", running.log());
    let health = running.get("/readyz").await;
    assert!(health.starts_with("HTTP/1.1 503"), "{health}");
    fs::remove_file(filled).expect("removed");

    answered("without room").await;
    telegram.dm(ADA, "with room again");
    answered("with room again").await;
    let health = running.get("/readyz").await;
    assert!(health.starts_with("HTTP/1.1 200"), "{health}");
    assert_eq!(telegram.bodies("sendMessage").len(), 3, "each is answered once");
    let (code, log) = running.stop().await;
    assert_eq!(code, Some(0), "{log}");
}
