//! The page's tables: each stands between two marks, of which the first says which keys belong into it.
use super::rows::Row;
use std::fmt::Write as _;

/// Before a table; patterns of keys follow. One that ends with `*` is the beginning of a key.
const BEGIN: &str = "<!-- keys: ";
/// After it.
const END: &str = "<!-- end -->";

/// The page with tables of these keys. A key belongs to the table whose pattern for it is the longest.
pub(crate) fn with_tables(page: &str, keys: &[Row]) -> String {
    let marks: Vec<_> = page.lines().filter(|line| line.starts_with(BEGIN)).collect();
    let mut tables = vec![Vec::new(); marks.len()];
    for key in keys {
        let best = marks.iter().enumerate().filter_map(|(n, mark)| {
            let (length, place) = fit(mark, &key.path)?;
            Some((length, n, place))
        });
        let Some((_, table, place)) = best.max() else {
            panic!(
                "no table of docs/configuration.md is for {}; write its pattern into a mark",
                key.path
            );
        };
        tables[table].push((place, key));
    }
    let (mut out, mut tables, mut inside) = (String::new(), tables.into_iter(), false);
    for line in page.lines() {
        if line == END {
            inside = false;
        }
        if !inside {
            out.push_str(line);
            out.push('\n');
        }
        if line.starts_with(BEGIN) {
            let mut rows = tables.next().expect("a table for each mark");
            rows.sort_by_key(|(place, _)| *place);
            assert!(!rows.is_empty(), "there are no keys for {line}");
            out.push_str(&table(&rows));
            inside = true;
        }
    }
    assert!(!inside, "a table of docs/configuration.md has no end");
    out
}

/// How long the pattern of a mark is that fits a key best, and which of its patterns it is.
fn fit(mark: &str, path: &str) -> Option<(usize, usize)> {
    let patterns = mark.strip_prefix(BEGIN)?.strip_suffix(" -->")?;
    let fits = |pattern: &&str| match pattern.strip_suffix('*') {
        Some(begin) => path.starts_with(begin),
        None => path
            .strip_prefix(*pattern)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '['])),
    };
    let patterns = patterns
        .split(", ")
        .enumerate()
        .filter(|(_, pattern)| fits(pattern));
    patterns.map(|(place, pattern)| (pattern.len(), place)).max()
}

fn table(rows: &[(usize, &Row)]) -> String {
    let mut out = "| Key | Type | Default | What it says |\n|---|---|---|---|\n".to_owned();
    for (_, row) in rows {
        let cell = |text: &str| text.replace('|', "\\|");
        let (kind, default, text) = (cell(&row.kind), cell(&row.default), cell(&row.text));
        writeln!(out, "| `{}` | {kind} | {default} | {text} |", row.path).expect("a text takes all");
    }
    out
}

#[test]
fn a_key_belongs_to_the_nearest_table() {
    let row = |path: &str| Row {
        path: path.to_owned(),
        ..Row::default()
    };
    let page = "# A\n<!-- keys: a, b.c* -->\nold\n<!-- end -->\n<!-- keys: a.b, b -->\n<!-- end -->\nZ\n";
    let keys = ["a.c", "a.b.c", "ab", "b.cd", "b[].x"].map(row);
    let made = with_tables(page, &[&keys[..2], &keys[3..]].concat());
    let order: Vec<_> = ["`a.c`", "`b.cd`", "`a.b.c`", "`b[].x`", "Z"]
        .iter()
        .map(|key| made.find(key))
        .collect();
    assert!(order.is_sorted() && order.iter().all(Option::is_some), "{made}");
    assert!(!made.contains("old"), "{made}");
    assert_eq!(fit("<!-- keys: a -->", "ab"), None);
}
