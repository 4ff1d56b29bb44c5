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
    Test::new(Topic, "channel-as-declared", "what a channel says it can't do is `unsupported`", |b| Box::pin(as_declared(b))),
];

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
