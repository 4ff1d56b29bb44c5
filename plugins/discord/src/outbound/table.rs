//! Tables, which Discord doesn't know: aligned in a block of code, or a list for each row.

/// A table as aligned lines, to stand in a block of code.
pub(super) fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = widths.iter().enumerate().map(|(n, width)| {
            let cell = row.get(n).map_or("", String::as_str);
            format!("{cell}{}", " ".repeat(width - cell.chars().count()))
        });
        cells.collect::<Vec<_>>().join(" | ").trim_end().to_owned()
    };
    let mut lines: Vec<_> = rows.iter().map(line).collect();
    if lines.len() > 1 {
        let rule = widths.iter().map(|width| "-".repeat(*width));
        lines.insert(1, rule.collect::<Vec<_>>().join("-|-"));
    }
    lines.join("\n")
}

/// A table as a list: the first cell of a row stands out, the others follow with the names of their columns.
pub(super) fn bullets(rows: &[Vec<String>]) -> String {
    let Some((head, body)) = rows.split_first() else {
        return String::new();
    };
    let mut lines = Vec::new();
    for row in body {
        let Some((first, cells)) = row.split_first() else {
            continue;
        };
        lines.push(format!("**{first}**"));
        for (n, cell) in cells.iter().enumerate().filter(|(_, cell)| !cell.is_empty()) {
            match head.get(n + 1).filter(|name| !name.is_empty()) {
                Some(name) => lines.push(format!("- {name}: {cell}")),
                None => lines.push(format!("- {cell}")),
            }
        }
    }
    lines.join("\n")
}
