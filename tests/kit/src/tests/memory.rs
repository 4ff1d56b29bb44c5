//! Memory that is not given back: over ten thousand calls, and over many instances.
//!
//! Only anonymous memory counts. It is measured after a warm-up, because caches fill and allocators take what they need.
use super::Test;
use crate::{
    Category::Resources as Topic,
    bench::Bench,
    outcome::{Stop, Verdict},
    plausible, process,
    subject::{Request, Subject},
};
use std::time::{Duration, Instant};

/// Calls that are measured.
const CALLS: usize = 10_000;
/// Calls before that.
const WARM_UP: usize = 2_000;
/// Fewer calls than this say nothing.
const MIN_CALLS: usize = 1_000;
/// How often memory is looked at: a large leak must not take the machine along.
const BLOCK: usize = 100;
/// Growth that ends the test at once. KiB.
const EMERGENCY_KIB: u64 = 256 << 10;
/// Time for all calls.
const BUDGET: Duration = Duration::from_secs(12);
/// A call slower than this is not asked thousands of times.
const SLOW: Duration = Duration::from_millis(20);
/// Growth over 1,000 calls that is worth a look, and growth that is a leak. KiB. The calls are of all kinds, so one kind
/// that leaks is diluted by the others; a good plugin stays below 10.
const CALLS_KIB: Limits = Limits {
    warning: 48,
    failure: 192,
};

/// Instances that are measured, and those before that.
const INSTANCES: usize = 100;
const WARM_UP_INSTANCES: usize = 30;
/// Growth over 100 instances. An operator reloads a plugin now and then.
const INSTANCES_KIB: Limits = Limits {
    warning: 512,
    failure: 4 << 10,
};

struct Limits {
    warning: u64,
    failure: u64,
}

#[rustfmt::skip]
pub(super) const TESTS: &[Test] = &[
    Test::new(Topic, "memory-over-calls", "10,000 calls leave no memory behind", |b| Box::pin(over_calls(b))),
    Test::new(Topic, "memory-over-instances", "a hundred instances leave no memory behind", |b| Box::pin(over_instances(b))),
];

async fn over_calls(bench: &Bench) -> Verdict {
    measured()?;
    let subject = bench.started().await?;
    let begun = Instant::now();
    let requests = fast_requests(bench, &subject).await?;
    let before_warm_up = measured()?;
    repeat(&subject, &requests, WARM_UP, before_warm_up, begun).await?;
    let before = measured()?;
    let calls = repeat(&subject, &requests, CALLS, before, begun).await?;
    let growth = measured()?.saturating_sub(before);
    if calls < MIN_CALLS {
        return Err(Stop::skipped(format_args!(
            "its calls are slow: only {calls} fitted into the time"
        )));
    }
    judge(bench, growth * 1_000 / calls as u64, "1,000 calls", &CALLS_KIB)?;
    subject.stop().await?;
    subject.close().await
}

/// The sensible requests that are answered quickly, and one that every plugin answers.
async fn fast_requests(bench: &Bench, subject: &Subject) -> Verdict<Vec<Request>> {
    let mut fast = vec![Request::new("kit/1/no-such-method", "", Vec::new())];
    for request in plausible::requests(subject, &mut bench.rng()) {
        let begun = Instant::now();
        subject.call(&request).await?;
        if begun.elapsed() < SLOW {
            fast.push(request);
        }
    }
    Ok(fast)
}

/// Asks until there were enough calls or there is no time left, and says how many there were.
async fn repeat(
    subject: &Subject,
    requests: &[Request],
    calls: usize,
    before: u64,
    begun: Instant,
) -> Verdict<usize> {
    let mut done = 0;
    for request in requests.iter().cycle().take(calls) {
        subject.call(request).await?;
        done += 1;
        if done % BLOCK == 0 {
            let growth = measured()?.saturating_sub(before);
            if growth > EMERGENCY_KIB {
                return Err(Stop::failed(format_args!(
                    "{done} calls took {} MiB that did not come back",
                    growth >> 10
                )));
            }
            if begun.elapsed() > BUDGET {
                break;
            }
        }
    }
    Ok(done)
}

async fn over_instances(bench: &Bench) -> Verdict {
    measured()?;
    bench.first().await?.close().await?;
    for _ in 0..WARM_UP_INSTANCES {
        live_once(bench).await?;
    }
    let before = measured()?;
    for _ in 0..INSTANCES {
        live_once(bench).await?;
        if measured()?.saturating_sub(before) > EMERGENCY_KIB {
            break;
        }
    }
    judge(
        bench,
        measured()?.saturating_sub(before),
        "100 instances",
        &INSTANCES_KIB,
    )
}

async fn live_once(bench: &Bench) -> Verdict {
    let subject = bench.another().await?;
    subject.start().await?;
    subject.stop().await?;
    subject.close().await
}

fn judge(bench: &Bench, growth: u64, over: &str, limits: &Limits) -> Verdict {
    if growth > limits.failure {
        return Err(Stop::failed(format_args!(
            "memory grows by {growth} KiB over {over}"
        )));
    }
    if growth > limits.warning {
        bench.warn(format_args!(
            "memory grows by {growth} KiB over {over}; does something collect?"
        ));
    }
    bench.note(format_args!("{growth} KiB over {over}"));
    Ok(())
}

fn measured() -> Verdict<u64> {
    process::anonymous_kib().ok_or_else(|| Stop::skipped("memory can be measured on Linux only"))
}
