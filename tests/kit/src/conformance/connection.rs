//! Connecting, losing the connection, and ending.
use super::{ADA, BOB, Broken, ChannelPeer, Event, Failure, Gateway, Place, Stage, soon};
use serde_json::json;

/// How often the connection breaks in a storm.
const STORM: usize = 9;

/// An account starts, ends in good order, starts again, and is started in place of itself while it runs.
pub async fn lifecycle<P: ChannelPeer, G: Gateway>() {
    let mut stage = Stage::<P, G>::open().await;
    stage.chat(ADA, "before the restart").await;
    stage.gateway.restart().await;
    soon("the channel to be connected again", stage.peer.connected()).await;
    stage.chat(ADA, "after the restart").await;
    let mut config = stage.peer.config();
    config["dmPolicy"] = "open".into();
    config["allowFrom"] = json!(["*"]);
    config["historyLimit"] = 7.into();
    stage.gateway.configure(config).await;
    stage.chat(ADA, "after the change").await;
    stage.chat(BOB, "and another").await;
    for words in [
        "before the restart",
        "after the restart",
        "after the change",
        "and another",
    ] {
        assert_eq!(stage.count(words), 1, "{words} is answered once");
    }
    let (_, log) = stage.end().await;
    assert!(!log.contains("panic"), "{log}");
}

/// The connection breaks again and again, in every way that the platform has, and what is said meanwhile is answered
/// once.
pub async fn reconnect_storm<P: ChannelPeer, G: Gateway>() {
    let stage = Stage::<P, G>::open().await;
    stage.chat(ADA, "before the storm").await;
    let ways = [Broken::Dropped, Broken::SentAway];
    for n in 0..STORM {
        assert!(stage.peer.breaks(ways[n % ways.len()]), "a connection can break");
        stage
            .chat(if n % 2 == 0 { ADA } else { BOB }, &format!("in the storm {n},"))
            .await;
    }
    stage.chat(ADA, "after the storm").await;
    for n in 0..STORM {
        assert_eq!(stage.count(&format!("in the storm {n},")), 1);
    }
    stage.end().await;
}

/// The gateway ends while a send is under way, and goes on afterwards.
pub async fn stop_while_sending<P: ChannelPeer, G: Gateway>() {
    let mut stage = Stage::<P, G>::open().await;
    stage.chat(ADA, "all is well").await;
    let before = stage.peer.tried();
    assert!(stage.peer.fails(Failure::Stalled), "a send can stall");
    stage
        .peer
        .happens(&Event::message(Place::Private, ADA, "into the void"));
    soon(
        "the send",
        stage.peer.until(|peer| (peer.tried() > before).then_some(())),
    )
    .await;
    stage.gateway.restart().await;
    soon("the channel to be connected again", stage.peer.connected()).await;
    stage.chat(ADA, "still there").await;
    assert_eq!(stage.count("still there"), 1);
    let shown = stage.count("into the void");
    // a platform without keys may show it twice: its row says that it was repeated
    let most = if P::IS_IDEMPOTENT { 1 } else { 2 };
    assert!((1..=most).contains(&shown), "it shows {shown} times");
    stage.end().await;
}
