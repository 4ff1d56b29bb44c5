//! What the end-to-end tests share: where the built things are, and a gateway in this process with real libraries.
pub mod capture;
pub mod chance;
pub mod channels;
pub mod chat;
pub mod reasons;
pub mod running;
pub mod terminal;
pub mod world;

use openclaw_host::{
    app::{Gateway, Options},
    clock::Clock,
    config::{Config, Env, Paths},
    plugins::{
        discover::{Candidate, Origin},
        ladder::Reason,
        manifest,
        plugin::Spec,
        settings::{Deadlines, Isolation, Settings},
        stage::Integrity,
    },
};
use openclaw_plugin_api::{Account, Secret};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use tokio::sync::watch;

/// The built library of a bundled plugin.
pub fn plugin(id: &str) -> PathBuf {
    built(
        "OPENCLAW_TEST_PLUGINS",
        id,
        &format!("libopenclaw_plugin_{}", id.replace('-', "_")),
    )
}

/// The built library of a plugin for tests.
pub fn fixture(name: &str) -> PathBuf {
    let folder = if name == "loopback" {
        "libopenclaw_plugin_loopback".to_owned()
    } else {
        format!("examples/lib{name}")
    };
    built("OPENCLAW_TEST_FIXTURES", name, &folder)
}

/// The built program.
pub fn program() -> PathBuf {
    match std::env::var_os("OPENCLAW_TEST_BIN") {
        Some(path) => path.into(),
        None => target().join("openclaw"),
    }
}

/// From the folder that `cargo xtask test` names, else from cargo's own.
fn built(variable: &str, name: &str, file: &str) -> PathBuf {
    let path = match std::env::var_os(variable) {
        Some(folder) => Path::new(&folder).join(format!("{}.so", name.replace('_', "-"))),
        None => target().join(format!("{file}.so")),
    };
    assert!(
        path.is_file(),
        "{} is not built; run the tests by `cargo xtask test`",
        path.display()
    );
    path
}

/// The folder in which this test or program lies, without `deps`.
fn target() -> PathBuf {
    let exe = std::env::current_exe().expect("a test has a file");
    let folder = exe.parent().expect("a file is in a folder");
    if folder.ends_with("deps") {
        folder.parent().expect("target/<profile>")
    } else {
        folder
    }
    .to_owned()
}

/// A plugin as the configuration would give it.
pub fn spec(path: &Path) -> Spec {
    try_spec(path).expect("a plugin")
}

/// As [`spec`], for files that may be none.
pub fn try_spec(path: &Path) -> Result<Spec, manifest::ManifestError> {
    let library = manifest::read(path)?;
    let candidate = Candidate {
        path: path.to_owned(),
        origin: Origin::Config,
        library,
    };
    let manifest = candidate.library.manifest;
    let accounts = manifest.channels.iter().map(|channel| {
        (
            channel.clone(),
            Account {
                id: "default".into(),
                config: json!({}),
            },
        )
    });
    let settings = Settings {
        moved_routes: BTreeMap::new(),
        config: json!({}),
        isolation: Isolation::None,
        integrity: Integrity::default(),
        permissions: manifest.permissions.clone(),
        required: false,
        deadlines: Deadlines {
            start: Duration::from_secs(10),
            call: Duration::from_secs(5),
            tool: Duration::from_secs(5),
            complete: Duration::from_secs(10),
            stop: Duration::from_secs(1),
        },
        limits: Default::default(),
        accounts: accounts.collect(),
        allow_private_network: false,
    };
    let (path, origin) = (candidate.path, candidate.origin);
    Ok(Spec {
        manifest,
        path,
        origin,
        reason: Reason::EnabledInConfig,
        settings,
    })
}

/// A gateway in this process.
#[derive(Debug)]
pub struct TestGateway {
    /// The gateway.
    pub gateway: Gateway,
    /// Its state.
    pub state: tempfile::TempDir,
}

/// Starts a gateway with these plugins. Everybody may write.
pub async fn start(specs: Vec<Spec>) -> TestGateway {
    let state = tempfile::tempdir().expect("a folder");
    let config = json!({ "channels": { "loopback": { "dmPolicy": "open", "allowFrom": ["*"] } } });
    let config = Config::from_value(config).expect("a valid configuration");
    let options = Options {
        specs,
        paths: Paths {
            config_file: state.path().join("openclaw.json"),
            state_dir: state.path().to_owned(),
            home: None,
            include_roots: Vec::new(),
        },
        program: program(),
        config: watch::channel(Arc::new(config)).1,
        steps: None,
        env: Env::default(),
        secrets: Box::new(|variable| (variable == "TEST_SECRET").then(|| Secret::new("s3cret"))),
        clock: Clock::system(),
    };
    TestGateway {
        gateway: Gateway::start(options).await.expect("it starts"),
        state,
    }
}

/// As [`start`], with another limit for every call.
pub async fn start_with_call_limit(mut specs: Vec<Spec>, limit: Duration) -> TestGateway {
    for spec in &mut specs {
        spec.settings.deadlines.call = limit;
        spec.settings.deadlines.tool = limit;
    }
    start(specs).await
}

/// What came of a library in a gateway of its own, in a process of its own: the words of `exhibit`, and under `ended`
/// whether that process ended well.
pub fn exhibition(library: &Path, isolation: &str, trigger: &str) -> BTreeMap<String, Value> {
    let output = Command::new(exhibit())
        .arg(library)
        .args([isolation, trigger])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .expect("the exhibition runs");
    let text = String::from_utf8_lossy(&output.stdout);
    let lines = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let said = lines.map(|line| {
        (
            line["what"].as_str().unwrap_or_default().to_owned(),
            line["value"].clone(),
        )
    });
    let mut said: BTreeMap<_, _> = said.collect();
    said.insert("ended".into(), json!({ "well": output.status.success() }));
    // What was not said reads as null.
    for what in ["load", "call", "again", "after", "reload", "others"] {
        said.entry(what.into()).or_insert(Value::Null);
    }
    said
}

/// The program beside the tests that shows one library.
fn exhibit() -> PathBuf {
    let program = target().join("exhibit");
    assert!(
        program.is_file(),
        "{} is not built; run the tests by `cargo xtask test`",
        program.display()
    );
    program
}
