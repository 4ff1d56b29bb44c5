//! Services of the outside world on loopback, true to their wire, for tests and measurements.
//!
//! A fake does what the service does when nobody says otherwise, and what its script says when somebody does. Nothing
//! here reaches beyond loopback.
pub mod anthropic;
pub mod collector;
pub mod discord;
pub mod gemini;
pub mod mcp;
pub mod ngrok;
pub mod openai;
pub mod search;
pub mod server;
mod spec;
pub mod speech;
pub mod telegram;
pub mod turn;
pub mod voice;
pub mod voice_stream;
