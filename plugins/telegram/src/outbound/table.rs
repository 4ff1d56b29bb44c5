//! Tables as text: Telegram has none.

/// Columns aligned, with a line under the head.
pub(super) fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or_default()
    };
    let widths: Vec<_> = (0..columns).map(width).collect();
    let mut lines = Vec::new();
    for (n, row) in rows.iter().enumerate() {
        let cells = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"));
        lines.push(cells.collect::<Vec<_>>().join(" | ").trim_end().to_owned());
        if n == 0 && rows.len() > 1 {
            lines.push(
                widths
                    .iter()
                    .map(|width| "-".repeat(*width))
                    .collect::<Vec<_>>()
                    .join("-+-"),
            );
        }
    }
    lines.join("\n")
}

/// For each row a list of `head: cell`.
pub(super) fn bullets(rows: &[Vec<String>]) -> String {
    let Some((head, rows)) = rows.split_first() else {
        return String::new();
    };
    let item = |row: &Vec<String>| {
        let cells = row
            .iter()
            .enumerate()
            .filter(|(_, cell)| !cell.is_empty())
            .map(|(n, cell)| match head.get(n) {
                Some(name) if !name.is_empty() => format!("{name}: {cell}"),
                _ => cell.clone(),
            });
        format!("• {}", cells.collect::<Vec<_>>().join("; "))
    };
    rows.iter().map(item).collect::<Vec<_>>().join("\n")
}

/// As it was written, more or less.
pub(super) fn rows(rows: &[Vec<String>]) -> String {
    rows.iter()
        .map(|row| format!("| {} |", row.join(" | ")))
        .collect::<Vec<_>>()
        .join("\n")
}
