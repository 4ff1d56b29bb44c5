//! One bot: its configuration, its ways to Discord and to the host, and all of them by name.
use crate::{
    cache::Cache,
    config::Config,
    gateway::{self, Presence, Seen, Status},
    interactions::Open,
    outbound::Memory,
    rest::Rest,
    token,
};
use futures_channel::oneshot;
use openclaw_plugin_api::{
    ChannelHost, ChannelState, ChannelStatus, Error, ErrorKind, Host, Inbound, Result, Secret, TaskHandle,
};
use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

/// How long an account that is stopped may take to let go of its connections.
const GRACE: Duration = Duration::from_secs(8);
/// Where the REST API is.
const API_ROOT: &str = "https://discord.com/api";
/// The version that is spoken.
const VERSION: &str = "v10";

/// One bot, as everything that works for it sees it.
pub(crate) struct Connection {
    /// The account.
    pub(crate) id: String,
    pub(crate) config: Arc<Config>,
    pub(crate) rest: Rest,
    pub(crate) host: ChannelHost,
    /// Who the bot is, once Discord has said so.
    pub(crate) me: OnceLock<Me>,
    pub(crate) cache: Cache,
    /// What the host has of each channel.
    pub(crate) seen: Seen,
    /// What sending remembers.
    pub(crate) memory: Memory,
    /// Commands and buttons that can still be answered in their place.
    pub(crate) interactions: Open,
    /// How it is doing.
    pub(crate) status: Status,
    /// What it is shown to be doing.
    pub(crate) presence: Presence,
    /// One download at a time.
    pub(crate) downloads: futures_util::lock::Mutex<()>,
    /// Known to the gateway only: REST has its own.
    token: Secret,
}

/// Who the bot is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Me {
    pub(crate) application_id: String,
    pub(crate) user_id: String,
    /// The name that is unique.
    pub(crate) name: String,
}

/// The bots that run.
#[derive(Clone, Default)]
pub(crate) struct Accounts(Arc<Mutex<HashMap<String, Running>>>);

struct Running {
    connection: Arc<Connection>,
    task: TaskHandle,
    stop: Option<oneshot::Sender<()>>,
    ended: oneshot::Receiver<()>,
}

// === impl Connection ===

impl Connection {
    pub(crate) fn new(id: String, config: Config, token: Secret, host: ChannelHost) -> Self {
        let rest = Rest::new(
            host.host().clone(),
            token.clone(),
            base(config.api_root.as_deref()),
            config.proxy.clone().filter(|proxy| !proxy.trim().is_empty()),
        );
        Self {
            id,
            config: Arc::new(config),
            rest,
            host,
            me: OnceLock::new(),
            cache: Cache::default(),
            seen: Seen::default(),
            memory: Memory::default(),
            interactions: Open::default(),
            status: Status::default(),
            presence: Presence::default(),
            downloads: futures_util::lock::Mutex::new(()),
            token,
        }
    }

    pub(crate) fn host(&self) -> &Host {
        self.host.host()
    }

    pub(crate) fn token(&self) -> &Secret {
        &self.token
    }

    /// The bot's user id; empty before Discord has said it.
    pub(crate) fn user_id(&self) -> &str {
        self.me.get().map_or("", |me| &me.user_id)
    }

    /// Hands an event to the host, again and again until it has it.
    pub(crate) async fn hand_over(&self, event: &Inbound) {
        gateway::hand_over(self, event).await;
    }

    /// Asks Discord how the account is doing.
    pub(crate) async fn probe(&self) -> Result<ChannelStatus> {
        gateway::probe(self).await
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// The address that routes are put behind.
fn base(api_root: Option<&str>) -> String {
    let root = api_root.map(str::trim).filter(|root| !root.is_empty());
    let root = root.unwrap_or(API_ROOT).trim_end_matches('/');
    let last = root.rsplit('/').next().unwrap_or_default();
    let has_version = last
        .strip_prefix('v')
        .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()));
    let has_path = root.split_once("://").is_some_and(|(_, rest)| rest.contains('/'));
    match (has_version, has_path) {
        (true, _) => root.to_owned(),
        (false, true) => format!("{root}/{VERSION}"),
        (false, false) => format!("{root}/api/{VERSION}"),
    }
}

// === impl Accounts ===

