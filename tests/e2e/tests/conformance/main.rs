//! Every channel passes the conformance suite with the real program.
mod discord;
mod loopback;
mod telegram;
