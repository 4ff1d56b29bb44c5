//! The terminal chat without a terminal and without a gateway: keys and news in, screens and questions out.
use super::{
    state::{Ask, Effect, Link, Msg, State},
    view,
};
use ratatui::{
    Terminal,
    backend::TestBackend,
    crossterm::event::{KeyCode, KeyEvent, KeyModifiers},
};
use serde_json::{Value, json};

const KEY: &str = "agent:main:main";

/// A chat that is connected and has an empty history.
fn chat() -> State {
    let mut state = State::new("main".to_owned());
    assert_eq!(methods(&state.update(Msg::Up)), ["chat.history"]);
    answer(&mut state, Ask::History, history(json!([])));
    state
}

fn history(messages: Value) -> Value {
    json!({ "sessionKey": KEY, "messages": messages, "sessionInfo": { "modelProvider": "demo", "model": "echo" } })
}

fn answer(state: &mut State, ask: Ask, payload: Value) -> Vec<Effect> {
    state.update(Msg::Answer(ask, Ok(payload)))
}

fn methods(effects: &[Effect]) -> Vec<&'static str> {
    let called = effects.iter().map(|effect| match effect {
        Effect::Call(_, method, _) => *method,
        Effect::Quit => "quit",
    });
    called.collect()
}

fn press(state: &mut State, code: KeyCode) -> Vec<Effect> {
    state.update(Msg::Key(KeyEvent::new(code, KeyModifiers::NONE)))
}

fn control(state: &mut State, letter: char) -> Vec<Effect> {
    state.update(Msg::Key(KeyEvent::new(
        KeyCode::Char(letter),
        KeyModifiers::CONTROL,
    )))
}

fn say(state: &mut State, text: &str) -> Vec<Effect> {
    state.update(Msg::Paste(text.to_owned()));
    press(state, KeyCode::Enter)
}

/// The run and the parameters of a message that was sent.
fn sent(effects: &[Effect]) -> (String, Value) {
    let sent = effects.iter().find_map(|effect| match effect {
        Effect::Call(Ask::Send(run), "chat.send", params) => Some((run.clone(), params.clone())),
        _ => None,
    });
    sent.expect("a message")
}

fn told(state: &mut State, kind: &str, run: &str, text: Option<&str>) -> Vec<Effect> {
    let mut payload = json!({ "runId": run, "sessionKey": KEY, "state": kind });
    if let Some(text) = text {
        payload["message"] = json!({ "role": "assistant", "content": [{ "type": "text", "text": text }] });
    }
    state.update(Msg::Event("chat".to_owned(), payload))
}

fn screen(state: &mut State, columns: u16, rows: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).expect("a screen");
    let drawn = terminal.draw(|frame| state.drawn = view::draw(state, frame));
    drawn.expect("it is drawn");
    terminal.backend().to_string()
}

#[test]
fn an_answer_grows_as_it_comes() {
    let mut state = chat();
    let (run, params) = sent(&say(&mut state, "hello there"));
    assert_eq!(
        (&params["sessionKey"], &params["idempotencyKey"]),
        (&json!(KEY), &json!(run))
    );
    assert!(
        screen(&mut state, 60, 12).contains("… hello there"),
        "not taken yet"
    );
    answer(
        &mut state,
        Ask::Send(run.clone()),
        json!({ "runId": run, "status": "started" }),
    );
    told(&mut state, "delta", &run, Some("Hel"));
    let shown = screen(&mut state, 60, 12);
    assert!(
        shown.contains("> hello there") && shown.contains("Hel") && shown.contains("working"),
        "{shown}"
    );
    told(&mut state, "final", &run, Some("Hello!"));
    let shown = screen(&mut state, 60, 12);
    assert!(shown.contains("Hello!") && !shown.contains("working"), "{shown}");
    assert!(
        shown.contains("demo/echo") && shown.contains("connected") && shown.contains(KEY),
        "{shown}"
    );
}

#[test]
fn an_end_that_comes_before_its_acknowledgement_is_an_end() {
    let mut state = chat();
    let (run, _) = sent(&say(&mut state, "hi"));
    told(&mut state, "final", &run, None);
    answer(
        &mut state,
        Ask::Send(run.clone()),
        json!({ "runId": run, "status": "started" }),
    );
    assert!(!state.is_busy());
}

