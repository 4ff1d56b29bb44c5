//! Streams: readers that go away, readers that stand still, input that breaks, answers of the web without end.
//!
//! How much a plugin holds back is seen in the memory of the process and in how often it lets itself be polled: such
//! tests are of the group `resources`, which means nothing below a tool that keeps books on memory itself.
use super::Test;
use crate::{
    Category::{Cancellation, Resources},
    bench::Bench,
    fake::Mode,
    outcome::{Stop, Verdict},
    plausible, process,
    subject::{Request, Subject},
};
use openclaw_plugin_api::abi::{Chunks, Fault, sink_pair, source_pair};
use std::{
    future::{Future, poll_fn},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    task::JoinHandle,
    time::{Instant, interval},
};

/// How long a plugin is watched after its memory last grew. What collects on a slow machine collects slowly, so the watch
/// goes on while there is growth.
const WATCH: Duration = Duration::from_millis(300);
/// How long a plugin is watched at most.
const LONGEST_WATCH: Duration = Duration::from_secs(5);
/// What counts as growth. KiB.
const GROWTH_KIB: u64 = 256;
/// How often it is looked at meanwhile.
const TICK: Duration = Duration::from_millis(20);
/// What it may hold back meanwhile. KiB.
const MAX_HELD_KIB: u64 = 16 << 10;
/// What it may collect of an answer of the web meanwhile: `FetchResponse::bytes` reads up to 16 MiB, and a buffer that
/// doubles holds the old and the new half while it moves. KiB.
const MAX_COLLECTED_KIB: u64 = 3 * (16 << 10) + MAX_HELD_KIB;
/// How often it may be polled meanwhile: a few times for each chunk that fits, and wakes of its own timers.
const MAX_POLLS: u64 = 5_000;
/// Chunks that are read after the standstill, before the reader goes away.
const MAX_READ: usize = 256;

#[rustfmt::skip]
pub(super) const TESTS: &[Test] = &[
    Test::new(Cancellation, "reader-goes-away", "a call whose reader goes away ends", |b| Box::pin(reader_goes_away(b))),
    Test::new(Cancellation, "input-breaks", "a call whose input ends with an error ends", |b| Box::pin(input_breaks(b))),
];

/// Those that look at the memory of the process.
#[rustfmt::skip]
pub(super) const MEMORY: &[Test] = &[
    Test::new(Resources, "reader-stands-still", "a call whose reader stands still waits and holds little", |b| Box::pin(reader_stands_still(b))),
    Test::new(Resources, "endless-web", "an endless answer of the web is not collected in memory", |b| Box::pin(endless_web(b))),
];

async fn reader_goes_away(bench: &Bench) -> Verdict {
    let subject = bench.started().await?;
    for request in plausible::requests(&subject, &mut bench.rng()) {
        for before in 0..3 {
            bench.doing(format_args!(
                "calling {request}, whose reader goes away after {before} chunks"
            ));
            let (out, mut chunks) = sink_pair(0);
            let call = subject.spawn(&request, Some(out), None);
            let reader = async move {
                for _ in 0..before {
                    chunks.next().await;
                }
            };
            let reply = subject.within_deadline(&request, call);
            let (reply, ()) = tokio::join!(reply, reader);
            drop(reply?);
        }
    }
    subject.alive().await?;
    subject.close().await
}

async fn reader_stands_still(bench: &Bench) -> Verdict {
    let subject = bench.started().await?;
    for request in plausible::requests(&subject, &mut bench.rng()) {
        let (out, chunks) = sink_pair(0);
        let polls = Arc::default();
        let mut call = counted(&subject, &request, out, &polls);
        bench.doing(format_args!("calling {request}, whose reader stands still"));
        if watch(bench, &request, &mut call, &polls).await? {
            continue;
        }
        // It waited, as it should. Now it goes on, and then its reader leaves.
        let reply = subject.within_deadline(&request, call);
        let (reply, ()) = tokio::join!(reply, read_some(chunks));
        drop(reply?);
    }
    subject.alive().await?;
    subject.close().await
}

