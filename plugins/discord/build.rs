//! Writes the schema of `channels.discord`, so that hosts can read it without running the plugin.
#[path = "src/config/mod.rs"]
#[allow(
    dead_code,
    unused_imports,
    reason = "a build script uses the types for their schema only"
)]
mod config;

fn main() {
    println!("cargo:rerun-if-changed=src/config");
    openclaw_plugin_api::build::channel_schema::<config::Discord>("discord");
}
