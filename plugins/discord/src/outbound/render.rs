//! Markdown as Discord shows it. Most of it is the same; this changes what Discord would show as it is written: tables,
//! deep headings, pictures by address, checkboxes, and names that stand for mentions.
//!
//! Invariant: nothing within code is changed.
use super::table;
use crate::config::{Id, TableMode};
use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};
use std::{collections::BTreeMap, ops::Range};

/// A part of the text and what takes its place.
type Change = (Range<usize>, String);

/// The text as Discord takes it.
pub(super) fn render(markdown: &str, tables: TableMode, aliases: &BTreeMap<String, Id>) -> String {
    let mut changes = changes(markdown, tables, aliases);
    changes.sort_by_key(|(range, _)| range.start);
    let (mut out, mut at) = (String::with_capacity(markdown.len()), 0);
    for (range, text) in changes {
        // What lies within something that is replaced already goes with it.
        if range.start < at {
            continue;
        }
        out += &markdown[at..range.start];
        out += &text;
        at = range.end;
    }
    out + &markdown[at..]
}

fn changes(markdown: &str, tables: TableMode, aliases: &BTreeMap<String, Id>) -> Vec<Change> {
    let mut changes = Vec::new();
    let options = Options::ENABLE_TABLES | Options::ENABLE_TASKLISTS;
    let mut events = Parser::new_ext(markdown, options).into_offset_iter();
    let mut code_depth = 0_u32;
    while let Some((event, range)) = events.next() {
        match event {
            Event::Start(Tag::Table(_)) if tables != TableMode::Off => {
                let rows = rows(&mut events);
                let end = range.start + markdown[range.clone()].trim_end().len();
                let text = match tables {
                    TableMode::Bullets => table::bullets(&rows),
                    _ => fenced(&table::aligned(&rows)),
                };
                changes.push((range.start..end, text));
            }
            Event::Start(Tag::Heading { level, .. }) if level > HeadingLevel::H3 => {
                changes.extend(heading(markdown, &range));
            }
            Event::Start(Tag::Image { dest_url, .. }) => {
                let words = words(&mut events);
                let text = match words.trim() {
                    "" => dest_url.to_string(),
                    words => format!("[{words}]({dest_url})"),
                };
                changes.push((range, text));
            }
            Event::TaskListMarker(done) => changes.push((range, if done { "☑" } else { "☐" }.to_owned())),
            Event::Start(Tag::CodeBlock(_)) => code_depth += 1,
            Event::End(TagEnd::CodeBlock) => code_depth = code_depth.saturating_sub(1),
            Event::Text(_) if code_depth == 0 => mentions(markdown, range, aliases, &mut changes),
            _ => {}
        }
    }
    changes
}

/// `#### Title` in bold.
fn heading(markdown: &str, range: &Range<usize>) -> Option<Change> {
    let line = markdown[range.clone()].trim_end();
    let title = line.trim_start_matches('#').trim().trim_end_matches('#').trim();
    let is_marked = line.starts_with("####") && !title.is_empty();
    let text = if title.contains("**") {
        title.to_owned()
    } else {
        format!("**{title}**")
    };
    is_marked.then(|| (range.start..range.start + line.len(), text))
}

fn fenced(text: &str) -> String {
    format!("```\n{}\n```", text.replace("```", "'''"))
}

/// The cells of the table that has begun, row by row, as text.
fn rows<'a>(events: &mut impl Iterator<Item = (Event<'a>, Range<usize>)>) -> Vec<Vec<String>> {
    let mut rows: Vec<Vec<String>> = Vec::new();
    for (event, _) in events {
        match event {
            Event::Start(Tag::TableHead | Tag::TableRow) => rows.push(Vec::new()),
            Event::Start(Tag::TableCell) => {
                if let Some(row) = rows.last_mut() {
                    row.push(String::new());
                }
            }
            Event::Text(text) | Event::Code(text) | Event::InlineHtml(text) => {
                if let Some(cell) = rows.last_mut().and_then(|row| row.last_mut()) {
                    cell.push_str(&text);
                }
            }
            Event::End(TagEnd::Table) => break,
            _ => {}
        }
    }
    rows
}

