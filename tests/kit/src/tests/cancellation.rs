//! Callers that go away: a call is dropped after any number of polls, with the instance or before it.
//!
//! There are no timers here. A call is polled a number of times, whether it asked for it or not, and then dropped.
use super::Test;
use crate::{
    Category::Cancellation as Topic,
    bench::Bench,
    fake::Mode,
    outcome::{Stop, Verdict},
    plausible,
    subject::{CALL_DEADLINE, Request, Subject, no_panic},
};
use openclaw_plugin_api::abi::{Chunks, Fault, Feed, sink_pair, source_pair};
use std::{
    future::{Future, poll_fn},
    pin::Pin,
    task::Poll,
};
use tokio::{task::yield_now, time::timeout};

/// The most polls before a call is dropped.
const POLLS: usize = 24;
/// Calls that are under way when their instance is destroyed.
const IN_FLIGHT: usize = 16;

#[rustfmt::skip]
pub(super) const TESTS: &[Test] = &[
    Test::new(Topic, "dropped-at-any-poll", "a call that is dropped at any point leaves a plugin that answers", |b| Box::pin(any_poll(b, Mode::Normal))),
    Test::new(Topic, "dropped-while-host-waits", "a call that waits for the host can be dropped", |b| Box::pin(any_poll(b, Mode::Stalls))),
    Test::new(Topic, "dropped-while-web-streams", "a call that reads an endless answer of the web can be dropped", |b| Box::pin(any_poll(b, Mode::EndlessWeb))),
    Test::new(Topic, "instance-dropped-in-flight", "an instance can be destroyed while calls are under way", |b| Box::pin(in_flight(b))),
];

type Call = Pin<Box<dyn Future<Output = Result<Vec<u8>, Fault>> + Send>>;

/// A call under way, with the ends of its streams.
struct Pending {
    call: Call,
    chunks: Chunks,
    _feed: Feed,
}

impl Pending {
    fn new(subject: &Subject, request: &Request) -> Self {
        let (out, chunks) = sink_pair(0);
        let (feed, input) = source_pair(1);
        let call = Box::pin(subject.handle().call(request.with(Some(out), Some(input))));
        Self {
            call,
            chunks,
            _feed: feed,
        }
    }

    /// Polls it so often, reading its stream in between or leaving it full.
    async fn poll(&mut self, polls: usize, read: bool) -> Option<Result<Vec<u8>, Fault>> {
        for _ in 0..polls {
            let call = self.call.as_mut();
            let mut call = Some(call);
            let poll = poll_fn(|cx| Poll::Ready(call.take().map(|call| call.poll(cx)))).await;
            if let Some(Poll::Ready(reply)) = poll {
                return Some(reply);
            }
            if read {
                poll_fn(|cx| {
                    let _ = self.chunks.poll_next(cx);
                    Poll::Ready(())
                })
                .await;
            }
            yield_now().await;
        }
        None
    }
}

async fn any_poll(bench: &Bench, mode: Mode) -> Verdict {
    let subject = bench.first_in(mode).await?;
    for request in plausible::requests(&subject, &mut bench.rng()) {
        for polls in 0..POLLS {
            poll_and_drop(bench, &subject, &request, polls).await?;
        }
    }
    subject.host.set_mode(Mode::Normal);
    subject.alive().await?;
    subject.close().await
}

/// Begins a call, polls it and drops it, on a thread that may be lost.
pub(super) async fn poll_and_drop(
    bench: &Bench,
    subject: &Subject,
    request: &Request,
    polls: usize,
) -> Verdict {
    bench.doing(format_args!("dropping {request} after {polls} polls"));
    let mut pending = Pending::new(subject, request);
    let task = tokio::spawn(async move {
        let reply = pending.poll(polls, polls.is_multiple_of(2)).await;
        drop(pending);
        reply
    });
    let reply = timeout(CALL_DEADLINE, task).await.map_err(|_| {
        Stop::failed(format_args!(
            "{request} can't be dropped after {polls} polls: it blocks the thread that polls it"
        ))
    })?;
    match reply {
        Ok(Some(reply)) => no_panic(request, &reply),
        Ok(None) => Ok(()),
        Err(e) => Err(Stop::failed(format_args!(
            "{request} broke when it was dropped: {e}"
        ))),
    }
}

async fn in_flight(bench: &Bench) -> Verdict {
    let subject = bench.first_in(Mode::Stalls).await?;
    let requests = plausible::requests(&subject, &mut bench.rng());
    if requests.is_empty() {
        return Err(Stop::skipped("it serves nothing that could be under way"));
    }
    let mut calls: Vec<_> = requests
        .iter()
        .cycle()
        .take(IN_FLIGHT)
        .map(|request| Pending::new(&subject, request))
        .collect();
    bench.doing("polling the calls");
    let task = tokio::spawn(async move {
        for (polls, call) in calls.iter_mut().enumerate() {
            call.poll(polls, false).await;
        }
        calls
    });
    let calls = timeout(CALL_DEADLINE, task).await;
    let calls = calls.map_err(|_| Stop::failed("a call blocks the thread that polls it"))?;
    let calls = calls.map_err(|e| Stop::failed(format_args!("a call broke: {e}")))?;
    subject.close().await?;
    bench.doing("dropping the calls of an instance that is gone");
    crate::bench::blocking("dropping the calls", move || drop(calls)).await?;
    bench.another().await?.close().await
}
