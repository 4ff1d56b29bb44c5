//! `cargo xtask bench main`: the main job, from a message on a messenger to its answer, by the real program.
//!
//! The gateway is a child; the messenger and the model are in this process, on one thread. What is compared takes
//! turns, so that a disturbance of the machine falls on all of it.
mod gateway;
mod sessions;
mod world;

pub use world::World;

use crate::measure::{Figure, ROUNDS, millis};
use gateway::{Home, Running};
use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// Starts that are measured.
const STARTS: usize = 15;
/// How long the gateway is left alone before its memory is looked at.
const REST: Duration = Duration::from_secs(3);
/// Conversations among which messages go around: so many that none gets long, for length is measured by itself.
const CHATS: i64 = 500;
/// Conversations of a burst.
const BURST_CHATS: i64 = 100;
/// Messages before anything is measured.
const WARM_UP: usize = 500;
/// Messages of one block, one at a time.
const BLOCK: usize = 200;
/// Messages over which memory is watched.
const MANY: usize = 60_000;
/// Messages between two looks at the memory.
const LOOK_EVERY: usize = 500;
/// Messages after which memory is told once, on the way.
const SOME: usize = 10_000;
/// Messages after which memory should not grow any more: what is remembered of so many is forgotten again.
const SETTLED_AFTER: usize = 40_000;
/// Messages of a chat after which its conversation begins anew, while memory is watched.
const NEW_AFTER: usize = 10;
/// Messages that are under way at once while memory is watched.
const AT_ONCE: usize = 16;
/// Messages of a burst.
const BURST: usize = 200;
/// How long a model thinks during a burst.
const THINKING: Duration = Duration::from_millis(200);
/// Longest that an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);

type Outcome<T> = Result<T, String>;

/// Where the built things are.
#[derive(Clone)]
pub struct Built {
    /// Folder with the plugins.
    pub plugins: PathBuf,
    /// The program.
    pub program: PathBuf,
}

/// What can be measured by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// From spawn to ready
    Starts,
    /// Memory at rest, round trips, and memory after many messages
    Messages,
    /// Many messages at once
    Bursts,
    /// Turns of long conversations
    Sessions,
}

/// Measures one part, or everything.
pub fn run(plugins: &Path, program: &Path, only: Option<Part>) -> Outcome<Vec<Figure>> {
    let wanted = |part| only.is_none_or(|only| only == part);
    let built = Built {
        plugins: plugins.to_owned(),
        program: program.to_owned(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| e.to_string())?;
    runtime.block_on(async {
        let mut world = World::start().await.map_err(|e| e.to_string())?;
        let mut figures = vec![sync_floor()?];
        if wanted(Part::Starts) {
            figures.extend(starts(&built, &world.root).await?);
        }
        if wanted(Part::Messages) {
            let home = built.home(&world.root, None)?;
            let gateway = start(&home).await?;
            figures.extend(idle(&gateway).await);
            figures.extend(round_trips(&gateway, &mut world).await?);
            figures.extend(growth(&gateway, &mut world).await?);
        }
        if wanted(Part::Bursts) {
            for at_once in [None, Some(100)] {
                figures.push(burst(&built.home(&world.root, at_once)?, &mut world, at_once).await?);
            }
        }
        if wanted(Part::Sessions) {
            figures.extend(sessions::run(&built.home(&world.root, None)?, &mut world).await?);
        }
        Ok(figures)
    })
}

impl Built {
    fn home(&self, root: &str, max_concurrent: Option<u32>) -> Outcome<Home> {
        Home::new(&self.plugins, &self.program, root, max_concurrent)
    }
}

/// Starts the gateway on a thread of its own: the services have to answer meanwhile.
async fn start(home: &Home) -> Outcome<Running> {
    let starting = home.starting();
    let started = tokio::task::spawn_blocking(move || starting.start());
    started.await.map_err(|e| e.to_string())?
}

/// What a message of 300 bytes costs to be on this disk, without a gateway.
fn sync_floor() -> Outcome<Figure> {
    use std::io::Write;
    let mut file = tempfile::tempfile().map_err(|e| e.to_string())?;
    let times = (0..ROUNDS * 4).map(|_| {
        let begin = Instant::now();
        file.write_all(&[7; 4096])
            .and_then(|()| file.sync_data())
            .map(|()| begin.elapsed())
            .map_err(|e| e.to_string())
    });
    Ok(millis(
        "floor: 4 KB written and synced by nobody but this program",
        None,
        times.collect::<Outcome<Vec<_>>>()?,
    ))
}

async fn starts(built: &Built, root: &str) -> Outcome<Vec<Figure>> {
    let home = built.home(root, None)?;
    let (mut wall, mut cpu) = (Vec::new(), Vec::new());
    // the first one makes the state, and is not measured
    start(&home).await?.stop()?;
    for _ in 0..STARTS {
        let gateway = start(&home).await?;
        wall.push(gateway.ready);
        cpu.push(gateway.ready_cpu);
        gateway.stop()?;
    }
    Ok(vec![
        millis("from spawn to ready", Some(60.0), wall),
        millis("processor time until ready", Some(40.0), cpu),
    ])
}

async fn idle(gateway: &Running) -> Vec<Figure> {
    tokio::time::sleep(REST).await;
    let before = gateway.cpu_ms();
    tokio::time::sleep(REST).await;
    let cpu = (gateway.cpu_ms() - before) / REST.as_secs_f64();
    let (resident, proportional, processes) = gateway.memory();
    let name = |what: &str| format!("idle: {what}, whole tree ({processes} process)");
    vec![
        Figure::new(
            name("resident memory"),
            "MiB",
            vec![resident / 1024.0],
            Some(30.0),
        ),
        Figure::new(
            name("proportional memory"),
            "MiB",
            vec![proportional / 1024.0],
            None,
        ),
        Figure::new(
            "idle: processor time in a second".to_owned(),
            "ms",
            vec![cpu],
            None,
        ),
    ]
}

/// One message at a time, from the moment when the messenger has it to the request that brings the answer.
async fn round_trips(gateway: &Running, world: &mut World) -> Outcome<Vec<Figure>> {
    for n in 0..WARM_UP {
        round_trip(world, 1 + n as i64 % CHATS).await?;
    }
    let (mut half, mut tail, mut cpu) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let before = gateway.cpu_ms();
        let mut times = Vec::with_capacity(BLOCK);
        for n in 0..BLOCK {
            times.push(round_trip(world, 1 + n as i64 % CHATS).await?);
        }
        cpu.push((gateway.cpu_ms() - before) / BLOCK as f64);
        times.sort();
        half.push(times[BLOCK / 2]);
        tail.push(times[BLOCK * 99 / 100]);
    }
    Ok(vec![
        millis("round trip, p50", Some(3.0), half),
        millis("round trip, p99", None, tail),
        Figure::new("round trip, processor time of a message", "ms", cpu, Some(1.5)),
    ])
}

