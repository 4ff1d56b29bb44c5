//! One command from its start to its end, as a task of its own, and what others see of it.
use super::{
    Looking, Output, Plan,
    engine::Engine,
    keeping::{Ear, Started, start},
    looking::Looked,
    text::plain,
    veil::{HIDDEN, is_hidden},
};
use openclaw_confine::tree;
use openclaw_plugin_api::Secret;
use rustix::process::{Pid, Signal, kill_process};
use std::{
    collections::BTreeMap,
    io,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{Notify, mpsc, oneshot, watch},
    time::{Instant, sleep, sleep_until, timeout},
};

/// Things to do that wait for a command.
const MAX_ORDERS: usize = 16;
/// Bytes read at once.
const CHUNK: usize = 64 << 10;
/// What a flood waits for after each full chunk, so that it leaves others their time.
const BREATH: Duration = Duration::from_millis(2);
/// How long a command may take to end when it is asked to.
const GRACE: Duration = Duration::from_secs(2);
/// How long a keeper may take to end everything.
const KEEPERS_GRACE: Duration = Duration::from_secs(10);
/// How long is listened to what is still in the pipe when all processes have ended.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// A command.
#[derive(Debug)]
pub struct Session {
    /// Its id.
    pub id: String,
    /// The command as it was asked for.
    pub command: String,
    /// Where it runs.
    pub folder: String,
    /// It has a terminal.
    pub terminal: bool,
    /// Process of its keeper.
    pub pid: u32,
    started: Instant,
    output: Mutex<Output>,
    ended: watch::Receiver<Option<Ended>>,
    heard: watch::Receiver<u64>,
    orders: mpsc::Sender<Order>,
    killed: Notify,
    looked: Looked,
    hidden: Vec<Secret>,
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Its exit code.
    pub code: i32,
    /// Why it did not end by itself, if so.
    pub why: Option<&'static str>,
    /// How long it took.
    pub took: Duration,
    /// When that was.
    pub at: Instant,
}

/// Something to do with a command.
enum Order {
    Say(Vec<u8>, oneshot::Sender<io::Result<()>>),
    End(oneshot::Sender<io::Result<()>>),
}

/// The task's side.
struct Work {
    started: Started,
    orders: mpsc::Receiver<Order>,
    deadline: Instant,
    heard: watch::Sender<u64>,
}

// === impl Session ===

impl Session {
    /// Starts a command and the task that looks after it. It ends after `limit`.
    pub fn start(id: String, text: String, plan: Plan, limit: Duration) -> io::Result<Arc<Self>> {
        let (folder, terminal) = (plan.command.folder.display().to_string(), plan.terminal);
        let (afterwards, environment) = (plan.afterwards.clone(), plan.environment.clone());
        let (hidden, container) = (plan.hidden.clone(), plan.container.clone());
        let started = start(plan)?;
        let (tell_end, ended) = watch::channel(None);
        let (tell_heard, heard) = watch::channel(0);
        let (orders, open) = mpsc::channel(MAX_ORDERS);
        let now = Instant::now();
        let session = Arc::new(Self {
            id,
            command: text,
            folder,
            terminal,
            pid: started.pid,
            started: now,
            output: Mutex::new(Output::hiding(&hidden)),
            ended,
            heard,
            orders,
            killed: Notify::new(),
            looked: Looked::default(),
            hidden,
        });
        let work = Work {
            started,
            orders: open,
            deadline: now + limit,
            heard: tell_heard,
        };
        let own = session.clone();
        tokio::spawn(async move {
            let (code, why) = work.go(&own).await;
            clean_up(&afterwards, &environment).await;
            drop(container);
            let at = Instant::now();
            let ended = Ended {
                code,
                why,
                took: at - own.started,
                at,
            };
            tell_end.send_replace(Some(ended));
        });
        Ok(session)
    }

    /// What it said.
    pub fn output(&self) -> MutexGuard<'_, Output> {
        self.output.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How it ended; none while it runs.
    pub fn ended(&self) -> Option<Ended> {
        self.ended.borrow().clone()
    }

    /// How long it has been there.
    pub fn age(&self) -> Duration {
        self.started.elapsed()
    }

    /// Waits for its end, but no longer than this.
    pub async fn wait(&self, most: Duration) -> Option<Ended> {
        let mut ended = self.ended.clone();
        let _ = timeout(most, ended.wait_for(Option::is_some)).await;
        self.ended()
    }

    /// Waits for its end.
    pub async fn end(&self) -> Ended {
        let mut ended = self.ended.clone();
        match ended.wait_for(Option::is_some).await {
            Ok(ended) => ended.clone(),
            Err(_) => None,
        }
        .unwrap_or_else(|| Ended {
            code: -1,
            why: Some("nobody knows how"),
            took: self.age(),
            at: Instant::now(),
        })
    }

