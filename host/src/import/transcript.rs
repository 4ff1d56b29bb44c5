//! A transcript, read twice from its beginning to its end: once to see which rows are the conversation, once to take them
//! over, piece by piece.
//!
//! Invariants: memory is bounded by the length of a row, by [`KEPT_BYTES`] and by a few numbers for each row; what is
//! written is a conversation that models take: every call has its answer, and every answer its call.
use super::{
    message::{Meant, Pictures, Row},
    report::Report,
    rows::Origin,
    tree::{Head, Path, Tree},
};
use crate::{
    agent::{
        self,
        about::{self, About},
    },
    journal::{Entry, EntryKind},
};
use openclaw_plugin_api::{Content, Message, Role};
use sha2::{Digest, Sha256};
use std::collections::VecDeque;

/// Entries that are written at once.
const PIECE: usize = 500;
/// The same, bytes.
const PIECE_BYTES: usize = 4 << 20;
/// Messages that a shortened conversation keeps, bytes.
const KEPT_BYTES: usize = 8 << 20;

/// What the first reading says.
#[derive(Debug)]
pub(super) struct Survey {
    path: Path,
    /// Stands for the content.
    pub(super) mark: String,
    /// When it began, milliseconds since 1970.
    pub(super) began_ms: i64,
    /// Bytes.
    pub(super) bytes: u64,
}

/// Takes pieces: the transcript they belong to, and entries with their places.
pub(super) type Sink<'a> = dyn FnMut(&str, &[Entry]) -> Result<(), String> + 'a;

/// Reads a transcript for the first time.
pub(super) fn survey(origin: &Origin<'_>, report: &mut Report) -> Result<Survey, String> {
    let (mut tree, mut hasher) = (Tree::new(), Sha256::new());
    let (mut began_ms, mut bytes) = (0, 0);
    origin.each(&mut |number, row| {
        let text = match row {
            Ok(text) => text,
            Err(why) => return skipped(report, origin, number, why),
        };
        bytes += text.len() as u64 + 1;
        hasher.update(text);
        hasher.update(b"\n");
        match serde_json::from_str::<Head>(text) {
            Ok(head) if tree.add(&head) => {}
            Ok(_) => {
                return Err(format!(
                    "{} has too many rows; it is left as it is",
                    origin.path().display()
                ));
            }
            Err(error) => {
                return skipped(
                    report,
                    origin,
                    number,
                    &format!("it is no row of a transcript ({error})"),
                );
            }
        }
        if began_ms == 0 {
            let row: Row = serde_json::from_str(text).unwrap_or_default();
            began_ms = row.at_ms().unwrap_or(0);
        }
        Ok(())
    })?;
    let hash = hasher.finalize();
    Ok(Survey {
        path: tree.path(),
        mark: hash.iter().map(|byte| format!("{byte:02x}")).collect(),
        began_ms,
        bytes,
    })
}

fn skipped(report: &mut Report, origin: &Origin<'_>, number: u64, why: &str) -> Result<(), String> {
    report.skipped(origin.place(number), why);
    Ok(())
}

/// Takes a transcript over under this id; gives the number of its messages.
pub(super) fn convert(
    origin: &Origin<'_>,
    survey: &Survey,
    id: &str,
    pictures: &mut Pictures<'_>,
    sink: &mut Sink<'_>,
    report: &mut Report,
) -> Result<u64, String> {
    let mut scribe = Scribe::new(id, &survey.path, survey.began_ms);
    let mut at = 0;
    origin.each(&mut |number, row| {
        let Ok(text) = row else { return Ok(()) };
        if serde_json::from_str::<Head>(text).is_err() {
            return Ok(());
        }
        let here = at;
        at += 1;
        if !survey.path.has(here) {
            return Ok(());
        }
        match serde_json::from_str::<Row>(text) {
            Ok(row) => {
                if let Some(strange) = scribe.row(here, &row, pictures) {
                    report.skipped(origin.place(number), &format!("{strange} has no equivalent here"));
                }
            }
            Err(error) => report.skipped(
                origin.place(number),
                &format!("it is no row of a transcript ({error})"),
            ),
        }
        scribe.write(sink, PIECE, PIECE_BYTES)
    })?;
    scribe.close_calls();
    scribe.write(sink, 1, 1)?;
    Ok(scribe.messages)
}

/// Writes a transcript as ours.
struct Scribe<'a> {
    id: &'a str,
    path: &'a Path,
    /// How often the conversation began anew so far, and how often it will.
    part: usize,
    parts: usize,
    boundary: usize,
    kept: VecDeque<(Message, usize)>,
    kept_bytes: usize,
    /// Calls of the last answer that have no answer yet.
    open: Vec<(String, String)>,
    turn: String,
    at_ms: i64,
    seq: i64,
    out: Vec<Entry>,
    out_bytes: usize,
    messages: u64,
}

// === impl Scribe ===

impl<'a> Scribe<'a> {
    fn new(id: &'a str, path: &'a Path, began_ms: i64) -> Self {
        Self {
            id,
            path,
            part: 0,
            parts: path.boundaries.iter().filter(|boundary| boundary.reset).count(),
            boundary: 0,
            kept: VecDeque::new(),
            kept_bytes: 0,
            open: Vec::new(),
            turn: "import-0".to_owned(),
            at_ms: began_ms,
            seq: 0,
            out: Vec::new(),
            out_bytes: 0,
            messages: 0,
        }
    }

