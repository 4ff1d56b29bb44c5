//! Two bots and several agents: bindings by account, guild, role, room and the room of a thread.
use crate::world::{ADA, BOB, World, config, home_guild};
use openclaw_e2e::running::Home;
use openclaw_fakes::openai::OpenAi;
use serde_json::{Value, json};

#[tokio::test]
async fn each_binding_has_its_agent() {
    let (discord, guild, general) = home_guild().await;
    let second = discord.add_bot("secondbot");
    let (room, parent) = (discord.channel(guild, "room"), discord.channel(guild, "parent"));
    let other = discord.guild("Other");
    let lobby = discord.channel(other, "lobby");
    let staff = discord.role(guild, "Staff");
    discord.join(guild, BOB, &[staff]);
    let model = OpenAi::start().await.expect("a port");
    let mut config = config(&discord, &model, guild);
    let token = config["channels"]["discord"]["token"].take();
    let block = config["channels"]["discord"].as_object_mut().expect("a block");
    block.remove("token");
    block.insert(
        "accounts".into(),
        json!({ "first": { "token": token }, "second": { "token": second.token } }),
    );
    block.insert("guilds".into(), json!({ "*": { "requireMention": false } }));
    let agent = |id: &str, model: &str| json!({ "id": id, "model": format!("one/{model}") });
    config["agents"]["list"] = json!([
        { "id": "main", "default": true }, agent("bot", "n"), agent("guild", "o"), agent("role", "p"),
        agent("room", "q"), agent("thread", "r"),
    ]);
    let first = |agent: &str, rule: serde_json::Value| {
        let mut binding =
            json!({ "agentId": agent, "match": { "channel": "discord", "accountId": "first" } });
        binding["match"]
            .as_object_mut()
            .expect("just made")
            .extend(rule.as_object().expect("a rule").clone());
        binding
    };
    config["bindings"] = json!([
        { "agentId": "bot", "match": { "channel": "discord", "accountId": "second" } },
        first("guild", json!({ "guildId": other.to_string() })),
        first("role", json!({ "guildId": guild.to_string(), "roles": [staff.to_string()] })),
        first("room", json!({ "peer": { "kind": "channel", "id": room.to_string() } })),
        first("thread", json!({ "peer": { "kind": "channel", "id": parent.to_string() } })),
        { "agentId": "main", "match": { "channel": "discord", "accountId": "first" } },
    ]);
    let home = Home::new(&["discord", "openai"]);
    home.configure(&config);
    let gateway = home.start().await;
    let world = World {
        discord,
        guild,
        general,
        model,
        home,
        gateway,
    };
    world.online().await;
    world.discord.is_online(&second).await;
    let thread = world.discord.thread(parent, ADA, "aside");
    for (channel, who, words, agents_model) in [
        (general, ADA, "no rule for this", "m"),
        (lobby, ADA, "in the other guild", "o"),
        (general, BOB, "with a role", "p"),
        (room, ADA, "in the room", "q"),
        (thread, ADA, "in a thread of the parent", "r"),
    ] {
        world.discord.say(channel, who, words);
        // the second bot reads all rooms too, and has one agent for everything; either may be first
        let said = world.discord.until(|discord| {
            let said = discord.said_by_bots();
            let count = said.iter().filter(|message| {
                message["content"]
                    .as_str()
                    .is_some_and(|text| text.contains(words))
            });
            (count.count() == 2).then_some(())
        });
        openclaw_e2e::running::soon("an answer of each bot", said).await;
        let requests: Vec<_> = world
            .model
            .asked()
            .iter()
            .map(|asked| asked.body.clone())
            .collect();
        for model in [agents_model, "n"] {
            let asked = |body: &Value| body["model"] == model && body.to_string().contains(words);
            assert!(
                requests.iter().any(asked),
                "{words} is not for the agent with model {model}"
            );
        }
    }
    let channel = world.discord.private(&second, ADA);
    world.discord.say(channel, ADA, "to the second bot alone");
    let answer = world.said("to the second bot alone").await;
    assert_eq!(
        answer["author"]["id"],
        second.id.to_string(),
        "who was written to answers"
    );
    assert_eq!(world.model_of("to the second bot alone"), "n");
    world.end().await;
}
