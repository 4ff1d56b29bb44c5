//! Writes the schema of the configuration, so that hosts can read it without running the plugin.
#[path = "src/config/mod.rs"]
#[allow(
    dead_code,
    unused_imports,
    reason = "a build script uses the types for their schema only"
)]
mod config;

fn main() {
    println!("cargo:rerun-if-changed=src/config");
    openclaw_plugin_api::build::config_schema::<config::Config>();
}
