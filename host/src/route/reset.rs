//! When a conversation begins anew by itself.
use crate::config::ResetPolicy;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// Whether a conversation that was last used at `updated_ms` is over now: the hour of its policy has come in between,
/// or there was silence for long enough. `utc_offset_s` is what the operator's clock is ahead of UTC.
pub fn is_expired(updated_ms: i64, now_ms: i64, policy: ResetPolicy, utc_offset_s: i32) -> bool {
    let by_hour = policy.at_hour.is_some_and(|hour| {
        let to_local = i64::from(utc_offset_s) * 1000 - i64::from(hour) * HOUR_MS;
        // days that begin at the hour: another day, another conversation
        (updated_ms + to_local).div_euclid(DAY_MS) < (now_ms + to_local).div_euclid(DAY_MS)
    });
    let by_silence = policy.idle_minutes.is_some_and(|minutes| {
        let silence = now_ms.saturating_sub(updated_ms);
        silence > i64::from(minutes) * MINUTE_MS
    });
    by_hour || by_silence
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hour_and_the_silence_end_a_conversation() {
        let at = |day: i64, hour: i64, minute: i64| day * DAY_MS + hour * HOUR_MS + minute * MINUTE_MS;
        let policy = |at_hour, idle_minutes| ResetPolicy {
            at_hour,
            idle_minutes,
        };
        let daily = policy(Some(4), None);
        for (updated, now, policy, offset_h, expired) in [
            (at(9, 3, 59), at(9, 4, 0), daily, 0, true),
            (at(9, 4, 0), at(9, 23, 0), daily, 0, false),
            (at(9, 4, 0), at(10, 3, 59), daily, 0, false),
            (at(9, 4, 0), at(10, 4, 0), daily, 0, true),
            (at(9, 2, 30), at(9, 3, 0), daily, 1, true),
            (at(9, 9, 30), at(9, 8, 59), daily, -5, false),
            (at(9, 8, 59), at(9, 9, 0), daily, -5, true),
            (at(9, 0, 0), at(9, 1, 0), policy(None, Some(60)), 0, false),
            (at(9, 0, 0), at(9, 1, 1), policy(None, Some(60)), 0, true),
            (at(9, 5, 0), at(9, 5, 11), policy(Some(4), Some(10)), 0, true),
            (at(9, 5, 0), at(9, 4, 0), policy(Some(4), Some(10)), 0, false),
            (at(9, 5, 0), at(99, 5, 0), policy(None, None), 0, false),
        ] {
            let now_expired = is_expired(updated, now, policy, offset_h * 3600);
            assert_eq!(now_expired, expired, "{updated} {now} {policy:?} {offset_h}");
        }
    }
}