#[test]
fn what_is_said_without_a_connection_is_sent_once_when_there_is_one() {
    let mut state = chat();
    let (first, _) = sent(&say(&mut state, "one"));
    state.update(Msg::Down("the gateway went away".to_owned()));
    state.update(Msg::Answer(Ask::Send(first.clone()), Err("closed".to_owned())));
    assert_eq!(say(&mut state, "two"), []);
    let shown = screen(&mut state, 60, 14);
    assert!(
        shown.contains("not connected") && shown.contains("the gateway went away"),
        "{shown}"
    );
    let again = state.update(Msg::Up);
    assert_eq!(methods(&again), ["chat.history", "chat.send", "chat.send"]);
    assert_eq!(sent(&again).0, first, "the gateway knows it by its run");
    answer(
        &mut state,
        Ask::History,
        history(json!([
            { "role": "user", "content": "one", "idempotencyKey": format!("{first}:user") },
        ])),
    );
    let shown = screen(&mut state, 60, 14);
    assert_eq!(
        (shown.matches("one").count(), shown.matches("… two").count()),
        (1, 1),
        "{shown}"
    );
}

#[test]
fn tools_thoughts_faults_and_stops_are_shown() {
    let mut state = chat();
    let (run, _) = sent(&say(&mut state, "hi"));
    answer(
        &mut state,
        Ask::Send(run.clone()),
        json!({ "runId": run, "status": "started" }),
    );
    let tell = |state: &mut State, stream: &str, data: Value| {
        let payload = json!({ "runId": run, "sessionKey": KEY, "stream": stream, "data": data });
        state.update(Msg::Event("agent".to_owned(), payload))
    };
    let tool =
        |status: &str| json!({ "kind": "tool", "toolCallId": "t1", "name": "clock", "status": status });
    tell(&mut state, "thinking", json!({ "text": "let me see" }));
    tell(&mut state, "item", tool("running"));
    assert!(screen(&mut state, 60, 14).contains("~ clock"));
    tell(&mut state, "item", tool("failed"));
    assert!(!screen(&mut state, 60, 14).contains("let me see"));
    control(&mut state, 't');
    let shown = screen(&mut state, 60, 14);
    assert!(
        shown.contains("✗ clock") && shown.contains("let me see"),
        "{shown}"
    );
    assert_eq!(methods(&press(&mut state, KeyCode::Esc)), ["chat.abort"]);
    told(&mut state, "aborted", &run, Some("half of it"));
    assert!(screen(&mut state, 60, 14).contains("(stopped)"));
    assert_eq!(press(&mut state, KeyCode::Esc), [], "nothing runs");
    let failed =
        json!({ "runId": "r9", "sessionKey": KEY, "state": "error", "errorMessage": "no key for demo" });
    let effects = state.update(Msg::Event("chat".to_owned(), failed));
    assert_eq!(
        methods(&effects),
        ["chat.history"],
        "somebody else's run: what they said is read"
    );
    assert!(screen(&mut state, 60, 16).contains("no key for demo"));
}

#[test]
fn other_conversations_do_not_mix_in() {
    let mut state = chat();
    let payload = json!({ "runId": "x", "sessionKey": "agent:main:other", "state": "delta",
        "message": { "content": [{ "type": "text", "text": "elsewhere" }] } });
    assert_eq!(state.update(Msg::Event("chat".to_owned(), payload)), []);
    assert!(!screen(&mut state, 60, 12).contains("elsewhere"));
    let late =
        json!({ "sessionKey": "agent:main:other", "messages": [{ "role": "user", "content": "elsewhere" }] });
    answer(&mut state, Ask::History, late);
    assert!(!screen(&mut state, 60, 12).contains("elsewhere"));
}

#[test]
fn a_conversation_and_a_model_are_chosen_from_lists() {
    let mut state = chat();
    assert_eq!(methods(&control(&mut state, 'p')), ["sessions.list"]);
    assert!(screen(&mut state, 60, 12).contains("asking the gateway"));
    answer(
        &mut state,
        Ask::List,
        json!({ "sessions": [{ "key": KEY }, { "key": "agent:main:trip" }] }),
    );
    "trip"
        .chars()
        .for_each(|letter| drop(press(&mut state, KeyCode::Char(letter))));
    assert_eq!(methods(&press(&mut state, KeyCode::Enter)), ["chat.history"]);
    assert_eq!(state.session, "agent:main:trip");
    assert_eq!(methods(&say(&mut state, "/model")), ["models.list"]);
    answer(
        &mut state,
        Ask::List,
        json!({ "models": [{ "provider": "demo", "id": "echo" }] }),
    );
    let effects = press(&mut state, KeyCode::Enter);
    let Some(Effect::Call(ask, "sessions.patch", params)) = effects.first() else {
        panic!("a change: {effects:?}")
    };
    assert_eq!(params, &json!({ "key": "agent:main:trip", "model": "demo/echo" }));
    answer(&mut state, ask.clone(), json!({}));
    assert!(screen(&mut state, 60, 12).contains("model: demo/echo"));
    control(&mut state, 'l');
    press(&mut state, KeyCode::Esc);
    assert!(state.picker.is_none());
}

