//! Finds the commands in what a person wrote. It runs none, and leaves a text of which it isn't sure as it is.
use super::{
    Activation, ModelChoice, PluginCommand, QueueDrop, QueueMode, Reasoning, Verbose, pick,
    settings::thinking_from_word,
    table::{self, Builtin, Form},
};

/// Words that, alone, stop the running answer.
const STOP_WORDS: &[&str] = &["stop", "abort", "esc", "exit", "interrupt", "wait"];
/// Longest text in which inline commands are looked for.
const MAX_INLINE: usize = 16_000;

/// What a text means depends on who wrote it and on what there is.
#[derive(Debug, Clone, Copy, Default)]
pub struct ParseContext<'a> {
    /// May the person use commands?
    pub authorized: bool,
    /// Commands that plugins bring.
    pub plugins: &'a [PluginCommand],
    /// Models that may be chosen.
    pub models: &'a [ModelChoice],
    /// `session.resetTriggers` besides `/new` and `/reset`.
    pub reset_triggers: &'a [String],
}

/// A text that asks for nothing but the end of the running answer.
pub fn stops(text: &str) -> bool {
    let context = ParseContext {
        authorized: true,
        ..ParseContext::default()
    };
    let stop = |command: &Command| command.name == CommandName::Builtin(Builtin::Stop);
    matches!(parse(text, &context), Parsed::Commands(list) if list.iter().all(stop))
}

/// One command with its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Which.
    pub name: CommandName,
    /// What follows it, trimmed.
    pub args: String,
}

/// Whose command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandName {
    /// The gateway's.
    Builtin(Builtin),
    /// A plugin's.
    Plugin(String),
}

/// What a text turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parsed {
    /// Nothing but commands: run them and answer; the model doesn't see them.
    Commands(Vec<Command>),
    /// For the model.
    Text {
        /// Without the commands in it.
        text: String,
        /// They hold for this message only: see [`super::for_this_message`].
        directives: Vec<Command>,
        /// To be answered at once, before the model.
        shortcuts: Vec<Command>,
    },
    /// A command of somebody who may not use it: no answer, no turn.
    Ignored,
}

/// Reads a text.
pub fn parse(text: &str, context: &ParseContext<'_>) -> Parsed {
    let plain = || Parsed::Text {
        text: text.to_owned(),
        directives: Vec::new(),
        shortcuts: Vec::new(),
    };
    if let Some((command, open)) = alone(text, context) {
        return match (context.authorized || open, command.is_stop_word(text)) {
            (true, _) => Parsed::Commands(vec![command]),
            // Unlike `/stop`, the word may be meant for the people in the room.
            (false, true) => plain(),
            (false, false) => Parsed::Ignored,
        };
    }
    if text.len() > MAX_INLINE || !text.contains('/') || text.contains("```") {
        return plain();
    }
    let (rest, commands) = inline(text, context);
    if commands.is_empty() {
        return plain();
    }
    match (context.authorized, rest.trim().is_empty()) {
        (true, true) => Parsed::Commands(commands),
        (false, true) => Parsed::Ignored,
        (false, false) => plain(),
        (true, false) => {
            let (directives, shortcuts) = commands.into_iter().partition(Command::is_directive);
            Parsed::Text {
                text: rest.trim().to_owned(),
                directives,
                shortcuts,
            }
        }
    }
}

// === impl Command ===

impl Command {
    fn builtin(name: Builtin, args: &str) -> Self {
        Self {
            name: CommandName::Builtin(name),
            args: args.trim().to_owned(),
        }
    }

    fn is_directive(&self) -> bool {
        let CommandName::Builtin(name) = self.name else {
            return false;
        };
        table::TABLE
            .iter()
            .any(|entry| entry.command == name && entry.form == Form::Directive)
    }

    fn is_stop_word(&self, text: &str) -> bool {
        self.name == CommandName::Builtin(Builtin::Stop) && !text.trim_start().starts_with('/')
    }
}

