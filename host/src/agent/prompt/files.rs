//! The workspace's files that go into every prompt.
//!
//! They are opened through the workspace's handle, so no symbolic link leads out of it, and read up to a bound. A file
//! is read again only when its time or size changed: a turn costs a look at each. All but those looks is blocking.
use super::PromptMode;
use cap_std::{
    ambient_authority,
    fs::{Dir, OpenOptions, OpenOptionsExt as _},
};
use serde::Serialize;
use std::{
    collections::HashMap,
    fmt::Debug,
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

/// Most characters of one file in a prompt.
pub const MAX_FILE_CHARS: usize = 20_000;
/// Most characters of all files in a prompt.
pub const MAX_TOTAL_CHARS: usize = 60_000;
/// Most bytes of a file that are read at all.
const MAX_READ: u64 = 2 << 20;
/// What is left of the total below which a file is not begun.
const MIN_ROOM: usize = 200;

/// One file by its names, of which the first that exists counts.
struct Known {
    names: &'static [&'static str],
    /// Its absence is worth a note.
    expected: bool,
    /// Subagents get it too.
    minimal: bool,
}

const fn known(names: &'static [&'static str], expected: bool, minimal: bool) -> Known {
    Known {
        names,
        expected,
        minimal,
    }
}

const FILES: &[Known] = &[
    known(&["AGENTS.md"], true, true),
    known(&["SOUL.md"], true, false),
    known(&["TOOLS.md"], false, true),
    known(&["IDENTITY.md"], true, false),
    known(&["USER.md"], true, false),
    known(&["HEARTBEAT.md"], false, false),
    known(&["BOOTSTRAP.md"], false, false),
    known(&["MEMORY.md", "memory.md"], false, false),
];

/// A workspace and what was last read of it.
#[derive(Debug)]
pub struct Workspace {
    path: PathBuf,
    max_file_chars: usize,
    max_total_chars: usize,
    // One entry for each name of `FILES` at most.
    seen: Mutex<HashMap<&'static str, Seen>>,
    loaded: Mutex<Option<Loaded>>,
}

/// What was loaded last.
#[derive(Debug)]
struct Loaded {
    mode: PromptMode,
    /// How each file looked before it was loaded.
    looks: Vec<Look>,
    files: Vec<InjectedFile>,
}

/// Time and size of a file; none if there is no such file.
type Look = Option<(Option<SystemTime>, u64)>;

/// A file as it stands in the prompt.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InjectedFile {
    /// What the model reads; empty if nothing.
    pub text: Arc<str>,
    /// Its sizes.
    pub report: FileReport,
}

/// How much of a file stands in the prompt.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FileReport {
    /// Name of the file.
    pub name: String,
    /// It doesn't exist, or may not be read.
    pub missing: bool,
    /// Characters in the file.
    pub raw_chars: usize,
    /// Characters of it in the prompt, with the note on what was cut.
    pub injected_chars: usize,
    /// Some of it was left out.
    pub truncated: bool,
}

/// A file as it was read.
#[derive(Debug, Clone)]
struct Seen {
    modified: Option<SystemTime>,
    size: u64,
    text: Arc<str>,
    chars: usize,
}

// === impl Workspace ===

