//! A whole life with a host that fails: services that refuse, answer nonsense, or never answer.
use super::{Test, cancellation::poll_and_drop};
use crate::{
    Category::Faults as Topic,
    bench::Bench,
    fake::Mode,
    outcome::{Stop, Verdict},
    plausible,
    subject::Request,
};
use openclaw_plugin_api::surface::ids;
use serde_json::json;

/// Polls that a start gets from a host that never answers.
const POLLS: usize = 8;

#[rustfmt::skip]
pub(super) const TESTS: &[Test] = &[
    Test::new(Topic, "host-without-network", "connections that are refused are errors", |b| Box::pin(life(b, Mode::Normal))),
    Test::new(Topic, "host-refuses", "a host that refuses everything is an error", |b| Box::pin(life(b, Mode::Refuses))),
    Test::new(Topic, "host-store-fails", "a store that fails is an error", |b| Box::pin(life(b, Mode::StoreFails))),
    Test::new(Topic, "host-takes-no-events", "a host that takes no events is an error", |b| Box::pin(life(b, Mode::InboundFails))),
    Test::new(Topic, "host-answers-garbage", "answers of the host that mean nothing are errors", |b| Box::pin(life(b, Mode::Garbage))),
    Test::new(Topic, "host-never-answers", "a host that never answers stops nobody from destroying the instance", |b| Box::pin(never_answers(b))),
    Test::new(Topic, "host-goes-away", "a host that fails in the middle is survived", |b| Box::pin(goes_away(b))),
];

async fn life(bench: &Bench, mode: Mode) -> Verdict {
    let subject = match bench.create(&bench.config()?, mode).await? {
        Ok(subject) => subject,
        Err(fault) if fault.code == "panic" => {
            return Err(Stop::failed(format_args!(
                "creating an instance panicked: {}",
                fault.message
            )));
        }
        Err(fault) => {
            return Err(Stop::skipped(format_args!(
                "no instance can be made with such a host: {fault}"
            )));
        }
    };
    bench.start(&subject).await?;
    for request in plausible::requests(&subject, &mut bench.rng()) {
        subject.call(&request).await?;
    }
    subject.configure(&bench.config()?).await?;
    bench.note(format_args!("{} services asked for", subject.host.calls()));
    subject.stop().await?;
    subject.alive().await?;
    subject.close().await
}

async fn never_answers(bench: &Bench) -> Verdict {
    let subject = bench.first_in(Mode::Stalls).await?;
    let mut requests: Vec<_> = [ids::plugin::START, ids::plugin::STOP]
        .into_iter()
        .map(|method| Request::json(method, "", &json!(null)))
        .collect();
    for channel in subject.of("channel/1") {
        let config = bench.account_config(&channel)?;
        requests.push(plausible::start_channel(&channel, config));
    }
    for service in subject.of("service/1") {
        requests.push(Request::json(ids::service::START, &service, &json!(null)));
    }
    for request in &requests {
        poll_and_drop(bench, &subject, request, POLLS).await?;
    }
    subject.close().await
}

async fn goes_away(bench: &Bench) -> Verdict {
    let subject = bench.started().await?;
    let requests = plausible::requests(&subject, &mut bench.rng());
    for mode in [Mode::Refuses, Mode::Normal, Mode::Garbage, Mode::Normal] {
        subject.host.set_mode(mode);
        for request in &requests {
            subject.call(request).await?;
        }
    }
    subject.stop().await?;
    subject.alive().await?;
    subject.close().await
}
