//! Everything about plugins: finding, judging, opening, calling and replacing them.
//!
//! From the file to a call: [`discover`] → [`ladder`] → [`manifest`] → [`stage`] → [`schema`] → [`load`] →
//! [`generation`] → [`plugin`]. What a plugin asks of the host is served by [`services`].
mod accounts;
pub mod assemble;
pub mod blame;
pub mod confined;
pub mod discover;
pub mod egress;
#[cfg(test)]
pub(crate) mod fake;
mod faults;
pub mod generation;
pub mod install;
pub mod isolate;
pub mod ladder;
pub mod link;
pub mod load;
pub mod logs;
pub mod manifest;
mod menu;
pub mod metrics;
pub mod offered;
pub mod places;
pub mod plugin;
pub mod pool;
pub mod registry;
pub mod schema;
pub mod sections;
mod serves;
pub mod services;
pub mod settings;
pub mod settling;
pub mod stage;
pub mod start_error;
mod supervise;
pub mod view;
