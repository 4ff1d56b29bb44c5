//! The plugin that every variant is built with.
use openclaw_plugin_api::prelude::*;

#[derive(Deserialize, JsonSchema)]
struct Args {}

struct Answer;

impl Tool for Answer {
    const NAME: &'static str = "answer";
    const DESCRIPTION: &'static str = "Answers.";
    type Args = Args;

    async fn invoke(&self, _: Args, _: ToolContext) -> Result<ToolOutput> {
        Ok("42".into())
    }
}

export_plugin!(Declaration::new("compat", "Compat").tools(&["answer"]), |api| {
    api.tool(Answer);
    Ok(())
});
