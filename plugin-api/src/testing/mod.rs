//! A fake host, so that a plugin runs in ordinary tests without any library file.
//!
//! The plugin goes through the same glue and the same ABI objects as in the gateway; only `dlopen` is missing. Time is
//! tokio's, so `#[tokio::test(start_paused = true)]` makes every wait instant.
//!
//! ```
//! # use openclaw_plugin_api::{prelude::*, testing::TestHost};
//! # #[derive(Deserialize, JsonSchema)] struct Args {}
//! # struct Hello;
//! # impl Tool for Hello {
//! #     const NAME: &'static str = "hello"; const DESCRIPTION: &'static str = "Greets."; type Args = Args;
//! #     async fn invoke(&self, _: Args, _: ToolContext) -> Result<ToolOutput> { Ok("hello".into()) }
//! # }
//! # export_plugin!(Declaration::new("hello", "Hello").tools(&["hello"]), |api| { api.tool(Hello); Ok(()) });
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<()> {
//! let plugin = TestHost::new().load(&PLUGIN, json!({}))?;
//! let output = plugin.tool("hello", json!({})).await?;
//! assert_eq!(output.content[0].as_text(), Some("hello"));
//! # Ok(()) }
//! ```
mod host;
mod kit;
mod media;
mod plugin;
mod services;
mod speech;
mod websocket;

pub use host::{FakeAnswer, FakeRequest, LogLine, TestHost};
pub use kit::conformance;
pub use plugin::TestPlugin;
pub use speech::FakeSpeech;
pub use websocket::{FakeSocket, ServedSocket};
