//! Pictures of messages: the transcript names them, and a model that can see gets them.
//!
//! A transcript with the bytes in it would cost their size in every turn; so it has the id of the file, and the newest
//! few are read when a model is asked.
use base64::{Engine as _, engine::general_purpose::STANDARD};
use openclaw_plugin_api::{Content, MediaRef, Message};
use std::path::{Path, PathBuf};

/// What stands in the transcript before the id of a file.
const MARK: &str = "media:";
/// Largest picture that a model is shown, bytes.
pub(super) const MAX_PICTURE: u64 = 5 << 20;
/// Pictures that a model gets at most, the newest ones.
const MAX_PICTURES: usize = 10;

/// The parts of a message that show its pictures. Files that are larger are only named in its text.
pub(super) fn parts(files: &[MediaRef], max_bytes: u64) -> Vec<Content> {
    let shown = files
        .iter()
        .filter(|file| file.mime_type.starts_with("image/") && file.size <= max_bytes);
    shown
        .map(|file| Content::Image {
            mime_type: file.mime_type.clone(),
            data: format!("{MARK}{}", file.id),
        })
        .collect()
}

/// Puts the newest pictures in, and words in the place of the others.
pub(super) async fn develop(mut messages: Vec<Message>, folder: &Path, sees: bool) -> Vec<Message> {
    let mut left = if sees { MAX_PICTURES } else { 0 };
    for message in messages.iter_mut().rev() {
        for part in message.content.iter_mut().rev() {
            let Some(path) = named(part, folder) else {
                continue;
            };
            let bytes = if left > 0 {
                tokio::fs::read(path).await.ok()
            } else {
                None
            };
            match (bytes, part) {
                (Some(bytes), Content::Image { data, .. }) => {
                    left -= 1;
                    *data = STANDARD.encode(bytes);
                }
                (_, part) => *part = Content::text("(a picture that is not shown here)"),
            }
        }
    }
    messages
}

/// The file that a part stands for.
fn named(part: &Content, folder: &Path) -> Option<PathBuf> {
    let Content::Image { data, .. } = part else {
        return None;
    };
    let id = data.strip_prefix(MARK)?;
    // ids are ours, 32 hex digits: nothing else becomes a path
    id.bytes()
        .all(|byte| byte.is_ascii_hexdigit())
        .then(|| folder.join(id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use openclaw_plugin_api::Role;

    fn file(id: &str, size: u64) -> MediaRef {
        MediaRef {
            id: id.into(),
            mime_type: "image/png".into(),
            size,
            ..MediaRef::default()
        }
    }

    #[tokio::test]
    async fn a_model_that_sees_gets_bytes_and_another_one_words() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("ab12"), b"png").expect("written");
        let message = Message {
            role: Role::User,
            content: parts(&[file("ab12", 3), file("ff", 9_000)], 5_000),
            ..Message::default()
        };
        assert_eq!(message.content.len(), 1, "the large one is left out");
        let seen = develop(vec![message.clone()], folder.path(), true).await;
        assert!(
            matches!(&seen[0].content[0], Content::Image { data, .. } if data == "cG5n"),
            "{seen:?}"
        );
        let told = develop(vec![message], folder.path(), false).await;
        assert!(told[0].content[0].as_text().is_some());
    }

    #[tokio::test]
    async fn no_name_leads_out_of_the_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        let part = Content::Image {
            mime_type: "image/png".into(),
            data: "media:../secret".into(),
        };
        assert_eq!(named(&part, folder.path()), None);
    }
}
