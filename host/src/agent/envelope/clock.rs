//! The time of a message, in the zone that the operator chose. It reads no clock: who calls says when it was.
use jiff::{Timestamp, tz::TimeZone};

/// A zone, and the name under which people know it.
#[derive(Debug, Clone, PartialEq)]
pub struct Zone {
    /// `UTC` or a name such as `Europe/Vienna`.
    pub name: String,
    zone: TimeZone,
}

/// How times are shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Stamp {
    /// `None`: not at all.
    zone: Option<Zone>,
}

// === impl Zone ===

impl Zone {
    /// The zone of a setting: `utc`, `local`, `user` (`user_zone`, else the machine's) or a name of the zone database.
    /// A name that the database doesn't have is UTC, which is also what is then shown.
    pub fn named(setting: &str, user_zone: Option<&str>) -> Self {
        match setting.trim() {
            "" => Self::utc(),
            name if name.eq_ignore_ascii_case("utc") || name.eq_ignore_ascii_case("gmt") => Self::utc(),
            name if name.eq_ignore_ascii_case("local") => Self::local(),
            name if name.eq_ignore_ascii_case("user") => match user_zone {
                Some(zone) if !zone.eq_ignore_ascii_case("user") => Self::named(zone, None),
                _ => Self::local(),
            },
            name => TimeZone::get(name).map_or_else(|_| Self::utc(), |zone| Self::of(zone, name)),
        }
    }

    fn utc() -> Self {
        Self::of(TimeZone::UTC, "UTC")
    }

    fn local() -> Self {
        Self::of(TimeZone::system(), "local")
    }

    fn of(zone: TimeZone, name: &str) -> Self {
        let name = zone.iana_name().unwrap_or(name).to_owned();
        Self { name, zone }
    }

    /// `Fri 2026-11-20 17:23 UTC`; empty for a time that is out of all bounds.
    pub fn show(&self, ms: u64) -> String {
        let time = i64::try_from(ms)
            .ok()
            .and_then(|ms| Timestamp::from_millisecond(ms).ok());
        time.map(|time| {
            time.to_zoned(self.zone.clone())
                .strftime("%a %Y-%m-%d %H:%M %Z")
                .to_string()
        })
        .unwrap_or_default()
    }
}

// === impl Stamp ===

impl Stamp {
    /// What `envelopeTimezone`, `envelopeTimestamp` and `userTimezone` ask for. Times are shown unless switched off.
    pub fn new(timezone: &str, timestamp: &str, user_zone: Option<&str>) -> Self {
        let shown = !timestamp.trim().eq_ignore_ascii_case("off");
        Self {
            zone: shown.then(|| Zone::named(timezone, user_zone)),
        }
    }

    /// `[Fri 2026-11-20 17:23 UTC] `, or nothing if the time is unknown (0) or not to be shown.
    pub fn prefix(&self, ms: u64) -> String {
        let shown = self.zone.as_ref().filter(|_| ms > 0).map(|zone| zone.show(ms));
        shown
            .filter(|text| !text.is_empty())
            .map(|text| format!("[{text}] "))
            .unwrap_or_default()
    }
}

impl Default for Stamp {
    fn default() -> Self {
        Self {
            zone: Some(Zone::utc()),
        }
    }
}
