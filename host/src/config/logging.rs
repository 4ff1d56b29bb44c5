//! `logging`: what is logged, how it looks, and where it goes.
use super::agents::words;
use schemars::JsonSchema;
use serde::Deserialize;

/// `logging`
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct LoggingConfig {
    /// What goes into the file. Default: `info`.
    pub level: Option<LogLevel>,
    /// The file. Default: one for each day in `<state>/logs`.
    pub file: Option<String>,
    /// Size at which a new file is begun, bytes. Default: 100 MB.
    #[schemars(range(min = 1))]
    pub max_file_bytes: Option<u64>,
    /// What goes to standard error. Default: what `level` says.
    pub console_level: Option<LogLevel>,
    /// How it looks there. Default: `pretty`.
    pub console_style: Option<ConsoleStyle>,
    /// Regular expressions; what they match is not logged, in addition to secrets that are known as such.
    pub redact_patterns: Vec<String>,
    /// Are secrets in the output of tools hidden? Of February 2026. Default: `tools`.
    pub redact_sensitive: Option<RedactSensitive>,
}

words! {
    /// How much is logged.
    LogLevel {
        /// Nothing.
        Silent = "silent",
        /// What ends the gateway.
        Fatal = "fatal",
        /// What failed.
        Error = "error",
        /// What is doubtful.
        Warn = "warn",
        /// What happened.
        Info = "info",
        /// What developers want to know.
        Debug = "debug",
        /// Everything.
        Trace = "trace",
    }
    /// How log lines look.
    ConsoleStyle {
        /// For people.
        Pretty = "pretty",
        /// For people, with less; of February 2026, here the same as `pretty`.
        Compact = "compact",
        /// One JSON object each.
        Json = "json",
    }
    /// Where secrets are hidden.
    RedactSensitive {
        /// Nowhere but where they are known as such.
        Off = "off",
        /// Also in what tools answer.
        Tools = "tools",
    }
}

// === impl LogLevel ===

impl LogLevel {
    /// The level as a filter directive.
    pub fn directive(self) -> &'static str {
        match self {
            Self::Silent => "off",
            Self::Fatal | Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}
