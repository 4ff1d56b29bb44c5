//! What a failed try means for a reply.
use crate::journal::{Delivery, Outcome};
use openclaw_plugin_api::{Error, ErrorKind};
use std::time::Duration;

/// How long a reply is tried.
const GIVE_UP_AFTER: Duration = Duration::from_secs(24 * 3600);
/// The first wait; each further one is twice as long.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// The longest wait that the platform did not ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Judges a try. `idempotent`: another one can't show the message twice.
pub(super) fn judge(delivery: &Delivery, error: &Error, idempotent: bool, now_ms: i64) -> Outcome {
    let why = error.to_string();
    if is_open(error.kind()) && !idempotent {
        return Outcome::Unknown(why);
    }
    if !is_passing(error.kind()) {
        return Outcome::Failed(why);
    }
    let wait = error.retry_after().unwrap_or_else(|| backoff(delivery.attempts));
    let due = now_ms.saturating_add(ms(wait));
    if due.saturating_sub(delivery.created_ms) > ms(GIVE_UP_AFTER) {
        return Outcome::Failed(format!("given up after a day: {why}"));
    }
    Outcome::Retry(due, why)
}

/// It left, and nobody knows whether it arrived.
fn is_open(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Unknown | ErrorKind::Timeout | ErrorKind::Panic)
}

/// Another try may succeed: by itself, or after the operator has done something.
fn is_passing(kind: ErrorKind) -> bool {
    kind.is_transient()
        || is_open(kind)
        || matches!(
            kind,
            ErrorKind::Closed
                | ErrorKind::Cancelled
                | ErrorKind::Auth
                | ErrorKind::Billing
                | ErrorKind::Config
        )
}

fn backoff(attempts: u32) -> Duration {
    FIRST_WAIT.saturating_mul(1 << attempts.min(10)).min(LONGEST_WAIT)
}

fn ms(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::SendState;

    fn delivery(attempts: u32) -> Delivery {
        Delivery {
            id: 1,
            inbox: None,
            lane: "l".into(),
            channel: "c".into(),
            body: "{}".into(),
            state: SendState::Pending,
            attempts,
            repeated: false,
            due_ms: 0,
            created_ms: 0,
        }
    }

    #[test]
    fn each_kind_has_its_verdict() {
        use ErrorKind::{
            Auth, Closed, InvalidInput, Network, NotFound, Panic, RateLimited, Rejected, Timeout, Unknown,
        };
        for kind in [Network, RateLimited, Closed, Auth] {
            let verdict = judge(&delivery(0), &Error::new(kind, "x"), false, 5);
            assert_eq!(verdict, Outcome::Retry(1005, "x".into()), "{kind}");
        }
        for kind in [Unknown, Timeout, Panic] {
            let error = Error::new(kind, "x");
            assert_eq!(
                judge(&delivery(0), &error, false, 5),
                Outcome::Unknown("x".into()),
                "{kind}"
            );
            assert_eq!(
                judge(&delivery(0), &error, true, 5),
                Outcome::Retry(1005, "x".into()),
                "{kind}"
            );
        }
        for kind in [Rejected, NotFound, InvalidInput] {
            let verdict = judge(&delivery(0), &Error::new(kind, "x"), true, 5);
            assert_eq!(verdict, Outcome::Failed("x".into()), "{kind}");
        }
    }

    #[test]
    fn waits_grow_to_a_minute_unless_the_platform_names_one() {
        let waits: Vec<_> = (0..8).map(|n| backoff(n).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
        let asked = Error::new(ErrorKind::RateLimited, "x").with_retry_after(Duration::from_secs(300));
        assert_eq!(
            judge(&delivery(1), &asked, false, 0),
            Outcome::Retry(300_000, "x".into())
        );
    }

    #[test]
    fn after_a_day_it_is_given_up() {
        let late = judge(
            &delivery(9),
            &Error::new(ErrorKind::Network, "x"),
            false,
            86_400_000,
        );
        assert!(matches!(late, Outcome::Failed(why) if why.starts_with("given up")));
    }
}
