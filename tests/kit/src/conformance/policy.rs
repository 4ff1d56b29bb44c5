//! Who may write: chat type × sender × policy × kind of event. What is not admitted never reaches the model.
use super::{ADA, BOB, ChannelPeer, Event, Gateway, Person, Place, Senders, Stage};
use serde_json::{Value, json};

/// A row of the matrix: the policy, a change in the configuration, and who may write under it.
struct Row {
    policy: &'static str,
    allow_from: Value,
    admitted: &'static [Person],
}

/// Private chats under every policy.
pub async fn private_chats<P: ChannelPeer, G: Gateway>() {
    let (ada, everybody) = (json!([P::listed(ADA)]), json!(["*"]));
    let row = |policy, allow_from: &Value, admitted| Row {
        policy,
        allow_from: allow_from.clone(),
        admitted,
    };
    for row in [
        row("open", &everybody, &[ADA, BOB]),
        row("allowlist", &ada, &[ADA]),
        row("pairing", &ada, &[ADA]),
        row("disabled", &ada, &[]),
    ] {
        let stage = Stage::<P, G>::with(|peer, config| {
            config["dmPolicy"] = row.policy.into();
            config["allowFrom"] = row.allow_from.clone();
            config["groupPolicy"] = "open".into();
            peer.admit(config, Senders::All);
        })
        .await;
        for person in [ADA, BOB] {
            let is_admitted = row.admitted.contains(&person);
            everything(
                &stage,
                Place::Private,
                person,
                (is_admitted, is_admitted),
                row.policy,
            )
            .await;
        }
        // somebody who may is heard after all of them
        stage
            .peer
            .happens(&Event::mention(Place::Group, ADA, "the end of it"));
        stage.sent("the end of it").await;
        judge(stage, Place::Private, row.admitted, row.policy).await;
    }
}

/// The group under every policy.
pub async fn groups<P: ChannelPeer, G: Gateway>() {
    for (policy, senders, admitted) in [
        ("open", Senders::All, &[ADA, BOB][..]),
        ("allowlist", Senders::All, &[ADA, BOB]),
        ("allowlist", Senders::Only(&[ADA]), &[ADA]),
        ("allowlist", Senders::NotListed, &[]),
        ("open", Senders::Only(&[ADA]), &[ADA]),
        ("disabled", Senders::All, &[]),
    ] {
        let stage = Stage::<P, G>::with(|peer, config| {
            config["groupPolicy"] = policy.into();
            peer.admit(config, senders);
        })
        .await;
        let name = format!("{policy} {senders:?}");
        for person in [ADA, BOB] {
            // who is admitted because everybody is may not give commands in a group
            let is_listed = matches!(senders, Senders::Only(people) if people.contains(&person));
            let is_admitted = admitted.contains(&person);
            everything(
                &stage,
                Place::Group,
                person,
                (is_admitted, is_admitted && is_listed),
                &name,
            )
            .await;
        }
        stage.chat(ADA, "the end of it").await;
        judge(stage, Place::Group, admitted, &name).await;
    }
}

/// Somebody does everything that there is, and the last of it is waited for where it may be heard.
async fn everything<P: ChannelPeer, G: Gateway>(
    stage: &Stage<P, G>,
    place: Place,
    from: Person,
    (is_admitted, may_command): (bool, bool),
    policy: &str,
) {
    let say = |kind: &str| mark(place, from, kind);
    let emoji = emoji(from);
    if place == Place::Group {
        stage.peer.happens(&Event::message(place, from, &say("aside")));
    }
    stage.peer.happens(&Event::mention(place, from, &say("message")));
    if is_admitted {
        stage.sent(&say("message")).await;
    }
    let has_reactions = stage.peer.happens(&Event::Reaction { place, from, emoji });
    let has_edits = stage.peer.happens(&Event::Edit {
        place,
        from,
        text: &say("edit"),
    });
    let statuses = status_count(stage);
    // who may write but not command may be told so, in words that this does not know
    let has_commands = is_admitted == may_command && stage.peer.happens(&Event::Status { place, from });
    if may_command && has_commands {
        super::soon(
            "the status",
            stage
                .peer
                .until(|_| (status_count(stage) > statuses).then_some(())),
        )
        .await;
    }
    stage.peer.happens(&Event::mention(place, from, &say("later")));
    if !is_admitted {
        return;
    }
    stage.sent(&say("later")).await;
    let heard = stage.gateway.heard();
    let is_heard = heard.contains(&format!("reaction added: {emoji}"));
    assert!(
        !has_reactions || is_heard,
        "{policy}: {from:?}'s reaction is not heard: {heard}"
    );
    assert!(
        place == Place::Private || heard.contains(&say("aside")),
        "{policy}: what {from:?} said aside is context"
    );
    // a change is no new message
    assert!(
        !has_edits || stage.count(&say("edit")) == 0,
        "{policy}: {from:?}'s edit is answered"
    );
}

/// After the end: nothing of those who may not write was heard or answered.
async fn judge<P: ChannelPeer, G: Gateway>(
    stage: Stage<P, G>,
    place: Place,
    admitted: &[Person],
    policy: &str,
) {
    let (stage, _) = stage.end().await;
    let (heard, statuses) = (stage.gateway.heard(), status_count(&stage));
    for person in [ADA, BOB].into_iter().filter(|person| !admitted.contains(person)) {
        for kind in ["aside", "message", "edit", "later"] {
            let words = mark(place, person, kind);
            assert!(!heard.contains(&words), "{policy}: {words} was heard");
            assert!(stage.count(&words) == 0, "{policy}: {words} was answered");
        }
        let emoji = format!("reaction added: {}", emoji(person));
        assert!(
            !heard.contains(&emoji),
            "{policy}: {person:?}'s reaction was heard"
        );
    }
    assert!(
        statuses <= admitted.len(),
        "{policy}: the status was shown to {statuses}"
    );
}

fn mark(place: Place, from: Person, kind: &str) -> String {
    format!("{kind} of {} in {place:?},", from.name)
}

fn emoji(from: Person) -> &'static str {
    if from == ADA { "👍" } else { "🔥" }
}

fn status_count<P: ChannelPeer, G: Gateway>(stage: &Stage<P, G>) -> usize {
    stage.count(G::STATUS)
}
