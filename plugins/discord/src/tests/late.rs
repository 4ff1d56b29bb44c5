//! Messages that waited so long that Discord may have forgotten what was sent.
use super::*;
use openclaw_plugin_api::MediaRef;

const LOOK: &str = "GET /channels/10/messages";
const SEND: &str = "POST /channels/10/messages";

/// A message to `general` that was queued long ago.
fn old() -> Outbound {
    Outbound {
        idempotency_key: "key".into(),
        chat_id: "10".into(),
        text: "Done.".into(),
        queued_ms: 1,
        ..Outbound::default()
    }
}

#[tokio::test(start_paused = true)]
async fn what_can_t_be_looked_for_now_is_kept_and_sent_once() -> Result<()> {
    let (lab, _gate) = Lab::ready(json!({})).await?;
    for status in [500, 502, 503] {
        lab.web.answer(LOOK, status, json!({}));
        let error = lab.plugin.send("discord", &old()).await.expect_err("no answer");
        assert!(error.kind().is_transient(), "{status}: {error:?}");
    }
    for kind in [
        ErrorKind::Network,
        ErrorKind::Timeout,
        ErrorKind::Overloaded,
        ErrorKind::Closed,
    ] {
        lab.web.away(Some(kind));
        let error = lab.plugin.send("discord", &old()).await.expect_err("no answer");
        assert_eq!(error.kind(), kind, "{error:?}");
    }
    lab.web.away(None);
    lab.web.answer(LOOK, 200, json!([]));
    lab.web.answer(SEND, 200, message(40, "Done."));
    assert_eq!(lab.plugin.send("discord", &old()).await?.message_ids, ["40"]);
    let mine = json!({ "author": { "id": ME, "username": "claw" }, "attachments": [] });
    lab.web
        .answer(LOOK, 200, json!([with(message(40, "Done."), mine)]));
    assert_eq!(lab.plugin.send("discord", &old()).await?.message_ids, ["40"]);
    assert_eq!(lab.web.asked(SEND), 1, "it is there");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_was_taken_without_its_files_is_known_again() -> Result<()> {
    let (lab, _gate) = Lab::ready(json!({})).await?;
    let file = MediaRef {
        file_name: "big.png".into(),
        mime_type: "image/png".into(),
        size: 9,
        ..MediaRef::default()
    };
    let old = Outbound {
        attachments: vec![file],
        ..old()
    };
    let mine = json!({ "author": { "id": ME, "username": "claw" }, "attachments": [] });
    let shown = message(40, "Done.\n⚠️ Too large to send here: big.png");
    lab.web.answer(LOOK, 200, json!([with(shown, mine)]));
    assert_eq!(lab.plugin.send("discord", &old).await?.message_ids, ["40"]);
    assert_eq!(lab.web.asked(SEND), 0, "it is there");
    Ok(())
}
