//! The words of `openclaw voicecall …`: a verb, and options with their values.
use super::{command::USAGE, operations::Params};
use crate::config::TalkMode;
use openclaw_plugin_api::{Error, Result};
use std::{collections::HashMap, time::Duration};

/// Milliseconds between two looks of who follows, and the least and the most of them.
const POLL: u64 = 250;
const POLLS: std::ops::RangeInclusive<u64> = 50..=10_000;
/// Calls that are looked at, at most.
const MAX_RECORDS: usize = 500;

/// Words of a command line: the first, and options with their values.
#[derive(Debug, Default)]
pub(super) struct Words {
    pub(super) verb: String,
    options: HashMap<String, String>,
}

// === impl Words ===

impl Words {
    pub(super) fn read(args: &[String]) -> Result<Self> {
        let mut args = args.iter();
        let verb = args.next().cloned().unwrap_or_default();
        let mut options = HashMap::new();
        while let Some(word) = args.next() {
            let (name, inline) = match word.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (word.as_str(), None),
            };
            let name = match name {
                "-m" | "--message" => "message",
                "-t" | "--to" => "to",
                "--mode" => "mode",
                "--call-id" | "--sid" => "call",
                "--digits" => "digits",
                "--since" | "--last" => "count",
                "--dtmf-sequence" => "sequence",
                "--session-key" => "session",
                "--port" => "port",
                "--path" => "path",
                "--serve-path" => "serve",
                "--poll" => "poll",
                "--after" => "after",
                "--yes" | "--json" | "--follow" | "-f" => {
                    let name = if name == "-f" { "follow" } else { name };
                    options.insert(name.trim_start_matches('-').to_owned(), "true".to_owned());
                    continue;
                }
                "--file" => {
                    return Err(Error::invalid(
                        "calls are kept in the gateway's database and in no file; leave --file out",
                    ));
                }
                other => {
                    return Err(Error::invalid(format_args!(
                        "unknown option {other}; usage: voicecall {USAGE}"
                    )));
                }
            };
            let value = inline.or_else(|| args.next().cloned());
            let value = value.ok_or_else(|| Error::invalid(format_args!("{word} needs a value")))?;
            options.insert(name.to_owned(), value);
        }
        Ok(Self { verb, options })
    }

    pub(super) fn get(&self, name: &str) -> Option<String> {
        self.options.get(name).cloned()
    }

    pub(super) fn count(&self, default: usize) -> Result<usize> {
        match self.options.get("count").map(|count| count.parse::<usize>()) {
            None => Ok(default),
            Some(Ok(count)) => Ok(count.min(MAX_RECORDS)),
            Some(Err(_)) => Err(Error::invalid("--since and --last take a number")),
        }
    }

    /// Is this option given, one without a value?
    pub(super) fn has(&self, name: &str) -> bool {
        self.options.contains_key(name)
    }

    /// Time between two looks of who follows.
    pub(super) fn poll(&self) -> Result<Duration> {
        let poll = self.options.get("poll").map_or(Ok(POLL), |poll| poll.parse());
        let poll = poll.map_err(|_| Error::invalid("--poll takes milliseconds"))?;
        Ok(Duration::from_millis(poll.clamp(*POLLS.start(), *POLLS.end())))
    }

    pub(super) fn params(&self, mode: Option<TalkMode>) -> Result<Params> {
        let mode = match self.options.get("mode").map(String::as_str) {
            None => mode,
            Some("notify") => Some(TalkMode::Notify),
            Some("conversation") => Some(TalkMode::Conversation),
            Some(_) => return Err(Error::invalid("--mode is conversation or notify")),
        };
        Ok(Params {
            to: self.get("to"),
            message: self.get("message"),
            mode,
            dtmf_sequence: self.get("sequence"),
            session_key: self.get("session"),
            call_id: self.get("call"),
            digits: self.get("digits"),
            ..Params::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Result<Words> {
        let args: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
        Words::read(&args)
    }

    #[test]
    fn options_are_read_in_both_forms() {
        let read = words("call -m hi --to=+15550001111 --mode notify").expect("words");
        let params = read.params(None).expect("parameters");
        assert_eq!(read.verb, "call");
        assert_eq!(params.message.as_deref(), Some("hi"));
        assert_eq!(params.to.as_deref(), Some("+15550001111"));
        assert_eq!(params.mode, Some(TalkMode::Notify));
        for wrong in [
            "call --nonsense",
            "call -m",
            "tail --since many",
            "tail --follow --poll soon",
            "tail --file calls.jsonl",
            "call --mode loud",
        ] {
            let read = words(wrong);
            let bad = read.and_then(|read| Ok((read.count(1)?, read.params(None)?, read.poll()?)));
            assert!(bad.is_err(), "{wrong}");
        }
    }
}
