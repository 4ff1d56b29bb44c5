//! With a person at a terminal.
use super::{Desk, KEY, chat};
use openclaw_e2e::terminal::Terminal;
use std::fs;

fn open(desk: &Desk, args: &str) -> Terminal {
    let program = openclaw_e2e::program();
    let line = format!(
        "stty rows 40 cols 160; {} {args}; echo ended with $?",
        program.display()
    );
    let folders = [
        ("HOME", desk.home.state().into()),
        ("OPENCLAW_STATE_DIR", desk.state().into()),
        ("OPENCLAW_BUNDLED_PLUGINS_DIR", desk.home.plugins().into()),
    ];
    Terminal::open(&line, folders)
}

#[tokio::test]
async fn a_person_is_asked_and_gets_a_bot() {
    let desk = Desk::new().await;
    let mut terminal = open(&desk, "onboard --no-install-daemon");
    terminal.answers("Go on?", "y\r").await;
    terminal.answers("What do you want to decide?", "\r").await;
    terminal
        .answers("Who shall answer?", "a service of your own\r")
        .await;
    terminal
        .answers("Its address", &format!("{}\r", desk.model.base_url()))
        .await;
    terminal.answers("What does it speak?", "\r").await;
    // the first key is a wrong one, which is told at once
    terminal.answers("Its key", "sk-wrong\r").await;
    terminal.answers("What shall it be called?", "mine\r").await;
    terminal.answers("The model's id there", "m-1\r").await;
    terminal.until("does not answer").await;
    terminal.answers("What now?", "\r").await;
    terminal
        .answers("Its address", &format!("{}\r", desk.model.base_url()))
        .await;
    terminal.answers("What does it speak?", "\r").await;
    terminal.answers("Its key", &format!("{KEY}\r")).await;
    terminal.answers("What shall it be called?", "mine\r").await;
    terminal.answers("The model's id there", "m-1\r").await;
    terminal.until("mine/m-1 answers.").await;
    terminal.answers("In which messengers", "\r").await;
    assert!(
        !desk.state().exists(),
        "nothing is written before everything is known"
    );
    terminal.until("This changes in").await;
    terminal.until("a secret, which is not shown").await;
    terminal.answers("Write it?", "\r").await;
    terminal.until("What comes next:").await;
    terminal.until("ended with 0").await;
    assert!(!terminal.drawn().contains(KEY), "{}", terminal.drawn());

    let gateway = desk.start().await;
    let answer = chat(&desk, &gateway, "hello from the terminal").await;
    assert!(answer.contains("hello from the terminal"), "{answer}");
    gateway.stop().await;

    // and what is configured is not asked again
    let mut terminal = open(&desk, "onboard --no-install-daemon --skip-channels");
    terminal.until("mine/m-1 answers already.").await;
    terminal.until("says all of it already").await;
    terminal.until("ended with 0").await;
}

#[tokio::test]
async fn whoever_stops_leaves_everything_as_it_was() {
    let desk = Desk::new().await;
    fs::create_dir_all(desk.state()).expect("made");
    let before = "// mine\n{ gateway: { port: 1234 } }\n";
    fs::write(desk.config_file(), before).expect("written");
    let mut terminal = open(&desk, "onboard --no-install-daemon");
    terminal.answers("Who shall answer?", "demo\r").await;
    terminal.answers("Which model?", "\r").await;
    terminal.until("demo/echo answers.").await;
    terminal.until("In which messengers").await;
    terminal.types("\u{3}").await;
    terminal.until("nothing was changed").await;
    terminal.until("ended with 1").await;
    assert_eq!(fs::read_to_string(desk.config_file()).expect("read"), before);
    let files: Vec<_> = fs::read_dir(desk.state()).expect("a folder").collect();
    assert_eq!(files.len(), 1, "{files:?}");
}
