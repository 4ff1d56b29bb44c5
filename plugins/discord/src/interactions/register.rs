//! The commands that Discord offers to people: what the host wants, compared with what is there, and only the difference
//! changed.
//!
//! Invariant: with nothing to change there is one request, and it reads.
use crate::{
    account::Connection,
    config::NativeCommand,
    rest::{Request, RestError, Route},
};
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, sync::Arc};

/// Commands of an application.
const MAX_COMMANDS: usize = 100;
/// Longest name, characters.
const MAX_NAME: usize = 32;
/// Longest description of a command and of an option, characters.
const MAX_DESCRIPTION: usize = 100;
/// Choices that stand in the command itself; more are offered while one types.
const MAX_CHOICES: usize = 25;
/// Longest choice, characters.
const MAX_CHOICE: usize = 100;
/// Words of usages that stand for others.
const PLACEHOLDERS: [&str; 6] = ["name", "model", "text", "message", "number", "id"];
/// A command that people type. Other types are not ours.
const CHAT_INPUT: u64 = 1;
/// What is compared of a command.
const COMPARED: [&str; 3] = ["name", "description", "options"];
/// What is compared of an option.
const OF_OPTION: [&str; 6] = [
    "type",
    "name",
    "description",
    "required",
    "choices",
    "autocomplete",
];
/// So many changes are made with one request instead.
const MANY: usize = 4;
/// Changed too often today.
const DAILY_LIMIT: u32 = 30_032;

/// What has to be done.
#[derive(Debug, Default, PartialEq)]
struct Difference {
    add: Vec<Value>,
    change: Vec<(String, Value)>,
    remove: Vec<String>,
}

/// Registers the commands that the host wants. Called once after each login; the bot works without them, so a failure is
/// only logged.
pub(crate) async fn register(connection: &Arc<Connection>) {
    let Some(me) = connection.me.get() else {
        return;
    };
    match bring(connection, &me.application_id).await {
        Ok(0) => tracing::debug!(
            account = connection.id,
            "the slash commands are as they should be"
        ),
        Ok(changes) => tracing::info!(account = connection.id, changes, "slash commands registered"),
        Err(error) if error.code() == Some(DAILY_LIMIT) => tracing::warn!(
            account = connection.id,
            %error,
            "slash commands stay as they are until tomorrow"
        ),
        Err(error) => {
            tracing::warn!(account = connection.id, %error, "slash commands could not be registered")
        }
    }
}

/// The choices of a command's argument.
pub(super) fn choices(connection: &Connection, command: &str) -> Vec<String> {
    let commands = &connection.config.native_commands_list;
    let found = commands
        .iter()
        .find(|native| name(&native.command).as_deref() == Some(command));
    found.map(choices_of).unwrap_or_default()
}

async fn bring(connection: &Connection, application: &str) -> Result<usize, RestError> {
    let wanted = wanted(connection);
    let all = || Route::new("applications/{}/commands", &[application]);
    let there: Vec<Value> = connection.rest.call(Request::get(all())).await?;
    let Difference { add, change, remove } = difference(&there, &wanted);
    let changes = add.len() + change.len() + remove.len();
    if changes > MANY {
        let others = there
            .into_iter()
            .filter(|command| !is_ours(command))
            .map(writable);
        let body: Vec<_> = others.chain(wanted).collect();
        connection
            .rest
            .done(Request::put(all()).json(Value::Array(body)))
            .await?;
        return Ok(changes);
    }
    let one = |id: &str| Route::new("applications/{}/commands/{}", &[application, id]);
    for id in &remove {
        match connection.rest.done(Request::delete(one(id))).await {
            Err(error) if !error.is_gone() => return Err(error),
            _ => {}
        }
    }
    for (id, command) in change {
        connection
            .rest
            .done(Request::patch(one(&id)).json(command))
            .await?;
    }
    for command in add {
        // A second one of the same name takes the place of the first.
        connection
            .rest
            .done(Request::post(all()).json(command).repeatable())
            .await?;
    }
    Ok(changes)
}

