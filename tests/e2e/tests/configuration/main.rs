//! `docs/configuration.md` names every key of `openclaw.json` that has an effect: its tables are made from the schema that
//! the program prints with all bundled plugins beside it.
//!
//! `UPDATE_DOCS=1 cargo test -p openclaw-e2e --test configuration` writes them anew. What stands around them is written by
//! hand, and which table a key belongs to stands there, too.
mod page;
mod rows;
mod words;

use openclaw_e2e::running::Home;
use openclaw_host::config::ChannelPolicy;
use rows::{Row, Rows};
use serde_json::Value;
use std::{fs, path::Path};

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// Ids of the plugins in the tree, sorted.
fn bundled() -> Vec<String> {
    let folders = fs::read_dir(root().join("plugins")).expect("a folder");
    let folders = folders.map(|folder| folder.expect("an entry").path());
    let mut ids: Vec<_> = folders
        .filter(|folder| folder.join("Cargo.toml").is_file())
        .filter_map(|folder| Some(folder.file_name()?.to_str()?.to_owned()))
        .collect();
    ids.sort();
    ids
}

/// The keys of the whole configuration.
async fn keys() -> Vec<Row> {
    let ids = bundled();
    let home = Home::new(&ids.iter().map(String::as_str).collect::<Vec<_>>());
    let schema = home.json(&["config", "schema"]).await;
    let shared = schemars::schema_for!(ChannelPolicy).to_value();
    let mut rows = Rows::default();
    rows.add_object(&schema, "", &schema, |key| key != "channels");
    // what means the same on every channel is told once
    rows.add_object(&shared, "channels.<name>", &shared, |_| true);
    rows.add_object(&schema, "", &schema, |key| key == "channels");
    for id in &ids {
        let place =
            format!("/$defs/PluginsConfig/properties/entries/properties/{id}/allOf/1/properties/config");
        let Some(config) = schema.pointer(&place) else {
            continue;
        };
        let manifest = home.json(&["plugins", "inspect", id, "--json"]).await;
        let sections = manifest["manifest"]["sections"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let is_section = |key: &str| sections.iter().any(|section| begins(section, key));
        rows.add_object(&schema, "", config, is_section);
        let own = format!("plugins.entries.{id}.config");
        rows.add_object(&schema, &own, config, |key| !is_section(key));
    }
    rows.finish()
}

/// Is this section, `tools.exec`, in the one with this name, `tools`?
fn begins(section: &Value, name: &str) -> bool {
    section.as_str().and_then(|section| section.split('.').next()) == Some(name)
}

#[tokio::test]
async fn every_key_with_an_effect_is_on_the_page() {
    let keys = keys().await;
    assert!(keys.len() > 300, "{} keys", keys.len());
    let file = root().join("docs/configuration.md");
    let written = fs::read_to_string(&file).expect("the page is there");
    let made = page::with_tables(&written, &keys);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&file, made).expect("written");
        return;
    }
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let (written, made) = (lines(&written), lines(&made));
    let without = |lines: &[String], other: &[String]| {
        let gone = lines.iter().filter(|line| !other.contains(line));
        gone.cloned().collect::<Vec<_>>().join("\n")
    };
    assert!(
        written == made,
        "docs/configuration.md is not what the schema says; UPDATE_DOCS=1 writes its tables anew.\nlacks:\n{}\nhas:\n{}",
        without(&made, &written),
        without(&written, &made)
    );
}
