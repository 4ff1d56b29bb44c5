//! Telegram HTML, cut into messages while it is written.
//!
//! Invariant: each chunk is balanced by itself and no longer than the limit, tags included.

/// One message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Chunk {
    /// With `parse_mode: "HTML"`.
    pub(super) html: String,
    /// The same without formatting, should Telegram not like it.
    pub(super) plain: String,
}

/// A tag that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tag {
    pub(super) open: String,
    pub(super) close: &'static str,
}

/// Writes text and tags; [`Writer::finish`] gives the messages.
#[derive(Debug)]
pub(super) struct Writer {
    done: Vec<Chunk>,
    current: Chunk,
    /// Length of `current.html` in UTF-16 units.
    len: usize,
    open: Vec<Tag>,
    /// Line breaks before whatever comes next.
    gap: usize,
    limit: usize,
}

impl Writer {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            done: Vec::new(),
            current: Chunk::default(),
            len: 0,
            open: Vec::new(),
            gap: 0,
            limit,
        }
    }

    /// At least so many line breaks before whatever comes next.
    pub(super) fn gap(&mut self, lines: usize) {
        self.gap = self.gap.max(lines);
    }

    /// Opens a tag. One that would leave too little room for text is left out.
    pub(super) fn open(&mut self, open: impl Into<String>, close: &'static str) {
        self.write_gap();
        let tag = Tag {
            open: open.into(),
            close,
        };
        let tags: usize = self.open.iter().chain([&tag]).map(Tag::len).sum();
        if tags > self.limit / 2 {
            return;
        }
        self.push(tag);
    }

    /// Closes the innermost tag of this kind; what was opened in it goes on after it.
    pub(super) fn close(&mut self, close: &str) {
        let Some(place) = self.open.iter().rposition(|tag| tag.close == close) else {
            return;
        };
        let inner = self.open.split_off(place);
        for tag in inner.iter().rev() {
            self.html(tag.close);
        }
        for tag in &inner[1..] {
            self.push(tag.clone());
        }
    }

    fn push(&mut self, tag: Tag) {
        if self.len + tag.len() + self.closing() + 1 > self.limit {
            self.cut();
        }
        self.html(&tag.open);
        self.open.push(tag);
    }

    /// Text, escaped; cut at a line or a word where it has to be.
    pub(super) fn text(&mut self, mut text: &str) {
        if text.is_empty() {
            return;
        }
        self.write_gap();
        loop {
            let room = self.limit.saturating_sub(self.len + self.closing());
            let fits = fitting(text, room);
            if fits == text.len() {
                return self.append(text);
            }
            let (head, at_break) = cut_at(text, fits);
            // A word that doesn't fit here may fit into the next message.
            if at_break || self.current.plain.is_empty() {
                let head = if at_break {
                    head
                } else {
                    fits.max(first_char(text))
                };
                self.append(&text[..head]);
                text = text[head..].trim_start_matches('\n');
            }
            self.cut();
        }
    }

    /// Text that only those see who see no formatting.
    pub(super) fn plain(&mut self, text: &str) {
        self.current.plain += text;
    }

    pub(super) fn finish(mut self) -> Vec<Chunk> {
        self.cut();
        self.done
    }

    fn write_gap(&mut self) {
        let lines = std::mem::take(&mut self.gap);
        if !self.current.plain.is_empty() && lines > 0 {
            let breaks = "\n".repeat(lines.min(2));
            self.append(&breaks);
        }
    }

    fn append(&mut self, text: &str) {
        self.current.plain += text;
        self.html(&escape(text));
    }

    fn html(&mut self, html: &str) {
        self.len += units(html);
        self.current.html += html;
    }

    fn closing(&self) -> usize {
        self.open.iter().map(|tag| tag.close.len()).sum()
    }

    /// Ends this message and begins the next with the same tags.
    fn cut(&mut self) {
        let Chunk { html, plain } = std::mem::take(&mut self.current);
        if !plain.trim().is_empty() {
            let mut html = html.trim_end().to_owned();
            self.open.iter().rev().for_each(|tag| html += tag.close);
            // Only line breaks are lost: indents mean something in code.
            let (html, plain) = (
                html.trim_start_matches('\n'),
                plain.trim_end().trim_start_matches('\n'),
            );
            self.done.push(Chunk {
                html: html.to_owned(),
                plain: plain.to_owned(),
            });
        }
        (self.len, self.gap) = (0, 0);
        let open = std::mem::take(&mut self.open);
        for tag in &open {
            self.html(&tag.open);
        }
        self.open = open;
    }
}

