//! What commands print: tables for people, JSON for machines.
use super::Failure;
use anstyle::{AnsiColor, Style};
use comfy_table::{ContentArrangement, Table, presets::NOTHING};
use indicatif::ProgressBar;
use serde::Serialize;
use std::time::Duration;

/// How often a sign of life moves.
const SIGN_OF_LIFE: Duration = Duration::from_millis(200);

/// Something takes its time, which a terminal shows until this is dropped.
pub(super) struct Working(ProgressBar);

// === impl Working ===

impl Working {
    /// Shows it on standard error, where that is a terminal, unless a machine reads what the command says.
    pub(super) fn at(what: &'static str, json: bool) -> Self {
        let sign = match json {
            true => ProgressBar::hidden(),
            false => ProgressBar::new_spinner(),
        };
        sign.set_message(what);
        sign.enable_steady_tick(SIGN_OF_LIFE);
        Self(sign)
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Prints a value as JSON, and nothing else on standard output.
pub(super) fn json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(Failure::new)?;
    anstream::println!("{text}");
    Ok(())
}

/// A table without lines, as wide as the terminal.
pub(super) fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(header.to_vec());
    table
}

/// Text in a colour where the terminal has colours.
pub(super) fn coloured(text: &str, colour: AnsiColor) -> String {
    let style = Style::new().fg_color(Some(colour.into()));
    format!("{style}{text}{style:#}")
}

/// How long ago something was: `5 s`, `3 min`, `2 h`, `4 d`.
pub(super) fn age(ms: i64) -> String {
    match ms.max(0) / 1000 {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3600 => format!("{} min", seconds / 60),
        seconds @ 3600..86_400 => format!("{} h", seconds / 3600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

/// 200000 → `200k`.
pub(super) fn tokens(n: u64) -> String {
    match n {
        0 => "–".to_owned(),
        1..1000 => n.to_string(),
        1000..1_000_000 => format!("{}k", n / 1000),
        _ => format!("{:.1}M", n as f64 / 1e6),
    }
}

/// A text of an answer, without what would move a terminal's cursor; empty if it is none.
pub(super) fn text(value: &serde_json::Value) -> String {
    let text = value.as_str().unwrap_or_default();
    text.chars().filter(|c| !c.is_control()).collect()
}

/// A list of an answer.
pub(super) fn list(value: &serde_json::Value) -> impl Iterator<Item = &serde_json::Value> {
    value.as_array().into_iter().flatten()
}

/// 1536 → `1.5 KB`.
pub(super) fn bytes(n: u64) -> String {
    let units = ["B", "KB", "MB", "GB"];
    let mut size = n as f64;
    let mut unit = 0;
    while size >= 1024.0 && unit + 1 < units.len() {
        size /= 1024.0;
        unit += 1;
    }
    if unit == 0 {
        format!("{n} B")
    } else {
        format!("{size:.1} {}", units[unit])
    }
}

/// 1500 µs → `1.5 ms`.
pub(super) fn micros(us: u64) -> String {
    match us {
        0 => "–".to_owned(),
        1..1_000 => format!("{us} µs"),
        1_000..1_000_000 => format!("{:.1} ms", us as f64 / 1e3),
        u64::MAX => "> 10 s".to_owned(),
        _ => format!("{:.1} s", us as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_are_short() {
        assert_eq!(
            (bytes(10), bytes(1536), bytes(5 << 20)),
            ("10 B".into(), "1.5 KB".into(), "5.0 MB".into())
        );
        assert_eq!(
            (age(-5), age(59_999), age(3_600_000), age(200_000_000)),
            ("0 s".into(), "59 s".into(), "1 h".into(), "2 d".into())
        );
        assert_eq!(
            (tokens(0), tokens(999), tokens(200_000), tokens(1_048_576)),
            ("–".into(), "999".into(), "200k".into(), "1.0M".into())
        );
        assert_eq!(
            (micros(5), micros(1500), micros(2_000_000)),
            ("5 µs".into(), "1.5 ms".into(), "2.0 s".into())
        );
    }
}
