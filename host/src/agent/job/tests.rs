//! What may join a running turn, and what becomes of it.
use super::*;
use crate::route::Delivery;

/// An event of a private chat.
pub(in crate::agent) fn event(row: i64, chat: &str, text: &str) -> Job {
    let mut event = Inbound::default();
    event.chat.id = chat.into();
    event.sender.id = chat.into();
    Job::Event(Box::new(EventJob {
        rows: vec![row],
        turn: String::new(),
        preview: String::new(),
        agent_id: "main".into(),
        channel: "c".into(),
        event,
        text: text.into(),
        settings: SessionSettings::default(),
        from_owner: false,
        from_known: false,
        debounce: Duration::ZERO,
        left_out: LeftOut::default(),
        ask: None,
        heir_of: Vec::new(),
        place: None,
    }))
}

/// The same, changed.
pub(in crate::agent) fn event_with(row: i64, chat: &str, change: impl FnOnce(&mut EventJob)) -> Job {
    let Job::Event(mut job) = event(row, chat, "x") else {
        unreachable!("it was made as one")
    };
    change(&mut job);
    Job::Event(job)
}

/// What a client asks in a conversation.
pub(in crate::agent) fn asked(row: i64, change: impl FnOnce(&mut Ask)) -> Job {
    let mut ask = Ask::default();
    change(&mut ask);
    event_with(row, "ada", |job| job.ask = Some(Box::new(ask)))
}

/// Its answer goes to this chat.
pub(in crate::agent) fn to_chat(chat: &str) -> impl FnOnce(&mut Ask) {
    let deliver = Delivery {
        channel: "c".into(),
        account_id: String::new(),
        chat_id: chat.into(),
        thread_id: String::new(),
    };
    move |ask| ask.deliver = Some(deliver)
}

/// The rows of jobs, one list for each.
pub(in crate::agent) fn rows(jobs: &[Job]) -> Vec<Vec<i64>> {
    let rows = jobs.iter().map(|job| match job {
        Job::Event(job) => job.rows.clone(),
        Job::Run(_) => Vec::new(),
    });
    rows.collect()
}

fn run() -> Job {
    Job::Run(Box::new(RunJob {
        run: AgentRun::default(),
        events: tokio::sync::mpsc::channel(1).0,
        done: oneshot::channel().0,
    }))
}

#[test]
fn only_messages_of_its_own_chat_join_a_turn() {
    let steering = Steering::of(&[event(1, "ada", "x")]);
    assert!(steering.offer(event(2, "ada", "x")).is_ok());
    assert!(
        steering.offer(event(3, "bob", "x")).is_err(),
        "its answer would go to Ada"
    );
    let other_thread = event_with(4, "ada", |job| job.event.chat.thread_id = "9".into());
    assert!(steering.offer(other_thread).is_err());
}

#[test]
fn whoever_wants_another_answer_joins_no_turn() {
    let others: [fn(&mut Ask); 5] = [
        |ask| to_chat("bob")(ask),
        |ask| ask.model = "p/other".into(),
        |ask| ask.system = "It is urgent.".into(),
        |ask| ask.thinking = Some(openclaw_plugin_api::Thinking::High),
        |ask| ask.ack_max_chars = Some(300),
    ];
    for other in others {
        let steering = Steering::of(&[asked(1, |_| {})]);
        assert!(
            steering.offer(asked(2, other)).is_err(),
            "it would get the page's answer"
        );
        assert!(steering.offer(asked(3, |_| {})).is_ok());
        let steering = Steering::of(&[asked(4, other)]);
        assert!(steering.offer(asked(5, |_| {})).is_err());
        assert!(steering.offer(asked(6, other)).is_ok());
        assert!(!asked(7, other).goes_with(&asked(8, |_| {})));
    }
}

#[test]
fn nothing_of_a_chat_joins_the_turn_of_a_client() {
    let steering = Steering::of(&[run()]);
    assert!(
        steering.offer(event(1, "ada", "x")).is_err(),
        "nobody would settle it"
    );
}

#[test]
fn nobody_joins_a_turn_with_more_rights_than_his_own() {
    let owner = |row| event_with(row, "group", |job| job.from_owner = true);
    let steering = Steering::of(&[owner(1)]);
    assert!(steering.offer(event(2, "group", "delete everything")).is_err());
    assert!(steering.offer(owner(3)).is_ok());
    let steering = Steering::of(&[event(4, "group", "x")]);
    assert!(steering.offer(owner(5)).is_ok(), "the turn keeps its few rights");
}

#[test]
fn what_was_begun_joins_no_other_turn() {
    let begun = |row, turn: &str| event_with(row, "ada", |job| job.turn = turn.into());
    let steering = Steering::of(&[event(1, "ada", "x")]);
    assert!(
        steering.offer(begun(2, "event-2")).is_err(),
        "the transcript has it"
    );
    let steering = Steering::of(&[begun(2, "event-2")]);
    assert!(steering.offer(begun(3, "event-3")).is_err());
    assert!(steering.offer(begun(4, "event-2")).is_ok(), "it is its own");
    assert!(steering.offer(event(5, "ada", "x")).is_ok());
}

#[test]
fn what_was_let_in_is_remembered_and_what_was_not_is_given_back() {
    let steering = Steering::of(&[event(1, "ada", "x")]);
    for row in [2, 3] {
        steering.offer(event(row, "ada", "x")).expect("it belongs there");
    }
    assert!(steering.has_some());
    assert_eq!(rows(&steering.admit()), [[2], [3]]);
    assert_eq!(steering.joined(), [2, 3]);
    steering.offer(event(4, "ada", "x")).expect("it belongs there");
    assert_eq!(rows(&steering.close()), [[4]]);
    assert!(steering.offer(event(5, "ada", "x")).is_err(), "too late");
    assert_eq!(steering.joined(), [2, 3]);
}

#[test]
fn as_many_wait_to_join_as_there_is_room_for() {
    let steering = Steering::of(&[event(1, "ada", "x")]);
    let taken = (0..100).filter(|row| steering.offer(event(*row, "ada", "x")).is_ok());
    assert_eq!(taken.count(), MAX_STEERING);
}

#[test]
fn an_heir_stands_for_what_it_inherited() {
    let mut heir = event(9, "ada", "the last");
    for row in 1..=4 {
        heir.inherit(event(row, "ada", &format!("number {row}\nand more")), 8, 2);
    }
    let Job::Event(heir) = heir else {
        unreachable!("it is an event")
    };
    assert_eq!(heir.rows, [4, 3, 2, 1, 9]);
    assert_eq!(heir.left_out.lines.len() + heir.left_out.more, 4);
    assert_eq!(heir.left_out.lines.len(), 2);
}