/// The words of the picture that has begun.
fn words<'a>(events: &mut impl Iterator<Item = (Event<'a>, Range<usize>)>) -> String {
    let mut words = String::new();
    for (event, _) in events {
        match event {
            Event::Text(text) | Event::Code(text) => words += &text,
            Event::End(TagEnd::Image) => break,
            _ => {}
        }
    }
    words
}

/// `@name` of the operator's list becomes a mention.
fn mentions(markdown: &str, range: Range<usize>, aliases: &BTreeMap<String, Id>, changes: &mut Vec<Change>) {
    if aliases.is_empty() {
        return;
    }
    let text = &markdown[range.clone()];
    for (at, _) in text.match_indices('@') {
        let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
        if markdown[..range.start + at]
            .chars()
            .next_back()
            .is_some_and(|c| is_word(c) || c == '<')
        {
            continue;
        }
        let name: String = text[at + 1..].chars().take_while(|c| is_word(*c)).collect();
        let found = aliases.iter().find(|(alias, _)| {
            alias
                .trim_start_matches('@')
                .eq_ignore_ascii_case(name.trim_end_matches('.'))
        });
        if let Some((_, id)) = found {
            let start = range.start + at;
            let end = start + 1 + name.trim_end_matches('.').len();
            changes.push((start..end, mention(id)));
        }
    }
}

/// How a person or a role of the list is mentioned.
fn mention(id: &Id) -> String {
    match role(id) {
        Some(role) => format!("<@&{role}>"),
        None => {
            let id = id.0.trim();
            let id = id
                .strip_prefix("user:")
                .or_else(|| id.strip_prefix("discord:"))
                .unwrap_or(id);
            format!("<@{id}>")
        }
    }
}

/// The role that an entry of the list stands for, if it is one.
pub(super) fn role(id: &Id) -> Option<&str> {
    let id = id.0.trim();
    id.strip_prefix("role:").or_else(|| id.strip_prefix('&'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(markdown: &str) -> String {
        render(markdown, TableMode::Code, &BTreeMap::new())
    }

    #[test]
    fn what_discord_knows_stays_as_it_is() {
        for text in [
            "# One\n## Two\n### Three\n-# small",
            "**b** *i* __u__ ~~s~~ ||spoiler|| `code` [x](https://example.org) <@1> <#2>",
            "> quote\n>>> long\n\n1. a\n   - b\n\n---\n*unclosed **",
            "```md\n#### no\n| a | b |\n|---|---|\n| 1 | 2 |\n- [ ] x\n```",
            "`![x](y)` and `#### x`",
            "",
        ] {
            assert_eq!(plain(text), text);
        }
    }

    #[test]
    fn tables_are_aligned_listed_or_left() {
        let text = "Before\n\n| a | long name |\n|---|---|\n| 1 | `x` |\n| 22 | |\n\nAfter";
        assert_eq!(
            plain(text),
            "Before\n\n```\na  | long name\n---|----------\n1  | x\n22 |\n```\n\nAfter"
        );
        let listed = render(text, TableMode::Bullets, &BTreeMap::new());
        assert_eq!(listed, "Before\n\n**1**\n- long name: x\n**22**\n\nAfter");
        assert_eq!(render(text, TableMode::Off, &BTreeMap::new()), text);
    }

    #[test]
    fn deep_headings_pictures_and_boxes_are_put_another_way() {
        assert_eq!(plain("#### Title ##\ntext"), "**Title**\ntext");
        assert_eq!(plain("##### a **b**"), "a **b**");
        assert_eq!(
            plain("![a cat](https://e.org/c.png) ![](https://e.org/d.png)"),
            "[a cat](https://e.org/c.png) https://e.org/d.png"
        );
        assert_eq!(plain("- [ ] a\n- [x] b"), "- ☐ a\n- ☑ b");
    }

    #[test]
    fn names_of_the_list_become_mentions_outside_code() {
        let aliases = BTreeMap::from([
            ("ada".to_owned(), Id("7".into())),
            ("@Ops".to_owned(), Id("role:9".into())),
        ]);
        let text = "@ada, @OPS. x@ada @adam `@ada`\n```\n@ada\n```\n<@ada>";
        assert_eq!(
            render(text, TableMode::Code, &aliases),
            "<@7>, <@&9>. x@ada @adam `@ada`\n```\n@ada\n```\n<@ada>"
        );
    }
}
