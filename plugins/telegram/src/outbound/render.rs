//! Markdown to Telegram HTML.
use super::writer::{Chunk, Writer, escape};
use crate::config::TableMode;
use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd, TextMergeStream};

/// Longest address of a link that is kept as one, bytes.
const MAX_URL: usize = 1024;
/// Endings of file names that are top-level domains too: apps would make links of them.
const FILE_ENDINGS: &[&str] = &["md", "go", "py", "pl", "sh", "am", "at", "be", "cc", "rs"];

/// The messages that a Markdown text becomes, each within `limit` UTF-16 units.
pub(super) fn render(markdown: &str, limit: usize, tables: TableMode) -> Vec<Chunk> {
    let parser = Parser::new_ext(markdown, Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TABLES);
    let mut renderer = Renderer::new(limit, tables);
    let events: Vec<_> = TextMergeStream::new(parser).collect();
    for (at, event) in events.iter().enumerate() {
        if let Event::Start(Tag::Paragraph | Tag::Heading { .. } | Tag::Item) = event {
            renderer.bars = bars_in(&events[at + 1..]);
        }
        renderer.event(event);
    }
    let chunks = renderer.writer.finish();
    if !chunks.is_empty() || markdown.trim().is_empty() {
        return chunks;
    }
    // Nothing but rules and the like: better as it is than not at all.
    let mut writer = Writer::new(limit);
    writer.text(markdown.trim());
    writer.finish()
}

struct Renderer {
    writer: Writer,
    tables: TableMode,
    /// For each list that is open, the next number; none for bullets.
    lists: Vec<Option<u64>>,
    /// An item has begun and has no text yet.
    in_item_head: bool,
    /// Spoiler marks that still have a partner in this block.
    bars: usize,
    in_spoiler: bool,
    in_code: bool,
    in_link: bool,
    link: Option<String>,
    link_text: String,
    /// Rows of the table that is open.
    table: Option<Vec<Vec<String>>>,
}

impl Renderer {
    fn new(limit: usize, tables: TableMode) -> Self {
        Self {
            writer: Writer::new(limit),
            tables,
            lists: Vec::new(),
            in_item_head: false,
            bars: 0,
            in_spoiler: false,
            in_code: false,
            in_link: false,
            link: None,
            link_text: String::new(),
            table: None,
        }
    }

