//! One instance of a plugin from its file to its end: staged, opened, created, compared with its manifest, started,
//! drained, dropped. A new file or a new configuration is a new generation; the old one finishes what it has begun.
mod make;

use super::{
    link::Link,
    logs,
    manifest::{self, Library, ManifestError},
    metrics::Metrics,
    offered::Offered,
    pool::{Owner, Pool},
    services::{Context, ContextOptions, Request, Services},
    settings::{Isolation, Settings},
    stage::{Staged, stage},
    start_error::StartError,
};
use crate::http::Egress;
use futures_util::future::join_all;
use openclaw_plugin_api::{
    ChannelInfo, Environment, Error, ErrorKind, Registration, Registrations, Result, host_ids, surface::ids,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout_at},
};

/// Calls of one instance that may run at once; more are refused.
const MAX_IN_FLIGHT: u32 = 256;
/// How long destroying an instance is waited for; one that hangs longer is left behind.
const CLOSING: Duration = Duration::from_secs(2);

/// What making instances needs besides the plugin itself.
#[derive(Debug, Clone)]
pub struct Workshop {
    /// Where plugins in this process are polled.
    pub pool: Pool,
    /// What plugins may ask for.
    pub services: Arc<Services>,
    /// State directory.
    pub state: PathBuf,
    /// This program, to be started for children.
    pub program: PathBuf,
}

/// One instance.
pub struct Generation {
    /// Counts from 1 for each plugin.
    pub number: u64,
    /// What it offers.
    pub registrations: Registrations,
    /// What its channels can do: read once, for it is asked for several times a message.
    pub channels: BTreeMap<String, Arc<ChannelInfo>>,
    /// The copy that was opened.
    pub staged: Staged,
    link: Box<dyn Link>,
    context: Arc<Context>,
    permits: Arc<Semaphore>,
}

impl Generation {
    /// Makes an instance of a library. Nothing of the plugin's code runs before every check has passed.
    pub async fn create(
        workshop: &Workshop,
        path: &Path,
        settings: &Settings,
        owner: &Arc<Owner>,
        metrics: &Arc<Metrics>,
        tools: &Arc<Offered>,
        number: u64,
    ) -> Result<Self, StartError> {
        let (library, staged) = check(workshop, path, settings).await?;
        let id = library.manifest.id.clone();
        let egress =
            Egress::new(&id, settings.hosts(), settings.allow_private_network).map_err(|source| {
                StartError::Permission {
                    id: id.clone(),
                    source,
                }
            })?;
        let context = Context::new(
            workshop.services.clone(),
            ContextOptions {
                plugin: id.clone(),
                instance: number,
                secrets: library.manifest.secrets.clone(),
                egress: Arc::new(egress),
                metrics: metrics.clone(),
                tools: tools.clone(),
                pool: workshop.pool.clone(),
                owner: owner.clone(),
            },
        );
        let (link, registrations) =
            make::instance(workshop, &staged.path, &id, settings, owner, &context).await?;
        let generation = Self::new(number, registrations, staged, link, context);
        match library.manifest.difference(&generation.registrations) {
            None => Ok(generation),
            Some(difference) => {
                generation.close().await;
                Err(StartError::Registration(difference))
            }
        }
    }

    pub(super) fn new(
        number: u64,
        registrations: Registrations,
        staged: Staged,
        link: Box<dyn Link>,
        context: Arc<Context>,
    ) -> Self {
        Self {
            number,
            channels: channels(&registrations),
            registrations,
            staged,
            link,
            context,
            permits: Arc::new(Semaphore::new(MAX_IN_FLIGHT as usize)),
        }
    }

    /// Starts what it offers: the plugin, its services, the accounts of its channels.
    pub async fn start(&self, id: &str, settings: &Settings) -> Result<(), StartError> {
        let failed = |why: Error| StartError::Start {
            id: id.to_owned(),
            why: why.to_string(),
        };
        self.tell(ids::plugin::START, "", &(), settings)
            .await
            .map_err(failed)?;
        for service in self.offers("service/1") {
            self.tell(ids::service::START, service, &(), settings)
                .await
                .map_err(failed)?;
        }
        self.start_accounts(settings).await.map_err(failed)
    }

    /// One account that can't start keeps no other from it: it shows as failed until it is changed or started again. Where
    /// all fail, the channel has failed, and so it has where the instance did.
    async fn start_accounts(&self, settings: &Settings) -> Result<()> {
        let mut refused = Vec::new();
        for (channel, account) in &settings.accounts {
            let started = self.tell(ids::channel::START, channel, account, settings).await;
            match started {
                Err(error) if matches!(error.kind(), ErrorKind::Panic | ErrorKind::Closed) => {
                    return Err(error);
                }
                Err(error) => {
                    self.context.account_failed(channel, &account.id, &error);
                    refused.push(error);
                }
                Ok(()) => {}
            }
        }
        if refused.len() < settings.accounts.len() {
            return Ok(());
        }
        refused.into_iter().next().map_or(Ok(()), Err)
    }

    /// Gives it a new configuration. An error means that it does not follow changes, and has to be replaced.
    pub async fn configure(&self, settings: &Settings) -> Result<()> {
        if !self
            .registrations
            .methods
            .iter()
            .any(|served| served == ids::plugin::CONFIG)
        {
            return Err(Error::unsupported(
                "this plugin doesn't follow changes of its configuration",
            ));
        }
        self.tell(ids::plugin::CONFIG, "", &settings.config, settings)
            .await
    }

    /// Tells it that other events of it are recorded than before.
    pub async fn relog(&self, id: &str, settings: &Settings) -> Result<()> {
        self.tell(ids::plugin::LOG, "", &logs::finest(id), settings).await
    }

