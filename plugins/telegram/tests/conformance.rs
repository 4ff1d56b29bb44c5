//! The gateway's own kit, on this plugin's library.

#[test]
#[ignore = "it builds the library and needs OPENCLAW_BIN, the gateway's program: run it with --ignored"]
fn conformance() {
    openclaw_plugin_api::testing::conformance();
}
