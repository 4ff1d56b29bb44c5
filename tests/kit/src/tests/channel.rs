//! What every channel owes besides. The conformance of a channel to its platform needs a fake of that platform and is
//! tested where the channel is; here the platform is out of reach.
use super::Test;
use crate::{
    Category::Channel as Topic,
    bench::Bench,
    outcome::{Stop, Verdict},
    plausible::{self, ACCOUNT},
    subject::{Request, Subject, show},
};
use openclaw_plugin_api::{ChannelInfo, Receipt, surface::ids};
use serde_json::json;

#[rustfmt::skip]
pub(super) const TESTS: &[Test] = &[
    Test::new(Topic, "channel-start-empty", "an account without configuration starts, or is refused as a configuration", |b| Box::pin(start_empty(b))),
    Test::new(Topic, "channel-send-before-start", "sending before the start is an error", |b| Box::pin(send_before_start(b))),
    Test::new(Topic, "channel-restart", "an account is started twice, stopped twice and started again", |b| Box::pin(restart(b))),
    Test::new(Topic, "channel-same-key", "two sends with one idempotency key are one message, where the channel says so", |b| Box::pin(same_key(b))),
    Test::new(Topic, "channel-hostile-messages", "a message that somebody made on purpose has an answer, and a panic is none", |b| Box::pin(hostile(b))),
    Test::new(Topic, "channel-stop-while-sending", "an account stops while messages are sent, and every send has an end", |b| Box::pin(stop_while_sending(b))),
    Test::new(Topic, "channel-as-declared", "what a channel says it can't do is `unsupported`", |b| Box::pin(as_declared(b))),
];

/// Texts that look like something else.
const HOSTILE_TEXTS: &[&str] = &[
    "",
    " \n\t ",
    "```\nnever closed",
    "````\n```\n````",
    "\u{0}",
    "\u{202e}right to left\u{202c}",
    "\u{feff}\u{200b}\u{200d}",
    "e\u{301}\u{301}\u{301}\u{301}",
    "👩‍👩‍👧‍👦🇩🇪",
    "<b>&amp;</i><!--",
    "@everyone <@1> [x](javascript:alert(1))",
    "\u{1b}[31m",
];
/// Ids that no platform has.
const HOSTILE_IDS: &[&str] = &[
    "kit-chat",
    "",
    "-1",
    "../../x",
    "a\nb",
    "0",
    "18446744073709551616",
    "%2e%2e/?a=b#c",
    "\u{0}",
];
/// Random texts.
const RANDOM_TEXTS: usize = 24;
/// Sends under way while an account stops.
const SENDS: usize = 16;

/// An instance that has a channel, and its channels.
async fn channels(bench: &Bench) -> Verdict<(Subject, Vec<String>)> {
    if bench.manifest()?.channels.is_empty() {
        return Err(Stop::skipped("it has no channel"));
    }
    let subject = bench.first().await?;
    let channels = subject.of("channel/1");
    Ok((subject, channels))
}

async fn start_empty(bench: &Bench) -> Verdict {
    let (subject, channels) = channels(bench).await?;
    for channel in &channels {
        let request = plausible::start_channel(channel, json!({}));
        match subject.call(&request).await?.reply {
            Ok(_) => bench.note(format_args!("{channel} starts without configuration")),
            Err(fault) if ["config", "auth", "network"].contains(&fault.code.as_str()) => {}
            Err(fault) => bench.warn(format_args!(
                "{channel} without configuration fails with {fault}; `config` would tell the operator what to do"
            )),
        }
    }
    subject.alive().await?;
    subject.close().await
}

async fn send_before_start(bench: &Bench) -> Verdict {
    let (subject, channels) = channels(bench).await?;
    for channel in &channels {
        let request = Request::json(ids::channel::SEND, channel, &plausible::outbound("kit-early"));
        let answer = subject.call(&request).await?;
        if answer.reply.is_ok() {
            bench.warn(format_args!(
                "{channel} claims to have sent a message before it was started"
            ));
        }
        subject
            .call(&Request::json(ids::channel::STOP, channel, &ACCOUNT))
            .await?;
        subject
            .call(&Request::json(ids::channel::PROBE, channel, &ACCOUNT))
            .await?;
    }
    subject.alive().await?;
    subject.close().await
}

async fn restart(bench: &Bench) -> Verdict {
    let (subject, channels) = channels(bench).await?;
    for channel in &channels {
        let start = plausible::start_channel(channel, bench.account_config(channel)?);
        let stop = Request::json(ids::channel::STOP, channel, &ACCOUNT);
        let send = Request::json(ids::channel::SEND, channel, &plausible::outbound("kit-restart"));
        for request in [&start, &start, &send, &stop, &stop, &send, &start, &send] {
            subject.call(request).await?;
        }
    }
    bench.note(format_args!("{} events came in", subject.host.inbound()));
    subject.stop().await?;
    subject.close().await
}

