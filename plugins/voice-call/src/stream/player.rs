//! Audio on its way to a caller: frames of 20 ms, each in its time.
//!
//! Without a clock or a socket: it is asked when the next frame is due, and for the frame. A short lead goes ahead, so
//! that a moment's delay is not heard. Invariant: what is buffered is bounded, and so is what the carrier is ahead.
use super::mulaw;
use std::{collections::VecDeque, time::Duration};

/// Bytes of a frame.
pub(super) const FRAME: usize = 160;
/// How long a frame sounds.
pub(super) const FRAME_TIME: Duration = Duration::from_millis(20);
/// Frames that go ahead.
pub(super) const LEAD: u32 = 3;
/// Bytes beyond which no more is asked for: two seconds.
const ENOUGH: usize = 2 * 8000;
/// Bytes beyond which no more is taken: two minutes, for models that speak faster than one listens.
const MOST: usize = 120 * 8000;

/// What is to be played.
#[derive(Debug, Default)]
pub(super) struct Player {
    buffer: VecDeque<u8>,
    /// When the first frame since the last pause went out.
    start: Duration,
    /// Frames since then.
    run: u32,
    /// Frames since [`Player::begin`].
    sent: u32,
    /// Nothing follows: the last frame is filled with silence.
    ended: bool,
}

impl Player {
    /// Something new is played.
    pub(super) fn begin(&mut self) {
        (self.ended, self.sent) = (false, 0);
    }

    /// More audio. What is too much is dropped.
    pub(super) fn push(&mut self, codes: &[u8]) {
        let room = MOST.saturating_sub(self.buffer.len());
        self.buffer.extend(codes.iter().take(room));
    }

    /// Nothing follows.
    pub(super) fn finish(&mut self) {
        self.ended = true;
    }

    /// Throws away what has not been sent.
    pub(super) fn clear(&mut self) {
        self.buffer.clear();
        (self.run, self.ended) = (0, false);
    }

    /// Is there room for more?
    pub(super) fn wants(&self) -> bool {
        self.buffer.len() < ENOUGH
    }

    /// Is nothing left to be sent?
    pub(super) fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// What the caller has heard since [`Player::begin`], about.
    pub(super) fn heard(&self) -> Duration {
        FRAME_TIME * self.sent.saturating_sub(LEAD)
    }

    /// Has anything been sent since [`Player::begin`]?
    pub(super) fn has_sent(&self) -> bool {
        self.sent > 0
    }

    /// When the next frame is due. `None`: there is none.
    pub(super) fn due(&self, now: Duration) -> Option<Duration> {
        let ready = self.buffer.len() >= FRAME || self.ended && !self.buffer.is_empty();
        ready.then(|| match self.run {
            0 => now,
            run => self.start + FRAME_TIME * run.saturating_sub(LEAD),
        })
    }

    /// The next frame.
    pub(super) fn take(&mut self, now: Duration) -> Option<[u8; FRAME]> {
        let due = self.due(now)?;
        // the caller has heard silence meanwhile: what follows is a beginning
        if self.run == 0 || now > due + FRAME_TIME * LEAD {
            (self.start, self.run) = (now, 0);
        }
        let mut frame = [mulaw::SILENCE; FRAME];
        for (to, code) in frame
            .iter_mut()
            .zip(self.buffer.drain(..FRAME.min(self.buffer.len())))
        {
            *to = code;
        }
        self.run += 1;
        self.sent += 1;
        Some(frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// When each frame goes out, if somebody looks each millisecond.
    fn times(player: &mut Player, from: u64, until: u64) -> Vec<u64> {
        let mut times = Vec::new();
        for now in from..until {
            while player.due(ms(now)).is_some_and(|due| due <= ms(now)) {
                player.take(ms(now)).unwrap();
                times.push(now);
            }
        }
        times
    }

    #[test]
    fn frames_go_out_in_their_time_after_a_short_lead() {
        let mut player = Player::default();
        player.begin();
        player.push(&[1; FRAME * 6 + 80]);
        assert_eq!(times(&mut player, 100, 300), [100, 100, 100, 100, 120, 140]);
        assert_eq!(player.due(ms(300)), None, "half a frame waits for the rest");
        assert_eq!(player.heard(), ms(60));
        player.finish();
        let last = player.take(ms(160)).unwrap();
        assert_eq!((last[79], last[80]), (1, mulaw::SILENCE));
        assert!(player.is_empty() && player.due(ms(400)).is_none());
    }

    #[test]
    fn after_a_pause_it_begins_anew_and_late_frames_are_caught_up() {
        let mut player = Player::default();
        player.begin();
        player.push(&[1; FRAME * 5]);
        assert_eq!(times(&mut player, 0, 30), [0, 0, 0, 0, 20]);
        // a little late: the schedule holds
        player.push(&[1; FRAME * 2]);
        assert_eq!(
            player.take(ms(70)).map(|_| player.due(ms(70))),
            Some(Some(ms(60)))
        );
        player.take(ms(70));
        // much later: another lead
        player.push(&[1; FRAME * 5]);
        assert_eq!(times(&mut player, 1000, 1100), [1000, 1000, 1000, 1000, 1020]);
    }

    #[test]
    fn what_is_cleared_is_not_played_and_too_much_is_not_kept() {
        let mut player = Player::default();
        player.begin();
        player.push(&vec![1; MOST + 1]);
        assert!(!player.wants() && player.buffer.len() == MOST);
        player.take(ms(0));
        player.clear();
        assert!(player.is_empty() && player.wants() && player.due(ms(20)).is_none());
        assert!(player.has_sent());
    }
}
