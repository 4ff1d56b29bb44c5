//! Beginning anew in the same process: who wishes it, and when it is done.
//!
//! Nothing is lost by a restart, what is unfinished is in the journal. Turns that run are waited for all the same: what
//! their models have said would be asked, and paid for, once more.
use super::Gateway;
use crate::agent::live::Live;
use std::{sync::Arc, time::Duration};
use tokio::{sync::watch, time::timeout};

/// Longest that turns are waited for.
const PATIENCE: Duration = Duration::from_secs(300);

/// Takes wishes. Clones share them.
#[derive(Debug, Clone)]
pub struct Restart {
    wish: Arc<watch::Sender<Wish>>,
}

/// How urgent it is; the greater one counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wish {
    /// Nobody wishes it.
    None,
    /// When no turn runs.
    WhenIdle,
    /// Now.
    Now,
}

// === impl Gateway ===

impl Gateway {
    /// Who wishes that it begin anew.
    pub fn restart(&self) -> &Restart {
        &self.restart
    }
}

// === impl Restart ===

impl Restart {
    pub(super) fn new() -> Self {
        Self {
            wish: Arc::new(watch::Sender::new(Wish::None)),
        }
    }

    /// Wishes it. Returns what was wished before.
    pub fn ask(&self, wish: Wish) -> Wish {
        let mut before = Wish::None;
        self.wish.send_modify(|known| {
            before = *known;
            *known = before.max(wish);
        });
        before
    }

    /// What is wished.
    pub fn wished(&self) -> Wish {
        *self.wish.borrow()
    }

    /// A wish that could not be followed is none any more.
    pub fn forget(&self) {
        self.wish.send_replace(Wish::None);
    }

    /// Returns when it is to be done.
    pub async fn due(&self, live: &Live) {
        self.reaches(Wish::WhenIdle).await;
        tokio::select! {
            () = self.reaches(Wish::Now) => {}
            // a turn that never ends must not keep it for ever
            _ = timeout(PATIENCE, idle(live)) => {}
        }
    }

    async fn reaches(&self, wish: Wish) {
        // the sender is this one, so it can't have gone
        let _ = self.wish.subscribe().wait_for(|known| *known >= wish).await;
    }
}

/// Returns when no turn runs.
async fn idle(live: &Live) {
    while let Some(run) = live.active(None).first() {
        run.ended().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        agent::live::{End, Source},
        clock::Clock,
    };
    use futures_util::FutureExt;
    use openclaw_plugin_api::Usage;

    fn live() -> Live {
        let live = Live::new(Clock::system());
        live.open("run", "agent:main:main", "main", Source::Client);
        live
    }

    fn ended() -> End {
        End::Answered {
            text: String::new(),
            usage: Usage::default(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_waits_for_what_runs_and_not_for_ever() {
        let (restart, turn) = (Restart::new(), live());
        let due = restart.due(&turn);
        tokio::pin!(due);
        assert!(due.as_mut().now_or_never().is_none(), "nobody wishes it");
        assert_eq!(restart.ask(Wish::WhenIdle), Wish::None);
        assert!(due.as_mut().now_or_never().is_none(), "a turn runs");
        turn.end("run", ended());
        assert!(due.as_mut().now_or_never().is_some());

        let (restart, endless) = (Restart::new(), live());
        restart.ask(Wish::WhenIdle);
        let begun = tokio::time::Instant::now();
        restart.due(&endless).await;
        assert_eq!(begun.elapsed(), PATIENCE);
    }

    #[tokio::test]
    async fn a_second_wish_can_be_more_urgent_and_never_less() {
        let (restart, endless) = (Restart::new(), live());
        assert_eq!(restart.ask(Wish::WhenIdle), Wish::None);
        assert_eq!(restart.ask(Wish::Now), Wish::WhenIdle);
        assert_eq!(restart.ask(Wish::WhenIdle), Wish::Now);
        assert!(restart.due(&endless).now_or_never().is_some());
        restart.forget();
        assert!(restart.due(&endless).now_or_never().is_none());
    }
}