    fn event(&mut self, event: &Event<'_>) {
        if self.table.is_some() && self.table_event(event) {
            return;
        }
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(*tag),
            Event::Text(text) => self.text(text),
            Event::Code(text) => self.wrapped("<code>", "</code>", text),
            Event::Html(text) | Event::InlineHtml(text) => self.writer.text(text.trim_end_matches('\n')),
            Event::SoftBreak | Event::HardBreak => self.writer.text("\n"),
            Event::Rule => self.writer.gap(2),
            Event::TaskListMarker(done) => self.writer.text(if *done { "☑ " } else { "☐ " }),
            Event::FootnoteReference(name) => self.writer.text(&format!("[{name}]")),
            Event::InlineMath(text) | Event::DisplayMath(text) => self.writer.text(text),
        }
    }

    fn start(&mut self, tag: &Tag<'_>) {
        match tag {
            Tag::Paragraph => self.block(),
            Tag::Heading { .. } => {
                self.block();
                self.writer.open("<b>", "</b>");
            }
            Tag::BlockQuote(_) => {
                self.block();
                self.writer.open("<blockquote>", "</blockquote>");
            }
            Tag::CodeBlock(kind) => {
                self.block();
                self.in_code = true;
                self.writer.open("<pre>", "</pre>");
                let language = match kind {
                    CodeBlockKind::Fenced(info) => info.split([' ', ',']).next().unwrap_or_default(),
                    CodeBlockKind::Indented => "",
                };
                if !language.is_empty() && language.len() <= 40 {
                    self.writer.open(
                        format!("<code class=\"language-{}\">", escape(language)),
                        "</code>",
                    );
                }
            }
            Tag::List(first) => {
                self.writer.gap(if self.lists.is_empty() { 2 } else { 1 });
                self.lists.push(*first);
            }
            Tag::Item => self.item(),
            Tag::Emphasis => self.writer.open("<i>", "</i>"),
            Tag::Strong => self.writer.open("<b>", "</b>"),
            Tag::Strikethrough => self.writer.open("<s>", "</s>"),
            Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => {
                self.link_text.clear();
                self.in_link = is_address(dest_url);
                if self.in_link {
                    self.writer
                        .open(format!("<a href=\"{}\">", escape(dest_url)), "</a>");
                }
                self.link = Some(dest_url.to_string());
            }
            Tag::Table(_) => {
                self.block();
                self.table = Some(Vec::new());
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph => self.leave_block(),
            TagEnd::Heading(_) => {
                self.writer.close("</b>");
                self.leave_block();
            }
            TagEnd::BlockQuote(_) => {
                self.writer.close("</blockquote>");
                self.writer.gap(2);
            }
            TagEnd::CodeBlock => {
                self.in_code = false;
                self.writer.close("</code>");
                self.writer.close("</pre>");
                self.writer.gap(2);
            }
            TagEnd::List(_) => {
                self.lists.pop();
                self.writer.gap(if self.lists.is_empty() { 2 } else { 1 });
            }
            TagEnd::Item => self.writer.gap(1),
            TagEnd::Emphasis => self.writer.close("</i>"),
            TagEnd::Strong => self.writer.close("</b>"),
            TagEnd::Strikethrough => self.writer.close("</s>"),
            TagEnd::Link | TagEnd::Image => self.end_link(),
            _ => {}
        }
    }

    /// Between blocks there is an empty line; within a list only a line break.
    fn block(&mut self) {
        if std::mem::take(&mut self.in_item_head) {
            return;
        }
        self.writer.gap(if self.lists.is_empty() { 2 } else { 1 });
    }

    fn leave_block(&mut self) {
        if std::mem::take(&mut self.in_spoiler) {
            self.writer.close("</tg-spoiler>");
        }
        self.writer.gap(if self.lists.is_empty() { 2 } else { 1 });
    }

    fn item(&mut self) {
        self.writer.gap(1);
        let depth = self.lists.len().saturating_sub(1);
        let mark = match self.lists.last_mut() {
            Some(Some(number)) => {
                let mark = format!("{number}. ");
                *number += 1;
                mark
            }
            _ => "• ".to_owned(),
        };
        self.writer.text(&format!("{}{mark}", "   ".repeat(depth)));
        self.in_item_head = true;
    }

    fn end_link(&mut self) {
        let Some(address) = self.link.take() else {
            return;
        };
        let differs = differs(&address, &self.link_text);
        if std::mem::take(&mut self.in_link) {
            self.writer.close("</a>");
            if differs {
                self.writer.plain(&format!(" ({address})"));
            }
        } else if differs {
            self.writer.text(&format!(" ({address})"));
        }
    }

    fn text(&mut self, text: &str) {
        self.in_item_head = false;
        if self.link.is_some() {
            self.link_text += text;
        }
        if self.in_code {
            return self.writer.text(text.strip_suffix('\n').unwrap_or(text));
        }
        for (n, piece) in text.split("||").enumerate() {
            if n > 0 {
                self.bar();
            }
            if self.link.is_some() {
                self.writer.text(piece)
            } else {
                self.words(piece)
            }
        }
    }

    /// A spoiler mark; a lonely one is text.
    fn bar(&mut self) {
        match (self.in_spoiler, self.bars) {
            (true, _) => self.writer.close("</tg-spoiler>"),
            (false, 0 | 1) => return self.writer.text("||"),
            (false, _) => self.writer.open("<tg-spoiler>", "</tg-spoiler>"),
        }
        self.in_spoiler = !self.in_spoiler;
        self.bars = self.bars.saturating_sub(1);
    }

    /// Text in which names of files are marked, so that they don't become links.
    fn words(&mut self, text: &str) {
        let mut rest = 0;
        let mut at = 0;
        for word in text.split_inclusive(char::is_whitespace) {
            let name = word.trim().trim_matches(|c: char| "()[]{}\"'.,;:!?".contains(c));
            if is_file_name(name) {
                let begin = at + word.find(name).unwrap_or_default();
                self.writer.text(&text[rest..begin]);
                self.wrapped("<code>", "</code>", name);
                rest = begin + name.len();
            }
            at += word.len();
        }
        self.writer.text(&text[rest..]);
    }

    fn wrapped(&mut self, open: &str, close: &'static str, text: &str) {
        self.in_item_head = false;
        self.writer.open(open, close);
        self.writer.text(text);
        self.writer.close(close);
    }

    /// Collects a table; true if the event was part of it.
    fn table_event(&mut self, event: &Event<'_>) -> bool {
        let Some(rows) = &mut self.table else {
            return false;
        };
        match event {
            Event::Start(Tag::TableHead | Tag::TableRow) => rows.push(Vec::new()),
            Event::Start(Tag::TableCell) => rows
                .last_mut()
                .into_iter()
                .for_each(|row| row.push(String::new())),
            Event::Text(text) | Event::Code(text) | Event::InlineHtml(text) => {
                if let Some(cell) = rows.last_mut().and_then(|row| row.last_mut()) {
                    cell.push_str(text);
                    self.link_text.push_str(text);
                }
            }
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                self.link_text.clear();
                self.link = Some(dest_url.to_string());
            }
            Event::End(TagEnd::Link | TagEnd::Image) => {
                let cell = rows.last_mut().and_then(|row| row.last_mut());
                if let (Some(address), Some(cell)) = (self.link.take(), cell)
                    && differs(&address, &self.link_text)
                {
                    // a cell has no room for a link but its text
                    *cell += &format!(" ({address})");
                }
            }
            Event::End(TagEnd::Table) => {
                let rows = self.table.take().unwrap_or_default();
                self.write_table(&rows);
                self.writer.gap(2);
            }
            _ => {}
        }
        true
    }

    fn write_table(&mut self, rows: &[Vec<String>]) {
        match self.tables {
            TableMode::Code | TableMode::Block => {
                self.wrapped("<pre>", "</pre>", &super::table::aligned(rows));
            }
            TableMode::Bullets => self.writer.text(&super::table::bullets(rows)),
            TableMode::Off => self.writer.text(&super::table::rows(rows)),
        }
    }
}