    /// Stops it: no new calls, a while for those under way, then goodbye. Never longer than the deadline and a little.
    pub async fn retire(&self, settings: &Settings) {
        let until = Instant::now() + settings.deadlines.stop;
        // what comes next is told also if what hangs has taken all the time
        let at_least_a_moment = || until.max(Instant::now() + CLOSING);
        let accounts = settings.accounts.iter();
        let accounts =
            accounts.map(|(channel, account)| self.tell(ids::channel::STOP, channel, &account.id, settings));
        let _ = timeout_at(until, join_all(accounts)).await;
        let services = self.offers("service/1");
        let services = services.map(|service| self.tell(ids::service::STOP, service, &(), settings));
        let _ = timeout_at(at_least_a_moment(), join_all(services)).await;
        let _ = timeout_at(until, self.permits.acquire_many(MAX_IN_FLIGHT)).await;
        self.permits.close();
        let _ = timeout_at(
            at_least_a_moment(),
            self.tell(ids::plugin::STOP, "", &(), settings),
        )
        .await;
        self.close().await;
    }

    /// Destroys it at once.
    pub async fn close(&self) {
        self.permits.close();
        self.context.close();
        let _ = tokio::time::timeout(CLOSING, self.link.close()).await;
    }

    /// A place for one more call.
    pub fn admit(&self) -> Result<OwnedSemaphorePermit> {
        self.permits
            .clone()
            .try_acquire_owned()
            .map_err(|error| match error {
                tokio::sync::TryAcquireError::Closed => {
                    Error::new(ErrorKind::Closed, "this instance is being replaced")
                }
                tokio::sync::TryAcquireError::NoPermits => Error::new(
                    ErrorKind::Overloaded,
                    format_args!("more than {MAX_IN_FLIGHT} calls at once"),
                ),
            })
    }

    /// Where it lives.
    pub fn link(&self) -> &dyn Link {
        self.link.as_ref()
    }

    /// Ids of what it offers of one capability.
    pub fn offers<'a>(&'a self, capability: &'a str) -> impl Iterator<Item = &'a str> {
        let all = self.registrations.registrations.iter();
        all.filter(move |r| r.capability == capability)
            .map(|r| r.id.as_str())
    }

    async fn tell(
        &self,
        method: &str,
        target: &str,
        body: &impl Serialize,
        settings: &Settings,
    ) -> Result<()> {
        // A plugin that is not made with our macro may lack the methods of a life that it has no use for.
        if !self.registrations.methods.iter().any(|served| served == method) {
            return Ok(());
        }
        let limit = settings.deadlines.of(method).unwrap_or(settings.deadlines.call);
        let request = Request {
            method: method.to_owned(),
            target: target.to_owned(),
            body: serde_json::to_vec(body)?,
            ..Request::default()
        };
        match tokio::time::timeout(limit, self.link.call(request)).await {
            Ok(outcome) => outcome.map(drop),
            Err(_) => Err(Error::new(
                ErrorKind::Timeout,
                format_args!("{method} {target} took longer than {limit:?}"),
            )),
        }
    }
}

/// A channel that describes itself in a way that can't be read can do nothing.
fn channels(registrations: &Registrations) -> BTreeMap<String, Arc<ChannelInfo>> {
    let all = registrations.registrations.iter();
    let channels = all.filter(|registration| registration.capability == "channel/1");
    let info = |channel: &Registration| {
        let read = ChannelInfo::deserialize(&channel.spec);
        let told = read.inspect_err(|error| {
            tracing::error!(target: "openclaw::plugins", channel = channel.id, %error, "what it says of itself can't be read");
        });
        (channel.id.clone(), Arc::new(told.unwrap_or_default()))
    };
    channels.map(info).collect()
}

impl std::fmt::Debug for Generation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Generation")
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

/// Every check that runs no code of the plugin; gives the copy that may be opened. It reads, copies and hashes megabytes,
/// so it keeps off the async threads.
async fn check(
    workshop: &Workshop,
    path: &Path,
    settings: &Settings,
) -> Result<(Library, Staged), StartError> {
    let (state, path, settings) = (workshop.state.clone(), path.to_owned(), settings.clone());
    tokio::task::spawn_blocking(move || check_file(&state, &path, &settings))
        .await
        .unwrap_or_else(|ended| Err(StartError::Check(ended.to_string())))
}

fn check_file(state: &Path, path: &Path, settings: &Settings) -> Result<(Library, Staged), StartError> {
    let library = manifest::read(path)?;
    manifest::check_host(&library, settings.isolation == Isolation::Process)?;
    let staged = stage(&library.manifest.id, path, &settings.integrity, state)?;
    // What is opened is the copy, so what counts is the copy's manifest.
    let copied = manifest::read(&staged.path)?;
    if copied.manifest != library.manifest {
        let why = "it changed while it was copied".to_owned();
        return Err(ManifestError::BadManifest {
            path: path.into(),
            why,
        }
        .into());
    }
    super::schema::check_config(&library.manifest, &settings.config).map_err(StartError::Config)?;
    for (channel, account) in &settings.accounts {
        if let Some(schema) = library.manifest.channel_schemas.get(channel) {
            let path = format!("channels.{channel}");
            super::schema::check(schema, &account.config, &path).map_err(StartError::Config)?;
        }
    }
    Ok((library, staged))
}

/// What an instance is told of its surroundings.
pub fn environment(isolated: bool) -> String {
    let environment = Environment {
        host_version: env!("CARGO_PKG_VERSION").to_owned(),
        api_version: openclaw_plugin_api::API_VERSION.to_owned(),
        methods: host_ids::ALL.iter().map(|id| (*id).to_owned()).collect(),
        isolated,
    };
    serde_json::to_string(&environment).expect("a record of strings is JSON")
}

#[cfg(test)]
mod tests;
