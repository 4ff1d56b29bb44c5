//! What a turn costs in conversations of different length.
//!
//! Held equal: the gateway, the moment (the conversations take turns), the message, and what the model is told of the
//! past: each conversation was summarised before its last ten turns, as one of such a length has to be. What differs is
//! the transcript in the journal, which is written before the gateway starts.
use super::{Home, Outcome, Running, World, round_trip, start};
use crate::measure::Figure;
use openclaw_host::journal::{Entry, EntryKind, Journal};
use openclaw_plugin_api::{Message, Role};
use serde_json::json;

/// How many turns each conversation had.
const LENGTHS: [usize; 3] = [10, 1_000, 10_000];
/// Turns after the summary.
const KEPT: usize = 9;
/// Chats of the conversations, beginning here.
const FIRST_CHAT: i64 = 5_001;
/// Messages of a conversation in one block.
const BLOCK: usize = 10;
/// Blocks of each conversation.
const BLOCKS: usize = 15;

/// Measures.
pub async fn run(home: &Home, world: &mut World) -> Outcome<Vec<Figure>> {
    let gateway = start(home).await?;
    for n in 0..LENGTHS.len() {
        round_trip(world, FIRST_CHAT + n as i64).await?;
    }
    gateway.stop()?;
    lengthen(home)?;
    let gateway = start(home).await?;
    for n in 0..LENGTHS.len() * BLOCK {
        round_trip(world, FIRST_CHAT + (n % LENGTHS.len()) as i64).await?;
    }
    let mut times = [const { Vec::new() }; LENGTHS.len()];
    let mut cpu = [const { Vec::new() }; LENGTHS.len()];
    for _ in 0..BLOCKS {
        for (n, (times, cpu)) in times.iter_mut().zip(&mut cpu).enumerate() {
            let (time, processor) = block(&gateway, world, FIRST_CHAT + n as i64).await?;
            times.push(time);
            cpu.push(processor);
        }
    }
    gateway.stop()?;
    Ok(figures(times, cpu))
}

/// The median time of a message, and the processor time of one, ms.
async fn block(gateway: &Running, world: &mut World, chat: i64) -> Outcome<(f64, f64)> {
    let before = gateway.cpu_ms();
    let mut times = Vec::with_capacity(BLOCK);
    for _ in 0..BLOCK {
        times.push(round_trip(world, chat).await?.as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    Ok((times[BLOCK / 2], (gateway.cpu_ms() - before) / BLOCK as f64))
}

fn figures(times: [Vec<f64>; LENGTHS.len()], cpu: [Vec<f64>; LENGTHS.len()]) -> Vec<Figure> {
    let ratio = |values: &[Vec<f64>]| {
        let (first, last) = (&values[0], &values[LENGTHS.len() - 1]);
        first.iter().zip(last).map(|(first, last)| last / first).collect()
    };
    let ratios = [Figure::new(
        "turn 10,000 / turn 10, time, pair by pair",
        "×",
        ratio(&times),
        Some(1.2),
    )];
    let total = |values: &[f64]| values.iter().sum::<f64>();
    // in one block the clock of the processor is too coarse for pairs
    let processor = total(&cpu[LENGTHS.len() - 1]) / total(&cpu[0]);
    let all = LENGTHS
        .iter()
        .zip(times)
        .zip(cpu)
        .flat_map(|((length, times), cpu)| {
            let mean = total(&cpu) / cpu.len() as f64;
            [
                Figure::new(format!("a turn after {length} turns"), "ms", times, None),
                Figure::new(
                    format!("a turn after {length} turns, processor time"),
                    "ms",
                    vec![mean],
                    None,
                ),
            ]
        });
    let processor = Figure::new(
        "turn 10,000 / turn 10, processor time",
        "×",
        vec![processor],
        Some(1.2),
    );
    all.chain(ratios).chain([processor]).collect()
}

/// Writes the past of the conversations.
fn lengthen(home: &Home) -> Outcome<()> {
    let journal = Journal::open_beside(&home.state().join("state.db")).map_err(|e| e.to_string())?;
    for (n, turns) in LENGTHS.into_iter().enumerate() {
        let ending = format!(":{}", FIRST_CHAT + n as i64);
        let sessions = journal.sessions(100).map_err(|e| e.to_string())?;
        let session = sessions
            .into_iter()
            .find(|session| session.key.ends_with(&ending));
        let session = session.ok_or_else(|| format!("there is no conversation of chat {ending}"))?;
        // one turn was there to make the conversation
        let mut entries = past(turns.saturating_sub(KEPT + 1));
        entries.push(summary());
        entries.extend(past(KEPT));
        let written = journal.append(&session.session_id, &entries, session.updated_ms);
        written.map_err(|e| e.to_string())?;
    }
    Ok(())
}

fn past(turns: usize) -> Vec<Entry> {
    let message = |turn: &str, role, text: &str| {
        let body = serde_json::to_string(&Message::text(role, text)).unwrap_or_default();
        Entry::new(turn, EntryKind::Message, body, 30)
    };
    let turns = (0..turns).flat_map(|n| {
        let turn = format!("past-{n}");
        let asked = "Please look after the plants while I am away, and tell me how the tall one does.";
        let answered = "I have watered all of them; the tall one has a new leaf, and the soil is moist.";
        [
            message(&turn, Role::User, asked),
            message(&turn, Role::Assistant, answered),
        ]
    });
    turns.collect()
}

fn summary() -> Entry {
    let body = json!({ "summary": "They talked about plants.", "kept": [], "tokensBefore": 600 });
    Entry::new("past", EntryKind::Compaction, body.to_string(), 10)
}
