//! What keys and the gateway's events do to the state.
use super::{
    editor::MAX,
    picker::{Choice, Picker},
    slash::{self, Slash},
    state::{Ask, Effect, Link, Msg, State, same},
    transcript::{Entry, words},
};
use crate::gateway::random::uuid;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use serde_json::{Value, json};

/// Conversations in the list.
const LISTED: usize = 200;
/// Lines of a page. How many there are is known when they are drawn; less than a screen is right for reading.
const PAGE: isize = 10;

impl State {
    /// Something happens.
    pub(super) fn update(&mut self, msg: Msg) -> Vec<Effect> {
        match msg {
            Msg::Key(key) if key.kind == KeyEventKind::Release => Vec::new(),
            Msg::Key(key) if self.picker.is_some() => self.pick(key),
            Msg::Key(key) => self.key(key),
            Msg::Paste(text) => {
                if self.picker.is_none() && !self.editor.insert(&text) {
                    self.notice = Some(format!("only the first {} KiB were taken", MAX / 1024));
                }
                Vec::new()
            }
            Msg::Tick => {
                self.ticks = self.ticks.wrapping_add(1);
                Vec::new()
            }
            Msg::Up => self.up(),
            Msg::Down(why) => {
                self.link = Link::Down(why);
                Vec::new()
            }
            Msg::Event(name, payload) => self.event(&name, &payload),
            Msg::Answer(ask, outcome) => self.answered(ask, outcome),
        }
    }

    fn key(&mut self, key: KeyEvent) -> Vec<Effect> {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let other = key.modifiers.intersects(KeyModifiers::ALT | KeyModifiers::SHIFT);
        let leaving = std::mem::take(&mut self.leaving);
        self.notice = None;
        match key.code {
            KeyCode::Char('c') if control => return self.interrupt(leaving),
            KeyCode::Char('d') if control && self.editor.is_empty() => return vec![Effect::Quit],
            KeyCode::Char('p') if control => return self.list(Choice::Session),
            KeyCode::Char('l') if control => return self.list(Choice::Model),
            KeyCode::Char('t') if control => self.shows_thoughts ^= true,
            KeyCode::Char('j') if control => self.newline(),
            KeyCode::Enter if other => self.newline(),
            KeyCode::Enter => return self.enter(),
            KeyCode::Esc => return self.abort(),
            KeyCode::PageUp => self.scroll(PAGE),
            KeyCode::PageDown => self.scroll(-PAGE),
            KeyCode::Up if other => self.scroll(1),
            KeyCode::Down if other => self.scroll(-1),
            KeyCode::End if control => self.top = None,
            _ => self.edit(key, control),
        }
        Vec::new()
    }

    fn newline(&mut self) {
        self.editor.insert("\n");
    }

    fn edit(&mut self, key: KeyEvent, control: bool) {
        let editor = &mut self.editor;
        match key.code {
            KeyCode::Char('w') if control => editor.delete_word(),
            KeyCode::Char('u') if control => editor.delete_to_start(),
            KeyCode::Char('k') if control => editor.delete_to_end(),
            KeyCode::Char('a') if control => editor.home(),
            KeyCode::Char('e') if control => editor.end(),
            KeyCode::Char(letter) if !control => {
                editor.insert(letter.encode_utf8(&mut [0; 4]));
            }
            KeyCode::Backspace => editor.backspace(),
            KeyCode::Delete => editor.delete(),
            KeyCode::Left => editor.left(),
            KeyCode::Right => editor.right(),
            KeyCode::Home => editor.home(),
            KeyCode::End => editor.end(),
            KeyCode::Up => editor.up(),
            KeyCode::Down => editor.down(),
            _ => {}
        }
    }

    /// Keys while there is a list.
    fn pick(&mut self, key: KeyEvent) -> Vec<Effect> {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let Some(picker) = &mut self.picker else {
            return Vec::new();
        };
        match key.code {
            KeyCode::Esc => self.picker = None,
            KeyCode::Char('c') if control => self.picker = None,
            KeyCode::Up => picker.step(-1),
            KeyCode::Down => picker.step(1),
            KeyCode::PageUp => picker.step(-PAGE),
            KeyCode::PageDown => picker.step(PAGE),
            KeyCode::Backspace => picker.typed(None),
            KeyCode::Char(letter) if !control => picker.typed(Some(letter)),
            KeyCode::Enter => {
                let Some(row) = picker.chosen() else {
                    return Vec::new();
                };
                let choice = picker.choice;
                self.picker = None;
                return match choice {
                    Choice::Session => self.open(row.id),
                    Choice::Model => vec![self.choose_model(&row.id)],
                };
            }
            _ => {}
        }
        Vec::new()
    }

    fn enter(&mut self) -> Vec<Effect> {
        if self.editor.text().trim().is_empty() {
            return Vec::new();
        }
        let text = self.editor.take();
        match slash::parse(&text) {
            Some(command) => self.command(command),
            None => self.say(text.trim().to_owned()),
        }
    }

