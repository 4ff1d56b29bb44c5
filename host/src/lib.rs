//! The OpenClaw gateway as a library: the program is `main.rs` around it.
pub mod access;
pub mod agent;
pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod cron;
pub mod deliver;
pub mod gateway;
pub mod heartbeat;
pub mod http;
pub mod journal;
pub mod methods;
pub mod models;
pub mod observe;
pub mod plugins;
pub mod route;
