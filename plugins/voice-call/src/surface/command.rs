//! `openclaw voicecall …`, run in the gateway.
use super::{expose, latency, operations, words::Words};
use crate::{
    config::{Config, TalkMode},
    phone::Line,
};
use openclaw_plugin_api::{CommandCall, CommandReply, CommandSpec, Commands, Error, Result};
use serde_json::{Value, json};

/// Its name.
pub(crate) const NAME: &str = "voicecall";
/// How it is used.
pub(super) const USAGE: &str = "call -m <text> [-t <number>] [--mode conversation|notify] | start --to <number> | continue --call-id <id> \
    --message <text> | speak --call-id <id> --message <text> | dtmf --call-id <id> --digits <keys> | end --call-id <id> | \
    status [--call-id <id>] | tail [--since 25] [--follow [--poll 250]] | latency [--last 200] | \
    expose [--mode funnel|serve|off] [--path <path>] [--port <port>] [--serve-path <path>] | setup | \
    smoke [-t <number>] [--yes]";

/// The command.
#[derive(Debug)]
pub(crate) struct Command {
    line: Line,
    config: Config,
}

// === impl Command ===

impl Command {
    pub(crate) fn new(line: Line, config: Config) -> Self {
        Self { line, config }
    }

    async fn act(&self, words: &Words) -> Result<Value> {
        match words.verb.as_str() {
            "call" => {
                let params = words.params(Some(TalkMode::Conversation))?;
                params.message()?;
                operations::call(&self.line, params).await
            }
            "start" => operations::call(&self.line, words.params(Some(TalkMode::Conversation))?).await,
            "continue" => operations::converse(&self.line, &words.params(None)?).await,
            "speak" => operations::speak(&self.line, &words.params(None)?).await,
            "dtmf" => operations::press(&self.line, &words.params(None)?).await,
            "end" => operations::end(&self.line, &words.params(None)?).await,
            "status" => operations::status(&self.line, &words.params(None)?).await,
            "tail" => {
                words.poll()?;
                let calls = self.line.phone()?.calls.clone();
                Ok(json!(calls.history(words.count(25)?).await?))
            }
            "latency" => {
                let calls = self.line.phone()?.calls.clone();
                Ok(latency::summary(&calls.history(words.count(200)?).await?))
            }
            "help" | "--help" | "-h" => Ok(json!(format!("usage: voicecall {USAGE}"))),
            "setup" => Ok(self.setup()),
            "smoke" => self.smoke(words).await,
            _ => Err(Error::invalid(format_args!("usage: voicecall {USAGE}"))),
        }
    }

    async fn answer(&self, words: &Words) -> Result<CommandReply> {
        match words.verb.as_str() {
            "tail" if words.has("follow") => self.follow(words).await,
            "expose" => expose::run(words, &self.config).await,
            verb => {
                let data = self.act(words).await?;
                Ok(CommandReply {
                    text: shown(verb, &data),
                    data,
                    ..CommandReply::default()
                })
            }
        }
    }

    /// The newest calls, a line each, and then each change.
    async fn follow(&self, words: &Words) -> Result<CommandReply> {
        let (calls, every) = (self.line.phone()?.calls.clone(), words.poll()?);
        let (records, place) = match words.get("after") {
            Some(place) => calls.follow(&place, every).await,
            None => {
                // what changes meanwhile is told twice rather than never
                let place = calls.place();
                (calls.history(words.count(25)?).await?, place)
            }
        };
        let again = ["tail", "--follow", "--after", &place, "--poll"].map(str::to_owned);
        let every = every.as_millis().to_string();
        Ok(CommandReply {
            text: shown("tail", &json!(records)),
            again: Some(again.into_iter().chain([every]).collect()),
            ..CommandReply::default()
        })
    }

    /// A call that is answered later is nothing for a process that ends with its command.
    fn needs_gateway(&self, call: &CommandCall, words: &Words) -> Option<Error> {
        let looks = matches!(
            words.verb.as_str(),
            "status" | "tail" | "latency" | "setup" | "expose" | "help" | "--help" | "-h"
        );
        let looks = looks && !words.has("follow");
        let dry = words.verb == "smoke" && words.get("yes").is_none();
        let followed = self
            .line
            .phone()
            .is_ok_and(|phone| phone.reach.webhook().is_some());
        let talks = !looks && !dry && (followed || !matches!(words.verb.as_str(), "call" | "smoke"));
        (call.alone && talks).then(|| {
            Error::new(
                openclaw_plugin_api::ErrorKind::Closed,
                "no gateway runs, and this needs one to hear how calls go on; start it with `openclaw gateway`",
            )
        })
    }

    /// How it is set up, and what is left to do.
    fn setup(&self) -> Value {
        let mut report = self.line.report();
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
        let call = operations::call(&self.line, params).await?;
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
                None => self.answer(&words).await,
            },
            Err(error) => Err(error),
        };
        match outcome {
            Ok(reply) => Ok(reply),
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