impl Workspace {
    /// A workspace with the usual caps. It need not exist yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self::with_caps(path, MAX_FILE_CHARS, MAX_TOTAL_CHARS)
    }

    /// A workspace with the caps of the configuration (`bootstrapMaxChars`, `bootstrapTotalMaxChars`).
    pub fn with_caps(path: impl Into<PathBuf>, max_file_chars: usize, max_total_chars: usize) -> Self {
        Self {
            path: path.into(),
            max_file_chars,
            max_total_chars,
            seen: Mutex::default(),
            loaded: Mutex::default(),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its files for a prompt as they were loaded last, if they all look as they did then. A few looks take less than
    /// the way to a thread that may block, and back.
    pub fn unchanged(&self, mode: PromptMode) -> Option<Vec<InjectedFile>> {
        // a folder that has gone is made anew by whoever loads
        if !self.path.is_dir() {
            return None;
        }
        let looks = self.looks();
        let loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let loaded = loaded.as_ref()?;
        (loaded.mode == mode && loaded.looks == looks).then(|| loaded.files.clone())
    }

    fn looks(&self) -> Vec<Look> {
        let look = |name: &&str| {
            let meta = std::fs::metadata(self.path.join(name)).ok()?;
            Some((meta.modified().ok(), meta.len()))
        };
        FILES.iter().flat_map(|known| known.names).map(look).collect()
    }

    /// Its files for a prompt. A file that can't be read counts as missing: a turn doesn't fail for it. Blocking.
    pub fn load(&self, mode: PromptMode) -> Vec<InjectedFile> {
        // before the files are read: what changes meanwhile is seen next time
        let looks = self.looks();
        let files = self.load_now(mode);
        let loaded = Loaded {
            mode,
            looks,
            files: files.clone(),
        };
        *self.loaded.lock().unwrap_or_else(PoisonError::into_inner) = Some(loaded);
        files
    }

    fn load_now(&self, mode: PromptMode) -> Vec<InjectedFile> {
        // Opened each time: the folder may have been made or replaced meanwhile.
        let dir = Dir::open_ambient_dir(&self.path, ambient_authority());
        let mut left = self.max_total_chars;
        let mut files = Vec::new();
        for known in FILES {
            let wanted = match mode {
                PromptMode::Full => true,
                PromptMode::Minimal => known.minimal,
                PromptMode::None => false,
            };
            if !wanted {
                continue;
            }
            let found = dir.as_ref().ok().and_then(|dir| {
                known
                    .names
                    .iter()
                    .find_map(|name| Some((*name, self.read(dir, name).ok()?)))
            });
            match found {
                Some((name, seen)) => {
                    let file = self.inject(name, &seen, left);
                    left = left.saturating_sub(file.report.injected_chars);
                    files.push(file);
                }
                None if known.expected => files.push(self.missing(known.names[0])),
                None => {}
            }
        }
        files
    }

    /// One of the known files as it is, such as `HEARTBEAT.md`. Blocking.
    pub fn text(&self, name: &str) -> Option<Arc<str>> {
        let name = FILES
            .iter()
            .flat_map(|known| known.names)
            .find(|known| **known == name)?;
        let dir = Dir::open_ambient_dir(&self.path, ambient_authority()).ok()?;
        self.read(&dir, name).ok().map(|seen| seen.text)
    }

    fn read(&self, dir: &Dir, name: &'static str) -> io::Result<Seen> {
        let meta = dir.metadata(name)?;
        if !meta.is_file() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let modified = meta.modified().ok().map(cap_std::time::SystemTime::into_std);
        let seen = self
            .seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(name)
            .cloned();
        if let Some(seen) = seen.filter(|seen| seen.modified == modified && seen.size == meta.len()) {
            return Ok(seen);
        }
        // It may have become a pipe since: then opening must not wait for a writer.
        let mut options = OpenOptions::new();
        options.read(true).custom_flags(libc::O_NONBLOCK);
        let file = dir.open_with(name, &options)?;
        if !file.metadata()?.is_file() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let mut bytes = Vec::new();
        file.take(MAX_READ).read_to_end(&mut bytes)?;
        let text = String::from_utf8_lossy(&bytes);
        let seen = Seen {
            modified,
            size: meta.len(),
            chars: text.chars().count(),
            text: text.trim_start_matches('\u{feff}').into(),
        };
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name, seen.clone());
        Ok(seen)
    }

    fn inject(&self, name: &str, seen: &Seen, left: usize) -> InjectedFile {
        let mut report = FileReport {
            name: name.to_owned(),
            raw_chars: seen.chars,
            ..FileReport::default()
        };
        let max = self.max_file_chars.min(left);
        let text: Arc<str> = if seen.text.trim().is_empty() {
            Arc::default()
        } else if seen.chars <= max {
            seen.text.clone()
        } else if max < MIN_ROOM {
            report.truncated = true;
            Arc::default()
        } else {
            report.truncated = true;
            cut(name, &seen.text, seen.chars, max).into()
        };
        report.injected_chars = text.chars().count();
        InjectedFile { text, report }
    }

    fn missing(&self, name: &str) -> InjectedFile {
        let text = format!("[MISSING] Expected at: {}", self.path.join(name).display());
        InjectedFile {
            report: FileReport {
                name: name.to_owned(),
                missing: true,
                injected_chars: text.chars().count(),
                ..FileReport::default()
            },
            text: text.into(),
        }
    }
}

/// Is there nothing in a `HEARTBEAT.md` but blank lines, headings and comments? Then there is nothing to wake for.
pub fn heartbeat_is_blank(text: &str) -> bool {
    let (mut rest, mut said) = (text, String::new());
    while let Some((before, after)) = rest.split_once("<!--") {
        said.push_str(before);
        rest = after.split_once("-->").map_or("", |(_, after)| after);
    }
    said.push_str(rest);
    let lines = said.lines().map(str::trim);
    let mut lines = lines.filter(|line| !line.is_empty() && !matches!(*line, "-" | "*" | "- [ ]" | "* [ ]"));
    lines.all(|line| line.starts_with('#'))
}

/// The first 70 % and the last 20 % of what is allowed; the rest of it is for the note between.
fn cut(name: &str, text: &str, chars: usize, max: usize) -> String {
    let (head, tail) = (max * 7 / 10, max * 2 / 10);
    let at = |n: usize| text.char_indices().nth(n).map_or(text.len(), |(at, _)| at);
    format!(
        "{}\n\n[… {name} is cut here: first {head} and last {tail} of {chars} characters; read the file for all …]\n\n{}",
        &text[..at(head)],
        &text[at(chars - tail)..]
    )
}
