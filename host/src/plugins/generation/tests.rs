//! The end of an instance that hangs, and of one that never was.
use super::*;
use crate::plugins::{fake, link::Usage};
use futures_util::future::BoxFuture;
use openclaw_plugin_api::{
    Account, Manifest,
    abi::{Call, HostServices},
};
use serde_json::json;
use std::sync::{Mutex, PoisonError};

/// Notes what it is told, and answers nothing.
struct Hung(Arc<Mutex<Vec<String>>>);

impl Link for Hung {
    fn call(&self, request: Request) -> BoxFuture<'static, Result<Vec<u8>>> {
        let told = format!("{} {}", request.method, request.target);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(told);
        Box::pin(std::future::pending())
    }

    fn close(&self) -> BoxFuture<'static, ()> {
        Box::pin(std::future::pending())
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

#[tokio::test(start_paused = true)]
async fn an_instance_that_hangs_in_all_it_is_told_ends_within_the_deadline_and_a_little() {
    let folder = tempfile::tempdir().expect("a folder");
    let workshop = fake::workshop(folder.path());
    let made = fake::generation(&workshop, 1, |_| Ok(Vec::new()));
    let mut hung = Arc::into_inner(made).expect("nobody else has it");
    let told: Arc<Mutex<Vec<String>>> = Arc::default();
    hung.link = Box::new(Hung(told.clone()));
    let methods = [ids::channel::STOP, ids::service::STOP, ids::plugin::STOP];
    hung.registrations.methods = methods.map(str::to_owned).to_vec();
    hung.registrations.registrations = vec![Registration {
        capability: "service/1".into(),
        id: "watch".into(),
        spec: json!({}),
    }];
    let mut settings = fake::spec(Manifest::default(), true).settings;
    let account = |id: &str| Account {
        id: id.to_owned(),
        config: json!({}),
    };
    settings.accounts = ["a", "b", "c"]
        .map(|id| ("chat".to_owned(), account(id)))
        .to_vec();
    let _under_way = hung.admit().expect("a place");
    let begin = Instant::now();
    hung.retire(&settings).await;
    let took = begin.elapsed();
    assert!(took <= settings.deadlines.stop + 4 * CLOSING, "{took:?}");
    let told = told.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let channel = format!("{} chat", ids::channel::STOP);
    let (service, plugin) = (
        format!("{} watch", ids::service::STOP),
        format!("{} ", ids::plugin::STOP),
    );
    assert_eq!(told, [channel.clone(), channel.clone(), channel, service, plugin]);
}

#[tokio::test]
async fn what_an_instance_began_ends_with_it_if_it_can_t_be_made() {
    let folder = tempfile::tempdir().expect("a folder");
    let workshop = fake::workshop(folder.path());
    let owner = Arc::new(Owner {
        plugin: "fake",
        stuck_after_ms: u64::MAX,
        on_stuck: Box::new(|| {}),
    });
    let (nothing, settings) = (
        folder.path().join("nothing.so"),
        fake::spec(Manifest::default(), true).settings,
    );
    for isolation in [Isolation::None, Isolation::Process] {
        let settings = Settings {
            isolation,
            ..settings.clone()
        };
        let context = fake::generation(&workshop, 1, |_| Ok(Vec::new())).context.clone();
        let made = make::instance(&workshop, &nothing, "fake", &settings, &owner, &context).await;
        assert!(made.is_err());
        context.spawn(Box::pin(std::future::pending()));
        assert_eq!(context.tasks(), 0, "{isolation:?}");
        let asked = context
            .call(Call::new(host_ids::STORE_LIST, "", Vec::new()))
            .await;
        assert_eq!(asked.expect_err("it is over").code.as_str(), "closed");
    }
}
