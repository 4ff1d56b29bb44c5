//! A job as people write it on the command line.
use crate::cron::instant;
use jiff::{civil::DateTime, tz::TimeZone};
use serde_json::{Map, Value, json};

/// When, what and where to: what making and changing a job have in common.
#[derive(Debug, Default, clap::Args)]
struct Spec {
    /// What it is for
    #[arg(long)]
    description: Option<String>,
    /// Its agent [default: the default agent]
    #[arg(long)]
    agent: Option<String>,
    /// Where it runs: main, isolated, or session:<key> [default: isolated for a message, main for an event]
    #[arg(long)]
    session: Option<String>,
    /// The conversation that it belongs to
    #[arg(long)]
    session_key: Option<String>,
    /// When the agent hears of an event
    #[arg(long, value_parser = ["now", "next-heartbeat"])]
    wake: Option<String>,
    /// Once, at a time (2026-01-31T09:00; UTC unless --tz or an offset says otherwise) or after a while (20m)
    #[arg(long, conflicts_with_all = ["every", "cron"])]
    at: Option<String>,
    /// Again and again, such as 10m, 1h, 1d
    #[arg(long, conflicts_with = "cron")]
    every: Option<String>,
    /// By a cron expression of five fields, or six with seconds first
    #[arg(long)]
    cron: Option<String>,
    /// The time zone of --cron and --at, such as Europe/Berlin [default: the gateway's for --cron]
    #[arg(long)]
    tz: Option<String>,
    /// Exactly at the top of the hour, not up to five minutes later
    #[arg(long, conflicts_with = "stagger")]
    exact: bool,
    /// How much later than --cron says it may run, such as 30s
    #[arg(long)]
    stagger: Option<String>,
    /// What the agent's main conversation hears of
    #[arg(long, conflicts_with = "message")]
    system_event: Option<String>,
    /// What the agent is asked
    #[arg(long)]
    message: Option<String>,
    /// How hard to think about it
    #[arg(long)]
    thinking: Option<String>,
    /// The model that answers
    #[arg(long)]
    model: Option<String>,
    /// Longest turn, seconds
    #[arg(long)]
    timeout_seconds: Option<u32>,
    /// Send the answer to a chat; so it is for a message
    #[arg(long, alias = "deliver", conflicts_with_all = ["no_deliver", "webhook"])]
    announce: bool,
    /// Send the answer nowhere
    #[arg(long, conflicts_with = "webhook")]
    no_deliver: bool,
    /// Send the answer to this address by HTTP
    #[arg(long, value_name = "URL")]
    webhook: Option<String>,
    /// Channel of the chat [default: last]
    #[arg(long)]
    channel: Option<String>,
    /// The chat [default: where the agent was spoken to last]
    #[arg(long)]
    to: Option<String>,
    /// Account of the channel
    #[arg(long)]
    account: Option<String>,
    /// Thread of the chat
    #[arg(long)]
    thread_id: Option<String>,
    /// An answer that can't be sent is no failure
    #[arg(long)]
    best_effort_deliver: bool,
}

/// Makes a job
#[derive(Debug, Default, clap::Args)]
pub(super) struct Add {
    /// Its name
    #[arg(long)]
    name: String,
    /// Don't let it run yet
    #[arg(long)]
    disabled: bool,
    /// Remove it when it has run well; so it is for --at
    #[arg(long, conflicts_with = "keep_after_run")]
    delete_after_run: bool,
    /// Keep it when it has run
    #[arg(long)]
    keep_after_run: bool,
    #[command(flatten)]
    spec: Spec,
}

/// Changes a job
#[derive(Debug, Default, clap::Args)]
pub(super) struct Edit {
    /// The job's id
    id: String,
    /// Its new name
    #[arg(long)]
    name: Option<String>,
    /// Let it run when it is due
    #[arg(long, conflicts_with = "disable")]
    enable: bool,
    /// Keep it from running
    #[arg(long)]
    disable: bool,
    /// Remove it when it has run well
    #[arg(long, conflicts_with = "keep_after_run")]
    delete_after_run: bool,
    /// Keep it when it has run
    #[arg(long)]
    keep_after_run: bool,
    #[command(flatten)]
    spec: Spec,
}

