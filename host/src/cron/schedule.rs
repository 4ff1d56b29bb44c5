//! When a job is due. Pure: a time goes in, the next one comes out.
use croner::Cron;
use jiff::{Timestamp, civil, tz::TimeZone};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::str::FromStr;

/// What jobs at the top of an hour are spread over unless they say otherwise, milliseconds.
const STAGGER_MS: i64 = 5 * 60_000;
/// Shortest time between two runs of a job, milliseconds.
const MIN_GAP_MS: i64 = 2_000;
/// How far a time may lie in the past when it is given, milliseconds.
const LATE_MS: i64 = 60_000;
/// Longest expression, bytes.
const MAX_EXPR: usize = 200;

/// When a job runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(
    tag = "kind",
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Schedule {
    /// Once.
    At {
        /// RFC 3339; without an offset it is UTC.
        at: String,
    },
    /// Again and again after the same time.
    Every {
        /// The time, milliseconds.
        every_ms: i64,
        /// What it is counted from, milliseconds since 1970. Default: when the job was made.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        anchor_ms: Option<i64>,
    },
    /// As a cron expression says.
    Cron {
        /// Five fields, or six with seconds first.
        expr: String,
        /// The time zone. Default: the machine's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tz: Option<String>,
        /// What the job may be late by, always the same for one job. Default: five minutes for jobs at the top of every
        /// hour, else 0.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stagger_ms: Option<i64>,
    },
}

impl Schedule {
    /// It can be kept to. `now_ms` is for times that lie in the past.
    pub fn check(&self, now_ms: i64) -> Result<(), String> {
        match self {
            Self::At { at } => match instant(at)? {
                ms if ms < now_ms - LATE_MS => {
                    Err(format!("schedule.at {at} is in the past; name a later time"))
                }
                _ => Ok(()),
            },
            Self::Every { every_ms, .. } if *every_ms < 1 => {
                Err("schedule.everyMs is less than 1; name a time between runs".to_owned())
            }
            Self::Every { .. } => Ok(()),
            Self::Cron {
                expr, tz, stagger_ms, ..
            } => {
                let (cron, zone) = (parse(expr)?, zone(tz.as_deref())?);
                if stagger_ms.is_some_and(|ms| ms < 0) {
                    return Err("schedule.staggerMs is negative; name 0 or more".to_owned());
                }
                let next = next_of(&cron, &zone, now_ms);
                next.map(drop)
                    .ok_or_else(|| format!("schedule.expr \"{expr}\" never comes; name a day that exists"))
            }
        }
    }

    /// The first time behind `after_ms`. A time that is named once is given also if it has passed. None: never again.
    pub fn next(&self, job: &str, created_ms: i64, after_ms: i64) -> Option<i64> {
        match self {
            Self::At { at } => instant(at).ok(),
            Self::Every { every_ms, anchor_ms } => {
                let (every, anchor) = ((*every_ms).max(1), anchor_ms.unwrap_or(created_ms));
                let hectic = every < MIN_GAP_MS;
                let after = after_ms.saturating_add(if hectic { MIN_GAP_MS - 1 } else { 0 });
                if after < anchor {
                    return Some(anchor);
                }
                let steps = (after - anchor) / every + 1;
                Some(anchor.saturating_add(steps.saturating_mul(every)))
            }
            Self::Cron { expr, tz, stagger_ms } => {
                let (cron, zone) = (parse(expr).ok()?, zone(tz.as_deref()).ok()?);
                let late = offset(job, stagger_ms.unwrap_or_else(|| usual_stagger(expr)));
                let next = next_of(&cron, &zone, after_ms - late)?;
                Some(next + late).filter(|next| *next > after_ms)
            }
        }
    }

    /// It comes once.
    pub fn is_once(&self) -> bool {
        matches!(self, Self::At { .. })
    }
}

/// A time as people and programs write it: RFC 3339, a date with or without a time (UTC), or milliseconds since 1970.
pub fn instant(text: &str) -> Result<i64, String> {
    let text = text.trim();
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time.as_millisecond());
    }
    if let Ok(ms) = text.parse::<i64>() {
        return Ok(ms);
    }
    let local = text.parse::<civil::DateTime>().ok();
    let local = local.or_else(|| text.parse::<civil::Date>().ok().map(civil::Date::into));
    let zoned = local.and_then(|local| local.to_zoned(TimeZone::UTC).ok());
    zoned
        .map(|zoned| zoned.timestamp().as_millisecond())
        .ok_or_else(|| format!("schedule.at \"{text}\" is no time; write one like 2026-01-31T09:00:00Z"))
}

fn parse(expr: &str) -> Result<Cron, String> {
    if expr.len() > MAX_EXPR {
        return Err(format!(
            "schedule.expr is longer than {MAX_EXPR} bytes; shorten it"
        ));
    }
    Cron::from_str(expr).map_err(|error| {
        format!(
            "schedule.expr \"{expr}\" is no cron expression: {error}; write five fields like \"0 9 * * 1-5\""
        )
    })
}

fn zone(name: Option<&str>) -> Result<TimeZone, String> {
    match name.map(str::trim).filter(|name| !name.is_empty()) {
        None => Ok(TimeZone::system()),
        Some(name) => TimeZone::get(name)
            .map_err(|_| format!("schedule.tz \"{name}\" is no time zone; write one like Europe/Berlin")),
    }
}

