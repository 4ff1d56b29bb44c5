//! Many calls at once, on one thread and on many.
use super::Test;
use crate::{
    Category::Concurrency as Topic,
    bench::{Bench, blocking},
    outcome::{Stop, Verdict},
    plausible,
    subject::{Request, Subject, no_panic},
};
use openclaw_plugin_api::abi::sink_pair;
use std::{sync::Arc, thread};
use tokio::{runtime::Builder, task::JoinHandle};

/// Calls at once.
const CALLS: usize = 64;
/// Threads that call.
const THREADS: usize = 8;
/// Calls of each of them.
const CALLS_PER_THREAD: usize = 25;

#[rustfmt::skip]
pub(super) const TESTS: &[Test] = &[
    Test::new(Topic, "calls-at-once", "64 calls at once are all answered", |b| Box::pin(at_once(b))),
    Test::new(Topic, "calls-from-threads", "calls from eight threads, each with a runtime of its own, are all answered", |b| Box::pin(from_threads(b))),
    Test::new(Topic, "lifecycle-at-once", "starts, stops and new configurations cross with calls", |b| Box::pin(lifecycle_at_once(b))),
];

/// What to ask, over and over; the unknown method is there for plugins that serve nothing.
fn questions(bench: &Bench, subject: &Subject) -> Vec<Request> {
    let mut all = plausible::requests(subject, &mut bench.rng());
    all.push(Request::new("kit/1/no-such-method", "", Vec::new()));
    all
}

async fn at_once(bench: &Bench) -> Verdict {
    let subject = bench.started().await?;
    let questions = questions(bench, &subject);
    bench.doing(format_args!("making {CALLS} calls at once"));
    let calls: Vec<_> = questions
        .iter()
        .cycle()
        .take(CALLS)
        .map(|request| (request, begin(&subject, request)))
        .collect();
    for (request, call) in calls {
        drop(subject.within_deadline(request, call).await?);
    }
    subject.alive().await?;
    subject.stop().await?;
    subject.close().await
}

/// Starts a call whose stream is read and dropped.
fn begin(
    subject: &Subject,
    request: &Request,
) -> JoinHandle<Result<Vec<u8>, openclaw_plugin_api::abi::Fault>> {
    let (out, mut chunks) = sink_pair(4);
    tokio::spawn(async move { while chunks.next().await.is_some() {} });
    subject.spawn(request, Some(out), None)
}

async fn from_threads(bench: &Bench) -> Verdict {
    let subject = bench.started().await?;
    let questions = Arc::new(questions(bench, &subject));
    bench.doing(format_args!(
        "making {CALLS_PER_THREAD} calls from each of {THREADS} threads"
    ));
    let handle = subject.handle();
    let work = move || -> Verdict {
        let threads: Vec<_> = (0..THREADS)
            .map(|_| {
                let (handle, questions) = (handle.clone(), questions.clone());
                thread::spawn(move || -> Verdict {
                    let runtime = Builder::new_current_thread()
                        .enable_all()
                        .build()
                        .map_err(Stop::failed)?;
                    for request in questions.iter().cycle().take(CALLS_PER_THREAD) {
                        let (out, mut chunks) = sink_pair(4);
                        let reply = handle.call(request.with(Some(out), None));
                        let both =
                            async { tokio::join!(reply, async { while chunks.next().await.is_some() {} }) };
                        no_panic(request, &runtime.block_on(both).0)?;
                    }
                    Ok(())
                })
            })
            .collect();
        let join = |thread: thread::JoinHandle<Verdict>| {
            thread
                .join()
                .unwrap_or_else(|_| Err(Stop::failed("a call panicked")))
        };
        threads.into_iter().try_for_each(join)
    };
    blocking("calling from many threads", work).await??;
    subject.alive().await?;
    subject.stop().await?;
    subject.close().await
}

async fn lifecycle_at_once(bench: &Bench) -> Verdict {
    let subject = bench.first().await?;
    let config = bench.config()?;
    let questions = questions(bench, &subject);
    bench.doing("starting, stopping and configuring while calls run");
    let calls: Vec<_> = questions
        .iter()
        .cycle()
        .take(CALLS)
        .map(|request| (request, begin(&subject, request)))
        .collect();
    let (start, stop, configure) = tokio::join!(subject.start(), subject.stop(), subject.configure(&config));
    start?;
    stop?;
    configure?;
    for (request, call) in calls {
        drop(subject.within_deadline(request, call).await?);
    }
    subject.close().await
}