    /// Somebody looks at it.
    pub async fn look(&self) -> Looking<'_> {
        self.looked.look().await
    }

    /// Was its end seen? Waits for those that are looking.
    pub async fn is_end_seen(&self) -> bool {
        self.looked.is_end_seen().await
    }

    /// What it said, as a model may read it. What was hidden from itself by colours shows here.
    pub fn plain(&self, said: &str) -> String {
        let text = plain(said);
        let long = self.hidden.iter().filter(|secret| is_hidden(secret));
        long.fold(text, |text, secret| text.replace(secret.expose(), HIDDEN))
    }

    /// The last of what it said, as a model may read it; not longer than `most` bytes.
    pub fn tail(&self, most: usize) -> String {
        // cut last, so that nothing hidden is cut in two
        let said = self.output().text();
        let text = self.plain(&said);
        text[text.ceil_char_boundary(text.len().saturating_sub(most))..].to_owned()
    }

    /// Waits until it has said something more or has ended, but no longer than this.
    pub async fn wait_for_words(&self, most: Duration) {
        let (mut heard, mut ended) = (self.heard.clone(), self.ended.clone());
        heard.mark_unchanged();
        let _ = timeout(most, async {
            tokio::select! {
                _ = heard.changed() => {}
                _ = ended.wait_for(Option::is_some) => {}
            }
        })
        .await;
    }

    /// Has it hear this.
    pub async fn say(&self, bytes: Vec<u8>) -> io::Result<()> {
        let (tell, told) = oneshot::channel();
        self.order(Order::Say(bytes, tell), told).await
    }

    /// Has it hear that nothing more comes.
    pub async fn end_input(&self) -> io::Result<()> {
        let (tell, told) = oneshot::channel();
        self.order(Order::End(tell), told).await
    }

    /// Asks it to end, and ends it if it doesn't.
    pub fn kill(&self) {
        // no order: it does not wait for those that wait for a command that hears nothing
        self.killed.notify_one();
    }

    async fn order(&self, order: Order, told: oneshot::Receiver<io::Result<()>>) -> io::Result<()> {
        let gone = || io::Error::new(io::ErrorKind::BrokenPipe, "the command has ended");
        self.orders.send(order).await.map_err(|_| gone())?;
        told.await.map_err(|_| gone())?
    }
}

// === impl Ended ===

impl Ended {
    /// By itself, and with success.
    pub fn is_well(&self) -> bool {
        self.why.is_none() && self.code == 0
    }
}

// === impl Work ===

impl Work {
    /// Listens and carries out orders until the end. The exit code, and why it did not end by itself.
    async fn go(mut self, session: &Session) -> (i32, Option<&'static str>) {
        let mut buffer = vec![0; CHUNK];
        let (mut silent, mut why) = (false, None);
        let status = loop {
            tokio::select! {
                status = &mut self.started.ended => break ended_as(status),
                read = self.started.voice.read(&mut buffer), if !silent => match read {
                    Ok(0) | Err(_) => silent = true,
                    Ok(count) => {
                        session.output().push(&buffer[..count]);
                        self.heard.send_modify(|heard| *heard += 1);
                        if count == CHUNK {
                            sleep(BREATH).await;
                        }
                    }
                },
                // the session has the other end as long as this goes on
                Some(order) = self.orders.recv() => tokio::select! {
                    () = carry_out(order, &mut self.started.ear) => {}
                    // noted for the next round
                    () = session.killed.notified() => session.kill(),
                },
                () = session.killed.notified() => {
                    why = Some("killed");
                    break self.end(session, &mut buffer).await;
                }
                () = sleep_until(self.deadline) => {
                    why = Some("its time was up");
                    break self.end(session, &mut buffer).await;
                }
            }
        };
        let rest = async {
            while let Ok(count) = self.started.voice.read(&mut buffer).await {
                if count == 0 {
                    break;
                }
                session.output().push(&buffer[..count]);
            }
        };
        let _ = timeout(LAST_WORDS, rest).await;
        session.output().finish();
        (status.ok().and_then(|status| status.code()).unwrap_or(-1), why)
    }

    /// Asks everything to end, and a little later has the keeper end what has not.
    async fn end(&mut self, session: &Session, buffer: &mut [u8]) -> io::Result<std::process::ExitStatus> {
        let keeper = i32::try_from(session.pid).ok().and_then(Pid::from_raw);
        if let Some(keeper) = keeper {
            tree::signal(keeper, Signal::TERM);
            if let Ok(status) = timeout(GRACE, self.listen_to_the_end(session, buffer)).await {
                return status;
            }
            tree::kill(keeper);
        }
        if let Ok(status) = timeout(KEEPERS_GRACE, self.listen_to_the_end(session, buffer)).await {
            return status;
        }
        if let Some(keeper) = keeper {
            let _ = kill_process(keeper, Signal::KILL);
        }
        ended_as((&mut self.started.ended).await)
    }

    async fn listen_to_the_end(
        &mut self,
        session: &Session,
        buffer: &mut [u8],
    ) -> io::Result<std::process::ExitStatus> {
        let mut silent = false;
        loop {
            tokio::select! {
                status = &mut self.started.ended => return ended_as(status),
                read = self.started.voice.read(buffer), if !silent => match read {
                    Ok(0) | Err(_) => silent = true,
                    Ok(count) => session.output().push(&buffer[..count]),
                },
            }
        }
    }
}

/// How a keeper ended, as whoever waited for it tells.
fn ended_as(
    told: Result<io::Result<std::process::ExitStatus>, oneshot::error::RecvError>,
) -> io::Result<std::process::ExitStatus> {
    told.unwrap_or_else(|gone| Err(io::Error::other(gone)))
}

async fn carry_out(order: Order, ear: &mut Ear) {
    // whoever asked may have gone
    match order {
        Order::Say(bytes, tell) => drop(tell.send(ear.say(&bytes).await)),
        Order::End(tell) => drop(tell.send(ear.end().await)),
    }
}

/// Takes away what a command leaves with others, such as its container.
async fn clean_up(afterwards: &[String], environment: &BTreeMap<String, String>) {
    let Some((program, args)) = afterwards.split_first() else {
        return;
    };
    let engine = Engine {
        program: Path::new(program),
        environment,
    };
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    if let Err(error) = engine.run(&args, KEEPERS_GRACE).await {
        tracing::warn!(error, "what a command left in its container could not be ended");
    }
}
