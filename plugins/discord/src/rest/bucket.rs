//! One rate limit: how many requests Discord still takes until when, and who waits for it.
//!
//! It reads no clock and wakes nobody by itself: times come in, and decisions go out.
use futures_channel::mpsc;
use openclaw_plugin_api::FetchResponse;
use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// Two resets that lie no further apart belong to the same window.
const SAME_WINDOW: Duration = Duration::from_millis(300);

/// One rate limit.
#[derive(Debug, Default)]
pub(super) struct Bucket {
    /// What Discord said last. None: nothing yet, so one request goes ahead and asks.
    window: Option<Window>,
    /// Discord has answered at least once on this route.
    is_known: bool,
    in_flight: u32,
    paused_until: Option<Instant>,
    /// Those who wait, in order.
    queue: VecDeque<(u64, mpsc::Sender<()>)>,
}

#[derive(Debug, Clone, Copy)]
struct Window {
    limit: u32,
    remaining: u32,
    reset: Instant,
}

/// May the next one go?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// Yes, and it is counted.
    Go,
    /// Not before.
    At(Instant),
    /// When something else has changed: a request has ended, or one that waits has gone.
    Later,
}

/// What the headers of an answer say of its limit.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Headers {
    /// The limit's name, which several routes may share.
    pub(super) bucket: Option<String>,
    /// Requests of a window.
    pub(super) limit: Option<u32>,
    /// Requests that are left in this one.
    pub(super) remaining: Option<u32>,
    /// How long this window lasts yet.
    pub(super) reset_after: Option<Duration>,
}

impl Bucket {
    /// Takes a turn for the one with this number, if it is the first that waits.
    pub(super) fn turn(&mut self, number: u64, now: Instant) -> Turn {
        if self.queue.front().is_some_and(|(first, _)| *first != number) {
            return Turn::Later;
        }
        if let Some(until) = self.paused_until.filter(|until| *until > now) {
            return Turn::At(until);
        }
        self.paused_until = None;
        if !self.is_known && self.in_flight > 0 {
            return Turn::Later;
        }
        if let Some(window) = &mut self.window {
            if window.reset <= now {
                // The answers to those under way will say when the new window ends.
                window.remaining = window.limit.saturating_sub(self.in_flight);
            }
            if window.remaining == 0 {
                return if window.reset > now {
                    Turn::At(window.reset)
                } else if self.in_flight > 0 {
                    Turn::Later
                } else {
                    self.in_flight += 1;
                    Turn::Go
                };
            }
            window.remaining -= 1;
        }
        self.in_flight += 1;
        Turn::Go
    }

    /// A request has ended, with an answer or without.
    pub(super) fn ended(&mut self, headers: Option<&Headers>, now: Instant) {
        self.in_flight = self.in_flight.saturating_sub(1);
        let Some(headers) = headers else { return };
        self.is_known = true;
        let (Some(limit), Some(remaining), Some(after)) =
            (headers.limit, headers.remaining, headers.reset_after)
        else {
            return;
        };
        let reset = now + after;
        // Those under way may not be counted in the answer yet.
        let mut remaining = remaining.min(limit.saturating_sub(self.in_flight));
        if let Some(known) = self.window
            && known.reset > now
            && reset < known.reset + SAME_WINDOW
        {
            remaining = remaining.min(known.remaining);
        }
        self.window = Some(Window {
            limit,
            remaining,
            reset,
        });
    }

    /// Nothing goes before this time.
    pub(super) fn pause(&mut self, until: Instant) {
        self.paused_until = Some(self.paused_until.map_or(until, |other| other.max(until)));
    }

    /// What it knows of its limit, for a bucket that takes over from it.
    pub(super) fn adopt(&mut self, headers: Option<&Headers>, now: Instant) {
        self.in_flight += 1;
        self.ended(headers, now);
    }

    pub(super) fn join(&mut self, number: u64, wake: mpsc::Sender<()>) {
        self.queue.push_back((number, wake));
    }

    /// One that waited goes, on its way or for good.
    pub(super) fn leave(&mut self, number: u64) {
        self.queue.retain(|(other, _)| *other != number);
    }

