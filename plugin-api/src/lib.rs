//! Write a plugin for the OpenClaw gateway: implement a trait, name what you register, build a `cdylib`.
//!
//! This is a whole plugin, a tool that an agent can use:
//!
//! ```
//! use openclaw_plugin_api::prelude::*;
//!
//! #[derive(Deserialize, JsonSchema)]
//! struct Args {
//!     /// How many sides the die has, at least 2.
//!     sides: u32,
//! }
//!
//! struct Dice;
//!
//! impl Tool for Dice {
//!     const NAME: &'static str = "roll_dice";
//!     const DESCRIPTION: &'static str = "Rolls one die.";
//!     type Args = Args;
//!
//!     async fn invoke(&self, args: Args, _: ToolContext) -> Result<ToolOutput> {
//!         if args.sides < 2 {
//!             return Err(Error::invalid("a die has at least two sides"));
//!         }
//!         let seed = std::time::UNIX_EPOCH.elapsed()?.subsec_nanos();
//!         Ok(format!("{}", seed % args.sides + 1).into())
//!     }
//! }
//!
//! export_plugin!(Declaration::new("dice", "Dice").tools(&["roll_dice"]), |api| {
//!     api.tool(Dice);
//!     Ok(())
//! });
//!
//! // What `openclaw plugins inspect` reads from the file without running it.
//! assert!(PLUGIN.manifest().contains("roll_dice"));
//! ```
//!
//! In `Cargo.toml`: `[lib] crate-type = ["cdylib", "rlib"]`, and `serde` and `schemars` for the derives. Then `cargo build --release`,
//! `openclaw plugins check target/release/libdice.so`, `openclaw plugins install …`.
//!
//! # Which trait
//!
//! [`Channel`] for a chat platform, [`Provider`] for a model vendor, [`Tool`] for something an agent can do,
//! [`Speech`] for voices, [`HttpRoutes`] for pages and webhooks, [`Methods`] for clients of the gateway, [`Commands`]
//! for people, [`Service`] for work in the background. A plugin may be several.
//!
//! # What a plugin can rely on
//!
//! * **Its futures are polled by the host.** Sockets, TLS and timers are the host's, through [`Host`]. Don't block:
//!   hand long computations to a thread of your own. Crates that need tokio work with the feature `tokio` and
//!   [`Declaration`]'s `own_runtime`.
//! * **Cancellation is drop.** A future that is dropped is a call that nobody waits for any more.
//! * **A panic ends the instance, not the gateway.** The call fails, the instance is replaced.
//! * **Records grow.** Build them with `..Default::default()`, and a later release adds fields without breaking you.
//! * **Same major version, any minor, in either direction.** What a host lacks, [`Host::serves`] tells.
//!
//! Every name exported here is a promise under semantic versioning; [`abi`] and [`surface::ids`] are what hosts use.
#![cfg_attr(docsrs, feature(doc_cfg))]
// A build script gets records and schemas only; what plugins are made of is then unused, and no fault.
#![cfg_attr(not(feature = "plugin"), allow(dead_code, unused_imports))]

#[cfg(feature = "plugin")]
pub mod abi;
#[cfg(feature = "plugin")]
mod backoff;
#[cfg(feature = "build")]
pub mod build;
mod error;
#[cfg(feature = "plugin")]
mod fnv;
#[cfg(feature = "plugin")]
mod handlers;
#[cfg(feature = "plugin")]
mod host;
#[cfg(feature = "plugin")]
mod logs;
mod manifest;
#[cfg(feature = "plugin")]
mod refusal;
#[cfg(feature = "plugin")]
mod registrar;
#[cfg(feature = "plugin")]
mod relay;
#[cfg(feature = "plugin")]
mod runtime;
mod secret;
pub mod setting;
#[cfg(feature = "plugin")]
pub mod sse;
#[cfg(feature = "plugin")]
pub mod surface;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "plugin")]
mod untrusted;

pub use error::{Error, ErrorKind, Result};
pub use manifest::{MAGIC, MAX_LEN, Manifest, NetworkPermission, PanicStrategy, Permissions, SECTIONS};
#[cfg(feature = "plugin")]
pub(crate) use registrar::to_json;
pub use secret::Secret;
#[cfg(feature = "plugin")]
pub use {
    abi::{Feed, Sink, Source, StaticPlugin},
    backoff::{Backoff, random_part},
    host::*,
    manifest::{Declaration, Network, Package},
    refusal::Refusal,
    registrar::{Registrar, Start},
    relay::AnswerReader,
    surface::*,
    untrusted::untrusted,
};

/// Version of this crate, which is the version of the ABI.
pub const API_VERSION: &str = env!("CARGO_PKG_VERSION");
/// Target triple that this crate was built for.
pub const TARGET: &str = env!("OPENCLAW_TARGET");
/// How the library describes its ABI.
pub const ABI: &str = "abi_stable-0.11";

/// What nearly every plugin needs.
#[cfg(feature = "plugin")]
pub mod prelude {
    pub use crate::{
        Account, Channel, ChannelHost, ChannelInfo, ChannelState, ChannelStatus, Chat, ChatKind, Commands,
        Completion, CompletionRequest, Content, Declaration, Deltas, Error, ErrorKind, Host, HttpRoutes,
        Inbound, InboundKind, Methods, Network, Outbound, Provider, Receipt, Registrar, Result, Secret,
        Sender, Service, Speech, StopReason, Tool, ToolContext, ToolOutput, Usage, export_plugin,
    };
    pub use schemars::JsonSchema;
    pub use serde::{Deserialize, Serialize};
    pub use serde_json::{self, Value, json};
    pub use tracing;
}

#[doc(hidden)]
#[cfg(feature = "plugin")]
pub mod __private {
    pub use crate::{
        abi::{CreateArgs, Created, Fault, PluginRoot, PluginRootRef},
        logs::forward_panics,
        manifest::{Blob, manifest_json, manifest_len},
        registrar::create,
    };
    pub use abi_stable::{
        library::{__call_root_module_loader, CheckTypeLayout, LibHeader, RootModuleResult},
        prefix_type::PrefixTypeTrait,
        std_types::{RResult, RStr},
    };
}
