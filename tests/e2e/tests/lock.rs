//! One gateway for each state directory, whatever was left behind and whoever comes second.
use openclaw_e2e::world::{Home, Running, soon};
use std::{fs, process::Output, time::Duration};

fn refused(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(78), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn start(home: &Home) -> std::process::Command {
    home.command(&["gateway", "--port", "0", "--allow-unconfigured"])
}

#[tokio::test]
async fn the_second_one_is_told_who_is_there_and_since_when() {
    let home = Home::new(&["demo"]);
    let first = Running::ready(&mut start(&home)).await;
    let error = refused(&home.run(&["gateway", "--port", "0"]).await);
    for words in [
        &format!("PID {}, since 20", first.pid()),
        "UTC",
        "--force",
        "OPENCLAW_STATE_DIR",
    ] {
        assert!(error.contains(words), "{words} is missing in: {error}");
    }
    // another configuration is no other state
    let other = home.state().join("other.json");
    fs::write(&other, "{}").expect("written");
    let mut second = start(&home);
    second.env("OPENCLAW_CONFIG_PATH", &other);
    refused(&second.output().expect("the program runs"));
    let (code, log) = first.stop().await;
    assert_eq!(code, Some(0), "{log}");
}

#[tokio::test]
async fn what_a_killed_one_leaves_blocks_nobody() {
    let home = Home::new(&["demo"]);
    for _ in 0..2 {
        let mut running = Running::ready(&mut start(&home)).await;
        running.kill();
        assert!(home.state().join("gateway.lock").is_file(), "its file stays");
    }
    // as a volume that was copied from another machine may have it, where the number is somebody else's
    fs::write(home.state().join("gateway.lock"), "{\"pid\":1,\"sinceMs\":1}").expect("written");
    let running = Running::ready(&mut start(&home)).await;
    let (code, log) = running.stop().await;
    assert_eq!(code, Some(0), "{log}");
}

#[tokio::test]
async fn with_force_the_first_one_ends_in_order_and_the_second_goes_on() {
    let home = Home::new(&["demo"]);
    let first = Running::ready(&mut start(&home)).await;
    let second = Running::ready(home.command(&["gateway", "--port", "0"]).arg("--force")).await;
    first.gone().await;
    let (code, log) = first.ended();
    assert_eq!(code, Some(0), "{log}");
    let note = fs::read_to_string(home.state().join("gateway.lock")).expect("read");
    assert!(note.contains(&format!("\"pid\":{}", second.pid())), "{note}");
    let (code, log) = second.stop().await;
    assert_eq!(code, Some(0), "{log}");
}

fn signal(name: &str, running: &Running) {
    let sent = std::process::Command::new("kill")
        .args([name, &running.pid().to_string()])
        .status();
    assert!(sent.expect("kill runs").success());
}

/// Waits until somebody has told a process to end that can't act on it.
async fn is_told_to_end(running: &Running) {
    let status = format!("/proc/{}/status", running.pid());
    soon("a signal", async {
        loop {
            let status = fs::read_to_string(&status).expect("it is there");
            let pending = status.lines().find_map(|line| line.strip_prefix("ShdPnd:"));
            let pending = u64::from_str_radix(pending.expect("a mask").trim(), 16).expect("a mask");
            // SIGTERM is the fifteenth
            if pending & (1 << 14) != 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_changed_while_the_first_one_makes_way_counts() {
    let home = Home::new(&["demo"]);
    home.write_config("{}");
    let first = home.start().await;
    // it is slow to end: until it goes on, it holds the place
    signal("-STOP", &first);
    let second = Running::spawn(home.command(&["gateway", "--port", "0"]).arg("--force"));
    is_told_to_end(&first).await;
    home.write_config(r#"{ "plugins": { "entries": { "demo": { "enabled": false } } } }"#);
    signal("-CONT", &first);
    let line = second.says("ready in").await;
    assert!(line.contains("with 0 plugins"), "{line}");
}

#[tokio::test]
async fn of_many_that_start_at_once_one_runs() {
    let home = Home::new(&["demo"]);
    fs::write(home.config_file(), "{}").expect("written");
    let mut running: Vec<_> = (0..5).map(|_| Running::spawn(&mut start(&home))).collect();
    let mut ready = 0;
    for one in &running {
        let line = one.says_one_of(&["ready in", "already running on"]).await;
        ready += usize::from(line.contains("ready in"));
    }
    assert_eq!(ready, 1);
    for one in &mut running {
        one.kill();
    }
}