async fn same_key(bench: &Bench) -> Verdict {
    let (subject, channels) = channels(bench).await?;
    let mut tried = false;
    for channel in &channels {
        let promises = info(&subject, channel).idempotent_send;
        subject
            .call(&plausible::start_channel(channel, bench.account_config(channel)?))
            .await?;
        let request = Request::json(ids::channel::SEND, channel, &plausible::outbound("kit-same-key"));
        let (first, second) = (
            receipt(&subject, &request).await?,
            receipt(&subject, &request).await?,
        );
        let (Some(first), Some(second)) = (first, second) else {
            continue;
        };
        tried = true;
        if promises && first != second {
            bench.warn(format_args!(
                "{channel} promises that a send with the same key never shows twice, and gave two different receipts"
            ));
        }
    }
    subject.close().await?;
    if tried {
        Ok(())
    } else {
        Err(Stop::skipped("nothing can be sent without its platform"))
    }
}

async fn hostile(bench: &Bench) -> Verdict {
    let (subject, channels) = channels(bench).await?;
    let mut rng = bench.rng();
    for channel in &channels {
        let limit = info(&subject, channel).text_limit as usize;
        subject
            .call(&plausible::start_channel(channel, bench.account_config(channel)?))
            .await?;
        let mut texts: Vec<_> = HOSTILE_TEXTS.iter().map(|text| (*text).to_owned()).collect();
        texts.extend([limit - limit.min(1), limit, limit + 1, 20 * limit].map(|length| "x".repeat(length)));
        texts.extend((0..RANDOM_TEXTS).map(|_| rng.text(limit)));
        for (n, text) in texts.into_iter().enumerate() {
            let mut message = plausible::outbound(&format!("kit-hostile-{n}"));
            message.chat_id = HOSTILE_IDS[n % HOSTILE_IDS.len()].to_owned();
            message.reply_to = HOSTILE_IDS[(n + 1) % HOSTILE_IDS.len()].to_owned();
            message.thread_id = HOSTILE_IDS[(n / 2) % HOSTILE_IDS.len()].to_owned();
            message.text = text;
            let request = Request::json(ids::channel::SEND, channel, &message);
            let answer = subject.call(&request).await?;
            if answer.reply.is_ok() {
                plausible::check(&request, &answer)?;
            }
        }
    }
    subject.alive().await?;
    subject.close().await
}

async fn stop_while_sending(bench: &Bench) -> Verdict {
    let (subject, channels) = channels(bench).await?;
    for channel in &channels {
        let start = plausible::start_channel(channel, bench.account_config(channel)?);
        subject.call(&start).await?;
        let request = |n: usize| {
            Request::json(
                ids::channel::SEND,
                channel,
                &plausible::outbound(&format!("kit-stop-{n}")),
            )
        };
        let sends: Vec<_> = (0..SENDS)
            .map(|n| (n, subject.spawn(&request(n), None, None)))
            .collect();
        subject
            .call(&Request::json(ids::channel::STOP, channel, &ACCOUNT))
            .await?;
        for (n, send) in sends {
            // sent or not: it is over
            let _ = subject.within_deadline(&request(n), send).await?;
        }
        subject.call(&start).await?;
        subject.call(&request(SENDS)).await?;
    }
    subject.alive().await?;
    subject.close().await
}

async fn receipt(subject: &Subject, request: &Request) -> Verdict<Option<Receipt>> {
    let answer = subject.call(request).await?;
    plausible::check(request, &answer)?;
    Ok(answer
        .reply
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

async fn as_declared(bench: &Bench) -> Verdict {
    let (subject, channels) = channels(bench).await?;
    let requests = plausible::requests(&subject, &mut bench.rng());
    for channel in &channels {
        let info = info(&subject, channel);
        let cant = [
            (ids::channel::EDIT, info.edit),
            (ids::channel::DELETE, info.delete),
            (ids::channel::REACT, info.reactions),
        ];
        for (method, can) in cant {
            let request = requests
                .iter()
                .find(|request| request.method == method && request.target == *channel);
            let Some(request) = request else { continue };
            let reply = subject.call(request).await?.reply;
            let unsupported = reply.as_ref().is_err_and(|fault| fault.code == "unsupported");
            if unsupported == can {
                let says = if can { "it can" } else { "it can't" };
                bench.warn(format_args!(
                    "{channel} says of {method} that {says}, and answers {}",
                    show(&reply)
                ));
            }
        }
    }
    subject.close().await
}

fn info(subject: &Subject, channel: &str) -> ChannelInfo {
    let mut all = subject.registrations.registrations.iter();
    let spec = all
        .find(|r| r.capability == "channel/1" && r.id == channel)
        .map(|r| r.spec.clone());
    spec.and_then(|spec| serde_json::from_value(spec).ok())
        .unwrap_or_default()
}