/// The commands as Discord takes them.
fn wanted(connection: &Connection) -> Vec<Value> {
    let config = &connection.config;
    let is_off = config
        .commands
        .as_ref()
        .and_then(|commands| commands.native.as_ref());
    if is_off.is_some_and(|native| native.is_off()) {
        return Vec::new();
    }
    let mut wanted: BTreeMap<String, Value> = BTreeMap::new();
    for native in &config.native_commands_list {
        let Some(name) = name(&native.command) else {
            tracing::warn!(
                command = native.command,
                "skipped: a command has 1 to 32 of a-z, 0-9, - and _"
            );
            continue;
        };
        if wanted.contains_key(&name) {
            continue;
        }
        if wanted.len() == MAX_COMMANDS {
            tracing::warn!(
                command = native.command,
                "skipped, with all that follow: Discord takes 100 commands"
            );
            break;
        }
        wanted.insert(name.clone(), command(&name, native));
    }
    wanted.into_values().collect()
}

fn command(name: &str, native: &NativeCommand) -> Value {
    let description = short(&native.description, MAX_DESCRIPTION);
    let description = if description.is_empty() {
        name.to_owned()
    } else {
        description
    };
    let mut command = json!({ "type": CHAT_INPUT, "name": name, "description": description });
    let usage = native.usage.trim();
    if !usage.is_empty() {
        let mut option = json!({ "type": 3, "name": "args", "description": short(usage, MAX_DESCRIPTION) });
        if usage.starts_with('<') {
            option["required"] = true.into();
        }
        let choices = choices_of(native);
        if !choices.is_empty() && choices.len() <= MAX_CHOICES {
            let pair = |choice: &String| json!({ "name": choice, "value": choice });
            option["choices"] = choices.iter().map(pair).collect();
        } else if !choices.is_empty() {
            option["autocomplete"] = true.into();
        }
        command["options"] = json!([option]);
    }
    command
}

/// The choices that the host named, or those that the usage spells out: `[on|off]`.
fn choices_of(native: &NativeCommand) -> Vec<String> {
    let fits = |choice: &String| (1..=MAX_CHOICE).contains(&choice.chars().count());
    if !native.choices.is_empty() {
        return native
            .choices
            .iter()
            .filter(|choice| fits(choice))
            .cloned()
            .collect();
    }
    let usage = native.usage.trim();
    let inner = usage
        .strip_prefix(['<', '['])
        .and_then(|usage| usage.strip_suffix(['>', ']']));
    let words: Vec<_> = inner
        .unwrap_or_default()
        .split('|')
        .map(|word| word.trim().to_owned())
        .collect();
    let is_word = |word: &String| {
        fits(word)
            && word
                .chars()
                .all(|c| c.is_alphanumeric() || matches!(c, '-' | '_'))
    };
    // `[name|list]`: some of it stands for itself, and some for what people think of.
    let is_open = words.iter().any(|word| PLACEHOLDERS.contains(&word.as_str()));
    if words.len() > 1 && !is_open && words.iter().all(is_word) {
        words
    } else {
        Vec::new()
    }
}

fn name(command: &str) -> Option<String> {
    let name = command.trim().trim_start_matches('/').to_lowercase();
    let is_fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    ((1..=MAX_NAME).contains(&name.len()) && name.chars().all(is_fine)).then_some(name)
}

fn difference(there: &[Value], wanted: &[Value]) -> Difference {
    let mut left: BTreeMap<&str, &Value> = BTreeMap::new();
    let mut difference = Difference::default();
    for command in there.iter().filter(|command| is_ours(command)) {
        left.insert(command["name"].as_str().unwrap_or_default(), command);
    }
    for command in wanted {
        match left.remove(command["name"].as_str().unwrap_or_default()) {
            None => difference.add.push(command.clone()),
            Some(known) if comparable(known) == comparable(command) => {}
            Some(known) => {
                let mut body = comparable(command);
                // What is left out of a change stays as it was.
                body.entry("options").or_insert_with(|| json!([]));
                let id = known["id"].as_str().unwrap_or_default();
                difference.change.push((id.to_owned(), Value::Object(body)));
            }
        }
    }
    let ids = left.values().filter_map(|command| command["id"].as_str());
    difference.remove = ids.map(str::to_owned).collect();
    difference
}

