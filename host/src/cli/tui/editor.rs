//! What is being typed: a text of some lines, a cursor, and what was typed before.
//!
//! Invariants: the cursor stands between two characters as people see them; the text is bounded.
use unicode_segmentation::UnicodeSegmentation;

/// Longest text, bytes.
pub(super) const MAX: usize = 256 * 1024;
/// Texts that are remembered.
const MAX_PAST: usize = 100;

/// The text that is being typed.
#[derive(Debug, Default)]
pub(super) struct Editor {
    text: String,
    cursor: usize,
    past: Vec<String>,
    /// Which of the past is shown, counted from the newest, and what stood there before.
    recalled: Option<(usize, String)>,
}

impl Editor {
    /// What was typed.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Is there nothing?
    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// The text before the cursor.
    pub(super) fn before(&self) -> &str {
        &self.text[..self.cursor]
    }

    /// Adds a text at the cursor. What would move a terminal's cursor is left out. False: there is no room for all of it.
    pub(super) fn insert(&mut self, text: &str) -> bool {
        let plain = text
            .replace("\r\n", "\n")
            .replace('\r', "\n")
            .replace('\t', "    ");
        let plain: String = plain.chars().filter(|c| *c == '\n' || !c.is_control()).collect();
        let room = MAX.saturating_sub(self.text.len());
        let end = plain.grapheme_indices(true).map(|(at, g)| at + g.len());
        let end = end.take_while(|end| *end <= room).last().unwrap_or(0);
        self.text.insert_str(self.cursor, &plain[..end]);
        self.cursor += end;
        end == plain.len()
    }

    /// Takes the whole text, and remembers it.
    pub(super) fn take(&mut self) -> String {
        let text = std::mem::take(&mut self.text);
        self.cursor = 0;
        self.recalled = None;
        if !text.trim().is_empty() && self.past.last() != Some(&text) {
            self.past.push(text.clone());
            if self.past.len() > MAX_PAST {
                self.past.remove(0);
            }
        }
        text
    }

    /// Removes the character before the cursor.
    pub(super) fn backspace(&mut self) {
        let start = self.left_of(self.cursor);
        self.cut(start, self.cursor);
    }

    /// Removes the character at the cursor.
    pub(super) fn delete(&mut self) {
        self.cut(self.cursor, self.right_of(self.cursor));
    }

    /// Removes the word before the cursor.
    pub(super) fn delete_word(&mut self) {
        let before = self.before().trim_end();
        let start = before
            .rfind(char::is_whitespace)
            .map_or(0, |at| at + before[at..].chars().next().map_or(0, char::len_utf8));
        self.cut(start, self.cursor);
    }

    /// Removes what stands before the cursor on its line.
    pub(super) fn delete_to_start(&mut self) {
        self.cut(self.line_start(), self.cursor);
    }

    /// Removes what stands behind the cursor on its line.
    pub(super) fn delete_to_end(&mut self) {
        self.cut(self.cursor, self.line_end());
    }

    pub(super) fn left(&mut self) {
        self.cursor = self.left_of(self.cursor);
    }

    pub(super) fn right(&mut self) {
        self.cursor = self.right_of(self.cursor);
    }

    pub(super) fn home(&mut self) {
        self.cursor = self.line_start();
    }

    pub(super) fn end(&mut self) {
        self.cursor = self.line_end();
    }

    /// A line up; from the first line, to what was typed before.
    pub(super) fn up(&mut self) {
        let start = self.line_start();
        if start == 0 {
            return self.recall(1);
        }
        let column = self.text[start..self.cursor].graphemes(true).count();
        let above = self.text[..start - 1].rfind('\n').map_or(0, |at| at + 1);
        self.cursor = self.column(above, column);
    }

    /// A line down; from the last line, to what was typed after.
    pub(super) fn down(&mut self) {
        let end = self.line_end();
        if end == self.text.len() {
            return self.recall(-1);
        }
        let column = self.text[self.line_start()..self.cursor].graphemes(true).count();
        self.cursor = self.column(end + 1, column);
    }

    fn recall(&mut self, step: isize) {
        let (shown, first) = match &self.recalled {
            Some((number, first)) => (*number, first.clone()),
            None => (0, self.text.clone()),
        };
        let Some(next) = shown
            .checked_add_signed(step)
            .filter(|next| *next <= self.past.len())
        else {
            return;
        };
        self.text = match next {
            0 => first.clone(),
            number => self.past[self.past.len() - number].clone(),
        };
        self.recalled = (next > 0).then_some((next, first));
        self.cursor = self.text.len();
    }

    fn cut(&mut self, start: usize, end: usize) {
        self.text.replace_range(start..end, "");
        self.cursor = start;
    }

    fn left_of(&self, at: usize) -> usize {
        let last = self.text[..at].grapheme_indices(true).next_back();
        last.map_or(0, |(at, _)| at)
    }

    fn right_of(&self, at: usize) -> usize {
        let next = self.text[at..].graphemes(true).next();
        at + next.map_or(0, str::len)
    }

    fn line_start(&self) -> usize {
        self.before().rfind('\n').map_or(0, |at| at + 1)
    }

    fn line_end(&self) -> usize {
        let rest = self.text[self.cursor..].find('\n');
        rest.map_or(self.text.len(), |at| self.cursor + at)
    }

    /// The place of a column on the line that begins at `start`.
    fn column(&self, start: usize, column: usize) -> usize {
        let line = self.text[start..].split('\n').next().unwrap_or_default();
        start + line.graphemes(true).take(column).map(str::len).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(text: &str) -> Editor {
        let mut editor = Editor::default();
        assert!(editor.insert(text));
        editor
    }

    #[test]
    fn characters_are_whole() {
        let mut editor = typed("a👨‍👩‍👧é");
        editor.left();
        editor.left();
        assert_eq!(editor.before(), "a");
        editor.delete();
        assert_eq!(editor.text(), "aé");
        editor.end();
        editor.backspace();
        editor.backspace();
        editor.backspace();
        assert!(editor.is_empty());
    }

    #[test]
    fn what_is_pasted_can_not_move_the_terminal() {
        let mut editor = typed("a\r\nb\tc\u{1b}[2Jd\u{7}");
        assert_eq!(editor.text(), "a\nb    c[2Jd");
        assert!(!editor.insert(&"é".repeat(MAX)));
        assert!(editor.text().len() <= MAX && editor.text().len() > MAX - 4);
    }

    #[test]
    fn lines_and_words() {
        let mut editor = typed("first line\nx\nthird one");
        editor.up();
        assert_eq!(editor.before(), "first line\nx");
        editor.up();
        assert_eq!(editor.before(), "f");
        editor.delete_to_end();
        editor.down();
        editor.down();
        editor.end();
        editor.delete_word();
        assert_eq!(editor.text(), "f\nx\nthird ");
        editor.delete_to_start();
        assert_eq!(editor.text(), "f\nx\n");
    }

    #[test]
    fn what_was_typed_comes_back() {
        let mut editor = typed("one");
        assert_eq!(editor.take(), "one");
        editor.insert("two");
        editor.take();
        editor.insert("draft");
        editor.up();
        assert_eq!(editor.text(), "two");
        editor.up();
        editor.up();
        assert_eq!(editor.text(), "one", "nothing is older");
        editor.down();
        editor.down();
        assert_eq!(editor.text(), "draft");
        editor.down();
        assert_eq!(editor.text(), "draft");
    }
}
