//! A scripted model per reference, paused time, no jitter.
use super::*;
use crate::{
    clock::Clock,
    models::{ModelRef, Snapshot},
};
use openclaw_plugin_api::Secret;
use std::{cell::RefCell, collections::VecDeque};

/// What each call did: `model credential`, and when, in milliseconds from the start.
type Log = RefCell<Vec<(String, u128)>>;

fn served(reference: &str, credentials: &[&str]) -> Arc<Served> {
    let credential = |id: &&str| Credential {
        id: (*id).to_owned(),
        secret: Some(Secret::new("k")),
        ..Credential::default()
    };
    Arc::new(Served {
        reference: ModelRef::parse(reference).expect("a reference"),
        credentials: credentials.iter().map(credential).collect(),
        ..Served::default()
    })
}

fn cooldowns() -> Cooldowns {
    Cooldowns::new(Clock::from_fn(|| 1_000_000), Default::default(), Snapshot::new())
}

fn fail(kind: ErrorKind) -> Failure {
    Failure::early(Error::new(kind, format_args!("says {kind}")))
}

/// Runs a plan; the script is what each call answers, `None` an answer; after its end everything answers.
async fn run(
    cooldowns: &Cooldowns,
    plan: &[Arc<Served>],
    script: impl IntoIterator<Item = Option<Failure>>,
) -> (Result<Answered<String>, Stopped>, Vec<(String, u128)>) {
    let script = RefCell::new(script.into_iter().collect::<VecDeque<_>>());
    let log = Log::default();
    let started = Instant::now();
    let driver = Driver {
        cooldowns,
        budget: Budget::of(Duration::from_secs(600)),
        jitter: || 0.0,
    };
    let outcome = driver
        .run(plan, |asked| {
            let name = format!("{} {}", asked.served.reference, asked.credential.id);
            log.borrow_mut()
                .push((name.clone(), started.elapsed().as_millis()));
            let next = script.borrow_mut().pop_front().flatten();
            async move { next.map_or(Ok(name), Err) }
        })
        .await;
    (outcome, log.into_inner())
}

fn names(log: &[(String, u128)]) -> Vec<&str> {
    log.iter().map(|(name, _)| name.as_str()).collect()
}

#[tokio::test(start_paused = true)]
async fn faults_of_the_service_are_tried_again_and_then_fall_over() {
    for kind in [
        ErrorKind::Server,
        ErrorKind::Overloaded,
        ErrorKind::Network,
        ErrorKind::RateLimited,
    ] {
        let cooldowns = cooldowns();
        let plan = [served("a/x", &["a:1"]), served("b/y", &["b:1"])];
        let script = [Some(fail(kind)), Some(fail(kind)), Some(fail(kind))];
        let (outcome, log) = run(&cooldowns, &plan, script).await;
        let answered = outcome.expect("the second model");
        let when = [
            ("a/x a:1", 0),
            ("a/x a:1", 500),
            ("a/x a:1", 1500),
            ("b/y b:1", 1500),
        ];
        assert_eq!(log, when.map(|(name, at)| (name.to_owned(), at)), "{kind}");
        let fallback = answered.fallback.expect("another model");
        assert!(
            fallback.to_string().starts_with("↪️ Model Fallback: b/y (a/x "),
            "{fallback}"
        );
        assert_eq!((answered.failed[0].times, answered.failed[0].kind), (3, kind));
        assert!(cooldowns.resting("a:1", "a/x").is_some() && cooldowns.resting("b:1", "b/y").is_none());
        let (outcome, log) = run(&cooldowns, &plan, []).await;
        assert_eq!(names(&log), ["b/y b:1"], "the first one rests");
        assert_eq!(outcome.expect("an answer").fallback.expect("still").reason, None);
    }
}

#[tokio::test(start_paused = true)]
async fn the_only_model_is_asked_with_patience() {
    let (cooldowns, plan) = (cooldowns(), [served("a/x", &["a:1"])]);
    let script = || vec![Some(fail(ErrorKind::RateLimited)); 4];
    let (outcome, log) = run(&cooldowns, &plan, script()).await;
    assert_eq!((outcome.is_ok(), log.len(), log[4].1), (true, 5, 7500));
    assert_eq!(cooldowns.resting("a:1", "a/x"), None, "a success ends the rest");
    let (outcome, log) = run(&cooldowns, &plan, vec![Some(fail(ErrorKind::Server)); 50]).await;
    assert!(matches!(outcome, Err(Stopped::Exhausted(_))));
    assert!(
        log.len() <= 9 && log.last().expect("asked").1 <= 90_000,
        "{log:?}"
    );
    let (outcome, log) = run(&cooldowns, &plan, []).await;
    assert!(
        outcome.is_ok() && log.len() == 1,
        "what rests is asked if nothing else is there"
    );
}

