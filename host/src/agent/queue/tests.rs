//! What waits: caps, what is left out, and what goes together.
use super::*;
use crate::agent::{
    commands,
    job::tests::{asked, event, event_with, rows, to_chat},
};

fn rules(mode: QueueMode, cap: usize, drop: QueueDrop) -> QueueRules {
    QueueRules {
        mode,
        cap,
        drop,
        debounce: Duration::ZERO,
    }
}

fn full(drop: QueueDrop) -> (Queue, Vec<Job>) {
    let (mut queue, rules) = (Queue::default(), rules(QueueMode::Collect, 2, drop));
    let over = (1..=4)
        .flat_map(|row| queue.push(event(row, "ada", "x"), &rules))
        .collect();
    (queue, over)
}

#[test]
fn a_full_queue_leaves_out_what_the_rules_say() {
    let collect = rules(QueueMode::Collect, 2, QueueDrop::Old);
    let (mut queue, over) = full(QueueDrop::Old);
    assert_eq!(
        (rows(&over), rows(&queue.batch(&collect))),
        (vec![vec![1], vec![2]], vec![vec![3], vec![4]])
    );
    let (mut queue, over) = full(QueueDrop::New);
    assert_eq!(
        (rows(&over), rows(&queue.batch(&collect))),
        (vec![vec![3], vec![4]], vec![vec![1], vec![2]])
    );
    let (mut queue, over) = full(QueueDrop::Summarize);
    assert!(over.is_empty(), "each is answered for");
    assert_eq!(rows(&queue.batch(&collect)), [vec![1, 2, 3], vec![4]]);
}

#[test]
fn what_is_left_out_is_summed_up_for_whoever_gets_the_same_answer() {
    let (mut queue, rules) = (
        Queue::default(),
        rules(QueueMode::Collect, 2, QueueDrop::Summarize),
    );
    let jobs = [asked(1, to_chat("bob")), asked(2, |_| {}), asked(3, |_| {})];
    let over: Vec<_> = jobs.into_iter().flat_map(|job| queue.push(job, &rules)).collect();
    assert!(over.is_empty());
    assert_eq!(rows(&queue.batch(&rules)), [[1]], "Bob's answer is his own");
    assert_eq!(rows(&queue.batch(&rules)), [vec![2, 3]]);
    let jobs = [
        asked(4, to_chat("bob")),
        asked(5, to_chat("cay")),
        asked(6, |_| {}),
    ];
    let over: Vec<_> = jobs.into_iter().flat_map(|job| queue.push(job, &rules)).collect();
    assert_eq!(self::rows(&over), [[4]], "nobody can answer for it");
}

#[test]
fn one_batch_has_messages_that_want_the_same_answer() {
    let (mut queue, rules) = (Queue::default(), rules(QueueMode::Collect, 20, QueueDrop::Old));
    for job in [
        asked(1, |_| {}),
        asked(2, to_chat("bob")),
        asked(3, to_chat("bob")),
        asked(4, |_| {}),
    ] {
        queue.push(job, &rules);
    }
    let batches: Vec<_> = (0..3).map(|_| rows(&queue.batch(&rules))).collect();
    assert_eq!(batches, [vec![vec![1]], vec![vec![2], vec![3]], vec![vec![4]]]);
}

#[test]
fn whoever_wants_a_turn_of_his_own_gets_it() {
    let (mut queue, rules) = (Queue::default(), rules(QueueMode::Collect, 20, QueueDrop::Old));
    let alone = |row| asked(row, |ask| ask.queue_mode = Some(commands::QueueMode::Followup));
    for job in [asked(1, |_| {}), alone(2), asked(3, |_| {}), asked(4, |_| {})] {
        queue.push(job, &rules);
    }
    let batches: Vec<_> = (0..3).map(|_| rows(&queue.batch(&rules))).collect();
    assert_eq!(batches, [vec![vec![1]], vec![vec![2]], vec![vec![3], vec![4]]]);
}

#[test]
fn what_was_begun_is_neither_counted_nor_left_out() {
    let (mut queue, rules) = (Queue::default(), rules(QueueMode::Collect, 1, QueueDrop::Old));
    let begun = |row| event_with(row, "ada", |job| job.turn = "event-1".into());
    for row in 1..=3 {
        assert!(queue.push(begun(row), &rules).is_empty());
    }
    assert!(queue.push(event(4, "ada", "x"), &rules).is_empty());
    assert_eq!(rows(&queue.push(event(5, "ada", "x"), &rules)), [[4]]);
    assert_eq!(rows(&queue.batch(&rules)), [[1], [2], [3]]);
    assert_eq!(rows(&queue.batch(&rules)), [[5]]);
}

#[test]
fn what_an_earlier_process_answered_together_stays_together() {
    let (mut queue, rules) = (Queue::default(), rules(QueueMode::Followup, 20, QueueDrop::Old));
    let begun = |row| event_with(row, "ada", |job| job.turn = "event-1".into());
    // another chat's message came between them
    for job in [begun(1), event(2, "bob", "x"), begun(3)] {
        assert!(queue.push(job, &rules).is_empty());
    }
    assert_eq!(rows(&queue.batch(&rules)), [[1], [3]]);
    assert_eq!(rows(&queue.batch(&rules)), [[2]]);
}

#[test]
fn one_batch_has_messages_of_one_chat() {
    let (mut queue, rules) = (Queue::default(), rules(QueueMode::Collect, 20, QueueDrop::Old));
    for (row, chat) in [(1, "ada"), (2, "ada"), (3, "bob"), (4, "ada")] {
        queue.push(event(row, chat, "x"), &rules);
    }
    assert_eq!(rows(&queue.batch(&rules)), [[1], [2]]);
    assert_eq!(rows(&queue.batch(&rules)), [[3]]);
    assert_eq!(rows(&queue.batch(&rules)), [[4]]);
    assert!(queue.batch(&rules).is_empty());
}

#[test]
fn followup_takes_one_unless_it_was_said_in_one_go() {
    let (mut queue, rules) = (Queue::default(), rules(QueueMode::Followup, 20, QueueDrop::Old));
    let quick = |row| event_with(row, "ada", |job| job.debounce = Duration::from_secs(1));
    for job in [event(1, "ada", "x"), event(2, "ada", "x"), quick(3), quick(4)] {
        queue.push(job, &rules);
    }
    let batches: Vec<_> = (0..3).map(|_| rows(&queue.batch(&rules))).collect();
    assert_eq!(batches, [vec![vec![1]], vec![vec![2]], vec![vec![3], vec![4]]]);
}

#[test]
fn what_came_too_late_goes_ahead_of_others_but_behind_what_is_older() {
    let (mut queue, rules) = (Queue::default(), rules(QueueMode::Collect, 20, QueueDrop::Old));
    for (row, chat) in [(1, "bob"), (2, "ada"), (4, "ada")] {
        queue.push(event(row, chat, "x"), &rules);
    }
    queue.put_back(vec![event(3, "ada", "x"), event(5, "ada", "x")]);
    queue.put_back(vec![event(6, "cay", "x"), event(7, "cay", "x")]);
    assert_eq!(rows(&queue.batch(&rules)), [[6], [7]]);
    assert_eq!(rows(&queue.batch(&rules)), [[1]]);
    assert_eq!(rows(&queue.batch(&rules)), [[2], [3], [4], [5]]);
}
