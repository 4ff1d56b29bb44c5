//! A bundle as somebody has it who has just unpacked it: the program finds its plugins by itself, and each of them does its
//! work. `cargo xtask test` makes one of what it builds, `cargo xtask bundle --check` tries one that is to be released.
mod desk;
mod work;

use desk::Desk;
use openclaw_fakes::mcp::{Mode, serve};
use serde_json::{Value, json};
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};
use work::CALLER;

/// How this program is started as a server for plugin `mcp`.
struct Server {
    args: [&'static str; 4],
    /// The variable that says how it behaves.
    role: &'static str,
}

const SERVER: Server = Server {
    args: ["--exact", "a_server_of_its_own", "--nocapture", "--quiet"],
    role: "FAKE_MCP_MODE",
};

/// No test, but a server, when its variable says so.
#[test]
fn a_server_of_its_own() {
    if let Some(mode) = env::var(SERVER.role).ok().as_deref().and_then(Mode::named) {
        serve(mode).expect("pipes");
    }
}

/// The bundle's folder.
fn bundle() -> PathBuf {
    let folder = env::var_os("OPENCLAW_TEST_BUNDLE")
        .expect("`cargo xtask test` and `cargo xtask bundle --check` say where the bundle is");
    fs::canonicalize(folder).expect("it is there")
}

/// The ids of the plugins in it.
fn plugins(bundle: &Path) -> Vec<String> {
    let files = fs::read_dir(bundle.join("lib/openclaw/plugins")).expect("a folder");
    let ids = files.filter_map(|file| Some(file.ok()?.path().file_stem()?.to_str()?.to_owned()));
    let mut ids: Vec<_> = ids.collect();
    ids.sort();
    ids
}

#[tokio::test]
async fn every_bundled_plugin_does_its_work() {
    let bundle = bundle();
    let plugins = plugins(&bundle);
    let desk = Desk::with(bundle.join("bin/openclaw"), &plugins).await;
    let list: Value = serde_json::from_str(&desk.says(&["plugins", "list", "--json"]).await).expect("JSON");
    assert_eq!(list["problems"], json!([]));
    for id in &plugins {
        let rows = list["plugins"].as_array().expect("rows");
        let row = rows.iter().find(|row| row["id"] == id.as_str());
        let row = row.unwrap_or_else(|| panic!("{id} is not found"));
        assert_eq!(row["live"]["status"], "loaded", "{id}: {row}");
        work::done(&desk, id).await;
    }
    let (code, log) = desk.gateway.stop().await;
    assert_eq!(code, Some(0), "{log}");
}

#[test]
fn what_a_release_has_to_carry_is_there() {
    let bundle = bundle();
    for (file, words) in [
        ("share/man/man1/openclaw.1", "openclaw"),
        ("share/man/man1/openclaw-gateway.1", "allow\\-unconfigured"),
        ("share/bash-completion/completions/openclaw", "allow-unconfigured"),
        ("share/zsh/site-functions/_openclaw", "#compdef openclaw"),
        ("share/fish/vendor_completions.d/openclaw.fish", "openclaw"),
        ("share/doc/openclaw/THIRD-PARTY", "Apache License"),
        ("share/doc/openclaw/sbom.cdx.json", "\"bomFormat\": \"CycloneDX\""),
        ("LICENSE-MIT", "MIT"),
        ("LICENSE-APACHE", "Apache"),
    ] {
        let text = fs::read_to_string(bundle.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(text.contains(words), "{file} does not say {words}");
    }
    let sums = Command::new("sha256sum")
        .args(["--check", "--quiet", "SHA256SUMS"])
        .current_dir(&bundle)
        .status();
    assert!(sums.expect("sha256sum runs").success());
}