#[tokio::test(start_paused = true)]
async fn what_rests_is_asked_when_nothing_else_answers() {
    let cooldowns = cooldowns();
    let plan = [
        served("a/x", &["a:1"]),
        served("b/y", &["b:1"]),
        served("c/z", &["c:1", "c:2"]),
    ];
    let minutes = |minutes: u64| Some(Duration::from_secs(60 * minutes));
    cooldowns.failed("a:1", "a/x", ErrorKind::RateLimited, minutes(20));
    cooldowns.failed("c:2", "c/z", ErrorKind::RateLimited, minutes(10));
    let script = || vec![Some(fail(ErrorKind::NotFound)); 3];
    let (outcome, log) = run(&cooldowns, &plan, script()).await;
    assert_eq!(
        names(&log),
        ["b/y b:1", "c/z c:1", "c/z c:2", "a/x a:1"],
        "the first to wake up first"
    );
    assert!(
        outcome.expect("the last one").fallback.is_none(),
        "it is the one that was wanted"
    );
    assert_eq!(
        cooldowns.resting("a:1", "a/x"),
        None,
        "it has shown that it is awake"
    );
    // one that is awake is asked with as much patience as if there were no other
    let two = [served("d/x", &["d:1"]), served("e/y", &["e:1"])];
    cooldowns.failed("d:1", "d/x", ErrorKind::RateLimited, minutes(20));
    let (_, log) = run(&cooldowns, &two, vec![Some(fail(ErrorKind::RateLimited)); 4]).await;
    assert_eq!(names(&log), ["e/y e:1"; 5]);
}

#[tokio::test(start_paused = true)]
async fn a_vendors_wish_is_the_least_pause_unless_others_can_answer() {
    let wish = |seconds| Failure {
        error: fail(ErrorKind::RateLimited)
            .error
            .with_retry_after(Duration::from_secs(seconds)),
        progress: Progress::Nothing,
    };
    let alone = [served("a/x", &["a:1"])];
    let (outcome, log) = run(&cooldowns(), &alone, [Some(wish(20))]).await;
    assert_eq!((outcome.is_ok(), log[1].1), (true, 20_000));
    let (outcome, log) = run(&cooldowns(), &alone, [Some(wish(600))]).await;
    assert!(outcome.is_err() && log.len() == 1, "longer than anybody waits");
    let cooldowns = cooldowns();
    let two = [served("a/x", &["a:1"]), served("b/y", &["b:1"])];
    let (_, log) = run(&cooldowns, &two, [Some(wish(120))]).await;
    assert_eq!((names(&log), log[1].1), (vec!["a/x a:1", "b/y b:1"], 0));
    let rest = cooldowns.resting("a:1", "a/x").expect("it rests");
    assert_eq!(rest.until_ms - 1_000_000, 120_000);
}

#[tokio::test(start_paused = true)]
async fn faults_of_an_account_go_to_the_next_key_and_then_to_the_next_model() {
    for kind in [ErrorKind::Auth, ErrorKind::Billing, ErrorKind::RateLimited] {
        let plan = [served("a/x", &["a:1", "a:2"]), served("b/y", &["b:1"])];
        let (outcome, log) = run(&cooldowns(), &plan, [Some(fail(kind))]).await;
        assert_eq!((names(&log), log[1].1), (vec!["a/x a:1", "a/x a:2"], 0), "{kind}");
        let answered = outcome.expect("the second key");
        assert!(answered.fallback.is_none() && answered.credential.id == "a:2");
    }
    let plan = [served("a/x", &["a:1", "a:2"]), served("a/z", &["a:1", "a:2"])];
    let (outcome, log) = run(&cooldowns(), &plan, vec![Some(fail(ErrorKind::Auth)); 9]).await;
    assert!(outcome.is_err());
    assert_eq!(
        names(&log),
        ["a/x a:1", "a/x a:2"],
        "a refused key is refused for every model"
    );
}

#[tokio::test(start_paused = true)]
async fn a_fault_of_the_model_skips_its_other_keys() {
    let plan = [served("a/x", &["a:1", "a:2"]), served("b/y", &["b:1"])];
    let (_, log) = run(&cooldowns(), &plan, [Some(fail(ErrorKind::NotFound))]).await;
    assert_eq!(names(&log), ["a/x a:1", "b/y b:1"]);
    let (_, log) = run(&cooldowns(), &plan, [Some(fail(ErrorKind::Timeout))]).await;
    assert_eq!(names(&log), ["a/x a:1", "b/y b:1"], "a timeout has cost enough");
}

#[tokio::test(start_paused = true)]
async fn some_faults_are_the_end_at_once() {
    for kind in [
        ErrorKind::InvalidInput,
        ErrorKind::Rejected,
        ErrorKind::Refused,
        ErrorKind::Cancelled,
    ] {
        let plan = [served("a/x", &["a:1"]), served("b/y", &["b:1"])];
        let cooldowns = cooldowns();
        let (outcome, log) = run(&cooldowns, &plan, [Some(fail(kind))]).await;
        assert!(matches!(outcome, Err(Stopped::Failed(error)) if error.kind() == kind));
        assert!(log.len() == 1 && cooldowns.snapshot().is_empty(), "{kind}");
    }
    let plan = [served("a/x", &["a:1"]), served("b/y", &["b:1"])];
    let (outcome, log) = run(&cooldowns(), &plan, [Some(fail(ErrorKind::ContextOverflow))]).await;
    let Err(Stopped::Overflow(model, _)) = outcome else {
        panic!("an overflow is nobody's fault");
    };
    assert_eq!((model.reference.to_string().as_str(), log.len()), ("a/x", 1));
}