/// The command that the whole text is, and whether everybody may use it.
fn alone(text: &str, context: &ParseContext<'_>) -> Option<(Command, bool)> {
    let text = text.trim();
    let word = text.trim_end_matches(['.', '!', '…']).to_lowercase();
    if STOP_WORDS.contains(&word.as_str()) {
        return Some((Command::builtin(Builtin::Stop, ""), false));
    }
    for trigger in context.reset_triggers.iter().map(|trigger| trigger.trim()) {
        let head = text
            .get(..trigger.len())
            .filter(|head| !head.is_empty() && head.eq_ignore_ascii_case(trigger));
        let rest = head.map(|head| &text[head.len()..]);
        if let Some(rest) = rest.filter(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace)) {
            return Some((Command::builtin(Builtin::New, rest), false));
        }
    }
    let (name, args) = head(text)?;
    let Some(entry) = table::find(name) else {
        let plugin = context
            .plugins
            .iter()
            .find(|plugin| plugin.name.eq_ignore_ascii_case(name))?;
        let command = Command {
            name: CommandName::Plugin(plugin.name.clone()),
            args: args.to_owned(),
        };
        return Some((command, !plugin.require_auth));
    };
    let fits = match entry.form {
        Form::Standalone => true,
        Form::Shortcut => args.is_empty(),
        // One word is meant for it, even if it is the wrong one; a sentence may be for the model.
        Form::Directive => args.split_whitespace().count() <= 1 && !args.starts_with('/'),
    };
    // `/stop the car` is said to the model.
    let fits = fits && (entry.command != Builtin::Stop || args.is_empty());
    fits.then(|| (Command::builtin(entry.command, args), false))
}

/// `/name args`, `/name: args`, `/name@bot args`.
fn head(text: &str) -> Option<(&str, &str)> {
    let body = text.strip_prefix('/')?;
    let end = body
        .find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '-'))
        .unwrap_or(body.len());
    let (name, mut rest) = body.split_at(end);
    if let Some(after) = rest.strip_prefix('@') {
        let end = after
            .find(|c: char| c.is_whitespace() || c == ':')
            .unwrap_or(after.len());
        rest = &after[end..];
    }
    let args = rest.strip_prefix(':').unwrap_or(rest);
    let separate = rest.is_empty() || rest.starts_with(':') || rest.starts_with(char::is_whitespace);
    (!name.is_empty() && separate).then(|| (name, args.trim()))
}

/// The text without the commands in it, and these.
fn inline(text: &str, context: &ParseContext<'_>) -> (String, Vec<Command>) {
    let (mut out, mut rest, mut commands) = (String::with_capacity(text.len()), text, Vec::new());
    let mut in_code = false;
    while !rest.is_empty() {
        let space = rest.len() - rest.trim_start().len();
        let word = &rest[space..];
        let found = Some(word).filter(|_| !in_code && (space > 0 || out.is_empty()));
        if let Some((command, length)) = found.and_then(|word| inline_command(word, context)) {
            commands.push(command);
            // The white space before it goes with it; what follows brings its own.
            rest = &rest[space + length..];
            continue;
        }
        let end = word.find(char::is_whitespace).unwrap_or(word.len());
        in_code ^= word[..end].matches('`').count() % 2 == 1;
        out.push_str(&rest[..space + end]);
        rest = &rest[space + end..];
    }
    (out, commands)
}

/// The command that the text begins with, if it is sure to be one, and its length.
fn inline_command(text: &str, context: &ParseContext<'_>) -> Option<(Command, usize)> {
    let first = text.split_whitespace().next()?;
    let (name, glued) = head(first)?;
    let entry = table::find(name)?;
    match entry.form {
        Form::Standalone => None,
        Form::Shortcut => glued
            .is_empty()
            .then(|| (Command::builtin(entry.command, ""), first.len())),
        Form::Directive => {
            let mut args = Vec::new();
            let mut length = first.len();
            if !glued.is_empty() {
                args.push(glued);
            }
            while args.is_empty() || entry.command == Builtin::Queue {
                let rest = &text[length..];
                let Some(word) = rest.split_whitespace().next() else {
                    break;
                };
                if !is_argument(entry.command, word, context) {
                    break;
                }
                length += rest.len() - rest.trim_start().len() + word.len();
                args.push(word);
            }
            let sure = !args.is_empty() && args.iter().all(|word| is_argument(entry.command, word, context));
            sure.then(|| (Command::builtin(entry.command, &args.join(" ")), length))
        }
    }
}

fn is_argument(command: Builtin, word: &str, context: &ParseContext<'_>) -> bool {
    match command {
        Builtin::Think => thinking_from_word(word).is_some(),
        Builtin::Verbose => Verbose::from_word(word).is_some(),
        Builtin::Reasoning => Reasoning::from_word(word).is_some(),
        Builtin::Activation => Activation::from_word(word).is_some(),
        Builtin::Model => {
            let name = word.split_once('@').map_or(word, |(name, _)| name);
            pick::exact(name, context.models).is_some()
        }
        Builtin::Queue => queue_option(word),
        _ => false,
    }
}

fn queue_option(word: &str) -> bool {
    match word.split_once([':', '=']) {
        Some((key, value)) => {
            matches!(key.to_ascii_lowercase().as_str(), "debounce" | "cap")
                || QueueDrop::from_word(value).is_some()
        }
        None => matches!(word, "default" | "reset") || QueueMode::from_word(word).is_some(),
    }
}
