//! Who is answered: the guide's own configuration, pairing, threads, replies.
use crate::world::{ADA, BOB, SEND, World, home_guild, text};
use openclaw_e2e::running::{Home, Running, soon};
use openclaw_fakes::{anthropic::Anthropic, discord::Discord};
use serde_json::json;

/// The guide's file; a guild's id stands where the guide says so.
const GUIDE: &str = r#"{
  "agents": { "defaults": { "model": { "primary": "anthropic/claude-opus-4-6", "fallbacks": ["anthropic/claude-sonnet-4-5", "openai/gpt-4o"] }, "maxConcurrent": 4 },
              "list": [ { "id": "main", "default": true } ] },
  "auth": { "profiles": { "anthropic:default": { "mode": "token", "provider": "anthropic" }, "openai:default": { "mode": "token", "provider": "openai" } } },
  "bindings": [ { "agentId": "main", "match": { "channel": "discord" } } ],
  "channels": { "discord": { "enabled": true, "groupPolicy": "allowlist",
      "guilds": { "YOUR_GUILD_ID": { "channels": { "general": { "allow": true } }, "requireMention": false } } } },
  "gateway": { "mode": "local", "bind": "auto" }, "meta": { "lastTouchedVersion": "2026.1.29" } }"#;

#[tokio::test]
async fn the_guides_configuration_answers_in_general_and_nowhere_else() {
    let (discord, guild, general) = home_guild().await;
    let random = discord.channel(guild, "random");
    let elsewhere = discord.guild("Elsewhere");
    let (other, claude) = (
        discord.channel(elsewhere, "general"),
        Anthropic::start().await.expect("a port"),
    );
    let home = Home::new(&["discord", "openai", "anthropic"]);
    // what a test adds: where Discord and the model are
    let text = GUIDE.replace("YOUR_GUILD_ID", &guild.to_string());
    let mut config: serde_json::Value = serde_json::from_str(&text).expect("the guide's file is JSON");
    config["channels"]["discord"]["apiRoot"] = discord.base().into();
    config["models"]["providers"]["anthropic"] =
        json!({ "baseUrl": claude.server.url(), "apiKey": "sk-ant-of-a-test" });
    home.configure(&config);
    let mut command = home.command(&["gateway", "--port", "0", "--verbose"]);
    command
        .env("OPENCLAW_GATEWAY_TOKEN", "a-token-of-a-test")
        .env("DISCORD_BOT_TOKEN", discord.bot().token);
    let mut gateway = Running::spawn(&mut command);
    gateway.says("ready in").await;
    let name = discord.bot().name;
    gateway.says(&format!("logged in to discord as {name}")).await;
    discord.say(other, ADA, "not in this guild");
    discord.say(random, ADA, "not in this channel");
    discord.say(general, ADA, "hello from general");
    let answer = soon(
        "an answer",
        discord.until(|discord| {
            let said = discord.said_by_bots();
            said.iter()
                .find(|message| crate::world::text(message).contains("hello from general"))
                .cloned()
        }),
    )
    .await;
    assert_eq!(answer["channel_id"], general.to_string());
    let dropped = gateway.says(&elsewhere.to_string()).await;
    assert!(
        dropped.contains("channels.discord.guilds"),
        "the key to add: {dropped}"
    );
    let dropped = gateway.says(&random.to_string()).await;
    assert!(
        dropped.contains(&format!("guilds.{guild}.channels")),
        "the key to add: {dropped}"
    );
    let (code, log) = gateway_end(&mut gateway, &discord).await;
    assert_eq!(code, Some(0), "{log}");
    assert!(discord.said_by_bots().len() == 1, "{:?}", discord.said_by_bots());
}

async fn gateway_end(gateway: &mut Running, discord: &Discord) -> (Option<i32>, String) {
    let pid = gateway.pid();
    let asked = std::process::Command::new("kill").arg(pid.to_string()).status();
    assert!(asked.expect("kill runs").success());
    gateway.gone().await;
    assert_eq!(discord.complaints(), [""; 0]);
    (Some(0), gateway.log())
}

