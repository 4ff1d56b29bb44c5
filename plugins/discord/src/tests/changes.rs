//! What happens to messages afterwards: edits, deletions, reactions.
use super::{inbound::told, *};
use openclaw_plugin_api::InboundKind;

#[tokio::test(start_paused = true)]
async fn edits_are_told_once_each_and_previews_of_links_are_not() -> Result<()> {
    let (lab, mut gate) = Lab::ready(json!({})).await?;
    gate.dispatch("MESSAGE_UPDATE", message(30, "with a preview"))
        .await;
    let edited = json!({ "edited_timestamp": "2026-11-21T10:00:00+00:00" });
    let event = told(
        &lab,
        &mut gate,
        "MESSAGE_UPDATE",
        with(message(30, "changed"), edited),
    )
    .await;
    assert_eq!((event.kind, event.text.as_str()), (InboundKind::Edit, "changed"));
    assert_eq!(event.event_id, "edit:30:2026-11-21T10:00:00+00:00");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn deletions_are_told_of_messages_whose_author_is_known() -> Result<()> {
    let (lab, mut gate) = Lab::ready(json!({})).await?;
    told(&lab, &mut gate, "MESSAGE_CREATE", message(30, "oops")).await;
    let ids = json!({ "ids": ["29", "30"], "channel_id": "10", "guild_id": "1" });
    let event = told(&lab, &mut gate, "MESSAGE_DELETE_BULK", ids).await;
    assert_eq!(
        (event.kind, event.message_id.as_str(), event.sender.id.as_str()),
        (InboundKind::Delete, "30", "7")
    );
    assert!(lab.is_quiet().await);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn reactions_are_told_as_the_operator_wants() -> Result<()> {
    let guild = |mode: &str| json!({ "guilds": { "1": { "reactionNotifications": mode, "users": ["7"] } } });
    let by = |user: &str, author: &str| {
        json!({
            "user_id": user, "channel_id": "10", "message_id": "30", "guild_id": "1", "message_author_id": author,
            "emoji": { "id": "5", "name": "wave" }, "member": { "user": { "id": user, "username": "ada" }, "roles": ["6"] }
        })
    };
    for (mode, user, author, is_told) in [
        ("own", "7", ME, true),
        ("own", "7", "8", false),
        ("all", "7", "8", true),
        ("off", "7", ME, false),
        ("allowlist", "7", "8", true),
        ("allowlist", "8", ME, false),
        ("all", ME, ME, false),
    ] {
        let (lab, mut gate) = Lab::ready(guild(mode)).await?;
        gate.dispatch("MESSAGE_REACTION_ADD", by(user, author)).await;
        gate.dispatch("MESSAGE_CREATE", message(31, "the next")).await;
        let event = lab.event().await;
        assert_eq!(
            event.kind == InboundKind::Reaction,
            is_told,
            "{mode} {user} {author}"
        );
        if is_told {
            assert_eq!((event.emoji.as_str(), event.removed), ("wave:5", false));
            assert_eq!(event.event_id, "reaction:s1:3");
        }
    }
    Ok(())
}
