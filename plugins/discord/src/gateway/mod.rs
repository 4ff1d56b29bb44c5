//! The gateway: where events come from. One account has one login, one budget of sessions, and a shard or more.
mod budget;
mod close;
mod frame;
mod heart;
mod inflate;
mod intake;
mod intents;
mod login;
mod missed;
mod presence;
mod session;
mod shard;
mod socket;
mod status;
mod watermark;

pub(crate) use missed::{EVENT as MISSED, Seen, read as read_missed};
pub(crate) use presence::Presence;
pub(crate) use status::Status;

use crate::{
    account::Connection,
    interactions,
    rest::{Request, Route},
    wire::Guild,
};
use budget::{Budget, Limit};
use futures_channel::oneshot;
use futures_util::{
    FutureExt, StreamExt,
    future::{BoxFuture, Either, Shared, join, select},
    stream::FuturesUnordered,
};
use intents::Intents;
use login::Gateway;
use openclaw_plugin_api::{Backoff, ChannelState, ChannelStatus, ErrorKind, Inbound, Result};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// Bounds of the wait before Discord is asked again who the bot is.
const LOGIN_AGAIN: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(60));
/// Bounds of the wait before an event is offered to the host again.
const OFFER_AGAIN: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(15));
/// Most shards of one account. Larger bots are split over processes, which this plugin does not do.
const MAX_SHARDS: u64 = 64;
/// Servers that are asked for at once, where the gateway did not tell them.
const GUILDS: u64 = 200;

/// Ready once the account is to stop.
pub(crate) type Stop = Shared<BoxFuture<'static, ()>>;

/// What all shards of an account have in common.
pub(crate) struct Plan {
    /// Where the gateway is.
    url: String,
    /// The operator says where it is, and so for every connection.
    is_fixed: bool,
    shards: u64,
    intents: Intents,
    budget: Arc<Budget>,
    /// Told when events come for the first time.
    ready: Mutex<Option<oneshot::Sender<()>>>,
}

/// The life of an account. Ends when it is stopped, or when only an operator can help.
pub(crate) async fn run(connection: Arc<Connection>, stopped: oneshot::Receiver<()>) {
    let stop: Stop = stopped.map(drop).boxed().shared();
    status::tell(&connection, ChannelState::Connecting, "").await;
    tracing::info!(account = connection.id, "starting provider");
    if let Some(presence) = presence::configured(&connection.config) {
        connection.presence.set(presence);
    }
    match work(connection.clone(), stop).await {
        Some(remedy) => status::tell(&connection, ChannelState::Failed, &remedy).await,
        None => tracing::debug!(account = connection.id, "stopped"),
    }
}

/// Ends with what only an operator can change, or with nothing when the account is stopped.
async fn work(connection: Arc<Connection>, stop: Stop) -> Option<String> {
    Seen::restore(&connection).await;
    let plan = match select(stop.clone(), Box::pin(prepare(&connection))).await {
        Either::Left(_) => return None,
        Either::Right((Err(remedy), _)) => return Some(remedy),
        Either::Right((Ok(plan), _)) => plan,
    };
    let (plan, ready) = plan;
    let plan = Arc::new(plan);
    let shards: FuturesUnordered<_> = (0..plan.shards)
        .map(|index| shard::Shard::new(connection.clone(), plan.clone(), index, stop.clone()).run())
        .collect();
    let shards = shards.filter_map(|ended| async move { ended }).boxed();
    // The first shard that can't go on ends all: the others have the same token.
    let ended = shards.into_future().map(|(remedy, _)| remedy);
    let beside = async {
        join(presence::follow(&connection), once_ready(&connection, ready)).await;
    };
    match select(Box::pin(ended), Box::pin(beside)).await {
        Either::Left((remedy, _)) => remedy,
        Either::Right(((), ended)) => ended.await,
    }
}

/// What is done once events come: commands are registered, and servers named that a session of before did not name.
async fn once_ready(connection: &Arc<Connection>, ready: oneshot::Receiver<()>) {
    if ready.await.is_err() {
        return;
    }
    if connection.cache.guild_count() == 0 {
        let request = Request::get(Route::new("users/@me/guilds", &[])).query("limit", GUILDS);
        match connection.rest.call::<Vec<Guild>>(request).await {
            Ok(guilds) => guilds
                .into_iter()
                .for_each(|guild| connection.cache.name_guild(guild)),
            Err(error) => {
                tracing::debug!(account = connection.id, %error, "the servers of the bot could not be listed")
            }
        }
    }
    interactions::register(connection).await;
}

