//! The gateway's own kit, on this plugin's library.

#[test]
#[ignore = "set OPENCLAW_BIN to the gateway's program"]
fn conformance() {
    openclaw_plugin_api::testing::conformance();
}