/// Spoiler marks in the block that begins here.
fn bars_in(events: &[Event<'_>]) -> usize {
    let block = events.iter().take_while(|event| {
        !matches!(
            event,
            Event::End(TagEnd::Paragraph | TagEnd::Heading(_) | TagEnd::Item) | Event::Start(Tag::Item)
        )
    });
    block
        .map(|event| {
            if let Event::Text(text) = event {
                text.matches("||").count()
            } else {
                0
            }
        })
        .sum()
}

/// Whether an address says more than the text of its link.
fn differs(address: &str, text: &str) -> bool {
    !address.is_empty() && address.trim_end_matches('/') != text.trim_end_matches('/')
}

/// Telegram makes links of these only.
fn is_address(url: &str) -> bool {
    let known = ["http://", "https://", "tg://", "mailto:", "tel:"];
    url.len() <= MAX_URL
        && known.iter().any(|scheme| {
            url.get(..scheme.len())
                .is_some_and(|s| s.eq_ignore_ascii_case(scheme))
        })
}

fn is_file_name(word: &str) -> bool {
    let Some((stem, ending)) = word.rsplit_once('.') else {
        return false;
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
    FILE_ENDINGS.contains(&ending) && !stem.is_empty() && stem.chars().all(plain) && !word.starts_with("www.")
}

#[cfg(test)]
mod tests;
