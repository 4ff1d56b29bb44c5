//! What every channel owes, proved with a platform that does what it is told and with the real gateway.
//!
//! A channel's test brings two things: a [`ChannelPeer`], which is the channel's platform in a few words (make this
//! happen, what was sent, fail like this), and a [`Gateway`], which is the real program with the real library. The
//! scenarios know neither. [`channel_conformance!`](crate::channel_conformance) makes a test of each:
//!
//! ```ignore
//! mod telegram {
//!     openclaw_kit::channel_conformance!(TelegramPeer, RealGateway);
//! }
//! ```
//!
//! Nothing here waits for time to pass: a scenario waits until something was said or heard, and fails after
//! [`PATIENCE`]. What must not happen is looked for after something later has happened and the gateway has ended.
mod connection;
mod delivery;
mod hostile;
mod peer;
mod policy;
mod texts;

pub use connection::{lifecycle, reconnect_storm, stop_while_sending};
pub use delivery::{events_in_another_order, events_told_twice, limited_sends, lost_answers, refused_sends};
pub use hostile::{hostile_names, hostile_payloads, hostile_texts};
pub use peer::{Broken, ChannelPeer, Event, Failure, Gateway, Person, Place, Senders, Sent};
pub use policy::{groups, private_chats};
pub use texts::long_answers;

use serde_json::Value;
use std::time::Duration;

/// Longest that anything may take; a busy machine needs a small part of it.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Somebody who may write, where only some may.
pub const ADA: Person = Person {
    id: 70_001,
    name: "Ada",
};
/// Somebody who may not.
pub const BOB: Person = Person {
    id: 70_002,
    name: "Bob",
};

/// A test of each scenario, for a peer and a gateway. Needs `tokio` where it stands.
#[macro_export]
macro_rules! channel_conformance {
    ($peer:ty, $gateway:ty) => {
        $crate::channel_conformance!(@ $peer, $gateway,
            lifecycle, reconnect_storm, stop_while_sending,
            events_in_another_order, events_told_twice, limited_sends, lost_answers, refused_sends,
            hostile_names, hostile_payloads, hostile_texts, private_chats, groups, long_answers);
    };
    (@ $peer:ty, $gateway:ty, $($scenario:ident),+) => {$(
        #[tokio::test]
        async fn $scenario() {
            $crate::conformance::$scenario::<$peer, $gateway>().await;
        }
    )+};
}

/// A platform and a gateway that is connected to it.
struct Stage<P, G> {
    peer: P,
    gateway: G,
}

impl<P: ChannelPeer, G: Gateway> Stage<P, G> {
    /// Everybody may write.
    async fn open() -> Self {
        Self::with(|_, _| {}).await
    }

    /// The same with other rules.
    async fn with(change: impl FnOnce(&P, &mut Value)) -> Self {
        let peer = P::start().await;
        let mut config = peer.config();
        config["dmPolicy"] = "open".into();
        config["allowFrom"] = serde_json::json!(["*"]);
        config["groupPolicy"] = "open".into();
        change(&peer, &mut config);
        let gateway = G::start(P::CHANNEL, config).await;
        soon("the channel to be connected", peer.connected()).await;
        Self { peer, gateway }
    }

    /// Waits until a message with these words is there; gives it.
    async fn sent(&self, words: &str) -> Sent {
        let found = self.peer.until(|peer| {
            let sent = peer.sent().into_iter();
            sent.into_iter().find(|sent| sent.text.contains(words))
        });
        match tokio::time::timeout(PATIENCE, found).await {
            Ok(found) => found,
            Err(_) => panic!(
                "nothing with {words:?} was sent; it sent {:#?}\n{}",
                self.peer.sent(),
                self.gateway.log()
            ),
        }
    }

    /// How many messages with these words are there?
    fn count(&self, words: &str) -> usize {
        self.peer
            .sent()
            .iter()
            .filter(|sent| sent.text.contains(words))
            .count()
    }

    /// Somebody writes in private and is answered.
    async fn chat(&self, from: Person, words: &str) {
        assert!(self.peer.happens(&Event::message(Place::Private, from, words)));
        self.sent(words).await;
    }

    /// Ends in good order. The platform had nothing to complain of. Gives the log.
    async fn end(mut self) -> (Self, String) {
        let log = self.gateway.stop().await;
        assert_eq!(
            self.peer.complaints(),
            [""; 0],
            "what the platform would not have taken"
        );
        (self, log)
    }
}

/// Waits for something, not for ever.
async fn soon<T>(what: &str, work: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, work).await {
        Ok(value) => value,
        Err(_) => panic!("waited for {what} in vain"),
    }
}
