//! Models: from what people write (`provider/model`, an alias) to the plugin that serves it, with address, key and
//! limits.
//!
//! [`Resolver`] is a snapshot of one configuration and one set of plugins, cheap to make anew. It calls nobody; only
//! [`Catalogue::load`] asks plugins what they know. Which key rests after a fault is kept in [`Cooldowns`].
mod catalogue;
mod cooldown;
mod cost;
mod credentials;
mod profiles;
mod reference;
mod resolve;
mod served;
mod words;

pub use catalogue::{Catalogue, DEFAULT_MAX_TOKENS, DEFAULT_WINDOW, Known};
pub use cooldown::{Cooldown, Cooldowns, Scope, Snapshot};
pub use cost::priced;
pub use credentials::{Credential, Source};
pub use profiles::{Login, ProfileStore, Profiles, StoreError};
pub use reference::{ModelRef, is_allowed, split_profile};
pub use resolve::{Offer, Resolver};
pub use served::{ResolveError, Served};
