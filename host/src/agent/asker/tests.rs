//! What a turn knows of its models, and what follows from a configuration.
use super::*;
use crate::plugins::fake;
use openclaw_plugin_api::{Manifest, surface::ids};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Models of this registry and configuration; the other end changes the configuration.
fn models_of(registry: Registry, folder: &TempDir, of: Value) -> (Models, watch::Sender<Arc<Config>>) {
    let (change, config) = watch::channel(config(of));
    let paths = Paths {
        config_file: folder.path().join("openclaw.json"),
        state_dir: folder.path().to_owned(),
        home: None,
        include_roots: Vec::new(),
    };
    let (registry, clock) = (Arc::new(registry), Clock::from_fn(|| 0));
    let models = Models::new(
        registry,
        config,
        clock,
        paths,
        Env::default(),
        Snapshot::default(),
    );
    (models, change)
}

/// Models of this configuration without plugins; the folder is to be kept.
async fn models(of: Value) -> (Models, watch::Sender<Arc<Config>>, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let (registry, _) = Registry::start(fake::workshop(folder.path()), Vec::new()).await;
    let (models, change) = models_of(registry, &folder, of);
    (models, change, folder)
}

fn config(value: Value) -> Arc<Config> {
    Arc::new(Config::from_value(value).expect("valid"))
}

#[tokio::test]
async fn a_key_that_was_changed_is_tried_at_once() {
    let with = |key: &str, port: u16| {
        json!({
            "models": {"providers": {"v": {"baseUrl": "http://v", "apiKey": key}}}, "gateway": {"port": port},
        })
    };
    let (models, change, _folder) = models(with("wrong", 1000)).await;
    let rests = || {
        models.survey();
        models.cooldowns.resting("v#config", "v/m").is_some()
    };
    assert!(!rests());
    models.cooldowns.failed("v#config", "v/m", ErrorKind::Auth, None);
    change.send_replace(config(with("wrong", 2000)));
    assert!(rests(), "nothing of it has changed");
    change.send_replace(config(with("right", 2000)));
    assert!(!rests());
}

#[tokio::test]
async fn those_that_answer_instead_are_known_as_well_as_the_first() {
    let (models, _change, _folder) = models(json!({})).await;
    let config = models.config.borrow().clone();
    let offer = |id: &str| Offer {
        plugin: format!("plugin-{id}"),
        providers: vec![id.to_owned()],
        ..Offer::default()
    };
    let offers = vec![offer("one"), offer("two")];
    let (catalogue, clock) = (models.catalogue.clone(), models.clock.clone());
    let survey = Survey::new(config, offers, &models.paths, catalogue, clock);
    let known = (models.registry.revision(), Arc::new(survey));
    *models.known.lock().expect("free") = Some(known);
    let turn = Turn {
        models: vec!["one/x".into(), "one/y".into(), "two/z".into()],
        ..Turn::default()
    };
    let plan = models.plan(&turn).await.expect("models");
    assert_eq!(plan.len(), 3, "they are asked though nothing is known of them");
    assert!(
        ["one", "two"]
            .iter()
            .all(|provider| models.catalogue.is_fresh(provider))
    );
}

#[tokio::test]
async fn the_first_turn_knows_what_the_plugin_says_of_its_model() {
    let folder = tempfile::tempdir().expect("a folder");
    let workshop = fake::workshop(folder.path());
    let manifest = Manifest {
        id: "vendor".into(),
        providers: vec!["vendor".into()],
        ..Manifest::default()
    };
    let (registry, _) = Registry::start(workshop.clone(), vec![fake::spec(manifest, true)]).await;
    let instance = fake::generation(&workshop, 1, |request| match request.method.as_str() {
        ids::provider::MODELS => Ok(br#"[{"id": "m", "contextWindow": 12345}]"#.to_vec()),
        other => Err(Error::unsupported(other)),
    });
    fake::serve(&registry.get("vendor").expect("it is known"), instance);
    let (models, _change) = models_of(registry, &folder, json!({}));
    let turn = Turn {
        models: vec!["vendor/m".into()],
        ..Turn::default()
    };
    for time in ["first", "second"] {
        let (served, _) = models.first(&turn).await.expect("a model");
        assert_eq!(served.info.context_window, 12_345, "{time}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_vendor_that_is_slow_at_first_is_not_forgotten_for_the_model_without_account() {
    let folder = tempfile::tempdir().expect("a folder");
    let workshop = fake::workshop(folder.path());
    let manifest = Manifest {
        id: "vendor".into(),
        providers: vec!["vendor".into()],
        secrets: vec!["VENDOR_KEY".into()],
        ..Manifest::default()
    };
    let (registry, _) = Registry::start(workshop.clone(), vec![fake::spec(manifest, true)]).await;
    let plugin = registry.get("vendor").expect("it is known");
    fake::serve(
        &plugin,
        fake::generation(&workshop, 1, |_| Err(Error::new(ErrorKind::Timeout, "slow"))),
    );
    let (mut models, _change) = models_of(registry, &folder, json!({}));
    models.env = Env::default().with("VENDOR_KEY", "k");
    assert_eq!(models.usual().await, DEFAULT_MODEL);
    let answers = fake::generation(&workshop, 2, |_| Ok(br#"[{"id": "m"}]"#.to_vec()));
    fake::serve(&plugin, answers);
    assert_eq!(models.usual().await, DEFAULT_MODEL, "it is let alone for a while");
    tokio::time::advance(Duration::from_secs(600)).await;
    assert_eq!(models.usual().await, "vendor/m");
}