#[tokio::test]
async fn a_stranger_is_answered_after_pairing_and_only_in_private() {
    let world = World::with(|_, config| {
        config["channels"]["discord"]["dmPolicy"] = "pairing".into();
        config["channels"]["discord"]["allowFrom"] = json!([]);
        config["channels"]["discord"]["groupPolicy"] = "allowlist".into();
        config["channels"]["discord"]["guilds"] = json!({ "5": {} });
    })
    .await;
    world.discord.dm(ADA, "let me in");
    let invitation = world.said("pairing").await;
    let listed = world.home.json(&["pairing", "list", "--json"]).await;
    let code = listed["requests"][0]["code"].as_str().expect("a code").to_owned();
    assert!(text(&invitation).contains(&code), "{invitation} {listed}");
    assert_eq!(listed["requests"][0]["id"], ADA.id.to_string());
    let approved = world.home.run(&["pairing", "approve", "discord", &code]).await;
    assert!(
        approved.status.success(),
        "{}",
        String::from_utf8_lossy(&approved.stderr)
    );
    world.discord.say(world.general, ADA, "and here?");
    world.discord.dm(ADA, "now?");
    world.said("now?").await;
    assert_eq!(
        world.count("and here?"),
        0,
        "who is paired is not admitted to rooms"
    );
    assert_eq!(
        world.model.heard(1).await.len(),
        1,
        "what was not admitted is not for the model"
    );
    world.end().await;
}

#[tokio::test]
async fn a_stranger_who_gives_a_command_is_not_told_that_it_is_done() {
    let world = World::with(|_, config| {
        config["channels"]["discord"]["dmPolicy"] = "pairing".into();
        config["channels"]["discord"]["allowFrom"] = json!([BOB.id.to_string()]);
    })
    .await;
    let bot = world.discord.bot();
    let private = world.discord.private(&bot, ADA);
    // the first time there is a code, and the second there is nothing more to say
    for times in 1..=2 {
        world.discord.slash(&bot, private, ADA, "status", json!([]));
        let refused = world
            .discord
            .until(|_| (world.count("does not know you") >= times).then_some(()));
        soon("a refusal", refused).await;
    }
    // events are sorted one after the other, so what there is to say to Ada is said
    world.discord.dm(BOB, "hello");
    world.said("hello").await;
    assert_eq!(world.count("Done."), 0, "{:?}", world.texts());
    world.end().await;
}

#[tokio::test]
async fn a_thread_is_a_conversation_of_its_own_and_its_parents_rules_hold() {
    let world = World::with(|discord, config| {
        let rooms = json!({ "general": { "allow": true } });
        let guilds = config["channels"]["discord"]["guilds"]
            .as_object_mut()
            .expect("guilds");
        guilds
            .values_mut()
            .for_each(|guild| guild["channels"] = rooms.clone());
        discord.say(
            discord.channel(discord.guild("Unused"), "x"),
            BOB,
            "before the start",
        );
    })
    .await;
    let random = world.discord.channel(world.guild, "random");
    world.discord.say(world.general, ADA, "in the channel");
    world.said("in the channel").await;
    let outside = world.discord.thread(random, ADA, "outside");
    let inside = world.discord.thread(world.general, ADA, "inside");
    world.discord.say(outside, ADA, "in a thread of another channel");
    world.discord.say(inside, ADA, "in the thread");
    let answer = world.said("in the thread").await;
    assert_eq!(answer["channel_id"], inside.to_string());
    let second = world.heard(2).await;
    assert!(!second.contains("in the channel"), "{second}");
    assert_eq!(world.count("of another channel"), 0);
    world.end().await;
}

#[tokio::test]
async fn only_what_calls_the_bot_is_answered_where_it_has_to_be_called() {
    let world = World::with(|_, config| {
        let guilds = config["channels"]["discord"]["guilds"]
            .as_object_mut()
            .expect("guilds");
        guilds
            .values_mut()
            .for_each(|guild| guild["requireMention"] = true.into());
    })
    .await;
    let (discord, general) = (world.discord.clone(), world.general);
    discord.say(general, BOB, "just among us");
    discord.say(general, ADA, &format!("<@{}> are you there?", discord.bot().id));
    let answer = world.said("are you there?").await;
    assert!(
        world.heard(1).await.contains("just among us"),
        "what was said before is context"
    );
    // answering to the bot calls it
    let id = answer["id"].as_str().expect("an id").parse().expect("a number");
    discord.reply(general, BOB, id, "and who asked?");
    world.said("and who asked?").await;
    // so does the role that it has of itself
    let role = discord.role_of(world.guild, &discord.bot());
    discord.say(general, ADA, &format!("<@&{role}> by role"));
    world.said("by role").await;
    assert_eq!(discord.calls(SEND).len(), 3);
    world.end().await;
}
