//! One bot: its configuration, its way to Telegram and to the host, and all of them by name.
use crate::{
    api::{Api, Me},
    config::Config,
    intake::Delivery,
    sent::Sent,
};
use futures_channel::{mpsc, oneshot};
use openclaw_plugin_api::{
    ChannelHost, ChannelState, ChannelStatus, Error, ErrorKind, Host, Result, Secret, TaskHandle,
};
use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

/// How long an account that is stopped may take to let go of its connection.
const GRACE: Duration = Duration::from_secs(8);
/// Updates from the webhook that wait for their turn.
const WEBHOOK_QUEUE: usize = 64;

/// One bot.
pub(crate) struct Account {
    pub(crate) id: String,
    pub(crate) config: Config,
    pub(crate) api: Api,
    pub(crate) host: ChannelHost,
    pub(crate) sent: Sent,
    /// One download at a time: a file is in memory until the host has it.
    pub(crate) downloads: futures_util::lock::Mutex<()>,
    me: OnceLock<Me>,
    state: Mutex<ChannelState>,
}

/// The bots that run.
#[derive(Clone, Default)]
pub(crate) struct Accounts(Arc<Mutex<HashMap<String, Running>>>);

struct Running {
    account: Arc<Account>,
    task: TaskHandle,
    ended: oneshot::Receiver<()>,
    hook: Option<Hook>,
}

/// What the webhook needs of an account.
#[derive(Clone)]
pub(crate) struct Hook {
    pub(crate) secret: Secret,
    /// One for all calls: each clone of a sender would have a place of its own beyond the queue's.
    updates: Arc<Mutex<mpsc::Sender<Delivery>>>,
    pub(crate) host: Host,
}

// === impl Account ===

impl Account {
    pub(crate) fn new(id: String, config: Config, api: Api, host: ChannelHost) -> Self {
        Self {
            id,
            config,
            api,
            host,
            sent: Sent::default(),
            downloads: futures_util::lock::Mutex::new(()),
            me: OnceLock::new(),
            state: Mutex::default(),
        }
    }

    /// Who the bot is, once Telegram has said so.
    pub(crate) fn me(&self) -> Option<&Me> {
        self.me.get()
    }

    pub(crate) fn identified(&self, me: Me) {
        // A second answer says the same.
        let _ = self.me.set(me);
    }

    /// The id of an event for the host. It names the bot: another bot of the same account numbers its chats and updates
    /// anew, and what it hears must not be taken for what its forerunner heard.
    pub(crate) fn event_id(&self, what: fmt::Arguments<'_>) -> String {
        format!("{}:{what}", self.api.bot_id())
    }

    /// Says how the account is doing, if that is news.
    pub(crate) async fn report(&self, state: ChannelState, problem: &str) {
        if std::mem::replace(
            &mut *self.state.lock().unwrap_or_else(PoisonError::into_inner),
            state,
        ) == state
        {
            return;
        }
        match state {
            ChannelState::Degraded => tracing::warn!(
                account = self.id,
                problem,
                "telegram account degraded; trying again"
            ),
            ChannelState::Failed => tracing::error!(account = self.id, problem, "telegram account failed"),
            _ => tracing::info!(account = self.id, bot = self.identity(), state = ?state, "telegram account"),
        }
        if let Err(error) = self.host.status(&self.status(state, problem)).await {
            tracing::debug!(%error, "the status could not be told");
        }
    }

    pub(crate) fn status(&self, state: ChannelState, problem: &str) -> ChannelStatus {
        ChannelStatus {
            account_id: self.id.clone(),
            state,
            identity: self.identity(),
            problem: problem.to_owned(),
            ..ChannelStatus::default()
        }
    }

    fn identity(&self) -> String {
        self.me()
            .map(|me| format!("@{}", me.username))
            .unwrap_or_default()
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

// === impl Hook ===

impl Hook {
    /// Puts an update into the queue, if there is room.
    pub(crate) fn queue(&self, delivery: Delivery) -> bool {
        let mut updates = self.updates.lock().unwrap_or_else(PoisonError::into_inner);
        updates.try_send(delivery).is_ok()
    }
}

// === impl Accounts ===

impl Accounts {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Running>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A running account; `default` if nobody says which.
    pub(crate) fn get(&self, id: &str) -> Result<Arc<Account>> {
        let accounts = self.lock();
        let id = if id.is_empty() { "default" } else { id };
        accounts
            .get(id)
            .map(|running| running.account.clone())
            .ok_or_else(|| {
                Error::new(
                    ErrorKind::Closed,
                    format_args!("the telegram account {id} is not started; see its status"),
                )
            })
    }

    /// Another account that has the same token: two can't ask for the same updates.
    pub(crate) fn owner_of(&self, id: &str, api: &Api) -> Option<String> {
        let accounts = self.lock();
        let mut others = accounts.iter().filter(|(other, _)| *other != id);
        others
            .find(|(_, running)| running.account.api.is_same_bot(api))
            .map(|(other, _)| other.clone())
    }

    /// Another account whose webhook has the same secret.
    pub(crate) fn owner_of_secret(&self, id: &str, secret: &Secret) -> Option<String> {
        let accounts = self.lock();
        let mut others = accounts.iter().filter(|(other, _)| *other != id);
        others
            .find(|(_, running)| {
                let hook = running.hook.as_ref();
                hook.is_some_and(|hook| hook.secret.expose() == secret.expose())
            })
            .map(|(other, _)| other.clone())
    }

    /// Starts the work of an account.
    pub(crate) fn begin(&self, account: &Arc<Account>, secret: Option<Secret>) {
        let (end, ended) = oneshot::channel::<()>();
        let (updates, arriving) = mpsc::channel(WEBHOOK_QUEUE);
        let hooked = secret.clone().map(|secret| (secret, arriving));
        let hook = secret.map(|secret| Hook {
            secret,
            updates: Arc::new(Mutex::new(updates)),
            host: account.api.host().clone(),
        });
        let working = account.clone();
        let task = account.api.host().spawn(async move {
            // Dropped with the task, and so with its last request.
            let _end = end;
            crate::channel::work(working, hooked).await;
        });
        let running = Running {
            account: account.clone(),
            task,
            ended,
            hook,
        };
        self.lock().insert(account.id.clone(), running);
    }

    /// Ends the work of an account, and waits until its last request is gone: two polls at once are a conflict.
    pub(crate) async fn end(&self, id: &str) {
        let Some(running) = self.lock().remove(id) else {
            return;
        };
        running.task.abort();
        let host = running.account.api.host();
        if host.timeout(GRACE, running.ended).await.is_err() {
            tracing::warn!(account = id, "the old connection did not end in time");
        }
    }

    /// Webhooks of all accounts.
    pub(crate) fn hooks(&self) -> Vec<Hook> {
        self.lock()
            .values()
            .filter_map(|running| running.hook.clone())
            .collect()
    }
}
