//! Every event is taken once, and every answer shows once, whatever the platform does meanwhile.
use super::{ADA, BOB, ChannelPeer, Event, Failure, Gateway, Place, Stage};

/// The platform tells events twice.
pub async fn events_told_twice<P: ChannelPeer, G: Gateway>() {
    let stage = Stage::<P, G>::open().await;
    for n in 0..3 {
        stage.chat(ADA, &format!("told twice {n},")).await;
        if !stage.peer.repeats() {
            break;
        }
        stage.chat(BOB, &format!("something new {n},")).await;
    }
    stage.chat(ADA, "the last one").await;
    let (stage, _) = stage.end().await;
    for n in 0..3 {
        let words = format!("told twice {n},");
        let count = stage.count(&words);
        assert!(count <= 1, "{words} is answered {count} times");
    }
}

/// The platform tells of a change before it tells of the message, and of a later message first.
pub async fn events_in_another_order<P: ChannelPeer, G: Gateway>() {
    let stage = Stage::<P, G>::open().await;
    stage.chat(ADA, "in order").await;
    stage.peer.reverses(|peer| {
        peer.happens(&Event::message(Place::Private, ADA, "first of two"));
        peer.happens(&Event::Edit {
            place: Place::Private,
            from: ADA,
            text: "first of two, corrected",
        });
        peer.happens(&Event::message(Place::Private, BOB, "second of two"));
    });
    stage.sent("second of two").await;
    stage.sent("first of two").await;
    stage.chat(ADA, "in order again").await;
    assert_eq!(stage.count("second of two"), 1);
    stage.end().await;
}

/// The platform asks to wait, and the answers come later, once, and in their order.
pub async fn limited_sends<P: ChannelPeer, G: Gateway>() {
    let stage = Stage::<P, G>::open().await;
    stage.chat(ADA, "before the limit").await;
    assert!(stage.peer.fails(Failure::Limited), "a send can be too much");
    for words in ["while it waits", "and right after"] {
        stage.peer.happens(&Event::message(Place::Private, ADA, words));
    }
    stage.sent("and right after").await;
    let texts: Vec<_> = stage.peer.sent().into_iter().map(|sent| sent.text).collect();
    let place = |words: &str| texts.iter().position(|text| text.contains(words));
    assert!(place("while it waits") <= place("and right after"), "{texts:?}");
    assert!(
        stage.count("and right after") == 1 && stage.count("while it waits") >= 1,
        "{texts:?}"
    );
    stage.end().await;
}

/// A send takes effect and its answer is lost, or something on the way answers: nothing shows twice.
pub async fn lost_answers<P: ChannelPeer, G: Gateway>() {
    let stage = Stage::<P, G>::open().await;
    stage.chat(ADA, "before the loss").await;
    for (failure, words) in [
        (Failure::AnswerLost, "the answer is lost"),
        (Failure::Unreachable, "nobody is there"),
    ] {
        let before = stage.peer.tried();
        assert!(stage.peer.fails(failure), "{failure:?} is possible");
        stage.peer.happens(&Event::message(Place::Private, ADA, words));
        super::soon(
            "the send",
            stage.peer.until(|peer| (peer.tried() > before).then_some(())),
        )
        .await;
        stage.chat(ADA, &format!("after {failure:?}")).await;
    }
    let (lost, unreachable) = (stage.count("the answer is lost"), stage.count("nobody is there"));
    assert_eq!(lost, 1, "what took effect shows once");
    // without a key nobody knows whether it may be sent again
    let least = usize::from(P::IS_IDEMPOTENT);
    assert!((least..=1).contains(&unreachable), "it shows {unreachable} times");
    stage.end().await;
}

/// The platform refuses a message for good: it is not tried for ever, and what follows is answered.
pub async fn refused_sends<P: ChannelPeer, G: Gateway>() {
    let stage = Stage::<P, G>::open().await;
    stage.chat(ADA, "before the refusal").await;
    let before = stage.peer.tried();
    assert!(stage.peer.fails(Failure::Refused), "a send can be refused");
    stage
        .peer
        .happens(&Event::message(Place::Private, ADA, "not for this chat"));
    super::soon(
        "the send",
        stage.peer.until(|peer| (peer.tried() > before).then_some(())),
    )
    .await;
    stage.chat(ADA, "after the refusal").await;
    stage.chat(BOB, "and for others").await;
    let (_, log) = stage.end().await;
    assert!(!log.contains("panic"), "{log}");
}
