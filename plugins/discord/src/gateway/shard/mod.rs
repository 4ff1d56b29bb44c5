//! One shard: its connections, one after the other, for as long as the account runs.
//!
//! Discord is told the number up to which the host has everything ([`super::watermark`]), in heartbeats, when a session
//! is taken up, and over a restart of the process. So whatever breaks, it tells again what the host may not have; what
//! the host has it knows by the event's id. A session is kept over a restart once nothing is left of what it does not
//! tell: until then a restart asks for a new one, and looks back again. While the intake is full nothing is read, and signs of life go on.
mod listen;

use super::{
    Plan, Stop,
    budget::{self, Limit},
    close::{self, Next},
    frame::{self, Identify, op},
    heart::Heart,
    intake::Intake,
    missed::Seen,
    session::{self, Session},
    socket::{Incoming, Socket},
    status,
};
use crate::account::Connection;
use futures_channel::mpsc;
use futures_util::future::{BoxFuture, Either, select};
use openclaw_plugin_api::{Backoff, WsClose};
use std::{sync::Arc, time::Duration};

/// How long the gateway may take to greet, and then to give or take up a session.
const PATIENCE: Duration = Duration::from_secs(30);
/// Shortest bound and longest bound of the wait before another connection.
const AGAIN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// Sessions that can't be taken up after so many tries are given up.
const MAX_RESUMES: u32 = 3;
/// Settled events after which the session is stored.
const STORE_EVERY: u64 = 64;
/// One shard of an account.
pub(crate) struct Shard {
    connection: Arc<Connection>,
    plan: Arc<Plan>,
    index: u64,
    stop: Stop,
    intake: Intake,
    changes: mpsc::Receiver<()>,
    session: Option<Session>,
    /// Counts sessions, so that what is left of an old one settles nothing of a new one.
    sessions: u64,
    /// The session is not stored until the host has what it would not tell again.
    is_held_back: bool,
    logins: u64,
    failed_resumes: u32,
    backoff: Backoff,
}

/// How a connection ended.
enum End {
    /// The account is stopped.
    Stopped,
    /// Something else: what comes next, why, and how long to wait if Discord says so.
    Broken(Next, String, Option<Duration>),
}

/// An open connection.
struct Live {
    socket: Socket,
    heart: Heart,
    /// Runs while the session is not there yet.
    late: Option<BoxFuture<'static, ()>>,
    /// Something was left unread since the last sign of life.
    is_behind: bool,
}

impl Shard {
    pub(crate) fn new(connection: Arc<Connection>, plan: Arc<Plan>, index: u64, stop: Stop) -> Self {
        Self {
            intake: Intake::new(connection.clone()),
            changes: connection.presence.changes(),
            connection,
            plan,
            index,
            stop,
            session: None,
            sessions: 0,
            is_held_back: false,
            logins: 0,
            failed_resumes: 0,
            backoff: Backoff::new(AGAIN.0, AGAIN.1),
        }
    }

    /// Connects, and connects again. Ends when the account is stopped, or with what only an operator can change.
    pub(crate) async fn run(mut self) -> Option<String> {
        let shard = (self.index, self.plan.shards);
        self.session = Session::restore(&self.connection, shard, self.plan.intents.0).await;
        loop {
            let had_session = self.session.is_some();
            match self.connect().await {
                End::Stopped => return None,
                End::Broken(Next::Never(remedy), ..) => {
                    session::forget(&self.connection, self.index).await;
                    let privileged = self.plan.intents.privileged();
                    return Some(remedy.text(&self.connection.id, &privileged));
                }
                End::Broken(next, why, pause) => {
                    self.judge(next, had_session).await;
                    let wait = pause.unwrap_or_else(|| self.backoff.next_wait());
                    // One lost connection is no news: Discord moves bots about several times a day.
                    let problem = if self.backoff.tries() > 1 {
                        why.as_str()
                    } else {
                        ""
                    };
                    status::lost(&self.connection, self.index, problem).await;
                    tracing::debug!(account = self.connection.id, shard = self.index, wait = ?wait, why, "discord gateway: connecting again");
                    let host = self.connection.host().clone();
                    self.wait(async move { host.sleep(wait).await }).await?;
                }
            }
        }
    }

    /// Gives the session up where it is gone.
    async fn judge(&mut self, next: Next, had_session: bool) {
        let is_lost = match next {
            Next::Resume if had_session => self.failed_resumes >= MAX_RESUMES,
            Next::Resume => false,
            Next::Identify | Next::Never(_) => true,
        };
        if is_lost && self.session.take().is_some() {
            self.failed_resumes = 0;
            session::forget(&self.connection, self.index).await;
            tracing::warn!(
                account = self.connection.id,
                shard = self.index,
                "discord gateway: the session is lost; what was said since the connection broke is read from the channels"
            );
        }
    }

    /// One connection, from its beginning to its end.
    async fn connect(&mut self) -> End {
        if self.session.is_none() && !self.may_login().await {
            return End::Stopped;
        }
        let url = self.address();
        let connection = self.connection.clone();
        let opened = self
            .wait(async move { Socket::open(&connection, &url).await })
            .await;
        let socket = match opened {
            None => return End::Stopped,
            Some(Ok(socket)) => socket,
            Some(Err(error)) => {
                let why = format!("the gateway can't be reached: {}", error.message());
                return End::Broken(Next::Resume, why, None);
            }
        };
        let (mut live, begin) = match self.greet(socket).await {
            Ok(greeted) => greeted,
            Err(end) => return end,
        };
        if self.session.is_some() {
            // taken back once the session goes on
            self.failed_resumes += 1;
        } else {
            // another shard may have taken the last one meanwhile
            if !self.plan.budget.spend(self.index) {
                return End::Broken(Next::Resume, "no login is left".into(), None);
            }
            self.logins += 1;
        }
        if let Err(error) = live.socket.send(begin).await {
            return End::Broken(Next::Resume, error.message().to_owned(), None);
        }
        self.listen(live).await
    }