#[test]
fn commands_do_what_they_say() {
    let mut state = chat();
    assert_eq!(methods(&say(&mut state, "/new")), ["sessions.create"]);
    let created = answer(
        &mut state,
        Ask::Open,
        json!({ "ok": true, "key": "agent:main:tui-1" }),
    );
    assert_eq!(methods(&created), ["chat.history"]);
    assert_eq!(methods(&say(&mut state, "/reset")), ["sessions.reset"]);
    assert_eq!(methods(&say(&mut state, "/think high")), ["sessions.patch"]);
    say(&mut state, "/deliver on");
    let (_, params) = sent(&say(&mut state, "/status"));
    assert_eq!(
        (&params["message"], &params["deliver"]),
        (&json!("/status"), &json!(true))
    );
    say(&mut state, "/help");
    assert!(screen(&mut state, 100, 20).contains("another model"));
    assert_eq!(say(&mut state, "/quit"), [Effect::Quit]);
}

#[test]
fn leaving_takes_two_keys_and_text_is_safe() {
    let mut state = chat();
    state.update(Msg::Paste("draft".to_owned()));
    assert_eq!(control(&mut state, 'c'), []);
    press(&mut state, KeyCode::Up);
    assert_eq!(state.editor.text(), "draft");
    control(&mut state, 'c');
    control(&mut state, 'c');
    assert_eq!(control(&mut state, 'c'), [Effect::Quit]);
    assert_eq!(control(&mut chat(), 'd'), [Effect::Quit]);
}

#[test]
fn one_can_read_back_while_more_comes() {
    let mut state = chat();
    let long: Vec<_> = (0..60).map(|n| format!("line {n}.")).collect();
    answer(
        &mut state,
        Ask::History,
        history(json!([{ "role": "user", "content": long.join("\n") }])),
    );
    assert!(screen(&mut state, 40, 14).contains("line 59."));
    press(&mut state, KeyCode::PageUp);
    let before = screen(&mut state, 40, 14);
    assert!(
        !before.contains("line 59.") && before.contains("older messages"),
        "{before}"
    );
    told(&mut state, "delta", "r1", Some("more\nand more"));
    let after = screen(&mut state, 40, 14);
    let body = |shown: &str| {
        shown
            .lines()
            .skip(1)
            .take(8)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(body(&before), body(&after));
    (0..3).for_each(|_| drop(press(&mut state, KeyCode::PageDown)));
    assert!(screen(&mut state, 40, 14).contains("and more"));
    assert_eq!(state.top, None);
}

#[test]
fn every_size_of_window_is_drawn() {
    let mut state = chat();
    say(&mut state, "日本語 and some words that do not fit on a line");
    state.update(Msg::Paste("typed\nlines ".repeat(20)));
    told(&mut state, "delta", "r1", Some("```\ncode\n```\n\u{1b}[31mred"));
    for (columns, rows) in [(1, 1), (2, 3), (5, 5), (20, 6), (80, 24), (200, 60)] {
        assert!(!screen(&mut state, columns, rows).contains('\u{1b}'));
        control(&mut state, 'p');
        screen(&mut state, columns, rows);
        press(&mut state, KeyCode::Esc);
    }
}

#[test]
fn the_first_words_come_from_the_command_line() {
    let mut state = State::new("main".to_owned());
    state.first = Some("hello".to_owned());
    assert_eq!(state.link, Link::Connecting);
    assert_eq!(methods(&state.update(Msg::Up)), ["chat.history", "chat.send"]);
    assert_eq!(
        methods(&state.update(Msg::Up)),
        ["chat.history", "chat.send"],
        "the same, for it is not taken yet"
    );
}