    /// Takes the row at this place; gives what has no place here.
    fn row(&mut self, at: u32, row: &Row, pictures: &mut Pictures<'_>) -> Option<String> {
        self.at_ms = row.at_ms().unwrap_or(self.at_ms);
        if self
            .path
            .boundaries
            .get(self.boundary)
            .is_some_and(|boundary| boundary.at == at)
        {
            self.cross(row);
            return None;
        }
        match row.meant(pictures) {
            Meant::Nothing => None,
            Meant::Unknown(what) => Some(what),
            Meant::Message {
                message,
                about,
                aside,
            } if aside => {
                self.push(about::entry(&self.turn, EntryKind::Note, &message, &about));
                None
            }
            Meant::Message { message, about, .. } => self.say(at, message, &about),
        }
    }

    fn say(&mut self, at: u32, message: Message, about: &About) -> Option<String> {
        if message.role == Role::ToolResult {
            let call = self.open.iter().position(|(id, _)| *id == message.tool_call_id);
            let Some(call) = call else {
                return Some("a tool's answer that nobody asked for".to_owned());
            };
            self.open.remove(call);
        } else {
            self.close_calls();
        }
        if message.role == Role::User {
            self.turn = format!("import-{at}");
        }
        let calls = message.content.iter().filter_map(|part| match part {
            Content::ToolCall { id, name, .. } => Some((id.clone(), name.clone())),
            _ => None,
        });
        self.open.extend(calls);
        self.add(at, message, about);
        None
    }

    /// Calls that were broken off get an answer that says so.
    fn close_calls(&mut self) {
        for (id, name) in std::mem::take(&mut self.open) {
            let message = Message {
                role: Role::ToolResult,
                content: vec![Content::text("(this was broken off; its result is not known)")],
                tool_call_id: id,
                tool_name: name,
                is_error: true,
            };
            self.add(u32::MAX, message, &About::default());
        }
    }

    fn add(&mut self, at: u32, message: Message, about: &About) {
        let entry = about::entry(&self.turn, EntryKind::Message, &message, about);
        let next = self.path.boundaries.get(self.boundary);
        let kept = next.and_then(|boundary| boundary.kept_from);
        if kept.is_some_and(|from| at >= from && (at != u32::MAX || !self.kept.is_empty())) {
            self.keep(message, entry.body.len());
        }
        self.messages += 1;
        self.push(entry);
    }

    fn keep(&mut self, message: Message, bytes: usize) {
        self.kept.push_back((message, bytes));
        self.kept_bytes += bytes;
        while self.kept_bytes > KEPT_BYTES {
            let Some((_, bytes)) = self.kept.pop_front() else {
                break;
            };
            self.kept_bytes -= bytes;
        }
    }

    /// What was before is shortened, or the conversation begins anew.
    fn cross(&mut self, row: &Row) {
        self.close_calls();
        let reset = self.path.boundaries[self.boundary].reset;
        self.boundary += 1;
        let mut kept: Vec<_> = self.kept.drain(..).map(|(message, _)| message).collect();
        self.kept_bytes = 0;
        let first = kept.iter().position(|message| message.role == Role::User);
        kept.drain(..first.unwrap_or(kept.len()));
        if !reset {
            let before = row.tokens_before.as_u64().unwrap_or(0);
            self.push(agent::shortened(&self.turn, &row.summary, kept, before));
            return;
        }
        // ended by the next write: what is in `out` belongs to the part before
        self.out.push(Entry::new("", EntryKind::Note, String::new(), 0));
        for message in kept {
            self.push(about::entry(
                &self.turn,
                EntryKind::Message,
                &message,
                &About::default(),
            ));
        }
    }

    fn push(&mut self, mut entry: Entry) {
        entry.created_ms = self.at_ms;
        self.out_bytes += entry.body.len();
        self.out.push(entry);
    }

    /// Writes what there is, if it is so much.
    fn write(&mut self, sink: &mut Sink<'_>, count: usize, bytes: usize) -> Result<(), String> {
        if self.out.len() < count && self.out_bytes < bytes {
            return Ok(());
        }
        self.out_bytes = 0;
        let out = std::mem::take(&mut self.out);
        for piece in out.split_inclusive(ends_part) {
            let ended = piece.last().is_some_and(ends_part);
            let mut piece = piece[..piece.len() - usize::from(ended)].to_vec();
            for entry in &mut piece {
                self.seq += 1;
                entry.seq = self.seq;
            }
            if !piece.is_empty() {
                sink(&self.name(), &piece)?;
            }
            if ended {
                (self.part, self.seq) = (self.part + 1, 0);
            }
        }
        Ok(())
    }

    /// The last part has the id; those before it are found by their numbers.
    fn name(&self) -> String {
        match self.part {
            part if part == self.parts => self.id.to_owned(),
            part => format!("{}.{}", self.id, part + 1),
        }
    }
}

/// The mark between what was said before and behind a new beginning; no entry is without a turn.
fn ends_part(entry: &Entry) -> bool {
    entry.turn.is_empty()
}

#[cfg(test)]
mod tests;