    fn command(&mut self, command: Slash) -> Vec<Effect> {
        let change = |done: String, method, params| vec![Effect::Call(Ask::Change(done), method, params)];
        match command {
            Slash::Help => self.transcript.push(Entry::Note(slash::HELP.to_owned())),
            Slash::Session(None) => return self.list(Choice::Session),
            Slash::Session(Some(key)) => return self.open(key),
            Slash::Model(None) => return self.list(Choice::Model),
            Slash::Model(Some(name)) => return vec![self.choose_model(&name)],
            Slash::New => {
                let params = json!({ "key": format!("tui-{}", uuid()) });
                return vec![Effect::Call(Ask::Open, "sessions.create", params)];
            }
            Slash::Reset => {
                let params = json!({ "key": self.session });
                return change("the conversation is empty".to_owned(), "sessions.reset", params);
            }
            Slash::Abort => return self.abort(),
            Slash::Deliver(on) => {
                self.deliver = on;
                let word = if on { "go to the chat as well" } else { "stay here" };
                self.notice = Some(format!("answers {word}"));
            }
            Slash::Think(level) => {
                let params = json!({ "key": self.session, "thinkingLevel": level });
                return change(format!("thinks: {level}"), "sessions.patch", params);
            }
            Slash::Quit => return vec![Effect::Quit],
            Slash::Wrong(why) => self.notice = Some(why.to_owned()),
        }
        Vec::new()
    }

    fn choose_model(&self, name: &str) -> Effect {
        let params = json!({ "key": self.session, "model": name });
        Effect::Call(Ask::Change(format!("model: {name}")), "sessions.patch", params)
    }

    fn list(&mut self, choice: Choice) -> Vec<Effect> {
        self.picker = Some(Picker::new(choice));
        let (method, params) = match choice {
            Choice::Session => (
                "sessions.list",
                json!({ "limit": LISTED, "includeDerivedTitles": true }),
            ),
            Choice::Model => ("models.list", json!({ "view": "all" })),
        };
        vec![Effect::Call(Ask::List, method, params)]
    }

    /// Ends what runs.
    fn abort(&mut self) -> Vec<Effect> {
        if !self.is_busy() {
            self.top = None;
            return Vec::new();
        }
        let params = json!({ "sessionKey": self.session });
        let asked = Ask::Change("stopped".to_owned());
        vec![Effect::Call(asked, "chat.abort", params)]
    }

    fn interrupt(&mut self, leaving: bool) -> Vec<Effect> {
        if leaving {
            return vec![Effect::Quit];
        }
        if self.editor.is_empty() {
            self.leaving = true;
            self.notice = Some("Ctrl+C once more leaves; what runs goes on in the gateway".to_owned());
        } else {
            self.editor.take();
        }
        Vec::new()
    }

    /// Moves the screen, upwards if `lines` is positive.
    fn scroll(&mut self, lines: isize) {
        let newest = self.drawn.lines.saturating_sub(self.drawn.height);
        let top = self.top.unwrap_or(newest).min(newest);
        let top = top.saturating_add_signed(lines.saturating_neg());
        self.top = (top < newest).then_some(top);
    }

    fn event(&mut self, name: &str, payload: &Value) -> Vec<Effect> {
        let here = payload["sessionKey"]
            .as_str()
            .is_some_and(|key| same(&self.session, key));
        match name {
            "chat" if here => self.chat(payload),
            "agent" if here => {
                self.agent(payload);
                Vec::new()
            }
            "shutdown" => {
                let why = payload["reason"].as_str().unwrap_or("the gateway is stopping");
                self.notice = Some(why.to_owned());
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    fn chat(&mut self, payload: &Value) -> Vec<Effect> {
        let run = payload["runId"].as_str().unwrap_or_default();
        let ours = self.running.iter().any(|known| known == run);
        let state = payload["state"].as_str().unwrap_or_default();
        if state == "delta" || state == "status" {
            if !ours {
                self.running.push(run.to_owned());
            }
            if let Some(text) = said(payload) {
                self.transcript.answer(run).text = text;
            }
            return Vec::new();
        }
        if !["final", "aborted", "error"].contains(&state) {
            return Vec::new();
        }
        self.ended(run);
        let text = said(payload);
        if text.is_some() || self.transcript.knows(run) {
            let answer = self.transcript.answer(run);
            answer.open = false;
            answer.stopped = state == "aborted";
            if let Some(text) = text {
                answer.text = text;
            }
        } else if state == "aborted" {
            self.transcript.push(Entry::Note("stopped".to_owned()));
        }
        if state == "error" {
            let why = payload["errorMessage"].as_str().unwrap_or("the turn failed");
            self.transcript.push(Entry::Fault(why.to_owned()));
        }
        // what somebody else said is in the history only
        match ours {
            true => Vec::new(),
            false => vec![self.read()],
        }
    }

    fn agent(&mut self, payload: &Value) {
        let (run, data) = (payload["runId"].as_str().unwrap_or_default(), &payload["data"]);
        if !self.running.iter().any(|known| known == run) {
            return;
        }
        match payload["stream"].as_str().unwrap_or_default() {
            "thinking" => {
                if let Some(text) = data["text"].as_str() {
                    self.transcript.answer(run).thoughts = text.to_owned();
                }
            }
            "item" if data["kind"] == "tool" => {
                let id = data["toolCallId"].as_str().unwrap_or_default();
                let name = data["name"].as_str().unwrap_or_default();
                let well = match data["status"].as_str() {
                    Some("completed") => Some(true),
                    Some("failed") => Some(false),
                    _ => None,
                };
                self.transcript.answer(run).tool(id, name, well);
            }
            _ => {}
        }
    }
}

/// The whole text so far.
fn said(payload: &Value) -> Option<String> {
    let message = payload.get("message").filter(|message| message.is_object())?;
    Some(words(&message["content"]))
}
