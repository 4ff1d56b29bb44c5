//! What a turn knows of its models.
use super::*;
use crate::plugins::fake;
use openclaw_plugin_api::{Manifest, surface::ids};

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
    let paths = Paths {
        config_file: folder.path().join("openclaw.json"),
        state_dir: folder.path().to_owned(),
        home: None,
        include_roots: Vec::new(),
    };
    let (_running, config) = watch::channel(Arc::new(Config::default()));
    let models = Models::new(
        Arc::new(registry),
        config,
        Clock::system(),
        paths,
        Env::default(),
        Snapshot::default(),
    );
    let turn = Turn {
        models: vec!["vendor/m".into()],
        ..Turn::default()
    };
    for time in ["first", "second"] {
        let (served, _) = models.first(&turn).await.expect("a model");
        assert_eq!(served.info.context_window, 12_345, "{time}");
    }
}
