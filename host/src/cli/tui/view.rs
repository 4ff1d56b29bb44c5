//! The state as a screen. It changes nothing; it says how much it drew.
use super::{
    picker::{Choice, Picker},
    state::{Drawn, Link, State},
    transcript::{Answer, Entry, Sent},
    wrap::{plain, styled, width, wrap},
};
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Margin, Position, Rect},
    style::{Color, Modifier, Style},
    text::{Line, Span},
    widgets::{Block, Clear, Paragraph},
};

/// Lines of the input at most.
const MAX_INPUT: u16 = 8;
/// What turns while something is under way.
const SPINNER: [&str; 4] = ["|", "/", "-", "\\"];
/// Lines of thoughts that are shown of an answer.
const MAX_THOUGHTS: usize = 40;

const DIM: Style = Style::new().fg(Color::DarkGray);
const PERSON: Style = Style::new().fg(Color::Cyan);
const FAULT: Style = Style::new().fg(Color::Red);

/// Draws all of it.
pub(super) fn draw(state: &State, frame: &mut Frame<'_>) -> Drawn {
    let area = frame.area();
    let columns = usize::from(area.width.saturating_sub(2)).max(1);
    let input = wrap(state.editor.text(), columns);
    let rows = u16::try_from(input.len())
        .unwrap_or(MAX_INPUT)
        .clamp(1, MAX_INPUT);
    let parts = Layout::vertical([
        Constraint::Length(1),
        Constraint::Min(1),
        Constraint::Length(1),
        Constraint::Length(rows + 2),
    ]);
    let [head, body, status, field] = parts.areas(area);
    frame.render_widget(header(state), head);
    let drawn = transcript(state, frame, body);
    frame.render_widget(line_of_status(state), status);
    entry_field(state, frame, field);
    if let Some(picker) = &state.picker {
        list(picker, frame, body);
    }
    drawn
}

fn header(state: &State) -> Line<'static> {
    let link = match &state.link {
        Link::Connecting => Span::styled(" connecting ", Style::new().fg(Color::Yellow)),
        Link::Up => Span::styled(" connected ", Style::new().fg(Color::Green)),
        Link::Down(_) => Span::styled(" not connected ", FAULT.add_modifier(Modifier::BOLD)),
    };
    let mut parts = vec![
        Span::styled(" openclaw ", Style::new().add_modifier(Modifier::BOLD)),
        Span::raw(plain(&state.session).replace('\n', " ")),
        Span::raw("  "),
        Span::styled(plain(&state.model).replace('\n', " "), DIM),
        link,
    ];
    if state.deliver {
        parts.push(Span::styled(" delivers ", Style::new().fg(Color::Yellow)));
    }
    Line::from(parts)
}

fn transcript(state: &State, frame: &mut Frame<'_>, area: Rect) -> Drawn {
    let columns = usize::from(area.width.saturating_sub(2)).max(1);
    let (height, mut lines) = (usize::from(area.height), Vec::new());
    for entry in state.transcript.entries() {
        if !lines.is_empty() {
            lines.push(Line::default());
        }
        lines.extend(shown(entry, state, columns));
    }
    let all = lines.len();
    let newest = all.saturating_sub(height);
    let top = state.top.map_or(newest, |top| top.min(newest));
    let lines: Vec<_> = lines.into_iter().skip(top).take(height).collect();
    frame.render_widget(Paragraph::new(lines), area.inner(Margin::new(1, 0)));
    Drawn { lines: all, height }
}

fn shown(entry: &Entry, state: &State, columns: usize) -> Vec<Line<'static>> {
    match entry {
        Entry::Person { text, sent, .. } => {
            let mark = match sent {
                Sent::Yes => "> ",
                Sent::Waiting => "… ",
                Sent::Refused => "✗ ",
            };
            let lines = wrap(text, columns.saturating_sub(2));
            let marked = lines.into_iter().enumerate().map(|(number, line)| {
                let mark = if number == 0 { mark } else { "  " };
                Line::styled(format!("{mark}{line}"), PERSON)
            });
            marked.collect()
        }
        Entry::Answer(answer) => of_answer(answer, state, columns),
        Entry::Note(text) => styled(text, columns, DIM),
        Entry::Fault(text) => styled(text, columns, FAULT),
    }
}

