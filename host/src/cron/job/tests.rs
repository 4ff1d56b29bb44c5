//! Jobs: when they are due after how they did, and what is refused.
use super::*;

pub(in crate::cron) fn job(schedule: Schedule) -> Job {
    Job {
        id: "j".into(),
        agent_id: "main".into(),
        session_key: None,
        name: "a job".into(),
        description: None,
        enabled: true,
        delete_after_run: None,
        created_at_ms: 0,
        updated_at_ms: 0,
        schedule,
        session_target: "isolated".into(),
        wake_mode: WakeMode::Now,
        payload: Payload::AgentTurn {
            message: "hello".into(),
            model: None,
            thinking: None,
            timeout_seconds: None,
        },
        delivery: None,
        state: State::default(),
    }
}

#[test]
fn errors_put_a_job_off_and_success_does_not() {
    let mut job = job(Schedule::Every {
        every_ms: 1_000,
        anchor_ms: None,
    });
    for pause in BACKOFF_MS.into_iter().chain([3_600_000]) {
        assert!(!job.end(Status::Error, Some("no".into()), 0, 10_000));
        assert_eq!(job.due(), Some(10_000 + pause));
    }
    job.begin(20_000);
    assert_eq!(job.due(), None, "one that runs is not due");
    job.end(Status::Ok, None, 20_000, 30_500);
    assert_eq!((job.due(), job.state.consecutive_errors), (Some(33_000), Some(0)));
    assert_eq!(job.state.last_error, None);
}

#[test]
fn one_that_comes_once_is_tried_again_and_then_over() {
    let once = || {
        job(Schedule::At {
            at: "1970-01-01T00:00:05Z".into(),
        })
    };
    let mut good = once();
    good.plan(0);
    assert_eq!(good.due(), Some(5_000));
    good.begin(6_000);
    assert!(good.end(Status::Ok, None, 6_000, 7_000), "it goes");
    let mut kept = once();
    kept.delete_after_run = Some(false);
    assert!(!kept.end(Status::Ok, None, 6_000, 7_000) && !kept.enabled);
    let mut bad = once();
    for n in 1..=4 {
        assert!(!bad.end(Status::Error, None, 0, 0));
        assert_eq!(bad.due().is_some(), n <= RETRIES, "{n}");
    }
}

#[test]
fn a_time_that_it_is_given_while_it_runs_holds() {
    let at = |at: &str| Schedule::At { at: at.into() };
    let (first, second) = (at("1970-01-01T00:00:05Z"), at("1970-01-01T00:00:09Z"));
    for status in [Status::Ok, Status::Error] {
        let mut job = job(first.clone());
        job.begin(6_000);
        job.schedule = second.clone();
        // also one that has passed by then
        assert!(!job.end_of(&first, status, None, 6_000, 10_000));
        assert_eq!((job.enabled, job.due()), (true, Some(9_000)));
    }
    let mut same = job(first.clone());
    assert!(same.end_of(&first, Status::Ok, None, 6_000, 10_000), "it goes");
}

#[test]
fn targets_and_payloads_go_in_pairs() {
    let mut job = job(Schedule::Every {
        every_ms: 1_000,
        anchor_ms: None,
    });
    assert_eq!(job.check(0), Ok(()));
    job.session_target = "main".into();
    assert!(job.check(0).is_err());
    job.payload = Payload::SystemEvent { text: "x".into() };
    assert_eq!((job.check(0), job.session()), (Ok(()), "agent:main:main".into()));
    job.delivery = Some(JobDelivery {
        mode: DeliveryMode::Webhook,
        to: Some("file:///etc/passwd".into()),
        ..JobDelivery::default()
    });
    assert!(job.check(0).is_err());
    job.session_target = "elsewhere".into();
    assert!(job.check(0).is_err());
}

#[test]
fn a_revision_is_of_what_was_chosen() {
    let mut job = job(Schedule::Every {
        every_ms: 1_000,
        anchor_ms: None,
    });
    let before = job.revision();
    job.end(Status::Ok, None, 1, 2);
    assert_eq!(job.revision(), before);
    job.name = "another".into();
    assert_ne!(job.revision(), before);
    assert!(job.view()["lastRunStatus"] == "ok" && job.view()["nextRunAtMs"].is_i64());
}
