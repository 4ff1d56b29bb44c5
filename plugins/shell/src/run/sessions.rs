//! All commands that run or have run lately, each seen only by the conversation that started it.
use super::{Plan, Session};
use openclaw_plugin_api::ToolOrigin;
use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Most commands, if the operator says nothing.
const USUAL: usize = 32;
/// How long all of them together may take to end when the plugin stops.
const STOPPING: Duration = Duration::from_secs(8);

/// Whose commands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    agent: String,
    session: String,
}

/// The commands.
#[derive(Debug)]
pub struct Sessions {
    all: Mutex<BTreeMap<u64, (Owner, Arc<Session>)>>,
    next: Mutex<u64>,
    most: usize,
    kept: Duration,
}

/// Why one more command was not started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// There are too many.
    #[error("{count} commands run already; end some of them with the tool process (action kill), or wait")]
    TooMany {
        /// How many.
        count: usize,
    },
    /// The system said no.
    #[error("the command can't be started: {0}")]
    System(#[from] io::Error),
}

impl Owner {
    /// The conversation that a call belongs to.
    pub fn of(origin: &ToolOrigin) -> Self {
        Self {
            agent: origin.agent_id.clone(),
            session: origin.session_key.clone(),
        }
    }
}

impl Sessions {
    /// At most so many; what has ended is kept for a while.
    pub fn new(most: Option<usize>, kept: Duration) -> Self {
        Self {
            all: Mutex::default(),
            next: Mutex::new(1),
            most: most.unwrap_or(USUAL).clamp(1, 1024),
            kept,
        }
    }

    /// Starts one more.
    pub fn start(
        &self,
        owner: Owner,
        text: String,
        plan: Plan,
        limit: Duration,
    ) -> Result<Arc<Session>, StartError> {
        let mut all = self.all();
        self.forget(&mut all);
        while all.len() >= self.most {
            // what has ended makes room, the oldest first
            let ended = all.iter().find(|(_, (_, session))| session.ended().is_some());
            let Some(number) = ended.map(|(number, _)| *number) else {
                return Err(StartError::TooMany { count: all.len() });
            };
            all.remove(&number);
        }
        let number = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            *next += 1;
            *next - 1
        };
        let session = Session::start(id(number)?, text, plan, limit)?;
        all.insert(number, (owner, session.clone()));
        Ok(session)
    }

    /// The commands of a conversation, oldest first.
    pub fn of(&self, owner: &Owner) -> Vec<Arc<Session>> {
        let mut all = self.all();
        self.forget(&mut all);
        let own = all.values().filter(|(of, _)| of == owner);
        own.map(|(_, session)| session.clone()).collect()
    }

    /// One of them.
    pub fn find(&self, owner: &Owner, id: &str) -> Option<Arc<Session>> {
        self.of(owner).into_iter().find(|session| session.id == id)
    }

    /// Forgets one.
    pub fn remove(&self, id: &str) {
        self.all().retain(|_, (_, session)| session.id != id);
    }

    /// Ends all of them and waits for it.
    pub async fn end(&self) {
        let all: Vec<_> = std::mem::take(&mut *self.all()).into_values().collect();
        for (_, session) in &all {
            session.kill();
        }
        let ended = async {
            for (_, session) in &all {
                session.wait(STOPPING).await;
            }
        };
        let _ = tokio::time::timeout(STOPPING, ended).await;
    }

    fn forget(&self, all: &mut BTreeMap<u64, (Owner, Arc<Session>)>) {
        let old = |session: &Session| {
            session
                .ended()
                .is_some_and(|ended| ended.at.elapsed() > self.kept)
        };
        all.retain(|_, (_, session)| !old(session));
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<u64, (Owner, Arc<Session>)>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Short for models, and not to be guessed by those that have seen others.
fn id(number: u64) -> io::Result<String> {
    let mut random = [0; 4];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    Ok(format!("cmd-{number}-{:08x}", u32::from_ne_bytes(random)))
}