impl Add {
    /// The parameters of `cron.add`.
    pub(super) fn params(&self, now_ms: i64) -> Result<Value, String> {
        let spec = &self.spec;
        let mut job = spec.common(now_ms)?;
        let event = spec.system_event.is_some();
        job.insert("name".into(), json!(self.name));
        job.insert("enabled".into(), json!(!self.disabled));
        if !job.contains_key("schedule") {
            return Err("say when: --at, --every or --cron".to_owned());
        }
        if !event && spec.message.is_none() {
            return Err("say what: --message or --system-event".to_owned());
        }
        let usual = if event { "main" } else { "isolated" };
        job.entry("sessionTarget").or_insert(json!(usual));
        job.entry("wakeMode").or_insert(json!("now"));
        if self.delete_after_run || self.keep_after_run {
            job.insert("deleteAfterRun".into(), json!(self.delete_after_run));
        }
        if !event && !job.contains_key("delivery") {
            job.insert(
                "delivery".into(),
                json!({ "mode": "announce", "channel": "last" }),
            );
        }
        Ok(Value::Object(job))
    }
}

impl Edit {
    /// The parameters of `cron.update`.
    pub(super) fn params(&self, now_ms: i64) -> Result<Value, String> {
        let mut patch = self.spec.common(now_ms)?;
        if let Some(name) = &self.name {
            patch.insert("name".into(), json!(name));
        }
        if self.enable || self.disable {
            patch.insert("enabled".into(), json!(self.enable));
        }
        if self.delete_after_run || self.keep_after_run {
            patch.insert("deleteAfterRun".into(), json!(self.delete_after_run));
        }
        if patch.is_empty() {
            return Err("say what to change; see `openclaw cron edit --help`".to_owned());
        }
        Ok(json!({ "id": self.id, "patch": patch }))
    }
}

impl Spec {
    /// The keys that are named.
    fn common(&self, now_ms: i64) -> Result<Map<String, Value>, String> {
        let mut job = Map::new();
        let texts = [
            ("description", &self.description),
            ("agentId", &self.agent),
            ("sessionTarget", &self.session),
            ("sessionKey", &self.session_key),
            ("wakeMode", &self.wake),
        ];
        for (key, value) in texts {
            if let Some(value) = value {
                job.insert(key.into(), json!(value));
            }
        }
        if let Some(schedule) = self.schedule(now_ms)? {
            job.insert("schedule".into(), schedule);
        }
        if let Some(payload) = self.payload() {
            job.insert("payload".into(), payload);
        }
        if let Some(delivery) = self.delivery() {
            job.insert("delivery".into(), delivery);
        }
        Ok(job)
    }

    fn schedule(&self, now_ms: i64) -> Result<Option<Value>, String> {
        if let Some(at) = &self.at {
            let ms = moment(at, self.tz.as_deref(), now_ms)?;
            let time =
                jiff::Timestamp::from_millisecond(ms).map_err(|error| format!("--at {at}: {error}"))?;
            return Ok(Some(json!({ "kind": "at", "at": time.to_string() })));
        }
        if let Some(every) = &self.every {
            let ms = span(every)
                .ok_or_else(|| format!("--every {every} is no time; write one like 10m, 1h or 1d"))?;
            return Ok(Some(json!({ "kind": "every", "everyMs": ms })));
        }
        let Some(expr) = &self.cron else {
            return Ok(None);
        };
        let mut schedule = json!({ "kind": "cron", "expr": expr });
        if let Some(tz) = &self.tz {
            schedule["tz"] = json!(tz);
        }
        if let Some(stagger) = &self.stagger {
            let ms =
                span(stagger).ok_or_else(|| format!("--stagger {stagger} is no time; write one like 30s"))?;
            schedule["staggerMs"] = json!(ms);
        }
        if self.exact {
            schedule["staggerMs"] = json!(0);
        }
        Ok(Some(schedule))
    }

    fn payload(&self) -> Option<Value> {
        if let Some(text) = &self.system_event {
            return Some(json!({ "kind": "systemEvent", "text": text }));
        }
        let mut turn = Map::new();
        let values = [
            ("message", self.message.as_ref().map(|text| json!(text))),
            ("model", self.model.as_ref().map(|text| json!(text))),
            ("thinking", self.thinking.as_ref().map(|text| json!(text))),
            (
                "timeoutSeconds",
                self.timeout_seconds.map(|seconds| json!(seconds)),
            ),
        ];
        turn.extend(
            values
                .into_iter()
                .filter_map(|(key, value)| Some((key.to_owned(), value?))),
        );
        (!turn.is_empty()).then(|| {
            turn.insert("kind".into(), json!("agentTurn"));
            Value::Object(turn)
        })
    }

