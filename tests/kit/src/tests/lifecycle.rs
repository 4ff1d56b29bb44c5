//! Making, starting, stopping and destroying, in every order.
//!
//! A start may fail, as without a network it often must. It may not panic or hang, and what follows has to work.
use super::Test;
use crate::{
    Category::Lifecycle as Topic,
    bench::Bench,
    fake::Mode,
    outcome::{Stop, Verdict},
    plausible,
    subject::Subject,
};

/// Steps of the walk in random order.
const STEPS: usize = 60;

#[rustfmt::skip]
pub(super) const TESTS: &[Test] = &[
    Test::new(Topic, "creates", "an instance can be made and destroyed", |b| Box::pin(creates(b))),
    Test::new(Topic, "creates-side-by-side", "two instances live at once and end apart", |b| Box::pin(side_by_side(b))),
    Test::new(Topic, "creates-again", "after the last instance another one can be made", |b| Box::pin(creates_again(b))),
    Test::new(Topic, "start-stop", "it starts, stops and is destroyed", |b| Box::pin(start_stop(b))),
    Test::new(Topic, "stop-without-start", "stopping what was not started is answered", |b| Box::pin(stop_without_start(b))),
    Test::new(Topic, "start-twice", "a second start is answered", |b| Box::pin(start_twice(b))),
    Test::new(Topic, "stop-twice", "a second stop is answered", |b| Box::pin(stop_twice(b))),
    Test::new(Topic, "drop-without-stop", "a running instance can be destroyed without a stop", |b| Box::pin(drop_without_stop(b))),
    Test::new(Topic, "calls-after-stop", "whatever is called after the stop is answered", |b| Box::pin(calls_after_stop(b))),
    Test::new(Topic, "config-change", "a running instance answers a new configuration", |b| Box::pin(config_change(b))),
    Test::new(Topic, "any-order", "sixty steps of a life in random order", |b| Box::pin(any_order(b))),
];

async fn creates(bench: &Bench) -> Verdict {
    let manifest = bench.manifest()?;
    bench.doing("creating an instance");
    let subject = match bench.create(&bench.config()?, Mode::Normal).await? {
        Ok(subject) => subject,
        Err(fault) if fault.code == "config" && manifest.config_schema.is_some() => {
            return Err(Stop::skipped(format_args!(
                "it takes no configuration that the kit can make ({}); give one with --config",
                fault.message
            )));
        }
        Err(fault) => return Err(Stop::failed(format_args!("no instance can be made: {fault}"))),
    };
    subject.close().await
}

async fn side_by_side(bench: &Bench) -> Verdict {
    let first = bench.first().await?;
    let second = bench.another().await?;
    first.start().await?;
    second.start().await?;
    bench.doing("destroying the first of two");
    first.close().await?;
    second.alive().await?;
    second.stop().await?;
    second.close().await
}

async fn creates_again(bench: &Bench) -> Verdict {
    bench.first().await?.close().await?;
    for _ in 0..3 {
        let subject = bench.another().await?;
        subject.alive().await?;
        subject.close().await?;
    }
    Ok(())
}

async fn start_stop(bench: &Bench) -> Verdict {
    let subject = bench.first().await?;
    for fault in subject.start().await? {
        bench.warn(format_args!("without a network it does not start: {fault}"));
    }
    subject.alive().await?;
    for fault in subject.stop().await? {
        bench.warn(format_args!("it does not stop: {fault}"));
    }
    subject.close().await
}

async fn stop_without_start(bench: &Bench) -> Verdict {
    let subject = bench.first().await?;
    subject.stop().await?;
    subject.alive().await?;
    subject.close().await
}

async fn start_twice(bench: &Bench) -> Verdict {
    let subject = bench.started().await?;
    bench.start(&subject).await?;
    subject.alive().await?;
    subject.stop().await?;
    subject.close().await
}

async fn stop_twice(bench: &Bench) -> Verdict {
    let subject = bench.started().await?;
    subject.stop().await?;
    subject.stop().await?;
    subject.alive().await?;
    subject.close().await
}

async fn drop_without_stop(bench: &Bench) -> Verdict {
    let subject = bench.started().await?;
    subject.close().await?;
    bench.another().await?.close().await
}

async fn calls_after_stop(bench: &Bench) -> Verdict {
    let subject = bench.started().await?;
    subject.stop().await?;
    for request in plausible::requests(&subject, &mut bench.rng()) {
        subject.call(&request).await?;
    }
    subject.close().await
}

async fn config_change(bench: &Bench) -> Verdict {
    let config = bench.config()?;
    let subject = bench.first().await?;
    subject.configure(&config).await?;
    subject.start().await?;
    subject.configure(&config).await?;
    subject
        .configure(&serde_json::json!({"noSuchKeyOfTheKit": [1]}))
        .await?;
    subject.alive().await?;
    subject.stop().await?;
    subject.configure(&config).await?;
    subject.close().await
}

async fn any_order(bench: &Bench) -> Verdict {
    let mut rng = bench.rng();
    let mut living: Vec<Subject> = vec![bench.first().await?];
    for _ in 0..STEPS {
        let at = rng.below(living.len());
        let step = rng.below(6);
        match (step, living.get(at)) {
            (0, _) if living.len() < 3 => living.push(bench.another().await?),
            (1, Some(_)) => living.swap_remove(at).close().await?,
            (2, Some(subject)) => drop(subject.start().await?),
            (3, Some(subject)) => drop(subject.stop().await?),
            (4, Some(subject)) => drop(subject.configure(&bench.config()?).await?),
            (5, Some(subject)) => {
                let requests = plausible::requests(subject, &mut rng);
                if let Some(request) = rng.pick(&requests) {
                    subject.call(request).await?;
                }
            }
            _ => {}
        }
    }
    for subject in living {
        subject.close().await?;
    }
    Ok(())
}
