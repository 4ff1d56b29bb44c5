//! `openclaw voicecall …`, run in the gateway.
use super::{
    latency,
    operations::{self, Params},
};
use crate::{config::TalkMode, phone::Line};
use openclaw_plugin_api::{CommandCall, CommandReply, CommandSpec, Commands, Error, Result};
use serde_json::{Value, json};
use std::collections::HashMap;

/// Its name.
pub(crate) const NAME: &str = "voicecall";
/// How it is used.
const USAGE: &str = "call -m <text> [-t <number>] [--mode conversation|notify] | start --to <number> | continue --call-id <id> \
    --message <text> | speak --call-id <id> --message <text> | dtmf --call-id <id> --digits <keys> | end --call-id <id> | \
    status [--call-id <id>] | tail [--since 25] | latency [--last 200] | setup | smoke [-t <number>] [--yes]";
/// Calls that are looked at, at most.
const MAX_RECORDS: usize = 500;

/// The command.
#[derive(Debug)]
pub(crate) struct Command(Line);

/// Words of a command line: the first, and options with their values.
#[derive(Debug, Default)]
struct Words {
    verb: String,
    options: HashMap<String, String>,
}

// === impl Words ===

impl Words {
    fn read(args: &[String]) -> Result<Self> {
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
                "--yes" | "--json" => {
                    options.insert(name.trim_start_matches('-').to_owned(), "true".to_owned());
                    continue;
                }
                "--poll" | "--file" => "unused",
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

    fn get(&self, name: &str) -> Option<String> {
        self.options.get(name).cloned()
    }

    fn count(&self, default: usize) -> Result<usize> {
        match self.options.get("count").map(|count| count.parse::<usize>()) {
            None => Ok(default),
            Some(Ok(count)) => Ok(count.min(MAX_RECORDS)),
            Some(Err(_)) => Err(Error::invalid("--since and --last take a number")),
        }
    }

    fn params(&self, mode: Option<TalkMode>) -> Result<Params> {
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

// === impl Command ===

impl Command {
    pub(crate) fn new(line: Line) -> Self {
        Self(line)
    }

    async fn act(&self, words: &Words) -> Result<Value> {
        match words.verb.as_str() {
            "call" => {
                let params = words.params(Some(TalkMode::Conversation))?;
                params.message()?;
                operations::call(&self.0, params).await
            }
            "start" => operations::call(&self.0, words.params(Some(TalkMode::Conversation))?).await,
            "continue" => operations::converse(&self.0, &words.params(None)?).await,
            "speak" => operations::speak(&self.0, &words.params(None)?).await,
            "dtmf" => operations::press(&self.0, &words.params(None)?).await,
            "end" => operations::end(&self.0, &words.params(None)?).await,
            "status" => operations::status(&self.0, &words.params(None)?).await,
            "tail" => {
                let calls = self.0.phone()?.calls.clone();
                Ok(json!(calls.history(words.count(25)?).await?))
            }
            "latency" => {
                let calls = self.0.phone()?.calls.clone();
                Ok(latency::summary(&calls.history(words.count(200)?).await?))
            }
            "help" | "--help" | "-h" => Ok(json!(format!("usage: voicecall {USAGE}"))),
            "setup" => Ok(self.setup()),
            "smoke" => self.smoke(words).await,
            _ => Err(Error::invalid(format_args!("usage: voicecall {USAGE}"))),
        }
    }

    /// A call that is answered later is nothing for a process that ends with its command.
    fn needs_gateway(&self, call: &CommandCall, words: &Words) -> Option<Error> {
        let looks = matches!(
            words.verb.as_str(),
            "status" | "tail" | "latency" | "setup" | "help" | "--help" | "-h"
        );
        let dry = words.verb == "smoke" && words.get("yes").is_none();
        let followed = self.0.phone().is_ok_and(|phone| phone.reach.webhook().is_some());
        let talks = !looks && !dry && (followed || !matches!(words.verb.as_str(), "call" | "smoke"));
        (call.alone && talks).then(|| {
            Error::new(
                openclaw_plugin_api::ErrorKind::Closed,
                "no gateway runs, and a call needs one to hear how it goes on; start it with `openclaw gateway`",
            )
        })
    }

    /// How it is set up, and what is left to do.
    fn setup(&self) -> Value {
        let mut report = self.0.report();
        if let Some(url) = report["webhookUrl"].as_str().map(str::to_owned) {
            report["console"] = match report["provider"].as_str() {
                Some("twilio") => json!({
                    "voiceWebhook": format!("POST {url}"), "statusCallback": format!("POST {url}?type=status"),
                }),
                Some("plivo") => {
                    json!({ "answerUrl": format!("POST {url}"), "hangupUrl": format!("POST {url}?flow=hangup") })
                }
                Some("telnyx") => json!({ "webhookUrl": url }),
                _ => Value::Null,
            };
        }
        report
    }

    /// Makes a short call, if it is really wanted.
    async fn smoke(&self, words: &Words) -> Result<Value> {
        let report = self.setup();
        if words.get("yes").is_none() {
            return Ok(json!({ "ok": report["ready"], "dryRun": true, "setup": report,
                              "hint": "add --yes to make a call" }));
        }
        let mut params = words.params(Some(TalkMode::Notify))?;
        params
            .message
            .get_or_insert_with(|| "This is a test call of your gateway. Everything works.".to_owned());
        let call = operations::call(&self.0, params).await?;
        Ok(json!({ "ok": true, "dryRun": false, "callId": call["callId"] }))
    }
}

impl Commands for Command {
    fn commands(&self) -> Vec<CommandSpec> {
        vec![CommandSpec {
            name: NAME.into(),
            description: "Makes phone calls and shows them".into(),
            usage: USAGE.into(),
            chat: false,
            cli: true,
            ..CommandSpec::default()
        }]
    }

    async fn run(&self, call: CommandCall) -> Result<CommandReply> {
        let outcome = match Words::read(&call.args) {
            Ok(words) => match self.needs_gateway(&call, &words) {
                Some(error) => Err(error),
                None => self.act(&words).await.map(|data| (words, data)),
            },
            Err(error) => Err(error),
        };
        match outcome {
            Ok((words, data)) => Ok(CommandReply {
                text: shown(&words.verb, &data),
                data,
                exit_code: 0,
                ..CommandReply::default()
            }),
            Err(error) if call.alone || operations::is_told(&error) => Ok(CommandReply {
                text: error.message().to_owned(),
                data: operations::failure(&error),
                exit_code: 1,
                ..CommandReply::default()
            }),
            Err(error) => Err(error),
        }
    }
}

/// A result for people: records a line each, everything else as it is.
fn shown(verb: &str, data: &Value) -> String {
    if let Some(text) = data.as_str() {
        return text.to_owned();
    }
    match data.as_array().filter(|_| verb == "tail") {
        Some(records) => records
            .iter()
            .map(Value::to_string)
            .collect::<Vec<_>>()
            .join("\n"),
        None => serde_json::to_string_pretty(data).unwrap_or_default(),
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
            "call --mode loud",
        ] {
            let read = words(wrong);
            let bad = read.and_then(|read| Ok((read.count(1)?, read.params(None)?)));
            assert!(bad.is_err(), "{wrong}");
        }
    }
}