fn is_ours(command: &Value) -> bool {
    command["type"].as_u64().unwrap_or(CHAT_INPUT) == CHAT_INPUT
}

/// What was read, without what can't be written.
fn writable(mut command: Value) -> Value {
    if let Some(command) = command.as_object_mut() {
        for key in ["application_id", "version", "guild_id"] {
            command.remove(key);
        }
        command.retain(|_, value| !value.is_null());
    }
    command
}

/// What counts of a command, without what Discord adds.
fn comparable(command: &Value) -> Map<String, Value> {
    let mut kept = pick(command, &COMPARED);
    if let Some(options) = kept.get_mut("options").and_then(Value::as_array_mut) {
        for option in options {
            let mut picked = pick(option, &OF_OPTION);
            for choice in picked
                .get_mut("choices")
                .and_then(Value::as_array_mut)
                .into_iter()
                .flatten()
            {
                *choice = Value::Object(pick(choice, &["name", "value"]));
            }
            *option = Value::Object(picked);
        }
    }
    kept
}

/// These keys of an object, in this order, without those that say nothing.
fn pick(value: &Value, keys: &[&str]) -> Map<String, Value> {
    let says = |value: &&Value| !value.is_null() && **value != json!(false) && **value != json!([]);
    let kept = keys
        .iter()
        .filter_map(|key| Some(((*key).to_owned(), value.get(*key).filter(says)?.clone())));
    kept.collect()
}

fn short(text: &str, limit: usize) -> String {
    text.trim().chars().take(limit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn native(command: &str, usage: &str) -> NativeCommand {
        NativeCommand {
            command: command.into(),
            description: "Does it.".into(),
            usage: usage.into(),
            ..NativeCommand::default()
        }
    }

    #[test]
    fn usages_become_options() {
        let made = command("think", &native("think", "[off|low|high]"));
        assert_eq!(
            made["options"][0]["choices"][1],
            json!({ "name": "low", "value": "low" })
        );
        assert_eq!(made["options"][0].get("required"), None);
        let made = command("model", &native("model", "<name> [--now]"));
        assert_eq!(
            made["options"],
            json!([{ "type": 3, "name": "args", "description": "<name> [--now]", "required": true }])
        );
        let many = NativeCommand {
            choices: (0..30).map(|n| n.to_string()).collect(),
            ..native("model", "[model]")
        };
        assert_eq!(command("model", &many)["options"][0]["autocomplete"], true);
        assert!(command("help", &native("help", "")).get("options").is_none());
        for (text, expected) in [("/New", Some("new")), ("a b", None), ("", None), ("ä", None)] {
            assert_eq!(name(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn only_what_differs_is_changed() {
        let (help, think) = (
            command("help", &native("help", "")),
            command("think", &native("t", "[a|b]")),
        );
        let as_told = |id: &str, command: &Value| {
            let mut told = command.clone();
            told["id"] = id.into();
            told["version"] = "9".into();
            told["nsfw"] = false.into();
            told["description_localizations"] = Value::Null;
            if let Some(option) = told.pointer_mut("/options/0") {
                option["required"] = false.into();
                option["choices"][0]["name_localizations"] = Value::Null;
            }
            told
        };
        let there = [
            as_told("1", &help),
            as_told("2", &think),
            json!({ "id": "3", "type": 4, "name": "launch" }),
        ];
        assert_eq!(
            difference(&there, &[help.clone(), think.clone()]),
            Difference::default()
        );
        let bare = command("think", &native("t", ""));
        let new = command("new", &native("new", ""));
        let found = difference(&there, &[bare, new.clone()]);
        assert_eq!((found.add, found.remove), (vec![new], vec!["1".to_owned()]));
        assert_eq!(
            found.change,
            [(
                "2".into(),
                json!({ "name": "think", "description": "Does it.", "options": [] })
            )]
        );
    }
}
