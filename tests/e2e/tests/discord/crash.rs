//! A gateway that is killed: every message that Discord told is answered once, or is shown as unanswered.
//!
//! How often it is killed at a random time, and which times these are: see [`openclaw_e2e::chance`].
use crate::world::{config, home_guild, text};
use openclaw_e2e::{
    chance::{Chance, rounds},
    running::{Home, PATIENCE, Running},
};
use openclaw_fakes::{
    discord::{Discord, Person},
    openai::OpenAi,
};
use rusqlite::Connection;
use serde_json::json;
use std::time::Duration;

/// The steps of the journal that a gateway passes in this work.
const STEPS: &[&str] = &[
    "accept.before",
    "accept.after",
    "synced.before",
    "reply.after",
    "sending.after",
    "tried.before",
];
/// People who write; each has a conversation.
const PEOPLE: u64 = 4;
/// Longest life of a gateway that is killed at a random time, milliseconds: its start and some work.
const LONGEST_LIFE: u64 = 900;
/// How often it is killed at a random time if nobody says, in short and in long.
const ROUNDS: (usize, usize) = (20, 300);

struct Lab {
    discord: Discord,
    model: OpenAi,
    home: Home,
    issued: Vec<String>,
    chance: Chance,
}

impl Lab {
    /// The `n`th of a test.
    async fn new(n: usize) -> Self {
        let (discord, guild, _) = home_guild().await;
        // a gateway that is killed every second has no five of them
        discord.allow_haste();
        let model = OpenAi::start().await.expect("a port");
        let home = Home::new(&["discord", "openai"]);
        let mut config = config(&discord, &model, guild);
        config["session"] = json!({ "dmScope": "per-channel-peer" });
        config["messages"] = json!({ "queue": { "mode": "followup", "debounceMs": 0, "cap": 1000 } });
        home.configure(&config);
        Self {
            discord,
            model,
            home,
            issued: Vec::new(),
            chance: Chance::new(n),
        }
    }

    fn write(&mut self, person: u64) -> String {
        let person = Person {
            id: 1_000 + person % PEOPLE,
            name: "Somebody",
        };
        let mark = format!("mark-{:05}", self.issued.len());
        self.discord.dm(person, &mark);
        self.issued.push(mark.clone());
        mark
    }

    fn chatter(&mut self) {
        for _ in 0..3 {
            let who = self.chance.below(PEOPLE);
            self.write(who);
        }
    }

    /// A gateway that dies at a step of the journal, with work that takes it there.
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
        self.chatter();
        running.kill();
    }

    /// A gateway that lives until everybody's last message is answered.
    async fn lives(&mut self) {
        let running = self.home.start().await;
        // nobody tells a bot what was said before its first login
        if tokio::time::timeout(PATIENCE, self.discord.is_online(&self.discord.bot()))
            .await
            .is_err()
        {
            panic!("it does not log in:\n{}", running.log());
        }
        for person in 0..PEOPLE {
            let last = self.write(person);
            let answered = self.discord.until(|discord| {
                discord
                    .said_by_bots()
                    .iter()
                    .any(|message| text(message).contains(&last))
                    .then_some(())
            });
            if tokio::time::timeout(PATIENCE, answered).await.is_err() {
                panic!(
                    "{last} is not answered; {:?}\n{}",
                    self.discord.resumes(),
                    running.log()
                );
            }
        }
        let (code, log) = running.stop().await;
        assert_eq!(code, Some(0), "{log}");
    }

    fn judge(&self) {
        let journal = Connection::open(self.home.state().join("state.db")).expect("a journal");
        let known: i64 = journal
            .query_row("SELECT count(*) FROM inbox", [], |row| row.get(0))
            .expect("the journal can be read");
        let unanswered: i64 = journal
            .query_row("SELECT count(*) FROM inbox WHERE state <> 'done'", [], |row| {
                row.get(0)
            })
            .expect("the journal can be read");
        let said: Vec<_> = self.discord.said_by_bots().iter().map(text).collect();
        let count = |mark: &String| said.iter().filter(|text| text.contains(mark.as_str())).count();
        let lost: Vec<_> = self.issued.iter().filter(|mark| count(mark) == 0).collect();
        let twice: Vec<_> = self.issued.iter().filter(|mark| count(mark) > 1).collect();
        println!(
            "{} messages, {known} in the journal, {unanswered} not answered, {} resumes, {} logins",
            self.issued.len(),
            self.discord.resumes().len(),
            self.discord.identifies().len()
        );
        assert!(twice.is_empty(), "answered twice: {twice:?}");
        let excused = usize::try_from(unanswered).expect("a count");
        assert!(
            lost.len() <= excused,
            "lost: {lost:?}, and the journal has {excused} that are not answered"
        );
        assert!(
            excused * 4 < self.issued.len(),
            "{excused} of {} are not answered",
            self.issued.len()
        );
        assert_eq!(self.discord.complaints(), [""; 0]);
        assert_eq!(self.model.complaints(), [""; 0]);
    }
}

#[tokio::test]
async fn nothing_is_lost_or_answered_twice_at_any_step() {
    let mut lab = Lab::new(0).await;
    lab.lives().await;
    for step in STEPS {
        lab.dies_at(step).await;
    }
    lab.lives().await;
    lab.judge();
}

#[tokio::test]
async fn nothing_is_lost_or_answered_twice_at_any_time() {
    for (n, rounds) in rounds(ROUNDS.0, ROUNDS.1).into_iter().enumerate() {
        let mut lab = Lab::new(n).await;
        lab.lives().await;
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
