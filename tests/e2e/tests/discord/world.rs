//! The program among a fake Discord and a fake model.
use openclaw_e2e::running::{Home, PATIENCE, Running, soon};
use openclaw_fakes::{
    discord::{Discord, Person},
    openai::OpenAi,
};
use serde_json::{Value, json};

pub const ADA: Person = Person {
    id: 70_001,
    name: "Ada",
};
pub const BOB: Person = Person {
    id: 70_002,
    name: "Bob",
};
/// How the bot's messages are made.
pub const SEND: &str = "POST /channels/*/messages";

/// A gateway with Discord and a model.
pub struct World {
    pub discord: Discord,
    pub guild: u64,
    /// `#general` of the guild.
    pub general: u64,
    pub model: OpenAi,
    pub home: Home,
    pub gateway: Running,
}

impl World {
    /// Everybody may write, and nobody has to call the bot.
    pub async fn new() -> Self {
        Self::with(|_, _| {}).await
    }

    /// The same with another configuration of the whole, which may change Discord too.
    pub async fn with(change: impl FnOnce(&Discord, &mut Value)) -> Self {
        Self::with_plugins(&[], change).await
    }

    /// The same with more plugins.
    pub async fn with_plugins(more: &[&str], change: impl FnOnce(&Discord, &mut Value)) -> Self {
        let (discord, guild, general) = home_guild().await;
        let model = OpenAi::start().await.expect("a port");
        let home = Home::new(&[&["discord", "openai"], more].concat());
        let mut config = config(&discord, &model, guild);
        change(&discord, &mut config);
        home.configure(&config);
        let gateway = home.start().await;
        let world = Self {
            discord,
            guild,
            general,
            model,
            home,
            gateway,
        };
        world.online().await;
        world
    }

    /// Waits until the first bot is connected.
    pub async fn online(&self) {
        let bot = self.discord.bot();
        if tokio::time::timeout(PATIENCE, self.discord.is_online(&bot))
            .await
            .is_err()
        {
            panic!("the bot does not log in:\n{}", self.gateway.log());
        }
    }

    /// Waits until a message of a bot with these words is there; gives it as it stands then.
    pub async fn said(&self, words: &str) -> Value {
        let is_it = |message: &Value| text(message).contains(words);
        let found = self
            .discord
            .until(|discord| discord.said_by_bots().into_iter().find(is_it));
        match tokio::time::timeout(PATIENCE, found).await {
            Ok(found) => found,
            Err(_) => panic!(
                "nothing with {words:?} was said; it said {:#?}, and the calls were {:#?}\n{}",
                self.texts(),
                self.discord.keys(),
                self.gateway.log()
            ),
        }
    }

    /// All that bots have said.
    pub fn texts(&self) -> Vec<String> {
        self.discord.said_by_bots().iter().map(text).collect()
    }

    /// How many messages have these words.
    pub fn count(&self, words: &str) -> usize {
        self.texts().iter().filter(|text| text.contains(words)).count()
    }

    /// The model that was asked something with these words.
    pub fn model_of(&self, words: &str) -> String {
        let asked = self.model.asked();
        let found = asked.iter().find(|asked| asked.body.to_string().contains(words));
        let found = found.unwrap_or_else(|| panic!("no model was asked {words:?}"));
        found.body["model"].as_str().unwrap_or_default().to_owned()
    }

    /// What a model was asked in the `n`th request, counted from 1.
    pub async fn heard(&self, n: usize) -> String {
        soon("the model's being asked", self.model.heard(n)).await[n - 1].to_string()
    }

    /// Ends the gateway in good order. Nobody had to complain, and nothing secret was said.
    pub async fn end(self) -> String {
        let (code, log) = self.gateway.stop().await;
        assert_eq!(code, Some(0), "{log}");
        let calls = self.discord.keys();
        assert_eq!(self.discord.complaints(), [""; 0], "{calls:#?}");
        assert_eq!(self.model.complaints(), [""; 0]);
        assert!(
            !log.contains(&self.discord.bot().token),
            "a secret is logged:\n{log}"
        );
        log
    }
}

/// A Discord with a guild in which Ada and Bob are, and its `#general`.
pub async fn home_guild() -> (Discord, u64, u64) {
    let discord = Discord::start().await.expect("a port");
    // how long Discord makes wait is tried where it matters
    discord.unlimited();
    let guild = discord.guild("Home");
    let general = discord.channel(guild, "general");
    for person in [ADA, BOB] {
        discord.join(guild, person, &[]);
    }
    (discord, guild, general)
}

/// A configuration in which everybody may write.
pub fn config(discord: &Discord, model: &OpenAi, guild: u64) -> Value {
    let models: Vec<_> = ["m", "n", "o", "p", "q", "r"]
        .map(|id| json!({ "id": id, "contextWindow": 100_000 }))
        .into();
    json!({
        "agents": { "defaults": { "model": { "primary": "one/m" } } },
        "models": { "providers": { "one": {
            "baseUrl": model.base_url(), "apiKey": "sk-of-a-test", "api": "openai-completions", "models": models,
        } } },
        "channels": { "discord": {
            "apiRoot": discord.base(), "token": discord.bot().token, "dmPolicy": "open", "allowFrom": ["*"],
            "groupPolicy": "open", "guilds": { guild.to_string(): { "requireMention": false } },
        } },
    })
}

/// The text of a message.
pub fn text(message: &Value) -> String {
    message["content"].as_str().unwrap_or_default().to_owned()
}