/// Asks Discord for everything that is needed, until it answers or refuses.
async fn prepare(connection: &Connection) -> Result<(Plan, oneshot::Receiver<()>), String> {
    let wanted = Intents::of(&connection.config);
    let mut backoff = Backoff::new(LOGIN_AGAIN.0, LOGIN_AGAIN.1);
    let (missing, gateway) = loop {
        let asked = join(login::identify(connection, wanted), login::gateway(connection));
        let error = match asked.await {
            (Ok(missing), Ok(gateway)) => break (missing, gateway),
            (Err(error), _) | (_, Err(error)) => error,
        };
        if error.is_token_refused() {
            return Err(login::refused(connection));
        }
        let wait = backoff.next_wait().max(error.retry_after().unwrap_or_default());
        let error = error.into_error();
        if error.kind() == ErrorKind::Refused {
            return Err(error.message().to_owned());
        }
        status::tell(connection, ChannelState::Degraded, error.message()).await;
        connection.host().sleep(wait).await;
    };
    let note = login::note(connection, &missing);
    if !note.is_empty() {
        tracing::warn!(account = connection.id, "{note}");
    }
    Ok(plan(connection, &gateway, wanted.without(&missing), note))
}

fn plan(
    connection: &Connection,
    gateway: &Gateway,
    intents: Intents,
    note: String,
) -> (Plan, oneshot::Receiver<()>) {
    let configured = connection.config.gateway_url.as_deref().map(str::trim);
    let configured = configured.filter(|url| !url.is_empty());
    let said = Some(gateway.url.as_str()).filter(|url| !url.is_empty());
    let shards = gateway.shards.clamp(1, MAX_SHARDS);
    if gateway.shards > MAX_SHARDS {
        tracing::error!(
            account = connection.id,
            wanted = gateway.shards,
            "discord wants more shards than this plugin has; some servers are not heard"
        );
    }
    let budget = Arc::new(Budget::new(Limit::of(gateway)));
    connection.status.begin(shards, &budget, intents, note);
    let (ready, is_ready) = oneshot::channel();
    let plan = Plan {
        url: configured.or(said).unwrap_or(login::GATEWAY).to_owned(),
        is_fixed: configured.is_some(),
        shards,
        intents,
        budget,
        ready: Mutex::new(Some(ready)),
    };
    (plan, is_ready)
}

impl Plan {
    /// Events come.
    fn is_ready(&self) {
        let ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner).take();
        // Nobody waits when the account ends.
        ready.map(|ready| ready.send(()));
    }
}

/// Hands over one event, however long the host can't take it.
pub(crate) async fn hand_over(connection: &Connection, event: &Inbound) {
    let mut backoff = Backoff::new(OFFER_AGAIN.0, OFFER_AGAIN.1);
    while let Err(error) = connection.host.inbound(event).await {
        if error.kind() == ErrorKind::InvalidInput {
            tracing::error!(account = connection.id, event = event.event_id, %error, "dropped: the host will never take this event");
            return;
        }
        if backoff.tries() == 0 {
            tracing::warn!(account = connection.id, %error, "the host can't take an event; trying until it does");
            connection.status.set_blocked(true);
        }
        // never at once: a host that is full is not to be asked in a circle
        let wait = backoff.next_wait().max(OFFER_AGAIN.0 / 2);
        connection.host().sleep(wait).await;
    }
    if backoff.tries() > 0 {
        tracing::info!(account = connection.id, "the host takes events again");
        connection.status.set_blocked(false);
    }
}

/// Asks Discord whether the token works and what is left of the budget, and says how the account is doing.
pub(crate) async fn probe(connection: &Connection) -> Result<ChannelStatus> {
    match login::gateway(connection).await {
        Ok(gateway) => {
            connection.status.update_budget(Limit::of(&gateway));
            Ok(status::now(connection))
        }
        Err(error) if error.is_token_refused() => Ok(status::of(
            connection,
            ChannelState::Failed,
            login::refused(connection),
        )),
        Err(error) => Ok(status::of(
            connection,
            ChannelState::Degraded,
            error.into_error().message().to_owned(),
        )),
    }
}