impl Tag {
    fn len(&self) -> usize {
        units(&self.open) + self.close.len()
    }
}

/// For texts and quoted attributes.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            _ => out.push(c),
        }
    }
    out
}

/// Length as Telegram counts.
pub(super) fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// Bytes of the text that have room, escaped.
fn fitting(text: &str, room: usize) -> usize {
    let mut used = 0;
    for (at, c) in text.char_indices() {
        used += match c {
            '&' => 5,
            '<' | '>' => 4,
            '"' => 6,
            c => c.len_utf16(),
        };
        if used > room {
            return at;
        }
    }
    text.len()
}

/// Where to cut within the first `fits` bytes: after a line, after a word, or nowhere (0).
fn cut_at(text: &str, fits: usize) -> (usize, bool) {
    let head = &text[..fits];
    let line = head.rfind('\n').map(|at| at + 1).filter(|at| *at * 3 > fits);
    let place = line.or_else(|| {
        head.rfind(char::is_whitespace)
            .and_then(|at| Some(at + head[at..].chars().next()?.len_utf8()))
    });
    (place.unwrap_or(0), place.is_some())
}

fn first_char(text: &str) -> usize {
    text.chars().next().map_or(0, char::len_utf8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_closes_and_reopens_what_is_open() {
        let mut writer = Writer::new(40);
        writer.open("<b>", "</b>");
        writer.open("<i>", "</i>");
        writer.text("one two three four five six seven eight");
        writer.close("</i>");
        writer.close("</b>");
        let chunks = writer.finish();
        assert!(chunks.len() > 1);
        for chunk in &chunks {
            assert!(
                chunk.html.starts_with("<b><i>") && chunk.html.ends_with("</i></b>"),
                "{chunk:?}"
            );
            assert!(units(&chunk.html) <= 40, "{chunk:?}");
        }
        let words: Vec<_> = chunks
            .iter()
            .flat_map(|chunk| chunk.plain.split_whitespace())
            .collect();
        assert_eq!(words.join(" "), "one two three four five six seven eight");
    }

    #[test]
    fn a_word_without_end_is_cut_hard_and_nothing_is_lost() {
        for limit in [10, 17, 64] {
            let text = "x<🦀>".repeat(50);
            let mut writer = Writer::new(limit);
            writer.text("a b ");
            writer.text(&text);
            let chunks = writer.finish();
            assert!(
                chunks.iter().all(|chunk| units(&chunk.html) <= limit),
                "{limit}: {chunks:?}"
            );
            let all: String = chunks.iter().map(|chunk| chunk.plain.as_str()).collect();
            assert_eq!(all.replace(' ', ""), format!("ab{text}"), "{limit}");
        }
    }

    #[test]
    fn tags_without_end_leave_room_for_text() {
        let mut writer = Writer::new(64);
        writer.open(format!("<a href=\"{}\">", "x".repeat(100)), "</a>");
        (0..50).for_each(|_| writer.open("<b>", "</b>"));
        writer.text(&"y".repeat(500));
        writer.close("</a>");
        let chunks = writer.finish();
        assert!(
            chunks.len() < 25 && chunks.iter().all(|chunk| units(&chunk.html) <= 64),
            "{chunks:?}"
        );
    }

    #[test]
    fn an_outer_tag_may_close_first() {
        let mut writer = Writer::new(100);
        writer.open("<b>", "</b>");
        writer.open("<i>", "</i>");
        writer.text("x");
        writer.close("</b>");
        writer.text("y");
        writer.close("</i>");
        assert_eq!(writer.finish()[0].html, "<b><i>x</i></b><i>y</i>");
    }
}
