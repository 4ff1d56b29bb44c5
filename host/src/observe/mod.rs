//! What the gateway says of itself: one line for each event, `[subsystem] message`, or JSON; and the same in a file. And
//! what is counted, remembered and traced of its work.
mod exposition;
mod file;
mod format;
mod meter;
mod otlp;
mod recent;
mod redact;
mod spans;
mod stability;
mod tail;
mod telemetry;

pub use exposition::{CONTENT_TYPE, Labels, Sheet, Spread};
pub use file::Place;
pub use meter::{Histogram, Meter, ModelTally, Tallies};
pub use otlp::{Counts, Exporter};
pub use recent::{Recent, Tail, recent};
pub use redact::Redaction;
pub(crate) use redact::{looks_secret, redact};
pub use stability::{Query, Stability};
pub use tail::{FileTail, tail_of};
pub use telemetry::Telemetry;

use anstream::{AutoStream, ColorChoice};
use clap::ValueEnum;
use file::LogFile;
use std::sync::OnceLock;
use tracing_subscriber::{EnvFilter, Layer, Registry, prelude::*, reload};

/// How log lines look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For machines: one object for each line.
    Json,
}

/// How much is said where. Filters are as in `info,plugin::demo=debug`.
#[derive(Debug, Clone, Default)]
pub struct Levels {
    /// On standard error.
    pub console: String,
    /// In the file, and in what `logs.tail` gives.
    pub file: String,
    /// What is hidden.
    pub redaction: Redaction,
}

type Handle = reload::Handle<EnvFilter, Registry>;

static FILTERS: OnceLock<(Handle, Handle)> = OnceLock::new();
static FILE: OnceLock<LogFile> = OnceLock::new();
static PLACE: OnceLock<Place> = OnceLock::new();

/// Sends events to standard error from now on, and keeps the last ones.
pub fn init(format: LogFormat, filter: &str) -> Result<(), String> {
    let levels = Levels {
        console: filter.to_owned(),
        file: filter.to_owned(),
        ..Levels::default()
    };
    start(format, levels, None)
}

/// The same, and to a file of at most so many bytes. Without the file it goes on: the error says why.
pub fn start(format: LogFormat, levels: Levels, file: Option<(Place, Option<u64>)>) -> Result<(), String> {
    let (console, console_handle) = reload::Layer::new(filter(&levels.console)?);
    let (kept, kept_handle) = reload::Layer::new(filter(&levels.file)?);
    redact::set_rules(levels.redaction);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = match format {
        LogFormat::Json => lines.with_ansi(false).event_format(format::Objects).boxed(),
        LogFormat::Text => lines
            .with_ansi(AutoStream::choice(&std::io::stderr()) != ColorChoice::Never)
            .event_format(format::Lines)
            .boxed(),
    };
    let mut trouble = None;
    let file = file.and_then(|(place, max_bytes)| {
        let path = place.now();
        match LogFile::open(place.clone(), max_bytes.unwrap_or(file::MAX_BYTES)) {
            Ok(file) => {
                PLACE.get_or_init(|| place);
                Some(FILE.get_or_init(|| file))
            }
            Err(error) => {
                trouble = Some(format!("no log file {}: {error}", path.display()));
                None
            }
        }
    });
    let keep = recent::Keep { ring: recent(), file };
    let layers: Vec<Box<dyn Layer<Registry> + Send + Sync>> =
        vec![lines.with_filter(console).boxed(), keep.with_filter(kept).boxed()];
    tracing_subscriber::registry().with(layers).init();
    let _ = FILTERS.set((console_handle, kept_handle));
    if let Some(trouble) = trouble {
        tracing::warn!(target: "openclaw::logs", "{trouble}; the log goes to standard error only");
    }
    Ok(())
}

/// Other levels from now on.
pub fn change(levels: Levels) -> Result<(), String> {
    let (console, kept) = (filter(&levels.console)?, filter(&levels.file)?);
    redact::set_rules(levels.redaction);
    if let Some((console_handle, kept_handle)) = FILTERS.get() {
        let changed = console_handle
            .reload(console)
            .and_then(|()| kept_handle.reload(kept));
        changed.map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// The file that is written today, if there is one.
pub fn file() -> Option<std::path::PathBuf> {
    PLACE.get().map(Place::now)
}

/// Waits until what was said so far is in the file.
pub fn flush() {
    if let Some(file) = FILE.get() {
        file.flush();
    }
}

fn filter(text: &str) -> Result<EnvFilter, String> {
    EnvFilter::try_new(by_subsystem(text)).map_err(|e| {
        format!("\"{text}\" is no log filter ({e}); write one like info,http=debug,plugin::demo=debug")
    })
}

/// A level for a name as it stands in the brackets of a line is one for all that is called so.
fn by_subsystem(text: &str) -> String {
    let mut all: Vec<String> = Vec::new();
    for directive in text.split(',').map(str::trim) {
        all.push(directive.to_owned());
        let Some((name, level)) = directive.split_once('=') else {
            continue;
        };
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if !name.is_empty() && name.chars().all(is_name) && !name.starts_with("openclaw") {
            let origins = ["openclaw", "openclaw_host", "plugin"];
            all.extend(origins.map(|origin| format!("{origin}::{name}={level}")));
        }
    }
    all.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subsystem_is_named_as_in_its_lines() {
        assert_eq!(by_subsystem("info"), "info");
        assert_eq!(
            by_subsystem("info, http=debug"),
            "info,http=debug,openclaw::http=debug,openclaw_host::http=debug,plugin::http=debug"
        );
        assert_eq!(by_subsystem("openclaw::http=trace"), "openclaw::http=trace");
        for text in [
            "info,http=debug",
            "control-ui=trace,warn",
            "info,plugin::demo=debug",
        ] {
            assert!(filter(text).is_ok(), "{text}");
        }
        assert!(filter("http=loud").is_err());
    }
}
