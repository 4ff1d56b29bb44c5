//! Writes the schema of the channel's configuration, so that hosts can read it without running the plugin.
#[path = "src/config.rs"]
mod config;

fn main() {
    println!("cargo:rerun-if-changed=src/config.rs");
    openclaw_plugin_api::build::channel_schema::<config::Config>("ticker");
    // The conformance test runs where there is a gateway to run it.
    println!("cargo:rerun-if-env-changed=OPENCLAW_BIN");
    println!("cargo:rustc-check-cfg=cfg(gateway)");
    if std::env::var_os("OPENCLAW_BIN").is_some() {
        println!("cargo:rustc-cfg=gateway");
    }
}