#[tokio::test(start_paused = true)]
async fn what_somebody_has_seen_is_not_said_again() {
    let plan = [served("a/x", &["a:1", "a:2"]), served("b/y", &["b:1"])];
    for (progress, calls) in [
        (Progress::Nothing, 2),
        (Progress::Unseen, 2),
        (Progress::Shown, 1),
    ] {
        let failure = Failure {
            progress,
            ..fail(ErrorKind::Server)
        };
        let (outcome, log) = run(&cooldowns(), &plan, [Some(failure)]).await;
        assert_eq!((outcome.is_ok(), log.len()), (calls == 2, calls), "{progress:?}");
    }
}

/// Asks models that never answer. Gives who was asked and when, in seconds, how long it took, and what came of it.
async fn wait_for_nobody(plan: &[Arc<Served>]) -> (Vec<(String, u64)>, u64, String) {
    let cooldowns = cooldowns();
    let driver = Driver {
        cooldowns: &cooldowns,
        budget: Budget::of(Duration::from_secs(60)),
        jitter: || 0.0,
    };
    let (started, log) = (Instant::now(), RefCell::new(Vec::new()));
    let outcome = driver
        .run(plan, |asked| {
            let name = asked.served.reference.to_string();
            log.borrow_mut().push((name, started.elapsed().as_secs()));
            std::future::pending::<Result<(), Failure>>()
        })
        .await;
    let Err(Stopped::Exhausted(exhausted)) = outcome else {
        panic!("nobody answered");
    };
    (
        log.into_inner(),
        started.elapsed().as_secs(),
        exhausted.to_string(),
    )
}

#[tokio::test(start_paused = true)]
async fn a_model_that_never_answers_leaves_time_to_those_behind_it() {
    let plan = [served("a/x", &["a:1", "a:2"]), served("b/y", &["b:1"])];
    let (asked, took, report) = wait_for_nobody(&plan).await;
    assert_eq!(asked, [("a/x".to_owned(), 0), ("b/y".to_owned(), 30)]);
    assert_eq!(took, 60, "the whole has a deadline all the same");
    assert_eq!(
        report,
        "All models failed (2): a/x: no answer began within 30 s (timeout) | b/y: no answer began within 30 s (timeout)"
    );
    let (asked, took, _) = wait_for_nobody(&plan[..1]).await;
    assert_eq!((asked.len(), took), (1, 60), "another key makes no model faster");
}

#[tokio::test(start_paused = true)]
async fn the_operator_says_how_long_a_model_may_take_to_begin() {
    let with = |seconds, served: Arc<Served>| {
        Arc::new(Served {
            timeout: Some(Duration::from_secs(seconds)),
            ..Served::clone(&served)
        })
    };
    let (short, slow) = (
        with(5, served("a/x", &["a:1"])),
        with(200, served("c/z", &["c:1"])),
    );
    let plan = [short, slow, served("b/y", &["b:1"])];
    let (asked, took, _) = wait_for_nobody(&plan).await;
    let names = [("a/x", 0), ("c/z", 5), ("b/y", 205)];
    assert_eq!(asked, names.map(|(name, at)| (name.to_owned(), at)));
    assert_eq!(took, 265, "what one is granted is not taken from the others");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_breaks_off_unseen_takes_no_time_from_those_behind_it() {
    let cooldowns = cooldowns();
    let driver = Driver {
        cooldowns: &cooldowns,
        budget: Budget::of(Duration::from_secs(60)),
        jitter: || 0.0,
    };
    let plan = [served("a/x", &["a:1"]), served("b/y", &["b:1"])];
    let outcome = driver.run(&plan, |asked| async move {
        asked.begun.store(true, Ordering::Relaxed);
        if asked.served.reference.provider == "b" {
            return Ok(());
        }
        sleep(Duration::from_secs(100)).await;
        Err(fail(ErrorKind::Network))
    });
    let answered = outcome.await.expect("the second model");
    assert_eq!(answered.served.reference.to_string(), "b/y");
}

#[tokio::test(start_paused = true)]
async fn the_report_lists_everything_that_was_tried() {
    let plan = [served("a/x", &["a:1"]), served("b/y", &["b:1"])];
    let script = [Some(fail(ErrorKind::Billing)), Some(fail(ErrorKind::NotFound))];
    let (outcome, _) = run(&cooldowns(), &plan, script).await;
    let stopped = outcome.expect_err("nobody answered");
    let billing =
        "All models failed (2): a/x: says billing (billing) | b/y: says not_found (model_not_found)";
    assert!(stopped.for_person().contains("openclaw models status"));
    assert_eq!(stopped.into_error().message(), billing);
    let (outcome, _) = run(&cooldowns(), &[], []).await;
    assert!(
        outcome
            .expect_err("nothing to ask")
            .for_person()
            .contains("agents.defaults.model")
    );
}
