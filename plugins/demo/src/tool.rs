//! A tool that a model can ask for without any consequence.
use openclaw_plugin_api::prelude::*;

/// What to count.
#[derive(Deserialize, JsonSchema)]
pub struct Args {
    /// Any text.
    text: String,
}

/// The tool.
pub struct CountWords;

impl Tool for CountWords {
    const NAME: &'static str = "count_words";
    const DESCRIPTION: &'static str = "Counts the words, lines and characters of a text.";
    const IDEMPOTENT: bool = true;
    const SIDE_EFFECTS: bool = false;
    type Args = Args;

    async fn invoke(&self, args: Args, _: ToolContext) -> Result<ToolOutput> {
        let text = args.text;
        Ok(ToolOutput::json(json!({
            "words": text.split_whitespace().count(),
            "lines": text.lines().count(),
            "characters": text.chars().count(),
        })))
    }
}
