//! The parts of one answer, from the model's pieces to what goes out. Pure: the time is given.
use super::{Style, Told, begins_with, behind, cut::end_of_part};
use crate::agent::{
    chunk::fence::{self, Fence},
    reply::{self, ReplyTo},
};
use std::time::Duration;
use tokio::time::Instant;

/// New text after which the answer is looked at again, bytes: a look costs as much as the answer is long.
const LOOK_AFTER: usize = 64;

/// An answer on its way.
#[derive(Debug)]
pub(in crate::agent) struct Flow {
    style: Style,
    /// What the model has written, over all its messages.
    written: String,
    /// What it writes now, until it is known whether that repeats the message that broke off.
    again: Option<(Told, String)>,
    /// What of it may be shown.
    visible: String,
    reply_to: ReplyTo,
    unseen: usize,
    /// Bytes of `visible` that went out.
    sent: usize,
    /// Bytes of `visible` that are whole parts.
    ready: usize,
    grew_at: Instant,
    /// What went out, part after part.
    out: String,
    parts: usize,
    not_before: Instant,
}

/// Something that goes out.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::agent) struct Part {
    /// As the answer has it.
    pub(in crate::agent) raw: String,
    /// As a message of its own: fenced blocks begin and end in it.
    pub(in crate::agent) text: String,
    /// Which one it is, from 0.
    pub(in crate::agent) number: usize,
    /// What the answer refers to, as far as it is known.
    pub(in crate::agent) reply_to: ReplyTo,
    until: usize,
}

// === impl Flow ===

impl Flow {
    /// An answer of which an earlier process may have told something.
    pub(in crate::agent) fn new(style: Style, mut told: Told, now: Instant) -> Self {
        told.mend();
        let text = told.text();
        let mut flow = Self {
            style,
            written: String::new(),
            again: None,
            visible: String::new(),
            reply_to: ReplyTo::None,
            unseen: 0,
            sent: 0,
            ready: 0,
            grew_at: now,
            out: told.sent.clone(),
            parts: told.parts,
            not_before: now,
        };
        if told.broke_off {
            flow.again = Some((told, String::new()));
        } else {
            flow.written = text;
        }
        flow.look();
        flow
    }

    /// The model has written more.
    pub(in crate::agent) fn write(&mut self, text: &str, now: Instant) {
        self.unseen += text.len();
        match &mut self.again {
            Some((_, fresh)) => fresh.push_str(text),
            None => self.written.push_str(text),
        }
        if self.unseen >= LOOK_AFTER {
            self.grow(now);
        }
    }

    /// A message of the model has ended, and others follow.
    pub(in crate::agent) fn end_message(&mut self, now: Instant) {
        self.settle(true);
        self.look();
        let whole = self.visible.trim_end().len();
        if whole > self.ready {
            (self.ready, self.grew_at) = (whole, now);
        }
        if !self.written.is_empty() && !self.written.ends_with("\n\n") {
            self.written.push_str("\n\n");
        }
    }

    /// What goes out now. `all`: nothing more is waited for.
    pub(in crate::agent) fn next(&mut self, now: Instant, all: bool) -> Option<Part> {
        self.grow(now);
        if !all && self.due().is_none_or(|due| due > now) {
            return None;
        }
        let waiting = &self.visible[self.sent..self.ready];
        let fence = self.fence();
        let until = match waiting.chars().count() > self.style.most {
            true => {
                let size = super::Size {
                    min: 1.max(self.style.most / 2),
                    max: self.style.most,
                    ..self.style.size
                };
                end_of_part(waiting, fence.clone(), self.sent == 0, &size).unwrap_or(waiting.len())
            }
            false => waiting.len(),
        };
        let raw = &waiting[..until];
        if raw.trim().is_empty() {
            self.sent += until;
            return None;
        }
        Some(Part {
            raw: raw.to_owned(),
            text: fenced(raw, fence),
            number: self.parts,
            reply_to: self.reply_to.clone(),
            until: self.sent + until,
        })
    }

