//! What a plugin can be: one file for each capability with its method ids, its records and its trait.
//!
//! A capability grows by fields (every record tolerates unknown ones and has a default for missing ones) and by method
//! ids with a default in the trait. A change that neither can express gets a new revision, `channel/2`, beside the old.
mod channel;
mod command;
mod content;
mod http;
mod inbound;
mod method;
mod outbound;
mod provider;
mod service;
mod speech;
mod tool;
mod toolset;

pub use channel::*;
pub use command::*;
pub use content::*;
pub use http::*;
pub use inbound::*;
pub use method::*;
pub use outbound::*;
pub use provider::*;
pub use service::*;
pub use speech::*;
pub use tool::*;
pub use toolset::*;

/// The method ids that a host may call, by capability. Authors need them only to read logs.
pub mod ids {
    pub use super::{
        channel::ids as channel, command::ids as command, http::ids as http, method::ids as method,
        provider::ids as provider, service::ids as service, speech::ids as speech, tool::ids as tool,
    };
    /// Methods of the plugin as a whole.
    pub mod plugin {
        /// Begin: services start, channels may be started from now on.
        pub const START: &str = "plugin/1/start";
        /// End: stop accepting, finish what can be finished, give everything back.
        pub const STOP: &str = "plugin/1/stop";
        /// The configuration changed; the body is the new one.
        pub const CONFIG: &str = "plugin/1/config";
        /// The host records other events than before; the body is the finest level: 1 error, 2 warn, 3 info, 4 debug,
        /// 5 trace, 0 for none.
        pub const LOG: &str = "plugin/1/log";
    }
}
