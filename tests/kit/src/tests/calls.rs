//! What a plugin answers to those who ask properly, and to those who ask for what is not there.
use super::Test;
use crate::{
    Category::Calls as Topic,
    bench::Bench,
    outcome::{Stop, Verdict},
    plausible,
    subject::{Request, is_lifecycle, show},
};

/// A name that nothing has.
const NOBODY: &str = "no-such-target-of-the-kit";
/// Rounds of sensible requests, each with other arguments.
const ROUNDS: usize = 8;

#[rustfmt::skip]
pub(super) const TESTS: &[Test] = &[
    Test::new(Topic, "ping", "the cheapest sign of life", |b| Box::pin(ping(b))),
    Test::new(Topic, "unknown-method", "a method that is not there is `unknown_method`", |b| Box::pin(unknown_method(b))),
    Test::new(Topic, "unknown-target", "a target that is not there is `not_found`", |b| Box::pin(unknown_target(b))),
    Test::new(Topic, "sensible-calls", "what the gateway would ask is answered with the right records", |b| Box::pin(sensible(b))),
    Test::new(Topic, "missing-streams", "a call without the streams it needs is an error", |b| Box::pin(missing_streams(b))),
];

async fn ping(bench: &Bench) -> Verdict {
    let subject = bench.first().await?;
    for n in [0, 1, 41, u64::MAX] {
        let answer = subject.handle().ping(n);
        if answer != n.wrapping_add(1) {
            return Err(Stop::failed(format_args!("a ping of {n} gives {answer}")));
        }
    }
    subject.close().await
}

async fn unknown_method(bench: &Bench) -> Verdict {
    let subject = bench.first().await?;
    let own = subject.registrations.methods.clone();
    let near: Vec<_> = own
        .iter()
        .flat_map(|id| [format!("{id}2"), format!("{id}/"), id.to_uppercase()])
        .collect();
    let far = [
        "",
        "/",
        "kit/1/nothing",
        "tool/999/invoke",
        "plugin/1/\u{0}",
        "../../etc",
    ]
    .map(String::from);
    let long = "x".repeat(64 << 10);
    for method in near
        .into_iter()
        .chain(far)
        .chain([long])
        .filter(|id| !own.contains(id))
    {
        let answer = subject.call(&Request::new(&method, "", b"{}".to_vec())).await?;
        match answer.reply {
            Err(fault) if fault.code == "unknown_method" => {}
            other => {
                let method: String = method.chars().take(40).collect();
                let other = show(&other);
                return Err(Stop::failed(format_args!(
                    "the unknown method \"{method}\" gives {other}"
                )));
            }
        }
    }
    subject.close().await
}

async fn unknown_target(bench: &Bench) -> Verdict {
    let subject = bench.first().await?;
    let methods = subject
        .registrations
        .methods
        .iter()
        .filter(|method| !is_lifecycle(method));
    for method in methods {
        for target in [NOBODY, "\u{0}", "a/../b"] {
            let request = Request::new(method, target, b"{}".to_vec());
            match subject.call(&request).await?.reply {
                Err(fault) if fault.code == "not_found" => {}
                other => {
                    return Err(Stop::failed(format_args!(
                        "{request} gives {} and not not_found",
                        show(&other)
                    )));
                }
            }
        }
    }
    subject.close().await
}

async fn sensible(bench: &Bench) -> Verdict {
    let subject = bench.started().await?;
    let mut rng = bench.rng();
    let (mut asked, mut answered) = (0, 0);
    for _ in 0..ROUNDS {
        for request in plausible::requests(&subject, &mut rng) {
            let answer = subject.call(&request).await?;
            plausible::check(&request, &answer)?;
            match &answer.reply {
                Ok(_) => answered += 1,
                Err(fault) if fault.code == "internal" => {
                    bench.warn(format_args!(
                        "{request} fails with `internal`; a kind of its own would tell what to do"
                    ));
                }
                Err(_) => {}
            }
            asked += 1;
        }
    }
    bench.note(format_args!("{answered} of {asked} calls succeeded"));
    subject.stop().await?;
    subject.close().await
}

async fn missing_streams(bench: &Bench) -> Verdict {
    let subject = bench.first().await?;
    for request in plausible::requests(&subject, &mut bench.rng()) {
        subject.call_bare(&request).await?;
    }
    subject.alive().await?;
    subject.close().await
}