fn next_of(cron: &Cron, zone: &TimeZone, after_ms: i64) -> Option<i64> {
    let after = Timestamp::from_millisecond(after_ms).ok()?.to_zoned(zone.clone());
    let next = cron.find_next_occurrence(&after, false).ok()?;
    Some(next.timestamp().as_millisecond())
}

/// Jobs at the top of every hour would all begin at once.
fn usual_stagger(expr: &str) -> i64 {
    let fields: Vec<_> = expr.split_whitespace().collect();
    let (minute, hour) = match fields.as_slice() {
        [minute, hour, _, _, _] => (*minute, *hour),
        ["0" | "00", minute, hour, _, _, _] => (*minute, *hour),
        _ => return 0,
    };
    if matches!(minute, "0" | "00") && hour.contains('*') {
        STAGGER_MS
    } else {
        0
    }
}

/// Where in the time over which jobs are spread this one comes; the same at every start.
fn offset(job: &str, stagger_ms: i64) -> i64 {
    if stagger_ms <= 1 {
        return 0;
    }
    let hash = Sha256::digest(job.as_bytes());
    let head: [u8; 4] = [hash[0], hash[1], hash[2], hash[3]];
    i64::from(u32::from_be_bytes(head)) % stagger_ms
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> i64 {
        instant(text).expect("a time")
    }

    fn cron(expr: &str, tz: &str, stagger_ms: Option<i64>) -> Schedule {
        Schedule::Cron {
            expr: expr.into(),
            tz: Some(tz.into()),
            stagger_ms,
        }
    }

    #[test]
    fn expressions_keep_to_their_zone_over_a_change_of_the_clock() {
        let nine = cron("0 9 * * *", "Europe/Berlin", None);
        let next = |after: &str| nine.next("j", 0, at(after));
        assert_eq!(next("2026-10-24T12:00:00Z"), Some(at("2026-10-25T08:00:00Z")));
        assert_eq!(next("2026-10-23T12:00:00Z"), Some(at("2026-10-24T07:00:00Z")));
        let seconds = cron("*/10 * * * * *", "UTC", None);
        assert_eq!(
            seconds.next("j", 0, at("2026-01-01T00:00:01Z")),
            Some(at("2026-01-01T00:00:10Z"))
        );
        let last = cron("0 0 L * *", "UTC", None);
        assert_eq!(
            last.next("j", 0, at("2026-02-03T00:00:00Z")),
            Some(at("2026-02-28T00:00:00Z"))
        );
    }

    #[test]
    fn jobs_at_the_top_of_the_hour_are_spread_and_each_keeps_its_place() {
        let hourly = cron("0 * * * *", "UTC", None);
        let after = at("2026-01-01T10:30:00Z");
        let times: Vec<_> = (0..50)
            .filter_map(|n| hourly.next(&format!("j{n}"), 0, after))
            .collect();
        let hour = at("2026-01-01T11:00:00Z");
        assert!(times.iter().all(|time| (hour..hour + STAGGER_MS).contains(time)));
        assert!(
            times.iter().any(|time| *time != times[0]),
            "they don't all begin at once"
        );
        let first = hourly.next("j", 0, after).expect("one");
        assert_eq!(
            hourly.next("j", 0, first),
            Some(first + 3_600_000),
            "always as late"
        );
        assert_eq!(hourly.next("j", 0, first - 1), Some(first), "it is not left out");
        assert_eq!(cron("0 * * * *", "UTC", Some(0)).next("j", 0, after), Some(hour));
        assert_eq!(usual_stagger("0 3 * * *"), 0);
    }

    #[test]
    fn intervals_are_counted_from_their_anchor() {
        let every = Schedule::Every {
            every_ms: 60_000,
            anchor_ms: None,
        };
        let next = |after| every.next("j", 1_000, after);
        assert_eq!(
            (next(500), next(1_000), next(61_000)),
            (Some(1_000), Some(61_000), Some(121_000))
        );
        assert_eq!(
            next(1_000_000),
            Some(1_021_000),
            "missed ones are not made up for"
        );
        let hectic = Schedule::Every {
            every_ms: 1,
            anchor_ms: None,
        };
        assert_eq!(hectic.next("j", 0, 10), Some(10 + MIN_GAP_MS));
    }

    #[test]
    fn what_can_not_be_kept_to_is_refused() {
        let now = at("2026-01-01T00:00:00Z");
        for (bad, why) in [
            (
                Schedule::At {
                    at: "tomorrow".into(),
                },
                "no time",
            ),
            (
                Schedule::At {
                    at: "2025-01-01".into(),
                },
                "past",
            ),
            (cron("61 * * * *", "UTC", None), "no cron expression"),
            (cron("0 0 30 2 *", "UTC", None), "never comes"),
            (cron("0 0 * * *", "Mars/Olympus", None), "no time zone"),
            (cron("0 0 * * *", "UTC", Some(-1)), "negative"),
        ] {
            let said = bad.check(now).expect_err("refused");
            assert!(said.contains(why), "{bad:?}: {said}");
        }
        let good = Schedule::At {
            at: "2026-01-01T00:00:00".into(),
        };
        assert_eq!((good.check(now), good.next("j", 0, now + 9)), (Ok(()), Some(now)));
    }
}
