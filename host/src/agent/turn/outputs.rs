//! Answers of tools that are too long for a model: their beginning and end stay, the whole goes into a file in the
//! agent's workspace that `read` can open.
//!
//! Files are made through a handle on the workspace, so no link in it leads out. There is a bound to their number and
//! their bytes; the oldest go first.
use crate::agent::tokens;
use cap_std::{ambient_authority, fs::Dir};
use openclaw_plugin_api::Content;
use std::{io, path::PathBuf, time::SystemTime};

/// Longest answer of a tool that a model sees whole, characters.
const MAX_CHARS: usize = 64_000;
/// What a model sees of all answers of a turn before they are cut short, characters.
const MAX_TURN_CHARS: usize = 400_000;
/// What it sees of each from then on.
const SHORT_CHARS: usize = 4_000;
/// Folder of the files, in the workspace.
const FOLDER: &str = ".openclaw/outputs";
/// Largest file, bytes; the rest is lost.
const MAX_FILE: usize = 8 << 20;
/// Bytes of all files of a workspace.
const MAX_BYTES: u64 = 32 << 20;
/// Files of a workspace.
const MAX_FILES: usize = 200;
/// Longest name of a file without its end.
const MAX_NAME: usize = 64;

/// How much of its tools' answers a turn's model sees.
#[derive(Debug)]
pub(super) struct Outputs {
    workspace: PathBuf,
    shown: usize,
}

impl Outputs {
    /// For an agent with this workspace; an empty path is none.
    pub(super) fn new(workspace: PathBuf) -> Self {
        Self { workspace, shown: 0 }
    }

    /// Makes an answer fit. `call` names the file.
    pub(super) async fn fit(&mut self, call: &str, content: &mut Vec<Content>) {
        let max = if self.shown < MAX_TURN_CHARS {
            MAX_CHARS
        } else {
            SHORT_CHARS
        };
        let texts = content.iter().filter_map(|part| match part {
            Content::Text { text } => Some(text.as_str()),
            _ => None,
        });
        let all = texts.clone().map(|text| text.chars().count()).sum::<usize>();
        if all > max {
            let whole = texts.collect::<Vec<_>>().join("\n");
            tokens::cap_tool_result(content, max);
            content.push(Content::text(self.put_aside(call, whole, all).await));
        }
        self.shown += all.min(max);
    }

    async fn put_aside(&self, call: &str, mut whole: String, all: usize) -> String {
        if self.workspace.as_os_str().is_empty() {
            return format!("[The whole answer had {all} characters.]");
        }
        let (workspace, name) = (self.workspace.clone(), file_name(call));
        let path = format!("{FOLDER}/{name}");
        if whole.len() > MAX_FILE {
            whole.truncate(whole.floor_char_boundary(MAX_FILE));
        }
        let written = tokio::task::spawn_blocking(move || write(&workspace, &name, &whole)).await;
        match written.map_err(io::Error::other).flatten() {
            Ok(()) => format!("[The whole answer, {all} characters, is in {path}; read it in parts.]"),
            Err(error) => {
                tracing::warn!(target: "openclaw::agent", %error, "the answer of a tool was not put aside");
                format!("[The whole answer had {all} characters and could not be kept.]")
            }
        }
    }
}

fn write(workspace: &std::path::Path, name: &str, text: &str) -> io::Result<()> {
    let workspace = Dir::open_ambient_dir(workspace, ambient_authority())?;
    workspace.create_dir_all(FOLDER)?;
    let folder = workspace.open_dir(FOLDER)?;
    prune(&folder, text.len() as u64)?;
    folder.write(name, text)
}

/// Makes room for one more file.
fn prune(folder: &Dir, wanted: u64) -> io::Result<()> {
    let mut files = Vec::new();
    for entry in folder.entries()? {
        let entry = entry?;
        let about = entry.metadata()?;
        if about.is_file() {
            let when = about
                .modified()
                .map_or(SystemTime::UNIX_EPOCH, cap_std::time::SystemTime::into_std);
            files.push((when, entry.file_name(), about.len()));
        }
    }
    files.sort();
    let mut bytes = files.iter().map(|(_, _, len)| len).sum::<u64>() + wanted;
    let mut count = files.len() + 1;
    for (_, name, len) in files {
        if bytes <= MAX_BYTES && count <= MAX_FILES {
            break;
        }
        folder.remove_file(name)?;
        (bytes, count) = (bytes - len, count - 1);
    }
    Ok(())
}

/// A name that is safe whatever a model or a vendor made up.
fn file_name(call: &str) -> String {
    let plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let name: String = call.chars().filter(plain).take(MAX_NAME).collect();
    let name = if name.is_empty() { "call" } else { &name };
    format!("{name}.txt")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(content: &[Content]) -> String {
        let texts = content.iter().filter_map(|part| match part {
            Content::Text { text } => Some(text.as_str()),
            _ => None,
        });
        texts.collect::<Vec<_>>().join("|")
    }

    #[tokio::test]
    async fn what_is_too_long_is_cut_and_kept_in_a_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut outputs = Outputs::new(folder.path().into());
        let long = format!("HEAD{}TAIL", "x".repeat(MAX_CHARS));
        let mut content = vec![Content::text(&long)];
        outputs.fit("../call 1", &mut content).await;
        let seen = text(&content);
        assert!(
            seen.starts_with("HEAD") && seen.contains("TAIL\n") || seen.contains("TAIL|"),
            "{}",
            &seen[..20]
        );
        assert!(seen.contains(".openclaw/outputs/call1.txt") && seen.len() < long.len() + 200);
        let kept = std::fs::read_to_string(folder.path().join(".openclaw/outputs/call1.txt")).expect("kept");
        assert_eq!(kept, long);
        let mut short = vec![Content::text("short")];
        outputs.fit("2", &mut short).await;
        assert_eq!(text(&short), "short");
    }

    #[tokio::test]
    async fn a_turn_that_has_seen_much_sees_little_of_the_rest() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut outputs = Outputs::new(folder.path().into());
        for n in 0..MAX_TURN_CHARS / MAX_CHARS + 1 {
            let mut content = vec![Content::text("x".repeat(MAX_CHARS))];
            outputs.fit(&n.to_string(), &mut content).await;
            assert_eq!(content.len(), 1);
        }
        let mut content = vec![Content::text("x".repeat(MAX_CHARS))];
        outputs.fit("last", &mut content).await;
        assert!(text(&content).len() < SHORT_CHARS + 300);
    }

    #[tokio::test]
    async fn no_link_leads_out_of_the_workspace() {
        let (folder, outside) = (
            tempfile::tempdir().expect("a folder"),
            tempfile::tempdir().expect("a folder"),
        );
        std::os::unix::fs::symlink(outside.path(), folder.path().join(".openclaw")).expect("linked");
        let mut outputs = Outputs::new(folder.path().into());
        let mut content = vec![Content::text("x".repeat(MAX_CHARS + 1))];
        outputs.fit("1", &mut content).await;
        assert!(text(&content).contains("could not be kept"));
        assert_eq!(std::fs::read_dir(outside.path()).expect("read").count(), 0);
    }

    #[test]
    fn the_oldest_files_go_first() {
        let folder = tempfile::tempdir().expect("a folder");
        for n in 0..MAX_FILES + 3 {
            write(folder.path(), &format!("{n:04}.txt"), "x").expect("written");
        }
        let dir = folder.path().join(FOLDER);
        assert_eq!(std::fs::read_dir(&dir).expect("read").count(), MAX_FILES);
        assert!(dir.join(format!("{:04}.txt", MAX_FILES + 2)).exists());
    }
}
