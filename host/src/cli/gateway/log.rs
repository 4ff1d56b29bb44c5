//! The gateway's log, by its configuration: how much, how it looks, where, and what is hidden.
use crate::{
    cli::{Asked, Failure},
    config::{Config, ConsoleStyle, LogLevel, LoggingConfig, Paths, RedactSensitive},
    observe::{self, Levels, LogFormat, Place, Redaction},
};
use regex::Regex;

/// Begins the log.
pub(super) fn begin(asked: &Asked, verbose: bool, config: &Config, paths: &Paths) -> Result<(), Failure> {
    let logging = &config.logging;
    let style = match logging.console_style {
        Some(ConsoleStyle::Json) => LogFormat::Json,
        _ => LogFormat::Text,
    };
    let place = match &logging.file {
        Some(file) => Place::File(paths.expand(file)),
        None => Place::Days(paths.state_dir.join("logs")),
    };
    let file = Some((place, logging.max_file_bytes));
    let (levels, wrong) = levels(asked, verbose, logging);
    observe::start(asked.format.unwrap_or(style), levels, file).map_err(Failure::usage)?;
    wrong.iter().for_each(complain);
    Ok(())
}

/// Applies what can change while the gateway runs: levels and what is hidden.
pub(super) fn change(asked: &Asked, verbose: bool, config: &Config) {
    let (levels, wrong) = levels(asked, verbose, &config.logging);
    if let Err(error) = observe::change(levels) {
        tracing::error!(target: "openclaw::logs", error, "the log stays as it is");
    }
    wrong.iter().for_each(complain);
}

fn complain(wrong: &String) {
    tracing::error!(target: "openclaw::logs", "logging.redactPatterns: {wrong}; it hides nothing");
}

fn levels(asked: &Asked, verbose: bool, logging: &LoggingConfig) -> (Levels, Vec<String>) {
    let word = |level: LogLevel| level.directive().to_owned();
    let level = logging.level.unwrap_or(LogLevel::Info);
    let console = if verbose {
        "debug".to_owned()
    } else {
        word(logging.console_level.unwrap_or(level))
    };
    let (patterns, wrong): (Vec<_>, Vec<_>) = logging
        .redact_patterns
        .iter()
        .map(|text| pattern(text))
        .partition(Result::is_ok);
    let levels = Levels {
        console: asked.filter.clone().unwrap_or(console),
        file: asked.filter.clone().unwrap_or_else(|| word(level)),
        redaction: Redaction {
            only_patterns: logging.redact_sensitive == Some(RedactSensitive::Off),
            patterns: patterns.into_iter().flatten().collect(),
        },
    };
    (levels, wrong.into_iter().filter_map(Result::err).collect())
}

/// `x` or `/x/flags`.
fn pattern(text: &str) -> Result<Regex, String> {
    let parts = text.strip_prefix('/').and_then(|rest| rest.rsplit_once('/'));
    let (body, flags) = parts
        .filter(|(_, flags)| flags.chars().all(|c| "gimsuy".contains(c)))
        .unwrap_or((text, ""));
    let mut builder = regex::RegexBuilder::new(body);
    builder.case_insensitive(flags.contains('i'));
    builder
        .multi_line(flags.contains('m'))
        .dot_matches_new_line(flags.contains('s'));
    builder
        .build()
        .map_err(|_| format!("\"{text}\" is no regular expression that can be used here"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_count_for_more_than_the_configuration() {
        let config = LoggingConfig {
            level: Some(LogLevel::Warn),
            console_level: Some(LogLevel::Error),
            redact_patterns: vec!["/PIN \\d+/gi".into(), "(".into()],
            ..LoggingConfig::default()
        };
        let (none, asked) = (
            Asked::default(),
            Asked {
                filter: Some("trace".into()),
                ..Asked::default()
            },
        );
        let (levels, wrong) = super::levels(&none, false, &config);
        assert_eq!(
            (levels.console.as_str(), levels.file.as_str(), wrong.len()),
            ("error", "warn", 1)
        );
        assert!(levels.redaction.patterns[0].is_match("pin 4711") && !levels.redaction.only_patterns);
        let (levels, _) = super::levels(&none, true, &config);
        assert_eq!((levels.console.as_str(), levels.file.as_str()), ("debug", "warn"));
        let (levels, _) = super::levels(&asked, true, &config);
        assert_eq!(
            (levels.console.as_str(), levels.file.as_str()),
            ("trace", "trace")
        );
    }
}
