//! What a gateway that is killed owes: every message it took is answered or still waits, and none is answered twice.
//!
//! How often it is killed at a random time, and which times these are: see [`openclaw_e2e::chance`].
//! The one exception is marked: a reply whose sending was interrupted may be sent once more, and its row says so.
use openclaw_e2e::{
    chance::{Chance, rounds},
    world::{GROUP, Home, PATIENCE, Running, config, soon, text_of},
};
use openclaw_fakes::{
    openai::{OpenAi, Turn},
    telegram::{Person, Telegram},
};
use rusqlite::{Connection, OptionalExtension};
use serde_json::{Value, json};
use std::time::Duration;

/// The steps of the journal that a gateway passes in this work.
const STEPS: &[&str] = &[
    "accept.before",
    "accept.after",
    "synced.before",
    "synced.after",
    "begin.after",
    "append.before",
    "append.after",
    "reply.before",
    "reply.after",
    "sending.before",
    "sending.after",
    "tried.before",
    "tried.after",
    "settle.before",
    "settle.after",
];
/// People who write; each has a conversation.
const PEOPLE: i64 = 5;
/// Longest life of a gateway that is killed at a random time, milliseconds: its start and some work.
const LONGEST_LIFE: u64 = 400;
/// How often each test kills at a random time if nobody says, in short and in long.
const ROUNDS: (usize, usize) = (60, 1_000);

/// A message that was sent to the bot.
struct Issued {
    /// As the journal has it.
    event_id: String,
    /// Stands in the message and in what answers it.
    mark: String,
}

struct Lab {
    telegram: Telegram,
    model: OpenAi,
    home: Home,
    issued: Vec<Issued>,
    chance: Chance,
    /// Does each message get an answer of its own?
    each: bool,
}

/// What the journal says of a message.
#[derive(Debug)]
struct Fate {
    state: String,
    /// Replies that may have been sent twice, or never.
    excused: bool,
}

// === impl Lab ===

impl Lab {
    /// The `n`th of a test.
    async fn new(mode: &str, n: usize) -> Self {
        let telegram = Telegram::start().await.expect("a port");
        let model = OpenAi::start().await.expect("a port");
        let home = Home::new(&["telegram", "openai"]);
        let mut config = config(&telegram, &[("one", &model)]);
        config["session"] = json!({ "dmScope": "per-channel-peer" });
        config["messages"] = json!({ "queue": { "mode": mode, "debounceMs": 0, "cap": 1000 } });
        home.configure(&config);
        Self {
            telegram,
            model,
            home,
            issued: Vec::new(),
            chance: Chance::new(n),
            each: mode == "followup",
        }
    }

    /// Somebody writes; gives what an answer contains.
    fn write(&mut self, person: i64) -> String {
        let person = Person {
            id: 1_000 + person % PEOPLE,
            name: "Somebody",
        };
        let mark = format!("mark-{:05}", self.issued.len());
        let id = self.telegram.dm(person, &mark);
        self.issued.push(Issued {
            event_id: format!("{}:message:{}:{id}", Telegram::BOT_ID, person.id),
            mark: mark.clone(),
        });
        mark
    }

    /// Some write to the bot, and some among themselves.
    fn chatter(&mut self) {
        for _ in 0..3 {
            let who = self.chance.below(u64::try_from(PEOPLE).expect("some"));
            self.write(i64::try_from(who).expect("few"));
        }
        let bystander = Person {
            id: 999,
            name: "Bystander",
        };
        for _ in 0..2 {
            self.telegram.group(GROUP, bystander, "not for the bot");
        }
    }

    /// A gateway that dies at a step of the journal.
    async fn dies_at(&mut self, step: &str) {
        self.chatter();
        let mut command = self.home.command(&["gateway", "--port", "0"]);
        let mut running = Running::spawn(command.env("OPENCLAW_CRASH_AT", step));
        running.gone().await;
        assert!(running.was_killed(), "{step}: {}", running.log());
    }