    fn delivery(&self) -> Option<Value> {
        let mut delivery = Map::new();
        let values = [
            ("channel", &self.channel),
            ("to", self.webhook.as_ref().map_or(&self.to, |_| &self.webhook)),
            ("accountId", &self.account),
            ("threadId", &self.thread_id),
        ];
        for (key, value) in values {
            if let Some(value) = value {
                delivery.insert(key.into(), json!(value));
            }
        }
        if self.best_effort_deliver {
            delivery.insert("bestEffort".into(), json!(true));
        }
        let mode = match (self.no_deliver, self.webhook.is_some()) {
            (true, _) => "none",
            (_, true) => "webhook",
            _ if self.announce || !delivery.is_empty() => "announce",
            _ => return None,
        };
        delivery.insert("mode".into(), json!(mode));
        if mode == "announce" {
            delivery.entry("channel").or_insert(json!("last"));
        }
        Some(Value::Object(delivery))
    }
}

/// A time, or how long from now.
fn moment(text: &str, tz: Option<&str>, now_ms: i64) -> Result<i64, String> {
    if let Some(ms) = span(text.trim_start_matches('+')) {
        return Ok(now_ms + ms);
    }
    if let (Some(tz), Ok(local)) = (tz, text.parse::<DateTime>()) {
        let zone = TimeZone::get(tz)
            .map_err(|_| format!("--tz {tz} is no time zone; write one like Europe/Berlin"))?;
        let zoned = local
            .to_zoned(zone)
            .map_err(|error| format!("--at {text}: {error}"))?;
        // one that says its offset is no local time
        if text.parse::<jiff::Timestamp>().is_err() {
            return Ok(zoned.timestamp().as_millisecond());
        }
    }
    instant(text).map_err(|_| format!("--at {text} is no time; write one like 2026-01-31T09:00 or 20m"))
}

/// `30s`, `10m`, `1.5h`, `1d`, `2w`, as milliseconds.
fn span(text: &str) -> Option<i64> {
    let text = text.trim();
    let unit = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at(unit);
    let factor = match unit {
        "ms" => 1.0,
        "s" => 1e3,
        "m" => 6e4,
        "h" => 3.6e6,
        "d" => 8.64e7,
        "w" => 6.048e8,
        _ => return None,
    };
    let ms = number.parse::<f64>().ok()? * factor;
    (1.0..1e15).contains(&ms).then_some(ms as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        add: Add,
    }

    fn add(args: &[&str]) -> Result<Value, String> {
        let all = [&["x", "--name", "n"], args].concat();
        let line = Line::try_parse_from(all).map_err(|error| error.to_string())?;
        line.add.params(1_000_000)
    }

    #[test]
    fn a_line_becomes_a_job() {
        let job = add(&["--every", "1h", "--message", "hi"]).expect("a job");
        assert_eq!(job["schedule"], json!({ "kind": "every", "everyMs": 3_600_000 }));
        assert_eq!(job["payload"], json!({ "message": "hi", "kind": "agentTurn" }));
        assert_eq!(job["delivery"], json!({ "mode": "announce", "channel": "last" }));
        assert_eq!(
            (&job["sessionTarget"], &job["wakeMode"]),
            (&json!("isolated"), &json!("now"))
        );
        let job = add(&[
            "--cron",
            "0 * * * *",
            "--exact",
            "--tz",
            "UTC",
            "--system-event",
            "e",
        ])
        .expect("a job");
        assert_eq!(job["schedule"]["staggerMs"], 0);
        assert_eq!(
            (&job["sessionTarget"], &job["delivery"]),
            (&json!("main"), &Value::Null)
        );
        let job = add(&["--at", "20m", "--message", "hi", "--to", "7", "--channel", "c"]).expect("a job");
        assert_eq!(job["schedule"]["at"], "1970-01-01T00:36:40Z");
        assert_eq!(
            job["delivery"],
            json!({ "channel": "c", "to": "7", "mode": "announce" })
        );
        let job = add(&[
            "--at",
            "2026-07-01T09:00",
            "--tz",
            "Europe/Berlin",
            "--message",
            "m",
            "--no-deliver",
        ]);
        let job = job.expect("a job");
        assert_eq!(
            (&job["schedule"]["at"], &job["delivery"]["mode"]),
            (&json!("2026-07-01T07:00:00Z"), &json!("none"))
        );
    }

    #[test]
    fn what_is_missing_is_said() {
        assert!(add(&["--message", "m"]).is_err_and(|said| said.contains("--every")));
        assert!(add(&["--every", "1h"]).is_err_and(|said| said.contains("--message")));
        assert!(add(&["--every", "soon", "--message", "m"]).is_err_and(|said| said.contains("10m")));
        assert!(add(&["--every", "1h", "--cron", "* * * * *", "--message", "m"]).is_err());
        assert!(Edit::default().params(0).is_err());
    }
}
