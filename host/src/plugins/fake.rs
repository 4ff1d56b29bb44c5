//! Plugins without a library, for tests: instances that answer with a function, and the workshop that they belong to.
use super::{
    discover::Origin,
    generation::{Generation, Workshop},
    ladder::Reason,
    link::Link,
    plugin::{Plugin, Spec},
    pool::{Owner, Pool},
    services::{Context, ContextOptions, Request, Services},
    settings::{Deadlines, Settings},
    stage::Staged,
};
use crate::{
    clock::Clock,
    http::{Client, Egress, Options},
    journal::Journal,
};
use futures_util::future::BoxFuture;
use openclaw_plugin_api::{Manifest, Registrations, Result, surface::ids};
use std::{
    path::{Path, PathBuf},
    sync::{Arc, OnceLock, PoisonError},
    time::Duration,
};

/// What an instance answers.
type Answers = fn(Request) -> Result<Vec<u8>>;

/// An instance that never ends by itself, and how long it takes for an answer.
struct Fake(Answers, Duration);

/// What instances need, with its files in this folder.
pub(crate) fn workshop(folder: &Path) -> Workshop {
    let services = Services {
        runtime: tokio::runtime::Handle::current(),
        http: Client::new(Options::default()).expect("a client"),
        journal: Journal::open(&folder.join("state.db")).expect("a journal"),
        media: folder.join("media"),
        clock: Clock::system(),
        secrets: Box::new(|_| None),
        core: OnceLock::new(),
    };
    Workshop {
        pool: Pool::new(1),
        services: Arc::new(services),
        state: folder.to_owned(),
        program: PathBuf::new(),
    }
}

/// A plugin that is on or off, with this manifest. Its file is not there, so no instance of it can be made.
pub(crate) fn spec(manifest: Manifest, on: bool) -> Spec {
    Spec {
        path: format!("/nonexistent/{}.so", manifest.id).into(),
        origin: Origin::Config,
        reason: if on {
            Reason::EnabledInConfig
        } else {
            Reason::DisabledInConfig
        },
        settings: Settings {
            moved_routes: Default::default(),
            config: serde_json::json!({}),
            isolation: Default::default(),
            integrity: Default::default(),
            permissions: Default::default(),
            required: false,
            deadlines: Deadlines::default(),
            limits: Default::default(),
            accounts: Vec::new(),
            allow_private_network: false,
        },
        manifest,
    }
}

/// An instance that answers so, also when an account of a channel is to start.
pub(crate) fn generation(workshop: &Workshop, number: u64, answers: Answers) -> Arc<Generation> {
    of(workshop, number, Fake(answers, Duration::ZERO))
}

/// An instance that answers after this time, with nothing.
pub(crate) fn slow(workshop: &Workshop, after: Duration) -> Arc<Generation> {
    of(workshop, 1, Fake(|_| Ok(Vec::new()), after))
}

fn of(workshop: &Workshop, number: u64, fake: Fake) -> Arc<Generation> {
    let options = ContextOptions {
        plugin: "fake".into(),
        instance: number,
        secrets: Vec::new(),
        egress: Arc::new(Egress::new("fake", [], false).expect("no patterns")),
        metrics: Arc::default(),
        tools: Arc::default(),
        pool: workshop.pool.clone(),
        owner: Arc::new(Owner {
            plugin: "fake",
            stuck_after_ms: u64::MAX,
            on_stuck: Box::new(|| {}),
        }),
    };
    let staged = Staged {
        path: PathBuf::new(),
        sha256: String::new(),
    };
    let context = Context::new(workshop.services.clone(), options);
    let link = Box::new(fake);
    let registrations = Registrations {
        methods: vec![ids::channel::START.to_owned()],
        ..Registrations::default()
    };
    Arc::new(Generation::new(number, registrations, staged, link, context))
}

/// Lets an instance take a plugin's calls from here on.
pub(crate) fn serve(plugin: &Plugin, generation: Arc<Generation>) {
    *plugin.current.write().unwrap_or_else(PoisonError::into_inner) = Some(generation);
}

// === impl Fake ===

impl Link for Fake {
    fn call(&self, request: Request) -> BoxFuture<'static, Result<Vec<u8>>> {
        let (answer, after) = ((self.0)(request), self.1);
        Box::pin(async move {
            if !after.is_zero() {
                tokio::time::sleep(after).await;
            }
            answer
        })
    }

    fn close(&self) -> BoxFuture<'static, ()> {
        Box::pin(std::future::ready(()))
    }
}