/// The time of one message, which is the only one under way.
async fn round_trip(world: &mut World, chat: i64) -> Outcome<Duration> {
    let begin = Instant::now();
    world.say(chat, "Please look after the plants while I am away.");
    let sent = answer(world).await?;
    if sent.chat == chat {
        Ok(sent.at - begin)
    } else {
        Err(format!("chat {} was answered, chat {chat} had asked", sent.chat))
    }
}

async fn answer(world: &mut World) -> Outcome<world::Sent> {
    let sent = tokio::time::timeout(PATIENCE, world.sent()).await;
    sent.map_err(|_| format!("no answer in {PATIENCE:?}"))?
        .ok_or_else(|| "the services have ended".to_owned())
}

/// How memory grows with messages, and how many go through.
///
/// Conversations that only get longer are no steady state: a turn holds its conversation, so that its memory would grow
/// with them until their windows are full. Here each begins anew after some messages, so that at any time there are
/// some of every length.
async fn growth(gateway: &Running, world: &mut World) -> Outcome<Vec<Figure>> {
    let (mut said, mut answered) = (0, 0);
    let mut looks = Vec::new();
    let (begin, spent) = (Instant::now(), gateway.cpu_ms());
    while answered < MANY {
        while said < MANY && said - answered < AT_ONCE {
            let (round, chat) = (said / CHATS as usize, 1 + said as i64 % CHATS);
            let over = (round + chat as usize).is_multiple_of(NEW_AFTER);
            world.say(chat, if over { "/new" } else { "And please water them." });
            said += 1;
        }
        answer(world).await?;
        answered += 1;
        if answered % LOOK_EVERY == 0 {
            looks.push((answered as f64, gateway.memory().0));
        }
    }
    let rate = MANY as f64 / begin.elapsed().as_secs_f64();
    let cpu = (gateway.cpu_ms() - spent) / MANY as f64;
    let settled: Vec<_> = looks
        .iter()
        .copied()
        .filter(|(n, _)| *n >= SETTLED_AFTER as f64)
        .collect();
    let after = |count: usize| {
        let look = looks.iter().find(|(n, _)| *n >= count as f64);
        look.map_or(f64::NAN, |(_, kilobytes)| *kilobytes / 1024.0)
    };
    Ok(vec![
        Figure::new(
            "after 10,000 messages: resident memory",
            "MiB",
            vec![after(SOME)],
            None,
        ),
        Figure::new(
            "after 60,000 messages: resident memory",
            "MiB",
            vec![after(MANY)],
            None,
        ),
        Figure::new(
            "slope of it, from message 40,000 on, for 1,000 messages",
            "KB",
            vec![slope(&settled) * 1000.0],
            Some(0.0),
        ),
        Figure::new(
            "processor time of a message, 16 under way at once",
            "ms",
            vec![cpu],
            Some(1.5),
        ),
        Figure::new(
            "messages in a second, 16 under way at once",
            "/s",
            vec![rate],
            None,
        ),
    ])
}

/// The line that fits best.
fn slope(points: &[(f64, f64)]) -> f64 {
    let count = points.len() as f64;
    let mean = |pick: fn(&(f64, f64)) -> f64| points.iter().map(pick).sum::<f64>() / count;
    let (x, y) = (mean(|p| p.0), mean(|p| p.1));
    let covariance: f64 = points.iter().map(|p| (p.0 - x) * (p.1 - y)).sum();
    let variance: f64 = points.iter().map(|p| (p.0 - x).powi(2)).sum();
    covariance / variance
}

/// Two messages from each chat, all at once, to a model that thinks.
async fn burst(home: &Home, world: &mut World, at_once: Option<u32>) -> Outcome<Figure> {
    let gateway = start(home).await?;
    round_trip(world, 1).await?;
    world.think_for(THINKING);
    let begin = Instant::now();
    for n in 0..BURST {
        world.say(1 + n as i64 % BURST_CHATS, "One of many.");
    }
    for _ in 0..BURST {
        answer(world).await?;
    }
    let time = begin.elapsed();
    world.think_for(Duration::ZERO);
    gateway.stop()?;
    let places = at_once.unwrap_or(4);
    let least = THINKING.as_secs_f64() * (BURST as f64 / f64::from(places)).ceil();
    Ok(Figure::new(
        format!("200 messages, 100 chats, {places} turns at once (by the model alone {least:.1} s)"),
        "s",
        vec![time.as_secs_f64()],
        None,
    ))
}
