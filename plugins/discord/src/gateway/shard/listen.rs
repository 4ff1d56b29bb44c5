//! An open connection: what it brings, and what is sent on it.
use super::{End, Live, STORE_EVERY, Shard};
use crate::{
    account::Me,
    cache,
    gateway::{
        Stop,
        close::Next,
        frame::{self, Frame, op},
        intake::Mark,
        missed,
        session::{self, Session},
        socket::{Incoming, KEEP},
        status,
    },
    inbound::{self, Event},
    wire::{Read, User},
};
use futures_channel::mpsc;
use futures_util::{
    FutureExt, StreamExt,
    future::{Either, select},
};
use openclaw_plugin_api::random_part;
use serde_json::Value;
use std::{future::poll_fn, pin::pin, task::Poll, time::Duration};

/// Discord wants a pause of 1 to 5 seconds after an invalid session.
const INVALID: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(4));

/// What a connection waits for.
enum Wake {
    Stop,
    Beat,
    Late,
    Presence,
    Incoming(Incoming),
}

impl Shard {
    /// Hears what there is to hear, until the end.
    pub(super) async fn listen(&mut self, mut live: Live) -> End {
        loop {
            let mut stop = self.stop.clone();
            let may_read = !self.intake.is_full();
            live.is_behind |= !may_read;
            let wake = {
                let wake = pin!(wake(&mut live, &mut self.changes, &mut stop, may_read));
                if may_read {
                    Some(self.intake.work_while(wake).await)
                } else {
                    match select(wake, pin!(self.intake.step())).await {
                        Either::Left((wake, _)) => Some(wake),
                        Either::Right(((), _)) => None,
                    }
                }
            };
            self.settle();
            if self.is_held_back && !self.intake.has_others() {
                self.store().await;
            }
            let end = match wake {
                None => None,
                Some(Wake::Stop) => return self.leave(live).await,
                Some(Wake::Late) => Some(End::Broken(
                    Next::Resume,
                    "the gateway gives no session".into(),
                    None,
                )),
                // What was not read may be the answer, so only who reads can judge.
                Some(Wake::Beat) if live.heart.is_unanswered() && !live.is_behind => Some(End::Broken(
                    Next::Resume,
                    "the gateway gives no sign of life".into(),
                    None,
                )),
                Some(Wake::Beat) => self.beat(&mut live).await,
                Some(Wake::Presence) => self.show(&mut live).await,
                Some(Wake::Incoming(Incoming::Closed(close))) => return self.closed(&close),
                Some(Wake::Incoming(Incoming::Frame(frame))) => self.take(&mut live, frame).await,
            };
            if let Some(end) = end {
                live.socket.close(KEEP).await;
                return end;
            }
        }
    }

    async fn take(&mut self, live: &mut Live, frame: Frame) -> Option<End> {
        match frame.op {
            op::DISPATCH => self.dispatch(live, frame).await,
            op::HEARTBEAT => return self.beat(live).await,
            op::ACK => {
                if let Some(latency) = live.heart.answered() {
                    self.connection.status.latency(self.index, latency);
                    // It has lived long enough to count as working.
                    self.backoff.reset();
                }
            }
            op::RECONNECT => {
                return Some(End::Broken(
                    Next::Resume,
                    "the gateway asks for another connection".into(),
                    None,
                ));
            }
            op::INVALID_SESSION => {
                let next = if frame.d == Value::Bool(true) {
                    Next::Resume
                } else {
                    Next::Identify
                };
                let pause = INVALID.0 + random_part(INVALID.1);
                return Some(End::Broken(
                    next,
                    "the gateway says that the session is invalid".into(),
                    Some(pause.max(self.backoff.next_wait())),
                ));
            }
            _ => {}
        }
        None
    }

    async fn dispatch(&mut self, live: &mut Live, frame: Frame) {
        let (name, number) = (frame.t.unwrap_or_default(), frame.s.unwrap_or_default());
        match name.as_str() {
            "READY" => {
                self.begin_session(frame.d, number);
                self.look_back();
                if self.intake.has_others() {
                    session::forget(&self.connection, self.index).await;
                }
                self.ready(live, "").await;
                return;
            }
            // One of before may come again among the events of the session.
            "RESUMED" if live.late.is_some() => self.ready(live, " (session resumed)").await,
            _ => {}
        }
        let Some(session) = self.session.as_mut() else {
            return;
        };
        if number > 0 && !session.numbers.see(number) {
            return;
        }
        if inbound::is_for_the_host(&name) {
            self.connection.status.event();
            let stamp = format!("{}:{number}", session.id);
            let mark = Mark {
                session: self.sessions,
                number,
            };
            self.intake.take(
                mark,
                Event {
                    name,
                    data: frame.d,
                    stamp,
                },
            );
        } else {
            session.numbers.settle(number);
            cache::apply(&self.connection, &name, frame.d);
        }
        if session::is_due(self.session.as_ref(), STORE_EVERY) {
            self.store().await;
        }
    }