    /// Waits until the budget allows a login; false when the account is stopped.
    async fn may_login(&mut self) -> bool {
        // what is spread over the day is waited for once
        let mut has_waited = self.logins == 0;
        loop {
            if self.logins > 0 {
                self.refresh_budget().await;
            }
            let wait = self.plan.budget.wait(has_waited);
            has_waited = true;
            if wait.is_zero() {
                let (host, plan, index) = (self.connection.host().clone(), self.plan.clone(), self.index);
                let turn = self.wait(async move { plan.budget.turn(&host, index).await });
                return turn.await.is_some();
            }
            let problem = budget::exhausted(&self.connection, wait);
            status::lost(&self.connection, self.index, &problem).await;
            let host = self.connection.host().clone();
            if self.wait(async move { host.sleep(wait).await }).await.is_none() {
                return false;
            }
        }
    }

    /// Others may log in with the same token, so Discord is asked what is left.
    async fn refresh_budget(&mut self) {
        let connection = self.connection.clone();
        let asked = self
            .wait(async move { super::login::gateway(&connection).await })
            .await;
        if let Some(Ok(gateway)) = asked {
            self.plan.budget.update(Limit::of(&gateway));
        }
    }

    /// The greeting, and what is to be said then.
    async fn greet(&mut self, mut socket: Socket) -> Result<(Live, String), End> {
        let host = self.connection.host().clone();
        let hello = self
            .wait(async {
                let hello = host.timeout(PATIENCE, socket.next()).await;
                (socket, hello)
            })
            .await;
        let Some((socket, hello)) = hello else {
            return Err(End::Stopped);
        };
        let frame = match hello {
            Ok(Incoming::Frame(frame)) if frame.op == op::HELLO => frame,
            Ok(Incoming::Closed(close)) => return Err(self.closed(&close)),
            _ => {
                return Err(End::Broken(
                    Next::Resume,
                    "the gateway does not greet".into(),
                    None,
                ));
            }
        };
        let interval = frame.d["heartbeat_interval"].as_f64().unwrap_or(41_250.0);
        let interval = Duration::try_from_secs_f64(interval / 1000.0).unwrap_or(PATIENCE);
        let host = self.connection.host().clone();
        let live = Live {
            socket,
            heart: Heart::new(&host, interval),
            late: Some(Box::pin(async move { host.sleep(PATIENCE).await })),
            is_behind: false,
        };
        Ok((live, self.beginning()))
    }

    fn beginning(&self) -> String {
        let token = self.connection.token();
        match &self.session {
            Some(session) => frame::resume(token, &session.id, session.numbers.mark()),
            None => Identify {
                token,
                intents: self.plan.intents.0,
                shard: (self.index, self.plan.shards),
                presence: self.connection.presence.get(),
            }
            .to_text(),
        }
    }

    /// Where to connect: where the session is, unless that has failed before or the operator says where.
    fn address(&self) -> String {
        let session = self.session.as_ref().filter(|session| {
            !self.plan.is_fixed && !session.url.is_empty() && self.failed_resumes < MAX_RESUMES - 1
        });
        session.map_or_else(|| self.plan.url.clone(), |session| session.url.clone())
    }

    fn closed(&self, closed: &WsClose) -> End {
        let (account, shard) = (&self.connection.id, self.index);
        tracing::info!(
            account,
            shard,
            reason = closed.reason,
            "discord gateway: WebSocket connection closed with code {}",
            closed.code
        );
        let why = match closed.reason.as_str() {
            "" => format!("the gateway closed the connection ({})", closed.code),
            reason => format!("the connection closed ({}): {reason}", closed.code),
        };
        End::Broken(close::after(closed.code), why, None)
    }

    fn settle(&mut self) {
        let settled = self.intake.take_settled();
        if let Some(session) = self.session.as_mut() {
            let own = settled.iter().filter(|mark| mark.session == self.sessions);
            own.for_each(|mark| session.numbers.settle(mark.number));
        }
    }

    /// Keeps the session, and what the host has of each channel. A process that takes the session up does not look back,
    /// so the session is kept only once the host has all that came before it.
    async fn store(&mut self) {
        let (connection, index) = (self.connection.clone(), self.index);
        self.is_held_back = self.intake.has_others();
        if let Some(session) = self.session.as_mut() {
            let stored = session.store_now(&connection, self.plan.shards, self.plan.intents.0);
            if !self.is_held_back {
                stored.put(&connection, index).await;
            }
            Seen::keep(&connection).await;
        }
    }

    /// Waits while events go on their way; none when the account is stopped.
    async fn wait<T>(&mut self, work: impl Future<Output = T> + Send) -> Option<T> {
        let stop = self.stop.clone();
        let done = self.intake.work_while(select(stop, Box::pin(work))).await;
        self.settle();
        match done {
            Either::Left(_) => None,
            Either::Right((value, _)) => Some(value),
        }
    }
}
