//! What the bot is shown to be doing.
use crate::{
    account::Connection,
    config::{AutoPresence, Config, PresenceStatus},
};
use futures_channel::mpsc;
use serde_json::{Value, json};
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// The type of an activity that is a text of its own.
const CUSTOM: u8 = 4;
/// The type of an activity that has an address.
const STREAMING: u8 = 1;
/// Longest text of an activity, characters.
const MAX_TEXT: usize = 128;
/// How often `autoPresence` looks, if nothing is said.
const INTERVAL: Duration = Duration::from_secs(30);
/// Discord takes five changes in 20 seconds; this is far below.
const LEAST: Duration = Duration::from_secs(15);

/// What the bot is shown to be doing, and who has to tell the gateway when that changes.
#[derive(Debug, Default)]
pub(crate) struct Presence(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    now: Option<Value>,
    shards: Vec<mpsc::Sender<()>>,
}

impl Presence {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What it is now; none where nothing was ever said.
    pub(crate) fn get(&self) -> Option<Value> {
        self.lock().now.clone()
    }

    /// Changes it: a record of `since`, `activities`, `status` and `afk`, as the gateway knows it.
    pub(crate) fn set(&self, presence: Value) {
        let mut state = self.lock();
        if state.now.as_ref() == Some(&presence) {
            return;
        }
        state.now = Some(presence);
        // one that is full knows already that there is something new
        state
            .shards
            .retain_mut(|shard| shard.try_send(()).map_or_else(|error| error.is_full(), |()| true));
    }

    /// For one shard: something arrives whenever the presence has changed.
    pub(crate) fn changes(&self) -> mpsc::Receiver<()> {
        let (tell, changes) = mpsc::channel(0);
        self.lock().shards.push(tell);
        changes
    }
}

/// What the operator wants to be shown; none if nothing is said.
pub(crate) fn configured(config: &Config) -> Option<Value> {
    let activity = config
        .activity
        .as_deref()
        .map(str::trim)
        .filter(|text| !text.is_empty());
    if activity.is_none() && config.status.is_none() {
        return None;
    }
    let kind = config.activity_type.unwrap_or(CUSTOM);
    let activity = activity.map(|text| one(text, kind, config.activity_url.as_deref()));
    Some(record(activity, config.status.unwrap_or_default()))
}

fn one(text: &str, kind: u8, url: Option<&str>) -> Value {
    let text: String = text.chars().take(MAX_TEXT).collect();
    match kind {
        CUSTOM => json!({ "name": "Custom Status", "type": CUSTOM, "state": text }),
        STREAMING => json!({ "name": text, "type": STREAMING, "url": url }),
        _ => json!({ "name": text, "type": kind }),
    }
}

fn record(activity: Option<Value>, status: PresenceStatus) -> Value {
    let activities: Vec<_> = activity.into_iter().collect();
    json!({ "since": null, "activities": activities, "status": status.name(), "afk": false })
}

/// Keeps the presence in step with how the account is doing, where the operator wants that. Never ends.
pub(crate) async fn follow(connection: &Connection) {
    let auto = connection.config.auto_presence.clone().unwrap_or_default();
    if auto.enabled != Some(true) {
        return std::future::pending().await;
    }
    let interval = auto
        .interval_ms
        .map_or(INTERVAL, Duration::from_millis)
        .max(auto.min_update_interval_ms.map_or(LEAST, Duration::from_millis))
        .max(LEAST);
    let mut before = None;
    loop {
        let blocked = connection.status.is_blocked();
        if before != Some(blocked) {
            connection
                .presence
                .set(of_health(&connection.config, &auto, blocked));
            before = Some(blocked);
        }
        connection.host().sleep(interval).await;
    }
}

fn of_health(config: &Config, auto: &AutoPresence, blocked: bool) -> Value {
    let (text, status) = match blocked {
        true => (auto.degraded_text.as_deref(), PresenceStatus::Idle),
        false => (
            auto.healthy_text.as_deref(),
            config.status.unwrap_or(PresenceStatus::Online),
        ),
    };
    match text {
        Some(text) => record(Some(one(text, CUSTOM, None)), status),
        None => {
            let mut presence = configured(config).unwrap_or_else(|| record(None, status));
            presence["status"] = status.name().into();
            presence
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::from_value;

    fn config(value: Value) -> Config {
        from_value(value).expect("a configuration")
    }

    #[test]
    fn a_text_alone_is_a_status_of_its_own() {
        assert_eq!(configured(&config(json!({}))), None);
        let presence = configured(&config(json!({ "activity": "reading" }))).expect("something");
        assert_eq!(presence["activities"][0]["type"], 4);
        assert_eq!(
            (&presence["activities"][0]["state"], &presence["status"]),
            (&json!("reading"), &json!("online"))
        );
        let presence = configured(&config(json!({
            "activity": "a game", "activityType": 1, "activityUrl": "https://twitch.tv/x", "status": "dnd"
        })))
        .expect("something");
        assert_eq!(presence["activities"][0]["url"], "https://twitch.tv/x");
        assert_eq!(presence["status"], "dnd");
    }

    #[test]
    fn trouble_is_shown_and_goes_by() {
        let config = config(json!({ "activity": "reading", "status": "online" }));
        let auto = AutoPresence {
            degraded_text: Some("catching up".into()),
            ..AutoPresence::default()
        };
        let bad = of_health(&config, &auto, true);
        assert_eq!(
            (&bad["status"], &bad["activities"][0]["state"]),
            (&json!("idle"), &json!("catching up"))
        );
        let good = of_health(&config, &auto, false);
        assert_eq!(
            (&good["status"], &good["activities"][0]["state"]),
            (&json!("online"), &json!("reading"))
        );
    }

    #[test]
    fn shards_hear_of_changes_and_of_nothing_else() {
        let presence = Presence::default();
        let mut changes = presence.changes();
        presence.set(json!({ "status": "idle" }));
        assert!(changes.try_recv().is_ok());
        presence.set(json!({ "status": "idle" }));
        assert!(changes.try_recv().is_err());
        drop(changes);
        presence.set(json!({ "status": "dnd" }));
        assert!(presence.lock().shards.is_empty());
    }
}