    fn begin_session(&mut self, mut data: Value, number: u64) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let mut session = Session::new(text(&data["session_id"]), text(&data["resume_gateway_url"]));
        session.numbers.see(number);
        session.numbers.settle(number);
        self.session = Some(session);
        self.sessions += 1;
        self.intake.begin_session(self.sessions);
        if let Some(user) = User::read(data["user"].take()) {
            // Known already, unless nobody could be asked before; a second answer says the same.
            let _ = self.connection.me.set(Me {
                application_id: text(&data["application"]["id"]),
                name: user.tag(),
                user_id: user.id,
            });
        }
        cache::apply(&self.connection, "READY", data);
    }

    /// A new session tells nothing of what was said before it, so that is read, ahead of what comes now.
    fn look_back(&mut self) {
        // it has no number in the session, and settles none
        let mark = Mark {
            session: 0,
            number: 0,
        };
        for event in missed::events(&self.connection, self.index, self.plan.shards) {
            self.intake.take(mark, event);
        }
    }

    /// Events come.
    async fn ready(&mut self, live: &mut Live, how: &str) {
        live.late = None;
        self.failed_resumes = 0;
        let name = self.connection.me.get().map_or("?", |me| &me.name);
        tracing::info!(
            account = self.connection.id,
            shard = self.index,
            "logged in to discord as {name}{how}"
        );
        status::ready(&self.connection, self.index).await;
        self.store().await;
        self.plan.is_ready();
    }

    async fn beat(&mut self, live: &mut Live) -> Option<End> {
        if session::is_due(self.session.as_ref(), 1) {
            self.store().await;
        }
        let mark = self.session.as_ref().map(|session| session.numbers.mark());
        live.heart.sent();
        live.is_behind = self.intake.is_full();
        let beat = frame::heartbeat(mark.filter(|mark| *mark > 0));
        let sent = live.socket.send(beat).await;
        self.sent(sent)
    }

    async fn show(&mut self, live: &mut Live) -> Option<End> {
        match self.connection.presence.get() {
            // Before the session there is nobody to tell; identifying tells it.
            Some(presence) if live.late.is_none() => {
                let sent = live.socket.send(frame::presence(presence)).await;
                self.sent(sent)
            }
            _ => None,
        }
    }

    fn sent(&self, outcome: openclaw_plugin_api::Result<()>) -> Option<End> {
        let error = outcome.err()?;
        if error.kind() == openclaw_plugin_api::ErrorKind::InvalidInput {
            tracing::warn!(account = self.connection.id, %error, "not sent");
            return None;
        }
        Some(End::Broken(Next::Resume, error.message().to_owned(), None))
    }

    /// Leaves so that the session can be taken up again.
    async fn leave(&mut self, live: Live) -> End {
        self.settle();
        self.store().await;
        live.socket.close(KEEP).await;
        End::Stopped
    }
}

/// The next thing that happens. Cancel-safe.
async fn wake(live: &mut Live, changes: &mut mpsc::Receiver<()>, stop: &mut Stop, may_read: bool) -> Wake {
    poll_fn(|cx| {
        if stop.poll_unpin(cx).is_ready() {
            return Poll::Ready(Wake::Stop);
        }
        if live.heart.poll_due(cx).is_ready() {
            return Poll::Ready(Wake::Beat);
        }
        if let Some(late) = &mut live.late
            && late.poll_unpin(cx).is_ready()
        {
            return Poll::Ready(Wake::Late);
        }
        if let Poll::Ready(Some(())) = changes.poll_next_unpin(cx) {
            return Poll::Ready(Wake::Presence);
        }
        match may_read {
            true => pin!(live.socket.next()).poll(cx).map(Wake::Incoming),
            false => Poll::Pending,
        }
    })
    .await
}
