//! The real program with the real plugin on Discord.
mod access;
mod actions;
mod approvals;
mod connection;
mod crash;
mod load;
mod messages;
mod routes;
mod world;
