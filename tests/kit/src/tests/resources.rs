//! Threads, files, logs, and the state that the plugin shares with everything else in the process.
use super::Test;
use crate::{
    Category::Resources as Topic,
    bench::Bench,
    outcome::{Stop, Verdict},
    plausible,
    process::{self, Shared},
    subject::Subject,
};
use std::{future::Future, time::Duration};
use tokio::time::{interval, timeout};

/// How long threads and files may take to go away after their instance.
const SETTLE: Duration = Duration::from_secs(5);
/// How often it is looked whether they have: the kernel tells nobody.
const TICK: Duration = Duration::from_millis(10);
/// Log events of level info and above in one call: worth a look, and a flood.
const LOGS_WARNING: u64 = 20;
const LOGS_FAILURE: u64 = 200;

#[rustfmt::skip]
pub(super) const TESTS: &[Test] = &[
    Test::new(Topic, "threads-end", "an instance's threads end with it", |b| Box::pin(threads_end(b))),
    Test::new(Topic, "threads-named", "every thread of a plugin has a name that it was given", |b| Box::pin(threads_named(b))),
    Test::new(Topic, "files-closed", "an instance's files and sockets are closed with it", |b| Box::pin(files_closed(b))),
    Test::new(Topic, "process-unchanged", "signals, environment, folder, umask and standard streams stay as they are", |b| Box::pin(process_unchanged(b))),
    Test::new(Topic, "logs-bounded", "a call logs a few events, not hundreds", |b| Box::pin(logs_bounded(b))),
];

/// Makes an instance, starts it and asks it everything once, looking at it after each call.
async fn busy<F>(bench: &Bench, mut look: impl FnMut() -> F) -> Verdict<Subject>
where
    F: Future<Output = Verdict>,
{
    let subject = bench.started().await?;
    look().await?;
    for request in plausible::requests(&subject, &mut bench.rng()) {
        subject.call(&request).await?;
        look().await?;
    }
    Ok(subject)
}

/// Waits until something is as it should be, and otherwise gives what is wrong with it.
async fn settles(mut wrong: impl FnMut() -> Option<String>) -> Result<(), String> {
    let mut last = String::new();
    let settled = async {
        let mut ticks = interval(TICK);
        while let Some(why) = wrong() {
            last = why;
            ticks.tick().await;
        }
    };
    timeout(SETTLE, settled).await.map_err(|_| last)
}

async fn opened(bench: &Bench) -> Verdict {
    bench.manifest()?;
    bench
        .open()
        .await?
        .map(drop)
        .map_err(|why| Stop::skipped(format_args!("the library can't be opened: {why}")))
}

async fn threads_end(bench: &Bench) -> Verdict {
    opened(bench).await?;
    let before = process::threads().ok_or_else(linux_only)?;
    let subject = busy(bench, || async { Ok(()) }).await?;
    let during = process::threads()
        .unwrap_or_default()
        .keys()
        .filter(|id| !before.contains_key(id))
        .count();
    subject.stop().await?;
    subject.close().await?;
    bench.doing("waiting for the instance's threads to end");
    let left = settles(|| {
        let now = process::threads().unwrap_or_default();
        let left: Vec<_> = now
            .into_iter()
            .filter(|(id, _)| !before.contains_key(id))
            .map(|(_, name)| name)
            .collect();
        (!left.is_empty()).then(|| left.join(", "))
    });
    let seconds = SETTLE.as_secs();
    left.await.map_err(|left| {
        Stop::failed(format_args!(
            "threads are left {seconds} s after their instance was destroyed: {left}"
        ))
    })?;
    bench.note(format_args!("{during} threads while it ran"));
    Ok(())
}

async fn threads_named(bench: &Bench) -> Verdict {
    opened(bench).await?;
    let before = process::threads().ok_or_else(linux_only)?;
    let look = || async {
        // A thread names itself after it was made, so a first look may come too early.
        let unnamed = settles(|| {
            let now = process::threads().unwrap_or_default();
            let mut new = now.into_iter().filter(|(id, _)| !before.contains_key(id));
            new.find(|(_, name)| process::is_inherited_name(name))
                .map(|(_, name)| name)
        });
        unnamed.await.map_err(|_| {
            Stop::failed("it has a thread without a name of its own; use `std::thread::Builder::name` with the plugin's id")
        })
    };
    let subject = busy(bench, look).await?;
    subject.stop().await?;
    subject.close().await
}

async fn files_closed(bench: &Bench) -> Verdict {
    opened(bench).await?;
    let before = process::files().ok_or_else(linux_only)?;
    let subject = busy(bench, || async { Ok(()) }).await?;
    subject.stop().await?;
    subject.close().await?;
    bench.doing("waiting for the instance's files to be closed");
    let left = settles(|| {
        let left: Vec<_> = process::files()
            .unwrap_or_default()
            .difference(&before)
            .cloned()
            .collect();
        (!left.is_empty()).then(|| left.join(", "))
    });
    left.await.map_err(|left| {
        Stop::failed(format_args!(
            "files are open after their instance was destroyed: {left}"
        ))
    })?;
    let lost: Vec<_> = before
        .difference(&process::files().unwrap_or_default())
        .cloned()
        .collect();
    match lost.is_empty() {
        true => Ok(()),
        false => Err(Stop::failed(format_args!(
            "it closed files that are not its own: {}",
            lost.join(", ")
        ))),
    }
}

async fn process_unchanged(bench: &Bench) -> Verdict {
    let before = process::shared().ok_or_else(linux_only)?;
    opened(bench).await?;
    unchanged(&before, "opening the library")?;
    let subject = busy(bench, || async { unchanged(&before, "a call") }).await?;
    subject.stop().await?;
    subject.close().await?;
    unchanged(&before, "destroying the instance")
}

fn unchanged(before: &Shared, after: &str) -> Verdict {
    let now = process::shared().ok_or_else(linux_only)?;
    let same = [
        (
            "the working directory",
            before.working_directory == now.working_directory,
        ),
        ("the environment", before.environment == now.environment),
        ("the handling of signals", before.signals == now.signals),
        ("the umask", before.umask == now.umask),
        (
            "a standard stream",
            before.standard_streams == now.standard_streams,
        ),
    ];
    match same.into_iter().find(|(_, same)| !same) {
        Some((what, _)) => Err(Stop::failed(format_args!(
            "{after} changed {what}, which belongs to the whole process"
        ))),
        None => Ok(()),
    }
}

async fn logs_bounded(bench: &Bench) -> Verdict {
    let subject = bench.started().await?;
    let mut most = 0;
    for request in plausible::requests(&subject, &mut bench.rng()) {
        let before = subject.host.logs();
        subject.call(&request).await?;
        let events = subject.host.logs() - before;
        if events > LOGS_FAILURE {
            return Err(Stop::failed(format_args!(
                "{request} logs {events} events in one call"
            )));
        }
        if events > LOGS_WARNING {
            bench.warn(format_args!(
                "{request} logs {events} events in one call; would one with a count do?"
            ));
        }
        most = most.max(events);
    }
    bench.note(format_args!("at most {most} events in a call"));
    subject.stop().await?;
    subject.close().await
}

fn linux_only() -> Stop {
    Stop::skipped("this can be seen on Linux only")
}
