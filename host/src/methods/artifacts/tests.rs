//! Tests of pictures of conversations.
use super::*;
use crate::{
    agent::about::{self, About},
    gateway::Code,
    journal::EntryKind,
};

fn entry() -> Entry {
    let message = Message {
        role: Role::ToolResult,
        content: vec![
            Content::text("a plot"),
            Content::Image {
                mime_type: "image/png".into(),
                data: "cG5nIQ==".into(),
            },
            Content::Image {
                mime_type: "image/jpeg".into(),
                data: "media:ab12".into(),
            },
        ],
        ..Message::default()
    };
    let mut entry = about::entry("run-r1", EntryKind::Message, &message, &About::default());
    entry.seq = 7;
    entry
}

fn of(run: Option<&str>, role: Option<&str>) -> Asked {
    Asked {
        run_id: run.map(str::to_owned),
        message_role: role.map(str::to_owned),
        ..Asked::default()
    }
}

#[test]
fn a_picture_has_the_id_that_its_row_names() {
    let row = message::row("s", &entry()).expect("a row");
    let named: Vec<_> = (1..3)
        .map(|part| row["content"][part]["artifactId"].clone())
        .collect();
    let found = of_entry("s", &entry(), &of(None, None));
    let ids: Vec<_> = found.iter().map(|picture| json!(picture.id)).collect();
    assert_eq!(ids, named);
    let shown = view("agent:main:main", &found[0], None);
    assert_eq!(
        (&shown["sizeBytes"], &shown["messageSeq"], &shown["runId"]),
        (&json!(4), &json!(7), &json!("r1"))
    );
    assert_eq!(
        view("k", &found[1], None)["download"]["mode"],
        "unsupported",
        "its file is gone"
    );
}

#[test]
fn only_the_run_and_the_role_that_are_asked_for_count() {
    assert_eq!(
        of_entry("s", &entry(), &of(Some("r1"), Some("toolResult"))).len(),
        2
    );
    assert!(of_entry("s", &entry(), &of(Some("r2"), None)).is_empty());
    assert!(of_entry("s", &entry(), &of(None, Some("user"))).is_empty());
}

#[tokio::test]
async fn no_id_leads_out_of_the_store() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("media")).expect("made");
    std::fs::write(folder.path().join("secret"), "x").expect("written");
    std::fs::write(folder.path().join("media/ab"), "y").expect("written");
    let media = folder.path().join("media");
    assert_eq!(open(&media, "ab").await.expect("read"), b"y");
    for id in ["../secret", ""] {
        let error = open(&media, id).await.expect_err("no file of the store");
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }
}

#[tokio::test]
async fn a_picture_that_cannot_be_read_now_is_not_called_removed() {
    let media = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(media.path().join("ab")).expect("made");
    let error = open(media.path(), "ab").await.expect_err("a folder");
    assert_eq!(unreadable("p", &error).code, Code::Unavailable);
    let error = open(media.path(), "cd").await.expect_err("nothing");
    assert_eq!(unreadable("p", &error).code, Code::InvalidRequest);
}
