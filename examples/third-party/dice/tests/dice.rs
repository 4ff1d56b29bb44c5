//! The tool in a fake host, through the same glue as in the gateway.
use openclaw_plugin_api::{Manifest, prelude::*, testing::TestHost};
use openclaw_plugin_dice::PLUGIN;

#[tokio::test]
async fn as_many_dice_as_asked_for_show_a_side_each() -> Result<()> {
    let plugin = TestHost::new().load(&PLUGIN, json!({}))?;
    let output = plugin.tool("roll_dice", json!({"sides": 6, "dice": 20})).await?;
    let rolls = output.details["rolls"].as_array().expect("a list");
    assert_eq!(rolls.len(), 20);
    assert!(rolls.iter().all(|roll| (1..=6).contains(&roll.as_u64().expect("a number"))));
    let sum: u64 = rolls.iter().filter_map(Value::as_u64).sum();
    assert_eq!(output.details["sum"], sum);
    Ok(())
}

#[tokio::test]
async fn rolls_that_make_no_sense_are_refused() -> Result<()> {
    let plugin = TestHost::new().load(&PLUGIN, json!({"maxDice": 2}))?;
    for (sides, dice) in [(1, 1), (6, 0), (6, 3)] {
        let error =
            plugin.tool("roll_dice", json!({"sides": sides, "dice": dice})).await.expect_err("no such roll");
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
    Ok(())
}

#[tokio::test]
async fn a_wrong_configuration_stops_the_start() {
    let error = TestHost::new().load(&PLUGIN, json!({"maxDise": 2})).expect_err("a typing mistake");
    assert_eq!(error.kind(), ErrorKind::Config);
}

#[test]
fn the_manifest_carries_the_schema_and_its_hints() -> Result<()> {
    let manifest: Manifest = serde_json::from_str(PLUGIN.manifest())?;
    let schema = manifest.config_schema.expect("a schema");
    assert_eq!(schema["properties"]["maxDice"]["maximum"], 1000);
    assert_eq!(manifest.ui_hints["maxDice"]["label"], "Most dice in a roll");
    Ok(())
}
