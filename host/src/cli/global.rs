//! Flags that every command takes: whose state it is about, how it looks, and what is logged.
use crate::{
    config::{Env, LogLevel},
    observe::LogFormat,
};

/// The profile of `--dev`, and the port of its gateway where nothing else is said.
const DEV: (&str, &str) = ("dev", "19001");

#[derive(Debug, clap::Args)]
pub(super) struct Global {
    /// Use an installation of its own: state and configuration in ~/.openclaw-NAME [default: OPENCLAW_PROFILE]
    #[arg(long, global = true, value_name = "NAME")]
    profile: Option<String>,
    /// Use the profile `dev`, whose gateway is on port 19001
    #[arg(long, global = true, conflicts_with = "profile")]
    pub(super) dev: bool,
    /// Print without colours, as with NO_COLOR
    #[arg(long, global = true)]
    no_color: bool,
    /// How log lines look [default: logging.consoleStyle, text]
    #[arg(long, global = true, value_enum)]
    log_format: Option<LogFormat>,
    /// Which events are logged, such as info,plugin::demo=debug [default: OPENCLAW_LOG, logging.level, info]
    #[arg(long, global = true)]
    log: Option<String>,
    /// How much is logged: silent, fatal, error, warn, info, debug or trace [default: OPENCLAW_LOG_LEVEL]
    #[arg(long, global = true, value_name = "LEVEL", value_parser = level, conflicts_with = "log")]
    log_level: Option<LogLevel>,
}

/// What was asked for on the command line or in the environment; it counts for more than the configuration.
#[derive(Debug, Clone, Default)]
pub(super) struct Asked {
    pub(super) format: Option<LogFormat>,
    pub(super) filter: Option<String>,
}

fn level(word: &str) -> Result<LogLevel, String> {
    serde_json::from_value(word.into())
        .map_err(|_| "write silent, fatal, error, warn, info, debug or trace".into())
}

// === impl Global ===

impl Global {
    /// The environment as these flags have it: a flag says what a variable would, and the state directory that a variable
    /// names stays.
    pub(super) fn applied(&self, env: &Env) -> Env {
        if self.no_color {
            anstream::ColorChoice::Never.write_global();
        }
        let (dev, port) = DEV;
        let env = match self.profile.as_deref().or(self.dev.then_some(dev)) {
            Some(name) => env.clone().with("OPENCLAW_PROFILE", name),
            None => env.clone(),
        };
        let is_dev = env.var("OPENCLAW_PROFILE") == Some(dev);
        match env.var("OPENCLAW_GATEWAY_PORT") {
            None if is_dev => env.with("OPENCLAW_GATEWAY_PORT", port),
            _ => env,
        }
    }

    /// What is to be logged, and how.
    pub(super) fn asked(&self, env: &Env) -> Asked {
        let word = |name| {
            let told: Option<LogLevel> = env.var(name).and_then(|word| level(word).ok());
            told.map(|level| level.directive().to_owned())
        };
        let flag = self.log_level.map(|level| level.directive().to_owned());
        let filter = self.log.clone().or(flag);
        let filter = filter.or_else(|| env.var("OPENCLAW_LOG").map(str::to_owned));
        Asked {
            format: self.log_format,
            filter: filter.or_else(|| word("OPENCLAW_LOG_LEVEL")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use clap::Parser;

    fn read(words: &[&str], env: &[(&str, &str)]) -> (Env, Asked) {
        let words = ["openclaw"].into_iter().chain(words.iter().copied());
        let global = Cli::try_parse_from(words).expect("it parses").global;
        let env = global.applied(&env.iter().copied().collect());
        let asked = global.asked(&env);
        (env, asked)
    }

    #[test]
    fn a_profile_stands_before_or_behind_the_command() {
        for words in [&["--profile", "x", "status"][..], &["status", "--profile", "x"]] {
            let (env, _) = read(words, &[("OPENCLAW_PROFILE", "y")]);
            assert_eq!(env.var("OPENCLAW_PROFILE"), Some("x"));
            assert_eq!(env.var("OPENCLAW_GATEWAY_PORT"), None);
        }
        let (env, _) = read(&["--dev", "gateway"], &[]);
        assert_eq!(env.var("OPENCLAW_PROFILE"), Some("dev"));
        assert_eq!(env.var("OPENCLAW_GATEWAY_PORT"), Some("19001"));
        let (env, _) = read(&["--dev", "gateway"], &[("OPENCLAW_GATEWAY_PORT", "1234")]);
        assert_eq!(env.var("OPENCLAW_GATEWAY_PORT"), Some("1234"));
    }

    #[test]
    fn a_level_is_a_filter_and_the_flag_wins() {
        let filter = |words: &[&str], env: &[(&str, &str)]| read(words, env).1.filter;
        assert_eq!(filter(&["status"], &[]), None);
        assert_eq!(
            filter(&["--log-level", "silent", "status"], &[]).as_deref(),
            Some("off")
        );
        let env = [("OPENCLAW_LOG_LEVEL", "trace")];
        assert_eq!(filter(&["status"], &env).as_deref(), Some("trace"));
        assert_eq!(
            filter(&["--log-level", "warn", "status"], &env).as_deref(),
            Some("warn")
        );
        assert_eq!(
            filter(&["--log", "a=debug", "status"], &env).as_deref(),
            Some("a=debug")
        );
    }
}