    /// Tells the first of the queue to look again.
    pub(super) fn wake(&mut self) {
        if let Some((_, first)) = self.queue.front_mut() {
            // Full means that it was told already.
            let _ = first.try_send(());
        }
    }

    /// Tells all of them.
    pub(super) fn wake_all(&mut self) {
        for (_, waiting) in &mut self.queue {
            let _ = waiting.try_send(());
        }
    }

    pub(super) fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// May it be forgotten?
    pub(super) fn is_idle(&self, now: Instant) -> bool {
        self.in_flight == 0
            && self.queue.is_empty()
            && self.window.is_none_or(|window| window.reset <= now)
            && self.paused_until.is_none_or(|until| until <= now)
    }
}

impl Headers {
    pub(super) fn of(answer: &FetchResponse) -> Self {
        let number = |name| answer.header(name)?.trim().parse::<u32>().ok();
        let seconds = answer
            .header("x-ratelimit-reset-after")
            .and_then(|text| text.trim().parse::<f64>().ok());
        Self {
            bucket: answer.header("x-ratelimit-bucket").map(str::to_owned),
            limit: number("x-ratelimit-limit"),
            remaining: number("x-ratelimit-remaining"),
            reset_after: seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(limit: u32, remaining: u32, seconds: u64) -> Headers {
        Headers {
            bucket: None,
            limit: Some(limit),
            remaining: Some(remaining),
            reset_after: Some(Duration::from_secs(seconds)),
        }
    }

    #[test]
    fn the_first_asks_and_the_rest_keep_to_the_answer() {
        let (mut bucket, now) = (Bucket::default(), Instant::now());
        assert_eq!(bucket.turn(1, now), Turn::Go);
        assert_eq!(bucket.turn(2, now), Turn::Later, "nothing is known yet");
        bucket.ended(Some(&said(3, 2, 5)), now);
        assert_eq!((bucket.turn(2, now), bucket.turn(3, now)), (Turn::Go, Turn::Go));
        let reset = now + Duration::from_secs(5);
        assert_eq!(bucket.turn(4, now), Turn::At(reset));
        // An older answer gives nothing back.
        bucket.ended(Some(&said(3, 2, 5)), now);
        assert_eq!(bucket.turn(4, now), Turn::At(reset));
        bucket.ended(Some(&said(3, 0, 5)), now);
        assert_eq!(bucket.turn(4, reset), Turn::Go);
    }

    #[test]
    fn a_new_window_counts_what_is_still_under_way() {
        let (mut bucket, now) = (Bucket::default(), Instant::now());
        bucket.turn(1, now);
        bucket.ended(Some(&said(2, 1, 1)), now);
        assert_eq!(bucket.turn(2, now), Turn::Go);
        let later = now + Duration::from_secs(2);
        assert_eq!(bucket.turn(3, later), Turn::Go);
        assert_eq!(
            bucket.turn(4, later),
            Turn::Later,
            "two are under way and two is the limit"
        );
        bucket.ended(Some(&said(2, 1, 1)), later);
        assert_eq!(bucket.turn(4, later), Turn::Go);
    }

    #[test]
    fn a_request_that_ends_without_an_answer_leaves_the_route_unknown() {
        let (mut bucket, now) = (Bucket::default(), Instant::now());
        bucket.turn(1, now);
        bucket.ended(None, now);
        assert_eq!(
            (bucket.turn(2, now), bucket.turn(3, now)),
            (Turn::Go, Turn::Later)
        );
    }

    #[test]
    fn a_pause_holds_and_the_queue_is_in_order() {
        let (mut bucket, now) = (Bucket::default(), Instant::now());
        let until = now + Duration::from_secs(1);
        bucket.pause(until);
        bucket.pause(now);
        bucket.join(1, mpsc::channel(1).0);
        bucket.join(2, mpsc::channel(1).0);
        assert_eq!(
            (bucket.turn(2, now), bucket.turn(1, now)),
            (Turn::Later, Turn::At(until))
        );
        assert!(!bucket.is_idle(until));
        assert_eq!(bucket.turn(1, until), Turn::Go);
        bucket.leave(1);
        bucket.leave(2);
        bucket.ended(None, until);
        assert!(bucket.is_idle(until));
    }
}
