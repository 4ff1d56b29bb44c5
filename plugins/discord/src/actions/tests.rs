//! Actions before the fake Discord, whose description judges every body.
use super::*;
use crate::outbound::lab::{ADA, Lab};
use openclaw_fakes::discord::Person;
use openclaw_plugin_api::ErrorKind;

async fn run_as(lab: &Lab, sender: &str, from_owner: bool, name: &str, params: Value) -> Result<Value> {
    let Value::Object(params) = params else {
        unreachable!("parameters are an object")
    };
    let action = Action {
        name: name.into(),
        chat_id: lab.channel.to_string(),
        params,
        sender_id: sender.into(),
        from_owner,
        ..Action::default()
    };
    run(&lab.connection, action).await
}

async fn act(lab: &Lab, name: &str, params: Value) -> Value {
    let result = run_as(lab, "", true, name, params)
        .await
        .unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(result["ok"], true, "{name}");
    result
}

async fn everything() -> Lab {
    let lab = Lab::new(json!({ "actions": { "roles": true, "moderation": true, "presence": true } })).await;
    lab.fake.join(lab.guild, ADA, &[]);
    lab
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_are_sent_read_changed_and_gone() {
    let lab = everything().await;
    let sent = act(&lab, "send", json!({ "message": "one", "silent": true })).await;
    let id = sent["messageId"].as_str().expect("an id").to_owned();
    act(&lab, "reply", json!({ "messageId": id, "message": "two" })).await;
    let read = act(&lab, "read", json!({ "limit": 5 })).await;
    assert_eq!(read["messages"][0]["content"], "two");
    assert_eq!(read["messages"][0]["replyTo"], id.as_str());
    act(&lab, "edit", json!({ "messageId": id, "message": "1" })).await;
    act(&lab, "react", json!({ "messageId": id, "emoji": "👍" })).await;
    let reactions = act(&lab, "reactions", json!({ "messageId": id })).await;
    assert_eq!(reactions["reactions"][0]["emoji"], "👍");
    act(&lab, "unreact", json!({ "messageId": id, "emoji": "👍" })).await;
    act(&lab, "pin", json!({ "messageId": id })).await;
    let pins = act(&lab, "list-pins", json!({})).await;
    assert_eq!(pins["pins"][0]["id"], id.as_str());
    act(&lab, "unpin", json!({ "messageId": id })).await;
    let poll = json!({ "pollQuestion": "Tea?", "pollOption": ["yes", "no"], "pollMulti": true });
    act(&lab, "poll", poll).await;
    act(&lab, "delete", json!({ "messageId": id })).await;
    assert_eq!(lab.texts()[0], "two");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn threads_and_places_are_made_listed_and_told() {
    let lab = everything().await;
    let made = act(
        &lab,
        "thread-create",
        json!({ "threadName": "Plan", "autoArchiveMin": 60, "message": "hi" }),
    )
    .await;
    act(
        &lab,
        "thread-reply",
        json!({ "threadId": made["threadId"], "message": "there" }),
    )
    .await;
    let message = lab.fake.say(lab.channel, ADA, "look").to_string();
    act(
        &lab,
        "thread-create",
        json!({ "threadName": "On it", "messageId": message }),
    )
    .await;
    let threads = act(&lab, "thread-list", json!({})).await;
    assert_eq!(threads["threads"].as_array().map(Vec::len), Some(2));
    let info = act(&lab, "channel-info", json!({})).await;
    assert_eq!(
        (&info["channel"]["name"], &info["channel"]["type"]),
        (&json!("general"), &json!("text"))
    );
    let list = act(&lab, "channel-list", json!({ "guildId": lab.guild.to_string() })).await;
    assert!(list["channels"].as_array().is_some_and(|all| !all.is_empty()));
    let member = act(&lab, "member-info", json!({ "userId": ADA.id.to_string() })).await;
    assert_eq!(member["member"]["user"]["id"], ADA.id.to_string());
    let roles = act(&lab, "role-info", json!({})).await;
    assert!(roles["roles"].as_array().is_some_and(|all| !all.is_empty()));
    assert_eq!(lab.fake.complaints(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_operator_decides_what_may_be_done() {
    let lab = Lab::new(json!({ "actions": { "pins": false } })).await;
    for name in [
        "pin",
        "unpin",
        "list-pins",
        "role-add",
        "role-remove",
        "timeout",
        "kick",
        "ban",
        "set-presence",
    ] {
        let error = run_as(&lab, "", true, name, json!({})).await.expect_err(name);
        assert_eq!(error.kind(), ErrorKind::Refused, "{name}");
        assert!(error.message().contains("channels.discord.actions."), "{error}");
    }
    assert_eq!(
        run_as(&lab, "", true, "dance", json!({}))
            .await
            .expect_err("none")
            .kind(),
        ErrorKind::Unsupported
    );
    assert!(lab.fake.all_calls().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_must_be_allowed_to_do_it_themselves() {
    let lab = everything().await;
    let ban = || json!({ "userId": "70002", "guildId": lab.guild.to_string() });
    for sender in ["", "70001"] {
        for name in ["ban", "kick", "channel-create"] {
            let mut params = ban();
            params["name"] = "x".into();
            // What the model claims about who asked counts for nothing.
            params["senderId"] = lab.fake.bot().id.to_string().into();
            let error = run_as(&lab, sender, false, name, params).await.expect_err(name);
            assert_eq!(error.kind(), ErrorKind::Refused, "{name} {error}");
        }
    }
    let changes = lab
        .fake
        .all_calls()
        .into_iter()
        .filter(|call| !call.key.starts_with("GET"));
    assert_eq!(changes.count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_of_others_go_for_those_only_who_may_take_them_away() {
    let lab = &everything().await;
    let asks = |sender: String, message: String| async move {
        run_as(lab, &sender, false, "delete", json!({ "messageId": message })).await
    };
    let ada = || ADA.id.to_string();
    let eve = Person {
        id: 70_009,
        name: "Eve",
    };
    let words = lab.fake.say(lab.channel, eve, "hers").to_string();
    for sender in [String::new(), ada()] {
        let error = asks(sender, words.clone()).await.expect_err("not hers");
        assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
    }
    let own = lab.fake.say(lab.channel, ADA, "mine").to_string();
    asks(ada(), own.clone()).await.expect("it is her own");
    asks(ada(), own).await.expect("it is gone");
    let said = act(lab, "send", json!({ "message": "the agent's" })).await;
    let said = said["messageId"].as_str().expect("an id").to_owned();
    asks(ada(), said).await.expect("it is the agent's");
    assert_eq!(lab.fake.complaints(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_owns_nothing_looks_at_the_own_channel_only() {
    let lab = everything().await;
    let (here, other) = (lab.channel.to_string(), lab.fake.channel(lab.guild, "board"));
    let search = json!({ "guildId": lab.guild.to_string(), "query": "secret" });
    let mut elsewhere = search.clone();
    elsewhere["channelIds"] = json!([other.to_string()]);
    let refused = run_as(&lab, "70001", false, "search", elsewhere).await;
    assert_eq!(refused.expect_err("elsewhere").kind(), ErrorKind::Refused);
    for (from_owner, channels) in [(false, vec![here]), (true, vec![])] {
        let found = run_as(&lab, "70001", from_owner, "search", search.clone()).await;
        found.expect("searched");
        let calls = lab.fake.all_calls();
        let asked = calls.last().expect("a call");
        let named = asked.query.iter().filter(|(name, _)| name == "channel_id");
        let named: Vec<_> = named.map(|(_, id)| id.clone()).collect();
        assert_eq!(named, channels, "{from_owner}");
    }
    lab.fake.thread(other, ADA, "hush");
    for (from_owner, count) in [(false, 0), (true, 1)] {
        let listed = run_as(&lab, "70001", from_owner, "thread-list", json!({})).await;
        let listed = listed.expect("listed");
        assert_eq!(
            listed["threads"].as_array().map(Vec::len),
            Some(count),
            "{from_owner}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_shown_or_pins_what_they_could_not_themselves() {
    let lab = &everything().await;
    let (view, pin) = (1 << 10, 1 << 51);
    lab.fake.overwrite(lab.channel, view, 0);
    let hidden = lab.fake.channel(lab.guild, "board");
    lab.fake.overwrite(hidden, 0, view);
    let ada = ADA.id.to_string();
    let names = |listed: Value| {
        let channels = listed["channels"].as_array().expect("a list").clone();
        channels
            .iter()
            .filter_map(|channel| channel["name"].as_str().map(str::to_owned))
            .collect::<Vec<_>>()
    };
    let hers = run_as(lab, &ada, false, "channel-list", json!({})).await;
    assert_eq!(names(hers.expect("listed")), ["general"]);
    let all = run_as(lab, &ada, true, "channel-list", json!({})).await;
    assert_eq!(names(all.expect("listed")), ["general", "board"]);
    let stranger = run_as(lab, "70009", false, "channel-list", json!({})).await;
    assert_eq!(stranger.expect_err("not there").kind(), ErrorKind::Refused);

    let message = lab.fake.say(lab.channel, ADA, "look").to_string();
    let pins = || run_as(lab, &ada, false, "pin", json!({ "messageId": message }));
    let refused = pins().await.expect_err("she may not pin");
    assert_eq!(refused.kind(), ErrorKind::Refused);
    assert!(refused.message().contains("PIN_MESSAGES"), "{refused}");
    lab.fake.overwrite(lab.channel, view | pin, 0);
    pins().await.expect("now she may");
    assert_eq!(lab.fake.complaints(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_parameters_are_told_before_anything_is_asked() {
    let lab = everything().await;
    for (name, params, words) in [
        ("send", json!({}), "message is missing"),
        (
            "send",
            json!({ "message": "x", "to": "general" }),
            "use channel:<id>",
        ),
        ("edit", json!({ "message": "x" }), "messageId is missing"),
        (
            "edit",
            json!({ "messageId": 5, "message": "x" }),
            "stands in quotes",
        ),
        ("react", json!({ "messageId": "5" }), "emoji is missing"),
        ("read", json!({ "limit": 500 }), "from 1 to 100"),
        (
            "poll",
            json!({ "pollQuestion": "?", "pollOption": ["a"] }),
            "2 to 10",
        ),
        (
            "poll",
            json!({ "pollQuestion": "?", "pollOption": ["a", "b"], "pollDurationHours": 769 }),
            "1 to 768",
        ),
        ("sticker", json!({}), "1 to 3"),
        ("search", json!({ "guildId": "5" }), "query is missing"),
        (
            "timeout",
            json!({ "guildId": "5", "userId": "6" }),
            "durationMin is missing",
        ),
        (
            "ban",
            json!({ "guildId": "5", "userId": "6", "deleteDays": 8 }),
            "0 to 7",
        ),
        (
            "emoji-upload",
            json!({ "guildId": "5", "emojiName": "a b" }),
            "2 to 32",
        ),
        ("set-presence", json!({ "status": "happy" }), "online, idle"),
        (
            "channel-create",
            json!({ "guildId": "5", "name": "x", "type": "pub" }),
            "forum",
        ),
    ] {
        let error = run_as(&lab, "", true, name, params).await.expect_err(name);
        assert!(
            error.kind() == ErrorKind::InvalidInput && error.message().contains(words),
            "{name}: {error}"
        );
    }
    assert!(lab.fake.all_calls().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_presence_is_set_for_the_gateway_to_tell() {
    let lab = everything().await;
    act(
        &lab,
        "set-presence",
        json!({ "status": "dnd", "activityName": "chess", "activityType": "playing" }),
    )
    .await;
    let presence = lab.connection.presence.get().expect("set");
    assert_eq!(
        (&presence["status"], &presence["activities"][0]),
        (&json!("dnd"), &json!({ "name": "chess", "type": 0 }))
    );
}

#[test]
fn every_action_has_a_rule_and_a_way_to_be_carried_out() {
    let source = include_str!("mod.rs");
    for name in NAMES {
        assert!(source.contains(&format!("\"{name}\"")), "{name}");
    }
    let unique: std::collections::BTreeSet<_> = NAMES.iter().collect();
    assert_eq!(unique.len(), NAMES.len());
}
