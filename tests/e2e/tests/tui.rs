//! The terminal chat of the real program, in a terminal that `script` (of util-linux) makes. Without it there is nothing
//! to see here: what the chat does is tested without a terminal beside its code.
use openclaw_e2e::{
    chat::{TOKEN, config},
    running::{Home, soon},
};
use std::process::Stdio;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::Command,
};

#[tokio::test]
async fn one_talks_in_a_terminal_and_gets_it_back() {
    let has_script = std::process::Command::new("script").arg("--version").output();
    if !has_script.is_ok_and(|output| output.status.success()) {
        eprintln!("left out: there is no `script`");
        return;
    }
    let home = Home::new(&["demo"]);
    home.configure(&config());
    let gateway = home.start().await;
    let program = openclaw_e2e::program();
    let line = format!(
        "stty rows 24 cols 100; {} tui --url ws://127.0.0.1:{}/ --token {TOKEN} --message 'good morning'; stty -a",
        program.display(),
        gateway.port
    );
    let mut chat = Command::new("script")
        .args(["-qec", &line, "/dev/null"])
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .env("TERM", "xterm-256color")
        .env("HOME", home.state())
        .env("OPENCLAW_STATE_DIR", home.state())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("script runs");
    let (mut keys, mut screen) = (
        chat.stdin.take().expect("piped"),
        chat.stdout.take().expect("piped"),
    );
    let mut seen = String::new();
    // only what changes is drawn, so that words stand together and sentences may not
    let mut read = async |words: &str, times: usize| {
        while seen.matches(words).count() < times {
            let mut piece = [0; 4096];
            let count = screen.read(&mut piece).await.expect("read");
            assert!(count > 0, "it ended without {words:?}: {seen}");
            seen.push_str(&String::from_utf8_lossy(&piece[..count]));
        }
    };
    soon("the answer", read("said:", 1)).await;
    keys.write_all(b"and goodbye\r").await.expect("typed");
    soon("the second answer", read("said:", 2)).await;
    keys.write_all(b"\x04").await.expect("typed");
    // the terminal is as it was: lines are read as lines again
    soon("the end", read(" icanon", 1)).await;
    assert!(soon("the end", chat.wait()).await.expect("it ends").success());
}
