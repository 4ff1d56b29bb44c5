//! The terminal chat of the real program, in a terminal. What the chat does is tested without one beside its code.
use openclaw_e2e::{
    chat::{TOKEN, config},
    running::Home,
    terminal::Terminal,
};

#[tokio::test]
async fn one_talks_in_a_terminal_and_gets_it_back() {
    let home = Home::new(&["demo"]);
    home.configure(&config());
    let gateway = home.start().await;
    let program = openclaw_e2e::program();
    let line = format!(
        "stty rows 24 cols 100; {} tui --url ws://127.0.0.1:{}/ --token {TOKEN} --message 'good morning'; stty -a",
        program.display(),
        gateway.port
    );
    let folders = ["HOME", "OPENCLAW_STATE_DIR"].map(|name| (name, home.state().into()));
    let mut chat = Terminal::open(&line, folders);
    chat.until("said:").await;
    chat.types("and goodbye\r").await;
    chat.until("said:").await;
    chat.types("\u{4}").await;
    // the terminal is as it was: lines are read as lines again
    chat.until(" icanon").await;
    chat.ends().await;
}