fn of_answer(answer: &Answer, state: &State, columns: usize) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    if state.shows_thoughts && !answer.thoughts.is_empty() {
        let thoughts = wrap(&answer.thoughts, columns);
        let skipped = thoughts.len().saturating_sub(MAX_THOUGHTS);
        let style = DIM.add_modifier(Modifier::ITALIC);
        lines.extend(
            thoughts
                .into_iter()
                .skip(skipped)
                .map(|line| Line::styled(line, style)),
        );
    }
    for tool in &answer.tools {
        let (mark, style) = match tool.well {
            None => ("~", Style::new().fg(Color::Yellow)),
            Some(true) => ("+", DIM),
            Some(false) => ("✗", FAULT),
        };
        let name: String = plain(&tool.name).chars().filter(|c| *c != '\n').collect();
        let text = wrap(&format!("{mark} {name}"), columns);
        lines.extend(text.into_iter().take(1).map(|line| Line::styled(line, style)));
    }
    if !answer.text.is_empty() || lines.is_empty() && !answer.open {
        lines.extend(styled(&answer.text, columns, Style::new()));
    }
    if answer.stopped {
        lines.push(Line::styled("(stopped)", DIM));
    }
    lines
}

fn line_of_status(state: &State) -> Line<'static> {
    let turning = SPINNER[state.ticks % SPINNER.len()];
    let text = |text: String| plain(&text).replace('\n', " ");
    if let Link::Down(why) = &state.link {
        return Line::styled(text(format!(" {turning} {why}")), FAULT);
    }
    if let Some(notice) = &state.notice {
        return Line::styled(text(format!(" {notice}")), Style::new().fg(Color::Yellow));
    }
    if state.is_busy() {
        return Line::styled(format!(" {turning} working  (Esc stops it)"), DIM);
    }
    match state.top {
        Some(_) => Line::styled(" older messages  (PageDown goes on, Ctrl+End to the newest)", DIM),
        None => Line::styled(" /help", DIM),
    }
}

fn entry_field(state: &State, frame: &mut Frame<'_>, area: Rect) {
    let block = Block::bordered().border_style(DIM);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let columns = usize::from(inner.width).max(1);
    let lines = wrap(state.editor.text(), columns);
    let before = wrap(state.editor.before(), columns);
    let (mut row, mut column) = (before.len() - 1, before.last().map_or(0, |line| width(line)));
    // the spaces at the end of a line that was wrapped are not shown, and the cursor stands behind them
    if column >= columns {
        (row, column) = (row + 1, 0);
    }
    let height = usize::from(inner.height).max(1);
    let top = (row + 1).saturating_sub(height);
    let shown: Vec<_> = lines.into_iter().skip(top).take(height).map(Line::from).collect();
    frame.render_widget(Paragraph::new(shown), inner);
    let (x, y) = (
        u16::try_from(column).unwrap_or(0),
        u16::try_from(row - top).unwrap_or(0),
    );
    if state.picker.is_none() && inner.width > 0 && inner.height > 0 {
        frame.set_cursor_position(Position::new(
            (inner.x + x).min(inner.right() - 1),
            (inner.y + y).min(inner.bottom() - 1),
        ));
    }
}

fn list(picker: &Picker, frame: &mut Frame<'_>, area: Rect) {
    let area = area.inner(Margin::new(2, 0));
    let title = match picker.choice {
        Choice::Session => " conversation ",
        Choice::Model => " model ",
    };
    let block = Block::bordered()
        .title(title)
        .title_bottom(" Enter chooses, Esc closes, typing looks for ");
    let inner = block.inner(area);
    frame.render_widget(Clear, area);
    frame.render_widget(block, area);
    let rows = usize::from(inner.height).saturating_sub(1);
    let mut lines = vec![Line::from(format!("> {}", picker.filter))];
    let shown = picker.shown();
    if picker.is_waiting() {
        lines.push(Line::styled("asking the gateway…", DIM));
    } else if shown.is_empty() {
        lines.push(Line::styled("nothing fits", DIM));
    }
    let selected = picker.selected();
    let top = (selected + 1).saturating_sub(rows);
    for (number, row) in shown.iter().enumerate().skip(top).take(rows) {
        let style = match number == selected {
            true => Style::new().add_modifier(Modifier::REVERSED),
            false => Style::new(),
        };
        lines.push(Line::styled(row.label.clone(), style));
    }
    frame.render_widget(Paragraph::new(lines), inner);
}