async fn endless_web(bench: &Bench) -> Verdict {
    let subject = bench.started().await?;
    subject.host.set_mode(Mode::EndlessWeb);
    for request in plausible::requests(&subject, &mut bench.rng()) {
        let (out, chunks) = sink_pair(1);
        let reader = tokio::spawn(read_all(chunks));
        let polls = Arc::new(AtomicU64::new(0));
        let mut call = counted(&subject, &request, out, &polls);
        bench.doing(format_args!(
            "calling {request}, to which the web answers without end"
        ));
        // Polls are not judged: here there is always something to do.
        let ended = hold_little(&request, &mut call, MAX_COLLECTED_KIB).await?;
        call.abort();
        reader.abort();
        if !ended {
            bench.note(format_args!("{request} goes on reading an answer without end"));
        }
    }
    subject.host.set_mode(Mode::Normal);
    subject.alive().await?;
    subject.close().await
}

async fn input_breaks(bench: &Bench) -> Verdict {
    let subject = bench.started().await?;
    for request in plausible::requests(&subject, &mut bench.rng()) {
        let (mut feed, input) = source_pair(2);
        feed.send(Ok(vec![0; 320])).await;
        feed.send(Err(Fault::new("network", "the kit cut this stream")))
            .await;
        drop(feed);
        let (out, chunks) = sink_pair(16);
        subject
            .call_with(&request, Some(out), Some(input), chunks)
            .await?;
    }
    subject.alive().await?;
    subject.close().await
}

/// Starts a call and counts its polls.
fn counted(
    subject: &Subject,
    request: &Request,
    out: openclaw_plugin_api::Sink,
    polls: &Arc<AtomicU64>,
) -> JoinHandle<Result<Vec<u8>, Fault>> {
    let (handle, request, polls) = (subject.handle(), request.clone(), polls.clone());
    subject.pool().spawn(async move {
        let mut call = Box::pin(handle.call(request.with(Some(out), None)));
        drop(handle);
        poll_fn(move |cx| {
            polls.fetch_add(1, Ordering::Relaxed);
            call.as_mut().poll(cx)
        })
        .await
    })
}

/// Watches a call whose reader stands still. True: it has ended by itself, which short answers may.
async fn watch<T>(
    bench: &Bench,
    request: &Request,
    call: &mut JoinHandle<T>,
    polls: &AtomicU64,
) -> Verdict<bool> {
    if hold_little(request, call, MAX_HELD_KIB).await? {
        return Ok(true);
    }
    let polls = polls.load(Ordering::Relaxed);
    if polls > MAX_POLLS {
        return Err(Stop::failed(format_args!(
            "{request} kept a thread busy while its reader stood still ({polls} polls); wait for room"
        )));
    }
    bench.note(format_args!("{request} waits after {polls} polls"));
    Ok(false)
}

/// Does memory stay where it is for a while? True: the call has ended.
async fn hold_little<T>(request: &Request, call: &mut JoinHandle<T>, most: u64) -> Verdict<bool> {
    let memory = || process::anonymous_kib().unwrap_or(0);
    let (before, begun) = (memory(), Instant::now());
    let (mut highest, mut grown) = (before, begun);
    let mut ticks = interval(TICK);
    while grown.elapsed() < WATCH && begun.elapsed() < LONGEST_WATCH {
        ticks.tick().await;
        if call.is_finished() {
            return Ok(true);
        }
        let now = memory();
        let held = now.saturating_sub(before);
        if held > most {
            call.abort();
            return Err(Stop::failed(format_args!(
                "{request} holds {} MiB back that nobody reads; wait for the reader instead",
                held >> 10
            )));
        }
        if now > highest + GROWTH_KIB {
            (highest, grown) = (now, Instant::now());
        }
    }
    Ok(false)
}

async fn read_some(mut chunks: Chunks) {
    for _ in 0..MAX_READ {
        if chunks.next().await.is_none() {
            return;
        }
    }
}

async fn read_all(mut chunks: Chunks) {
    while chunks.next().await.is_some() {}
}
