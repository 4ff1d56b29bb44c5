//! Losing the connection, and Discord's codes for it.
use crate::world::{ADA, World};
use openclaw_e2e::running::soon;
use openclaw_fakes::discord::{Moment, Trouble};
use std::time::Duration;

#[tokio::test]
async fn nothing_is_lost_when_the_connection_breaks() {
    // how waits grow where no connection works is tried with a clock that is set
    let world = World::with(|discord, _| discord.ask_for_signs()).await;
    world.discord.say(world.general, ADA, "before");
    world.said("before").await;
    let codes = [4000, 4001, 4002, 4005, 4008, 4009].map(Trouble::Close);
    let others = [
        Trouble::Drop,
        Trouble::Reconnect,
        Trouble::Close(1001),
        Trouble::Invalid { resumable: true },
    ];
    let mut resumable = 0;
    for trouble in others.into_iter().chain([codes[0], codes[1], codes[2], codes[4]]) {
        let resumes = world.discord.resumes().len();
        let logins = world.discord.identifies().len();
        world.discord.trouble(trouble);
        let back = world.discord.until(|discord| {
            (discord.resumes().len() > resumes || discord.identifies().len() > logins).then_some(())
        });
        let words = format!("while {trouble:?} happens");
        world.discord.say(world.general, ADA, &words);
        soon(&format!("it to come back after {trouble:?}"), back).await;
        if world.discord.identifies().len() == logins {
            resumable += 1;
            world.said(&words).await;
            assert_eq!(world.count(&words), 1, "{words}");
        } else {
            world.online().await;
        }
    }
    assert!(
        resumable >= 7,
        "{resumable} resumes: {:?}",
        world.discord.resumes()
    );
    world.discord.say(world.general, ADA, "at the end");
    world.said("at the end").await;
    world.end().await;
}

#[tokio::test]
async fn who_gets_no_acknowledgement_comes_back_and_repeats_nothing() {
    let world = World::with(|discord, _| discord.heartbeat(Duration::from_millis(1_500))).await;
    world.discord.say(world.general, ADA, "while it hears");
    world.said("while it hears").await;
    for (trouble, n) in [(Trouble::Deaf, 1), (Trouble::HalfOpen, 2)] {
        world.discord.repeat_after_resume(2);
        world.discord.trouble(trouble);
        let resumed = world
            .discord
            .until(|discord| (discord.resumes().len() >= n).then_some(()));
        soon("the zombie to be noticed", resumed).await;
        let words = format!("after {trouble:?}");
        world.discord.say(world.general, ADA, &words);
        world.said(&words).await;
    }
    assert_eq!(world.count("while it hears"), 1);
    assert!(
        world.discord.resumes().iter().all(|resume| resume.taken),
        "{:?}",
        world.discord.resumes()
    );
    world.end().await;
}

#[tokio::test]
async fn a_code_that_is_fatal_ends_the_account_and_nothing_else() {
    for (code, remedy) in [
        (4004, "token"),
        (4010, "shard"),
        (4013, "intents"),
        (4014, "Developer Portal"),
    ] {
        let world = World::new().await;
        world.discord.dm(ADA, "before the end");
        world.said("before the end").await;
        world.discord.trouble(Trouble::Close(code));
        let failed = world.gateway.says("discord/default is Failed").await;
        assert!(failed.contains(remedy), "{code}: {failed}");
        assert!(
            world.gateway.get("/healthz").await.starts_with("HTTP/1.1 200"),
            "{code}: the gateway lives"
        );
        assert_eq!(
            world.discord.identifies().len(),
            1,
            "{code}: it does not try again"
        );
        assert_eq!(world.discord.connects(), 1, "{code}");
        let (ended, log) = world.gateway.stop().await;
        assert_eq!(ended, Some(0), "{log}");
    }
}

#[tokio::test]
async fn a_session_that_is_invalid_at_the_login_is_asked_for_again() {
    let world =
        World::with(|discord, _| discord.trouble_at(Moment::Identify, Trouble::Invalid { resumable: false }))
            .await;
    // an invalid session is no reason to give up
    world.discord.dm(ADA, "after all");
    world.said("after all").await;
    assert_eq!(world.discord.identifies().len(), 2);
    world.end().await;
}

/// The budget in numbers: what is left is used up, and then nothing more is tried.
#[tokio::test]
async fn logins_end_with_the_budget() {
    let world = World::with(|discord, _| discord.set_starts(&discord.bot(), 3)).await;
    world.discord.dm(ADA, "the first session");
    world.said("the first session").await;
    for _ in 0..8 {
        world.discord.trouble_at(Moment::Identify, Trouble::Close(4009));
    }
    world.discord.trouble(Trouble::Close(4009));
    world.gateway.says("nearly used up").await;
    assert!(
        world.discord.identifies().len() <= 3,
        "{:?}",
        world.discord.identifies()
    );
    assert_eq!(
        world.discord.complaints(),
        [""; 0],
        "neither too many logins nor too early ones"
    );
    assert!(world.gateway.get("/healthz").await.starts_with("HTTP/1.1 200"));
    let (code, log) = world.gateway.stop().await;
    assert_eq!(code, Some(0), "{log}");
}