    /// A part is in the outbox. The next one comes no sooner than after the pause.
    pub(in crate::agent) fn went(&mut self, part: &Part, pause: Duration, now: Instant) {
        self.sent = part.until;
        self.out.push_str(&part.raw);
        self.parts += 1;
        self.not_before = now + pause;
    }

    /// When there is something to send, if nothing more comes.
    pub(in crate::agent) fn due(&self) -> Option<Instant> {
        let waiting = self.visible.get(self.sent..self.ready)?;
        if waiting.trim().is_empty() {
            return None;
        }
        let enough = waiting.chars().count() >= self.style.least;
        let at = if enough {
            self.grew_at
        } else {
            self.grew_at + self.style.idle
        };
        Some(at.max(self.not_before))
    }

    /// What went out, and in how many parts.
    pub(in crate::agent) fn told(&self) -> (&str, usize) {
        (&self.out, self.parts)
    }

    /// When the next part may go out.
    pub(in crate::agent) fn not_before(&self) -> Instant {
        self.not_before
    }

    /// What could be shown and did not go out, for an answer that broke off.
    pub(in crate::agent) fn rest(&mut self) -> String {
        self.settle(true);
        self.look();
        let left = &self.visible[self.sent..];
        fenced(left, self.fence()).trim().to_owned()
    }

    /// Shortest and longest pause, milliseconds.
    pub(in crate::agent) fn pause(&self) -> (u64, u64) {
        self.style.pause
    }

    fn grow(&mut self, now: Instant) {
        if self.unseen == 0 {
            return;
        }
        self.settle(false);
        self.look();
        if self.style.at_message_end {
            return;
        }
        while let Some(len) = {
            let open = fence::after_text(&self.visible[..self.ready], None, true);
            end_of_part(
                &self.visible[self.ready..],
                open,
                self.ready == 0,
                &self.style.size,
            )
        } {
            self.ready += len;
            self.grew_at = now;
        }
    }

    /// Finds out whether what is written repeats what had gone out.
    fn settle(&mut self, ended: bool) {
        let Some((told, fresh)) = &mut self.again else {
            return;
        };
        let old = told.said.last().map(String::as_str).unwrap_or_default();
        let seen = reply::so_far(fresh).text;
        let open = begins_with(old, &seen) && !begins_with(&seen, old);
        if open && !ended {
            return;
        }
        told.say(std::mem::take(fresh));
        self.written = told.text();
        self.again = None;
    }

    fn look(&mut self) {
        self.unseen = 0;
        if self.again.is_some() {
            return;
        }
        let so_far = reply::so_far(&self.written);
        self.reply_to = so_far.reply_to;
        let first = self.visible.is_empty();
        // what is out can't be taken back: a text that became another one is left to the end of the answer
        let same = so_far
            .text
            .get(..self.ready)
            .is_some_and(|start| start == &self.visible[..self.ready]);
        if same {
            self.visible = so_far.text;
        }
        if first {
            self.sent = self.visible.len() - behind(&self.visible, &self.out).len();
            self.ready = self.sent;
        }
    }

    fn fence(&self) -> Option<Fence> {
        fence::after_text(&self.visible[..self.sent], None, true)
    }
}

/// A piece of a text as a message of its own: a block that is open before it begins anew, and one that is open behind it
/// ends.
pub(in crate::agent) fn fenced(raw: &str, open: Option<Fence>) -> String {
    let mut open = open;
    let mut body = match open {
        Some(_) => raw.trim_start_matches(['\n', '\r']).trim_end(),
        None => raw.trim(),
    };
    let (first, rest) = body.split_once('\n').unwrap_or((body, ""));
    if open.is_some() && fence::after_line(first, open.clone()).is_none() {
        (open, body) = (None, rest.trim());
    }
    let after = fence::after_text(body, open.clone(), true);
    let opening = open.map(|fence| fence.opening + "\n").unwrap_or_default();
    let closing = after
        .map(|fence| format!("\n{}", fence.closing))
        .unwrap_or_default();
    format!("{opening}{body}{closing}")
}
