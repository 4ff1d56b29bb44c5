//! A tool that rolls dice.
mod config;

use openclaw_plugin_api::{config_schema, prelude::*, ui_hints};
use std::hash::{BuildHasher, RandomState};

#[derive(Deserialize, JsonSchema)]
struct Args {
    /// How many sides each die has, at least 2.
    sides: u32,
    /// How many dice to roll.
    dice: u32,
}

struct Dice(config::Config);

impl Tool for Dice {
    const NAME: &'static str = "roll_dice";
    const DESCRIPTION: &'static str = "Rolls dice and tells what each one shows.";
    const SIDE_EFFECTS: bool = false;
    type Args = Args;

    async fn invoke(&self, args: Args, _: ToolContext) -> Result<ToolOutput> {
        if args.sides < 2 || args.dice < 1 || args.dice > self.0.max_dice {
            return Err(Error::invalid("there are too many dice, too few, or too few sides"));
        }
        let roll = |_| RandomState::new().hash_one(()) % u64::from(args.sides) + 1;
        let rolls: Vec<u64> = (0..args.dice).map(roll).collect();
        Ok(ToolOutput::json(json!({ "rolls": rolls, "sum": rolls.iter().sum::<u64>() })))
    }
}

const DECLARATION: Declaration =
    Declaration::new("dice", "Dice").tools(&["roll_dice"]).config(config_schema!()).ui_hints(ui_hints!());

export_plugin!(DECLARATION, |api| {
    let config = api.config()?;
    api.tool(Dice(config));
    Ok(())
});
