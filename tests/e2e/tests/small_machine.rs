//! The gateway on the smallest machine: two channels, two families of models and the page for browsers in one process,
//! with so little memory that a leak or a careless buffer ends it.
//!
//! The limit is the system's own (a control group). Where nobody may make one, the memory is looked at instead.
use openclaw_e2e::{
    program,
    world::{Home, Running, soon, text_of},
};
use openclaw_fakes::{
    anthropic::Anthropic,
    discord::{self, Discord},
    openai::OpenAi,
    telegram::{self, Telegram},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

/// What the gateway may use, of everything, bytes.
const LIMIT: u64 = 64 << 20;
/// The same for a program that carries what a debugger wants to know.
const LIMIT_UNOPTIMISED: u64 = 160 << 20;
/// A program is larger than this only with all of that.
const OPTIMISED: u64 = 60 << 20;
/// Conversations, half of them on each channel.
const CHATS: usize = 100;
/// Messages in a second.
const RATE: u64 = 5;
/// Becomes what follows, within a control group.
const ENTER: &str = r#"echo $$ > "$1/cgroup.procs" && shift && exec "$@""#;

/// A control group with a limit. Dropping it removes it.
struct Group(PathBuf);

impl Group {
    /// By the second version of the interface, or the first.
    fn new(limit: u64) -> Result<Self, String> {
        let name = format!("openclaw-test-{}", std::process::id());
        let mut why = Vec::new();
        for (parent, file) in [
            ("/sys/fs/cgroup", "memory.max"),
            ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
        ] {
            let folder = Path::new(parent).join(&name);
            if let Err(error) = fs::create_dir(&folder) {
                why.push(format!("{}: {error}", folder.display()));
                continue;
            }
            let group = Self(folder);
            if !group.0.join("cgroup.procs").exists() {
                why.push(format!("{parent} has no groups"));
                continue;
            }
            match fs::write(group.0.join(file), limit.to_string()) {
                Ok(()) => return Ok(group),
                Err(error) => why.push(format!("{file}: {error}")),
            }
        }
        Err(why.join(", "))
    }

    /// The most that was used, if the system tells.
    fn peak(&self) -> Option<u64> {
        let files = ["memory.peak", "memory.max_usage_in_bytes"];
        let text = files
            .iter()
            .find_map(|file| fs::read_to_string(self.0.join(file)).ok())?;
        text.trim().parse().ok()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // it fails where something is left in it, which the system's report of groups shows
        let _ = fs::remove_dir(&self.0);
    }
}

/// Seconds of load: two minutes with `OPENCLAW_TEST_LONG`; else each chat writes once.
fn seconds() -> u64 {
    match std::env::var_os("OPENCLAW_TEST_LONG") {
        Some(_) => 120,
        None => CHATS as u64 / RATE,
    }
}

fn config(
    telegram: &Telegram,
    discord: &Discord,
    guild: u64,
    openai: &OpenAi,
    anthropic: &Anthropic,
) -> Value {
    json!({
        "agents": {
            "defaults": { "model": { "primary": "one/m" } },
            "list": [{ "id": "main" }, { "id": "other", "model": { "primary": "anthropic/claude-opus-4-6" } }],
        },
        "bindings": [{ "agentId": "other", "match": { "channel": "discord" } }],
        "models": { "providers": {
            "one": { "baseUrl": openai.base_url(), "apiKey": "sk-a", "api": "openai-completions",
                     "models": [{ "id": "m", "contextWindow": 100_000 }] },
            "anthropic": { "baseUrl": anthropic.server.url(), "apiKey": "sk-b" },
        } },
        "session": { "dmScope": "per-channel-peer" },
        "messages": { "queue": { "mode": "followup", "debounceMs": 0 } },
        "plugins": { "entries": { "control-ui": { "enabled": true } } },
        "channels": {
            "telegram": { "apiRoot": telegram.root(), "botToken": Telegram::TOKEN, "dmPolicy": "open", "allowFrom": ["*"] },
            "discord": { "apiRoot": discord.base(), "token": discord.bot().token, "dmPolicy": "open", "allowFrom": ["*"],
                         "groupPolicy": "open", "guilds": { guild.to_string(): { "requireMention": false } } },
        },
    })
}

/// A line of a process's `status`, KiB.
fn status(pid: u32, line: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let found = text.lines().find_map(|l| l.strip_prefix(line));
    found
        .and_then(|rest| rest.split_whitespace().next()?.parse().ok())
        .unwrap_or_default()
}

#[tokio::test]
async fn a_hundred_chats_fit_into_the_smallest_machine() {
    let size = fs::metadata(program()).expect("it is built").len();
    let limit = if size < OPTIMISED {
        LIMIT
    } else {
        LIMIT_UNOPTIMISED
    };
    let group = Group::new(limit);
    if let Err(why) = &group {
        eprintln!("no control group can be made here, so the memory is only looked at: {why}");
    }
    let (telegram, discord) = (
        Telegram::start().await.expect("a port"),
        Discord::start().await.expect("a port"),
    );
    let (openai, anthropic) = (
        OpenAi::start().await.expect("a port"),
        Anthropic::start().await.expect("a port"),
    );
    discord.unlimited();
    let guild = discord.guild("Home");
    let channels: Vec<_> = (0..CHATS / 2)
        .map(|n| discord.channel(guild, &format!("room-{n}")))
        .collect();
    let writer = discord::Person {
        id: 70_001,
        name: "Ada",
    };
    discord.join(guild, writer, &[]);
    let home = Home::new(&["telegram", "discord", "openai", "anthropic", "control-ui"]);
    home.configure(&config(&telegram, &discord, guild, &openai, &anthropic));

    let gateway = home.command(&["gateway", "--port", "0"]);
    let mut command = home.command(&[]);
    if let Ok(group) = &group {
        command = std::process::Command::new("sh");
        command
            .args(["-c", ENTER, "sh"])
            .arg(&group.0)
            .arg(gateway.get_program())
            .stdin(Stdio::null());
        command.env_clear().envs(
            gateway
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
        // what a test waits for is in the log's usual lines
        command.env("OPENCLAW_LOG", "warn,openclaw::gateway=info");
    }
    let running = Running::ready(command.args(gateway.get_args())).await;
    soon("the bot's being online", discord.is_online(&discord.bot())).await;
    let at_rest = status(running.pid(), "VmRSS:");

    // time is what is tried here: so many in each second
    let mut ticks = tokio::time::interval(Duration::from_millis(1000 / RATE));
    let mut expected = Vec::new();
    for n in 0..seconds() * RATE {
        ticks.tick().await;
        let chat = n as usize % CHATS;
        let words = format!("message {n} of chat {chat}.");
        match chat % 2 {
            0 => drop(telegram.dm(
                telegram::Person {
                    id: 1000 + chat as i64,
                    name: "Bob",
                },
                &words,
            )),
            _ => drop(discord.say(channels[chat / 2], writer, &words)),
        }
        expected.push(words);
    }
    let count = || {
        let mut texts: Vec<String> = telegram.bodies("sendMessage").iter().map(text_of).collect();
        texts.extend(
            discord
                .said_by_bots()
                .iter()
                .map(|said| said["content"].as_str().unwrap_or_default().to_owned()),
        );
        let mut answers: BTreeMap<&str, usize> = expected.iter().map(|words| (words.as_str(), 0)).collect();
        for (words, times) in &mut answers {
            *times = texts.iter().filter(|text| text.contains(words)).count();
        }
        answers
    };
    let answered = async {
        while count().values().any(|times| *times == 0) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    if tokio::time::timeout(Duration::from_secs(60), answered)
        .await
        .is_err()
    {
        let lost: Vec<_> = count().into_iter().filter(|(_, times)| *times == 0).collect();
        panic!(
            "{} of {} are not answered: {lost:?}\n{}",
            lost.len(),
            expected.len(),
            running.log()
        );
    }
    let twice: Vec<_> = count().into_iter().filter(|(_, times)| *times > 1).collect();
    assert!(twice.is_empty(), "answered more than once: {twice:?}");

    let (resident, highest) = (status(running.pid(), "VmRSS:"), status(running.pid(), "VmHWM:"));
    let private = status(running.pid(), "RssAnon:");
    println!(
        "{} messages of {CHATS} chats, {RATE} in a second: resident {at_rest} KiB at rest, {resident} KiB after, {highest} KiB \
         at most, {private} KiB of it its own; the group's peak: {:?} of {limit} bytes",
        expected.len(),
        group.as_ref().ok().and_then(Group::peak),
    );
    if group.is_err() {
        assert!(highest * 1024 <= limit, "{highest} KiB");
    }
    let (code, log) = running.stop().await;
    assert_eq!(code, Some(0), "{log}");
}
