//! Plugins without a library, for tests: instances that answer with a function, and the workshop that they belong to.
use super::{
    discover::Origin,
    generation::{Generation, Workshop},
    ladder::Reason,
    link::{Link, Usage},
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
use openclaw_plugin_api::{Manifest, Registrations, Result};
use std::{
    path::{Path, PathBuf},
    sync::{Arc, OnceLock, PoisonError},
};

/// What an instance answers.
type Answers = fn(Request) -> Result<Vec<u8>>;

/// An instance that never ends by itself.
struct Fake(Answers);

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

/// An instance that answers so.
pub(crate) fn generation(workshop: &Workshop, number: u64, answers: Answers) -> Arc<Generation> {
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
    let link = Box::new(Fake(answers));
    Arc::new(Generation::new(
        number,
        Registrations::default(),
        staged,
        link,
        context,
    ))
}

/// Lets an instance take a plugin's calls from here on.
pub(crate) fn serve(plugin: &Plugin, generation: Arc<Generation>) {
    *plugin.current.write().unwrap_or_else(PoisonError::into_inner) = Some(generation);
}

// === impl Fake ===

impl Link for Fake {
    fn call(&self, request: Request) -> BoxFuture<'static, Result<Vec<u8>>> {
        Box::pin(std::future::ready((self.0)(request)))
    }

    fn close(&self) -> BoxFuture<'static, ()> {
        Box::pin(std::future::ready(()))
    }

    fn ended(&self) -> BoxFuture<'static, String> {
        Box::pin(std::future::pending())
    }

    fn has_ended(&self) -> bool {
        false
    }

    fn alive(&self) -> BoxFuture<'static, bool> {
        Box::pin(std::future::ready(true))
    }

    fn usage(&self) -> Option<Usage> {
        None
    }
}
