//! What was said while no session could tell it.
use super::*;

/// What is asked for it.
const READ: &str = "GET /channels/10/messages";
/// Where the session is kept, and what the host has of each channel.
const SESSION: &str = "session/default/0";
const SEEN: &str = "seen/default";

/// The id of a message that is said now, or a little later.
fn fresh(later: u64) -> u64 {
    const EPOCH_MS: u64 = 1_420_070_400_000;
    let now = std::time::SystemTime::UNIX_EPOCH
        .elapsed()
        .expect("it is later")
        .as_millis();
    ((u64::try_from(now).expect("not so late") - EPOCH_MS) << 22) + later
}

/// A session after one that was lost, in which Ada had said this.
async fn second_session(lab: &Lab, mut gate: Gate, said: u64) -> Gate {
    gate.dispatch("MESSAGE_CREATE", message(said, "one")).await;
    assert_eq!(lab.event().await.text, "one");
    gate.close(4007).await;
    let mut gate = lab.gate().await;
    gate.hello().await;
    gate.expect(2).await;
    gate.ready("s2").await;
    gate
}

/// Waits until the channel was asked for so often.
async fn asked(lab: &Lab, often: usize) {
    let wait = async {
        while lab.web.asked(READ) < often {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    // short enough that signs of life need no answer
    let wait = tokio::time::timeout(Duration::from_secs(30), wait);
    wait.await.expect("it asks");
}

/// Was this logged of the channel?
fn is_warned_of(lab: &Lab, words: &str) -> bool {
    let mut lines = lab.host.logs().into_iter();
    lines.any(|line| line.message.contains(words) && line.fields.contains("default"))
}

#[tokio::test(start_paused = true)]
async fn what_was_said_while_no_session_could_tell_it_is_read_from_the_channel() -> Result<()> {
    let (lab, mut gate) = Lab::ready(json!({})).await?;
    let (first, second, third) = (fresh(1), fresh(2), fresh(3));
    gate.dispatch("MESSAGE_CREATE", message(first, "one")).await;
    assert_eq!(lab.event().await.text, "one");
    // as REST gives them: the newest first, without server and member; one is older than a day
    let bare = |id, text| {
        let mut bare = message(id, text);
        bare.as_object_mut()
            .expect("an object")
            .retain(|key, _| key != "guild_id" && key != "member");
        bare
    };
    lab.web.answer(
        "GET /channels/10/messages",
        200,
        json!([bare(third, "three"), bare(second, "two")]),
    );
    lab.web.answer(
        "GET /guilds/1/members/7",
        200,
        json!({ "roles": ["6"], "nick": null }),
    );
    gate.close(4007).await;
    let mut gate = lab.gate().await;
    gate.hello().await;
    gate.expect(2).await;
    gate.ready("s2").await;
    gate.dispatch("MESSAGE_CREATE", message(fresh(4), "live")).await;
    let event = lab.event().await;
    assert_eq!((event.text.as_str(), event.chat.space_id.as_str()), ("two", "1"));
    assert_eq!(event.sender.roles, ["6"], "rules for roles hold for it too");
    assert_eq!(lab.event().await.text, "three");
    assert_eq!(
        lab.event().await.text,
        "live",
        "what comes now waits for what was before"
    );
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_restart_before_it_was_read_reads_it_in_another_session() -> Result<()> {
    let (lab, gate) = Lab::ready(json!({})).await?;
    lab.web.answer(READ, 503, json!({}));
    let mut gate = second_session(&lab, gate, fresh(1)).await;
    asked(&lab, 1).await;
    let stop = lab.plugin.call::<()>("channel/1/stop", "discord", &"default");
    let (stopped, _) = tokio::join!(stop, gate.closed());
    stopped?;
    assert!(
        lab.host.stored(SESSION).is_none(),
        "who took it up would not look back"
    );
    lab.web.answer(READ, 200, json!([message(fresh(2), "two")]));
    // the new process knows no channel before its session has told of it
    let channel = json!({ "id": "10", "type": 0, "name": "general", "guild_id": "1" });
    lab.web.answer("GET /channels/10", 200, channel);
    lab.plugin.start_channel("discord", json!({})).await?;
    let mut gate = lab.gate().await;
    gate.hello().await;
    gate.expect(2).await;
    gate.ready("s3").await;
    let event = tokio::time::timeout(Duration::from_secs(30), lab.event());
    assert_eq!(event.await.expect("it looks back again").text, "two");
    // the host has all of it now, so the session is kept with one of the next signs of life
    let kept = async {
        while lab.host.stored(SESSION).is_none() {
            gate.expect(1).await;
            gate.send(json!({ "op": 11 })).await;
        }
    };
    let kept = tokio::time::timeout(Duration::from_secs(300), kept);
    kept.await.expect("the session is kept");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_can_t_be_read_is_asked_for_again_and_then_named() -> Result<()> {
    let (lab, gate) = Lab::ready(json!({})).await?;
    lab.web.answer(READ, 503, json!({}));
    let mut gate = second_session(&lab, gate, fresh(1)).await;
    gate.dispatch("MESSAGE_CREATE", message(fresh(3), "live")).await;
    // each time it is asked for, three requests are made
    asked(&lab, 10).await;
    lab.web.answer(READ, 200, json!([message(fresh(2), "two")]));
    assert_eq!(lab.event().await.text, "two");
    assert_eq!(lab.event().await.text, "live");
    assert!(!is_warned_of(&lab, "can't be read"));

    let (lab, gate) = Lab::ready(json!({})).await?;
    lab.web
        .answer(READ, 403, json!({ "message": "Missing Access", "code": 50001 }));
    let mut gate = second_session(&lab, gate, fresh(1)).await;
    gate.dispatch("MESSAGE_CREATE", message(fresh(3), "live")).await;
    assert_eq!(
        lab.event().await.text,
        "live",
        "it waits no longer than it has to"
    );
    assert!(is_warned_of(&lab, "can't be read"));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_is_too_old_takes_no_room_of_what_is_not() -> Result<()> {
    const DAY_MS: u64 = 24 * 3600 * 1000;
    let (lab, gate) = Lab::ready(json!({})).await?;
    let earliest = fresh(0) - (DAY_MS << 22);
    let _gate = second_session(&lab, gate, 30).await;
    asked(&lab, 1).await;
    let request = lab.web.last(READ);
    let (_, after) = request.split_once("after=").expect("it says from where on");
    let after = after
        .split('&')
        .next()
        .and_then(|after| after.parse::<u64>().ok());
    assert!(after >= Some(earliest), "{request}");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_was_seen_before_and_can_t_be_read_is_told() -> Result<()> {
    let web = Web::new();
    let host = web.host();
    host.host().store().put(SEEN, "no record").await?;
    let plugin = host.load(&PLUGIN, json!({}))?;
    plugin.start_channel("discord", json!({})).await?;
    let lab = Lab { host, plugin, web };
    lab.gate().await;
    assert!(is_warned_of(&lab, "what was seen before can't be read"));
    Ok(())
}