impl Accounts {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Running>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A running account; `default` if nobody says which.
    pub(crate) fn get(&self, id: &str) -> Result<Arc<Connection>> {
        let accounts = self.lock();
        let id = if id.is_empty() { "default" } else { id };
        accounts
            .get(id)
            .map(|running| running.connection.clone())
            .ok_or_else(|| {
                Error::new(
                    ErrorKind::Closed,
                    format_args!("the discord account {id} is not started; see its status"),
                )
            })
    }

    /// Starts an account; one of the same name ends first. What is wrong with it is told in its status too.
    pub(crate) async fn start(&self, account: openclaw_plugin_api::Account, host: ChannelHost) -> Result<()> {
        self.end(&account.id).await;
        let id = account.id;
        let prepared = match serde_json::from_value::<Config>(account.config) {
            Ok(config) if config.enabled == Some(false) => return Ok(()),
            Ok(config) => self.prepare(&id, config, &host).await,
            Err(error) => Err(wrong(format_args!(
                "the configuration of account {id} is wrong: {error}"
            ))),
        };
        match prepared {
            Ok(connection) => {
                self.begin(&Arc::new(connection));
                Ok(())
            }
            Err(error) => {
                let status = ChannelStatus {
                    account_id: id,
                    state: ChannelState::Failed,
                    problem: error.message().to_owned(),
                    ..ChannelStatus::default()
                };
                host.status(&status).await?;
                Err(error)
            }
        }
    }

    /// Everything that can be wrong with an account before it speaks to Discord.
    async fn prepare(&self, id: &str, config: Config, host: &ChannelHost) -> Result<Connection> {
        let token = token::find(host.host(), id, &config).await?;
        if let Some(owner) = self.owner_of(id, &token) {
            return Err(wrong(format_args!(
                "account {id} has the same bot token as account {owner}; remove one of them"
            )));
        }
        let idle = config.without_effect();
        if !idle.is_empty() {
            tracing::warn!(
                account = id,
                keys = idle.join(", "),
                "these keys of channels.discord have no effect here; remove them to be rid of this warning"
            );
        }
        Ok(Connection::new(id.to_owned(), config, token, host.clone()))
    }

    /// Another account that has the same token: two would answer everything twice.
    fn owner_of(&self, id: &str, token: &Secret) -> Option<String> {
        let accounts = self.lock();
        let mut others = accounts.iter().filter(|(other, _)| *other != id);
        others
            .find(|(_, running)| running.connection.token.expose() == token.expose())
            .map(|(other, _)| other.clone())
    }

    fn begin(&self, connection: &Arc<Connection>) {
        let (end, ended) = oneshot::channel::<()>();
        let (stop, stopped) = oneshot::channel::<()>();
        let working = connection.clone();
        let task = connection.host().spawn(async move {
            // Dropped with the task, and so with its last connection.
            let _end = end;
            gateway::run(working, stopped).await;
        });
        let running = Running {
            connection: connection.clone(),
            task,
            stop: Some(stop),
            ended,
        };
        self.lock().insert(connection.id.clone(), running);
    }

    /// Ends the work of an account and waits until its last connection is gone.
    pub(crate) async fn end(&self, id: &str) {
        let Some(mut running) = self.lock().remove(id) else {
            return;
        };
        // Asked first, so that the session can be taken up again; told when it does not listen.
        drop(running.stop.take());
        let host = running.connection.host().clone();
        if host.timeout(GRACE, running.ended).await.is_err() {
            tracing::warn!(account = id, "the old connection did not end in time");
        }
        running.task.abort();
    }
}

impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.lock().keys()).finish()
    }
}

fn wrong(text: impl fmt::Display) -> Error {
    Error::new(ErrorKind::Config, format_args!("discord: {text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_added_where_none_stands() {
        for (root, expected) in [
            (None, "https://discord.com/api/v10"),
            (Some(" "), "https://discord.com/api/v10"),
            (Some("http://127.0.0.1:1/api/"), "http://127.0.0.1:1/api/v10"),
            (Some("http://127.0.0.1:1/api/v9"), "http://127.0.0.1:1/api/v9"),
            (Some("http://127.0.0.1:1"), "http://127.0.0.1:1/api/v10"),
            (Some("http://127.0.0.1:1/v"), "http://127.0.0.1:1/v/v10"),
        ] {
            assert_eq!(base(root), expected);
        }
    }
}
