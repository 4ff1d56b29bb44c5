//! `heartbeat`: when an agent looks by itself whether anything needs attention.
use jiff::{Timestamp, tz::TimeZone};
use schemars::JsonSchema;
use serde::Deserialize;
use std::time::Duration;

/// How often, if the file does not say.
const EVERY: Duration = Duration::from_secs(30 * 60);
/// Longest text beside the token that is no news, if the file does not say, characters.
const ACK_MAX_CHARS: usize = 300;

/// `agents.defaults.heartbeat`
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Heartbeat {
    /// How often, such as `30m`; a number alone means minutes, `0m` never. Default: `30m`.
    pub every: Option<String>,
    /// When, within a day. Default: always.
    pub active_hours: Option<ActiveHours>,
    /// The model. Default: the agent's.
    pub model: Option<String>,
    /// The conversation: `main`, or a key. Default: `main`.
    pub session: Option<String>,
    /// Where news go: `last`, `none`, or a channel. Default: `last`.
    pub target: Option<String>,
    /// The chat there.
    pub to: Option<String>,
    /// The account there.
    pub account_id: Option<String>,
    /// What the agent is asked.
    pub prompt: Option<String>,
    /// Most characters beside HEARTBEAT_OK that are no news. Default: 300.
    pub ack_max_chars: Option<usize>,
    /// Longest turn, seconds. Default: the agent's.
    #[schemars(range(max = 86_400))]
    pub timeout_seconds: Option<u64>,
}

/// `agents.defaults.heartbeat.activeHours`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct ActiveHours {
    /// From, `HH:MM`. Default: 00:00.
    pub start: Option<String>,
    /// To, `HH:MM`; 24:00 is the end of the day. Default: 24:00.
    pub end: Option<String>,
    /// `user`, `local` or a zone. Default: `user`.
    pub timezone: Option<String>,
}

impl Heartbeat {
    /// How often. None: never.
    pub fn interval(&self) -> Option<Duration> {
        let every = match &self.every {
            Some(every) => super::pruning::duration(every).unwrap_or(EVERY),
            None => EVERY,
        };
        (!every.is_zero()).then_some(every)
    }

    /// Most characters beside the token that are no news.
    pub fn ack_max_chars(&self) -> usize {
        self.ack_max_chars.unwrap_or(ACK_MAX_CHARS)
    }

    /// May it be now? `user` is the user's time zone. Hours that can't be read forbid nothing.
    pub fn is_active(&self, now_ms: i64, user: Option<&str>) -> bool {
        let Some(hours) = &self.active_hours else {
            return true;
        };
        let (Some(start), Some(end)) = (
            minutes(hours.start.as_deref().unwrap_or("00:00")),
            minutes(hours.end.as_deref().unwrap_or("24:00")),
        ) else {
            return true;
        };
        let zone = match hours.timezone.as_deref().unwrap_or("user") {
            "user" => user.and_then(|name| TimeZone::get(name).ok()),
            "local" => None,
            name => TimeZone::get(name).ok(),
        };
        let Ok(now) = Timestamp::from_millisecond(now_ms) else {
            return true;
        };
        let now = now.to_zoned(zone.unwrap_or_else(TimeZone::system));
        let now = i32::from(now.hour()) * 60 + i32::from(now.minute());
        match start.cmp(&end) {
            std::cmp::Ordering::Less => (start..end).contains(&now),
            std::cmp::Ordering::Equal => false,
            // over midnight
            std::cmp::Ordering::Greater => now >= start || now < end,
        }
    }
}

/// `HH:MM` as minutes of the day.
fn minutes(text: &str) -> Option<i32> {
    let (hours, minutes) = text.trim().split_once(':')?;
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    let all = hours * 60 + minutes;
    ((0..60).contains(&minutes) && (0..=24 * 60).contains(&all)).then_some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_beats_only_in_its_hours() {
        let active = |start: &str, end: &str, time: &str| {
            let heartbeat = Heartbeat {
                active_hours: Some(ActiveHours {
                    start: Some(start.into()),
                    end: Some(end.into()),
                    timezone: Some("Europe/Berlin".into()),
                }),
                ..Heartbeat::default()
            };
            let now: Timestamp = time.parse().expect("a time");
            heartbeat.is_active(now.as_millisecond(), None)
        };
        assert!(active("08:00", "24:00", "2026-01-01T07:00:00Z"), "8 in Berlin");
        assert!(!active("08:00", "24:00", "2026-01-01T06:59:00Z"));
        assert!(active("22:00", "06:00", "2026-01-01T23:00:00Z"), "over midnight");
        assert!(!active("22:00", "06:00", "2026-01-01T12:00:00Z"));
        assert!(active("25:00", "nonsense", "2026-01-01T12:00:00Z"));
    }

    #[test]
    fn it_can_be_off_and_has_a_default() {
        let every = |every: Option<&str>| {
            let heartbeat = Heartbeat {
                every: every.map(str::to_owned),
                ..Heartbeat::default()
            };
            heartbeat.interval().map(|every| every.as_secs())
        };
        assert_eq!(
            (every(None), every(Some("0m")), every(Some("1h"))),
            (Some(1800), None, Some(3600))
        );
    }
}
