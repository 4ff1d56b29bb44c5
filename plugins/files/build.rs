//! Writes the schema of the configuration, so that hosts can read it without running the plugin.
#[path = "src/config.rs"]
#[allow(dead_code, reason = "a build script uses the types for their schema only")]
mod config;

fn main() {
    println!("cargo:rerun-if-changed=src/config.rs");
    openclaw_plugin_api::build::config_schema::<config::Config>();
}
