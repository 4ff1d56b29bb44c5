//! Proves the fake Discord with a client that somebody else wrote: `prove_discord node tests/peers/discord/client.mjs`.
//!
//! The command gets the fake's address and a token, and does what it is told in messages. Whatever it can't make sense
//! of ends it, and whatever Discord would not take from it is a complaint of the fake.
use openclaw_fakes::discord::{Bot, Discord, Person, Trouble};
use serde_json::{Value, json};
use std::{process::Stdio, time::Duration};
use tokio::process::{Child, Command};

const ADA: Person = Person {
    id: 70_001,
    name: "Ada",
};
/// Longest that anything may take.
const PATIENCE: Duration = Duration::from_secs(30);

struct Proof {
    fake: Discord,
    bot: Bot,
    guild: u64,
    general: u64,
    client: Child,
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let command: Vec<_> = std::env::args().skip(1).collect();
    let (program, args) = command.split_first().expect("the client's command");
    let fake = Discord::start().await?;
    let guild = fake.guild("Home");
    let general = fake.channel(guild, "general");
    fake.join(guild, ADA, &[]);
    // it logs in again at once, and sends fields of other calls too
    fake.allow_haste();
    fake.allow_more_fields();
    let bot = fake.bot();
    let client = Command::new(program)
        .args(args)
        .args([format!("{}/api", fake.root()), bot.token.clone()])
        .stdout(Stdio::inherit())
        .kill_on_drop(true)
        .spawn()?;
    let mut proof = Proof {
        fake,
        bot,
        guild,
        general,
        client,
    };
    proof.messages().await;
    proof.interactions().await;
    proof.connection().await;
    proof.fake.say(general, ADA, "bye");
    let ended = tokio::time::timeout(PATIENCE, proof.client.wait())
        .await
        .expect("it ends")?;
    assert!(ended.success(), "{ended}");
    assert_eq!(proof.fake.complaints(), [""; 0]);
    let log = (
        proof.fake.identifies().len(),
        proof.fake.resumes().len(),
        proof.fake.all_calls().len(),
    );
    println!(
        "the fake is proved: {} logins, {} resumes, {} calls",
        log.0, log.1, log.2
    );
    Ok(())
}

impl Proof {
    /// Waits for something; ends when the client does.
    async fn soon<T>(&mut self, what: &str, look: impl Fn(&Discord) -> Option<T>) -> T {
        tokio::select! {
            found = tokio::time::timeout(PATIENCE, self.fake.until(look)) => match found {
                Ok(found) => found,
                Err(_) => panic!("waited for {what} in vain; the calls were {:#?}", self.fake.keys()),
            },
            ended = self.client.wait() => panic!("the client ended before {what}: {ended:?}"),
        }
    }

    async fn said(&mut self, words: &str) -> Value {
        let words = words.to_owned();
        let is_it = move |message: &Value| message["content"] == words.as_str();
        self.soon("words", move |fake| fake.said_by_bots().into_iter().find(&is_it))
            .await
    }

    async fn messages(&mut self) {
        let (general, bot) = (self.general, self.bot.clone());
        // it is ready when its commands are there
        self.soon("its commands", |fake| {
            (fake.commands(&bot).len() == 1).then_some(())
        })
        .await;
        let asked = self.fake.say(general, ADA, "ping");
        let pong = self.said("pong").await;
        assert_eq!(pong["message_reference"]["message_id"], asked.to_string());
        self.fake
            .limit("POST /channels/*/messages", 2, Duration::from_millis(300));
        self.fake.say(general, ADA, "many");
        self.said("number 4").await;
        assert_eq!(self.fake.exceeded(), 0, "it reads the buckets in the headers");
        self.fake.unlimited();
        self.fake.say(general, ADA, "file");
        assert_eq!(self.said("a file").await["attachments"][0]["size"], 6);
        let file = self.fake.attachment("b.txt", "text/plain", b"hello");
        self.fake.message(
            general,
            ADA.user(),
            json!({ "content": "read", "attachments": [file] }),
        );
        self.said("it says hello").await;
        self.fake.say(general, ADA, "react");
        self.soon("a reaction", |fake| {
            fake.messages(general)
                .iter()
                .any(|message| message["reactions"][0]["emoji"]["name"] == "👍")
                .then_some(())
        })
        .await;
        self.fake.say(general, ADA, "thread");
        assert_ne!(self.said("in a thread").await["channel_id"], general.to_string());
        for (told, answer) in [
            ("edit", "second"),
            ("history", "3 messages"),
            ("who", "Ada"),
            ("private", "between us"),
        ] {
            self.fake.say(general, ADA, told);
            self.said(answer).await;
        }
        for (told, key) in [
            ("remove", "DELETE /channels/*/messages/*"),
            ("pin", "PUT /channels/*/messages/pins/*"),
        ] {
            self.fake.say(general, ADA, told);
            self.soon(told, |fake| (!fake.calls(key).is_empty()).then_some(()))
                .await;
        }
        self.fake.dm(ADA, "among us");
        self.said("heard among us").await;
        let text = self.fake.say(general, ADA, "look at this");
        self.fake.react(general, text, ADA, "🎉");
        self.said("saw 🎉").await;
        assert!(
            self.fake.all_calls().iter().all(|call| call.status < 300),
            "{:#?}",
            self.fake.all_calls()
        );
    }

    async fn interactions(&mut self) {
        let (bot, general) = (self.bot.clone(), self.general);
        let of = |focused: bool| json!([{ "name": "of", "type": 3, "value": "a", "focused": focused }]);
        let typed = self.fake.autocomplete(&bot, general, ADA, "status", of(true));
        let (_, choices) = self.soon("choices", |fake| fake.answer(typed)).await;
        assert_eq!(choices["choices"][0]["value"], "all");
        self.fake.slash(&bot, general, ADA, "status", of(false));
        self.said("status of a").await;
        self.said("and more").await;
        self.fake.say(general, ADA, "button");
        let under = self.said("press").await["id"]
            .as_str()
            .expect("an id")
            .parse()
            .expect("a number");
        let pressed = self.fake.press(&bot, general, ADA, under, "yes");
        let (kind, form) = self.soon("a form", |fake| fake.answer(pressed)).await;
        assert_eq!((kind, &form["custom_id"]), (9, &json!("form")));
        self.fake
            .submit(&bot, general, ADA, "form", &[("why", "it works")]);
        self.said("because it works").await;
    }

    async fn connection(&mut self) {
        let general = self.general;
        for (trouble, resumes) in [
            (Trouble::Drop, 1),
            (Trouble::Close(4000), 2),
            (Trouble::Reconnect, 3),
        ] {
            self.fake.trouble(trouble);
            self.soon("a resume", |fake| (fake.resumes().len() == resumes).then_some(()))
                .await;
            assert!(
                self.fake.resumes().iter().all(|resume| resume.taken),
                "{:?}",
                self.fake.resumes()
            );
            let words = format!("after {trouble:?}");
            self.fake.say(general, ADA, &words);
            self.said(&format!("heard {words}")).await;
        }
        self.fake.trouble(Trouble::Invalid { resumable: false });
        self.soon("a login", |fake| (fake.identifies().len() == 2).then_some(()))
            .await;
        let second = self.fake.guild("Second");
        let there = self.fake.channel(second, "general");
        self.soon("it online", |fake| (!fake.online().is_empty()).then_some(()))
            .await;
        self.fake.say(there, ADA, "elsewhere");
        self.said("heard elsewhere").await;
        assert_ne!(second, self.guild);
    }
}
