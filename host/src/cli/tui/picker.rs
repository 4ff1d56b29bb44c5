//! A list to choose from, made shorter by typing.
use serde_json::Value;

use super::wrap::plain;

/// Rows of a list at most.
const MAX_ROWS: usize = 1_000;

/// What is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice {
    /// A conversation.
    Session,
    /// A model.
    Model,
}

/// One that can be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    /// Its name towards the gateway.
    pub(super) id: String,
    /// What people see.
    pub(super) label: String,
}

/// The list.
#[derive(Debug)]
pub(super) struct Picker {
    pub(super) choice: Choice,
    /// What was typed.
    pub(super) filter: String,
    /// None: the gateway has not answered yet.
    rows: Option<Vec<Row>>,
    selected: usize,
}

impl Picker {
    /// A list that the gateway has been asked for.
    pub(super) fn new(choice: Choice) -> Self {
        Self {
            choice,
            filter: String::new(),
            rows: None,
            selected: 0,
        }
    }

    /// The gateway has answered.
    pub(super) fn fill(&mut self, answer: &Value) {
        let (list, read): (_, fn(&Value) -> Option<Row>) = match self.choice {
            Choice::Session => ("sessions", session),
            Choice::Model => ("models", model),
        };
        let rows = answer[list].as_array().into_iter().flatten();
        self.rows = Some(rows.filter_map(read).take(MAX_ROWS).collect());
    }

    /// Does it wait for the gateway?
    pub(super) fn is_waiting(&self) -> bool {
        self.rows.is_none()
    }

    /// Those that fit what was typed.
    pub(super) fn shown(&self) -> Vec<&Row> {
        let filter = self.filter.to_lowercase();
        let rows = self.rows.iter().flatten();
        rows.filter(|row| {
            row.label.to_lowercase().contains(&filter) || row.id.to_lowercase().contains(&filter)
        })
        .collect()
    }

    /// Which of those that are shown is selected.
    pub(super) fn selected(&self) -> usize {
        self.selected.min(self.shown().len().saturating_sub(1))
    }

    /// The one that is selected.
    pub(super) fn chosen(&self) -> Option<Row> {
        self.shown().get(self.selected()).copied().cloned()
    }

    /// Another one is selected.
    pub(super) fn step(&mut self, by: isize) {
        let last = self.shown().len().saturating_sub(1);
        self.selected = self.selected().saturating_add_signed(by).min(last);
    }

    /// Another letter of what is looked for, or one less.
    pub(super) fn typed(&mut self, letter: Option<char>) {
        match letter {
            Some(letter) if self.filter.len() < 128 => self.filter.push(letter),
            Some(_) => {}
            None => {
                self.filter.pop();
            }
        }
        self.selected = 0;
    }
}

fn session(row: &Value) -> Option<Row> {
    let key = row["key"].as_str()?;
    let names = ["label", "displayName", "derivedTitle"];
    let name = names
        .iter()
        .find_map(|name| row[*name].as_str())
        .unwrap_or_default();
    let label = match name {
        "" => key.to_owned(),
        name => format!("{name}  ({key})"),
    };
    Some(Row {
        id: key.to_owned(),
        label: plain(&label).replace('\n', " "),
    })
}

fn model(row: &Value) -> Option<Row> {
    let (provider, id) = (row["provider"].as_str()?, row["id"].as_str()?);
    let reference = match id.starts_with(&format!("{provider}/")) {
        true => id.to_owned(),
        false => format!("{provider}/{id}"),
    };
    let name = row["name"].as_str().filter(|name| *name != id);
    let label = name.map_or_else(|| reference.clone(), |name| format!("{reference}  ({name})"));
    Some(Row {
        label: plain(&label).replace('\n', " "),
        id: reference,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn typing_makes_it_shorter() {
        let mut picker = Picker::new(Choice::Session);
        assert!(picker.is_waiting() && picker.chosen().is_none());
        picker.fill(&json!({"sessions": [
            {"key": "agent:main:main"}, {"key": "agent:main:x", "derivedTitle": "Holiday\u{1b}[2J"}, {"nokey": 1},
        ]}));
        assert_eq!(picker.shown().len(), 2);
        picker.step(5);
        assert_eq!(picker.chosen().map(|row| row.id), Some("agent:main:x".into()));
        assert!(!picker.shown()[1].label.contains('\u{1b}'));
        "main:m".chars().for_each(|c| picker.typed(Some(c)));
        assert_eq!(picker.chosen().map(|row| row.id), Some("agent:main:main".into()));
        picker.typed(Some('?'));
        assert_eq!(picker.chosen(), None);
        picker.typed(None);
        picker.step(-3);
        assert_eq!(picker.selected(), 0);
    }

    #[test]
    fn models_have_whole_names() {
        let mut picker = Picker::new(Choice::Model);
        picker.fill(&json!({"models": [
            {"provider": "demo", "id": "echo", "name": "Echo"}, {"provider": "a", "id": "a/b", "name": "a/b"},
        ]}));
        let labels: Vec<_> = picker.shown().iter().map(|row| row.label.as_str()).collect();
        assert_eq!(labels, ["demo/echo  (Echo)", "a/b"]);
    }
}
