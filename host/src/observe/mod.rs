//! What the gateway says of itself: one line for each event, `[subsystem] message`, or JSON.
mod format;

use clap::ValueEnum;
use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// How log lines look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For machines: one object for each line.
    Json,
}

/// Sends events to standard error from now on. `filter` is as in `info,plugin::demo=debug`.
pub fn init(format: LogFormat, filter: &str) -> Result<(), String> {
    let filter = EnvFilter::try_new(filter).map_err(|e| {
        format!("\"{filter}\" is no log filter ({e}); write one like info,plugin::demo=debug")
    })?;
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    match format {
        LogFormat::Json => subscriber.json().flatten_event(true).init(),
        LogFormat::Text => subscriber
            .with_ansi(std::io::stderr().is_terminal())
            .event_format(format::Lines)
            .init(),
    }
    Ok(())
}
