//! A large guild: many members write at once, the memory stays bounded, and others are answered meanwhile.
use crate::world::{ADA, World};
use openclaw_e2e::running::soon;
use openclaw_fakes::discord::Person;
use serde_json::json;
use std::time::{Duration, Instant};

/// Members who write.
const MEMBERS: u64 = 1_000;
/// Messages in a second.
const RATE: u64 = 50;
/// Memory that so much may cost beyond what it cost before, bytes.
const MOST_GROWTH: u64 = 64 << 20;
/// Longest that a private message may wait for its answer meanwhile, on a busy machine.
const MOST_WAIT: Duration = Duration::from_secs(5);

/// Seconds that it lasts: a minute with `OPENCLAW_TEST_LONG`.
fn seconds() -> u64 {
    if std::env::var_os("OPENCLAW_TEST_LONG").is_some() {
        60
    } else {
        4
    }
}

#[tokio::test]
async fn a_thousand_members_delay_nobody() {
    let world = World::with(|_, config| {
        let guilds = config["channels"]["discord"]["guilds"]
            .as_object_mut()
            .expect("guilds");
        guilds
            .values_mut()
            .for_each(|guild| guild["requireMention"] = true.into());
        config["session"] = json!({ "dmScope": "per-channel-peer" });
    })
    .await;
    let me = world.discord.bot().id;
    world.discord.dm(ADA, "before the crowd");
    world.said("before the crowd").await;
    let before = memory(world.gateway.pid());
    let mut waits = Vec::new();
    // time is what is tried here: so many in each second
    let mut ticks = tokio::time::interval(Duration::from_millis(1000 / RATE));
    for n in 0..seconds() * RATE {
        ticks.tick().await;
        let member = Person {
            id: 200_000 + n % MEMBERS,
            name: "Member",
        };
        // one in a hundred calls the bot
        let text = if n % 100 == 99 {
            format!("<@{me}> number {n}")
        } else {
            format!("number {n}")
        };
        world.discord.say(world.general, member, &text);
        if n % RATE == RATE / 2 {
            let (asked, words) = (Instant::now(), format!("in between {n},"));
            world.discord.dm(ADA, &words);
            world.said(&words).await;
            waits.push(asked.elapsed());
        }
    }
    world.discord.dm(ADA, "after the crowd");
    world.said("after the crowd").await;
    let growth = memory(world.gateway.pid()).saturating_sub(before);
    waits.sort();
    println!(
        "{} messages, the memory grew by {} KiB, answers in between took {waits:?}",
        seconds() * RATE,
        growth >> 10
    );
    assert!(growth < MOST_GROWTH, "the memory grew by {growth} bytes");
    assert!(waits.last().is_some_and(|wait| *wait < MOST_WAIT), "{waits:?}");
    let called = (seconds() * RATE / 100).max(1);
    soon("the answers in the room", async {
        world.said(&format!("number {}", called * 100 - 1)).await
    })
    .await;
    world.end().await;
}

/// Resident memory of a process, bytes.
fn memory(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .expect("Linux says it");
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
    kib << 10
}