    /// A gateway that dies at any time.
    async fn dies_some_time(&mut self) {
        self.chatter();
        let mut running = Running::spawn(&mut self.home.command(&["gateway", "--port", "0"]));
        // the only wait for time: it is the time that is tried
        let life = self.chance.below(LONGEST_LIFE);
        tokio::time::sleep(Duration::from_millis(life)).await;
        running.kill();
    }

    /// A gateway that lives until everything is answered that can be.
    async fn lives(&mut self) {
        let running = self.home.start().await;
        // each conversation is answered in order, so the answer to its last message is its last
        for person in 0..PEOPLE {
            let last = self.write(person);
            let answered = self.telegram.until(|telegram| {
                let sent = telegram.bodies("sendMessage");
                sent.iter()
                    .any(|body| text_of(body).contains(&last))
                    .then_some(())
            });
            if tokio::time::timeout(PATIENCE, answered).await.is_err() {
                let log = running.log();
                panic!("{last} is not answered; {}:\n{log}", self.left());
            }
        }
        let confirmed = self
            .telegram
            .until(|telegram| telegram.unconfirmed().is_empty().then_some(()));
        soon("every update to be taken", confirmed).await;
        let (code, log) = running.stop().await;
        assert_eq!(code, Some(0), "{log}");
    }

    fn journal(&self) -> Connection {
        Connection::open(self.home.state().join("state.db")).expect("a journal")
    }

    /// What the journal has not settled, and how much was sent, for whoever looks for the reason.
    fn left(&self) -> String {
        let journal = self.journal();
        let count = |sql: &str| -> i64 {
            let counted = journal.query_row(sql, [], |row| row.get(0));
            counted.expect("the journal can be read")
        };
        let last = self.issued.last().map(|issued| fate(&journal, &issued.event_id));
        format!(
            "the last is {last:?}, events that wait: {}, of these begun: {}, replies that wait: {}, sent: {:?}",
            count("SELECT count(*) FROM inbox WHERE settled_ms IS NULL"),
            count("SELECT count(*) FROM inbox WHERE settled_ms IS NULL AND note <> ''"),
            count("SELECT count(*) FROM outbox WHERE settled_ms IS NULL"),
            self.telegram.bodies("sendMessage").last(),
        )
    }

    /// Compares what was sent with what the journal says.
    fn judge(&self) {
        let journal = self.journal();
        let sent: Vec<_> = self.telegram.bodies("sendMessage").iter().map(text_of).collect();
        let heard: String = self
            .model
            .asked()
            .iter()
            .map(|asked| asked.body.to_string())
            .collect();
        let mut answered = 0;
        for issued in &self.issued {
            let mark = &issued.mark;
            let fate = fate(&journal, &issued.event_id);
            let Some(fate) = fate else {
                panic!("{mark} is lost: the journal does not have it");
            };
            let replies = self.replies(&journal, &sent, mark);
            match fate.state.as_str() {
                "done" if replies > 0 => answered += 1,
                // the answer to several messages repeats the last of them
                "done" if !self.each && heard.contains(mark.as_str()) => answered += 1,
                "done" => assert!(fate.excused, "{mark} is settled and was not answered: {fate:?}"),
                "failed" | "waiting" => assert_eq!(replies, 0, "{mark}: {fate:?}"),
                _ => panic!("{mark} is {fate:?}"),
            }
        }
        let issued = self.issued.len();
        println!("{answered} of {issued} messages are answered");
        assert!(
            answered * 4 > issued * 3,
            "only {answered} of {issued} are answered"
        );
        assert_eq!(self.telegram.complaints(), [""; 0]);
        assert_eq!(self.model.complaints(), [""; 0]);
    }

    /// How often a message was answered: once at most, or what was interrupted once more.
    fn replies(&self, journal: &Connection, sent: &[String], mark: &str) -> usize {
        let replies: Vec<_> = sent.iter().filter(|text| text.contains(mark)).collect();
        // one reply answers all that joined its turn, and its row is that of the last of them
        let excused = self
            .issued
            .iter()
            .filter(|other| replies.iter().any(|text| text.contains(&other.mark)))
            .filter_map(|other| fate(journal, &other.event_id))
            .any(|fate| fate.excused);
        assert!(
            replies.len() <= 1 + usize::from(excused) && replies.iter().all(|text| *text == replies[0]),
            "{mark} is answered {} times, excused: {excused}\n{}",
            replies.len(),
            self.story(mark)
        );
        replies.len()
    }

