//! The OpenClaw gateway as a library: the program is `main.rs` around it.
pub mod clock;
pub mod gateway;
pub mod http;
pub mod journal;
pub mod plugins;
