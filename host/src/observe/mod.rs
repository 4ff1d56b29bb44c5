//! What the gateway says of itself: one line for each event, `[subsystem] message`, or JSON.
mod format;
mod recent;
mod redact;

pub use recent::{Recent, Tail, recent};

use clap::ValueEnum;
use std::io::IsTerminal;
use tracing_subscriber::{EnvFilter, Layer, prelude::*};

/// How log lines look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For machines: one object for each line.
    Json,
}

/// Sends events to standard error from now on, and keeps the last ones. `filter` is as in `info,plugin::demo=debug`.
pub fn init(format: LogFormat, filter: &str) -> Result<(), String> {
    let filter = EnvFilter::try_new(filter).map_err(|e| {
        format!("\"{filter}\" is no log filter ({e}); write one like info,plugin::demo=debug")
    })?;
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = match format {
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
        LogFormat::Text => lines
            .with_ansi(std::io::stderr().is_terminal())
            .event_format(format::Lines)
            .boxed(),
    };
    tracing_subscriber::registry()
        .with(filter)
        .with(lines)
        .with(recent::Keep(recent()))
        .init();
    Ok(())
}