    /// What was sent from the first answer with a mark to the last.
    fn story(&self, mark: &str) -> String {
        let sent = self.telegram.bodies("sendMessage");
        let has = |body: &Value| text_of(body).contains(mark);
        let first = sent.iter().position(has).unwrap_or_default();
        let last = sent.iter().rposition(has).unwrap_or_default();
        sent[first..=last]
            .iter()
            .map(|body| format!("{body}\n"))
            .collect()
    }
}

/// What the journal says of an event; none if it does not know it.
fn fate(journal: &Connection, event_id: &str) -> Option<Fate> {
    let (row, state) = journal
        .query_row(
            "SELECT id, state FROM inbox WHERE event_id = ?1",
            [event_id],
            |row| Ok((row.get::<_, i64>(0)?, row.get(1)?)),
        )
        .optional()
        .expect("the journal can be read")?;
    let excused = journal
        .query_row(
            "SELECT count(*) FROM outbox WHERE inbox = ?1 AND (repeated <> 0 OR state = 'unknown')",
            [row],
            |row| row.get::<_, i64>(0),
        )
        .expect("the journal can be read");
    Some(Fate {
        state,
        excused: excused > 0,
    })
}

#[tokio::test]
async fn nothing_is_lost_or_answered_twice_at_any_step() {
    let mut lab = Lab::new("followup", 0).await;
    for step in STEPS {
        lab.dies_at(step).await;
        lab.dies_at(&format!("{step}:2")).await;
        lab.lives().await;
    }
    lab.judge();
}

async fn at_any_time(mode: &str) {
    for (n, rounds) in rounds(ROUNDS.0, ROUNDS.1).into_iter().enumerate() {
        let mut lab = Lab::new(mode, n).await;
        for round in 1..=rounds {
            lab.dies_some_time().await;
            if round % 5 == 0 {
                lab.lives().await;
            }
        }
        lab.lives().await;
        lab.judge();
    }
}

#[tokio::test]
async fn nothing_is_lost_or_answered_twice_at_any_time() {
    at_any_time("followup").await;
}

#[tokio::test]
async fn messages_that_are_answered_together_stay_together() {
    at_any_time("collect").await;
}

#[tokio::test]
async fn messages_that_join_a_turn_are_answered_by_it() {
    at_any_time("steer").await;
}

/// Two messages that came while one was answered get one answer together, though the gateway dies on the way to it.
async fn together(mode: &str, step: &str) {
    let mut lab = Lab::new(mode, 0).await;
    let (turn, valve) = Turn::text("the first answer").held(1);
    lab.model.script(turn);
    let mut command = lab.home.command(&["gateway", "--port", "0"]);
    let mut running = Running::spawn(command.env("OPENCLAW_CRASH_AT", step));
    lab.write(0);
    soon("the first request", lab.model.heard(1)).await;
    let marks = [lab.write(0), lab.write(0)];
    running.has_sorted(3).await;
    valve.open();
    running.gone().await;
    assert!(running.was_killed(), "{step}: {}", running.log());
    lab.lives().await;
    lab.judge();
    let sent = lab.telegram.bodies("sendMessage");
    let answers = sent
        .iter()
        .filter(|body| marks.iter().any(|mark| text_of(body).contains(mark)));
    assert_eq!(answers.count(), 1, "{sent:#?}");
}

#[tokio::test]
async fn collected_messages_are_answered_once_after_a_crash() {
    // the first message, then both
    together("collect", "append.after:2").await;
}

#[tokio::test]
async fn messages_that_joined_a_turn_are_answered_once_after_a_crash() {
    // the first message, what was said to it, then those that join
    together("steer", "append.after:4").await;
}
