//! The bot's menu of commands.
use crate::{account::Account, config::CustomCommand};
use openclaw_plugin_api::Error;
use serde_json::{Value, json};
use std::collections::HashSet;

/// Most commands of a menu.
const MAX_COMMANDS: usize = 100;
/// Longest description, characters.
const MAX_DESCRIPTION: usize = 256;
/// Telegram refuses menus with more text than about this, characters.
const MAX_TEXT: usize = 5700;

/// Sets the menu. Without one the bot works all the same, so a failure is only logged.
pub(crate) async fn publish(account: &Account) {
    let config = &account.config;
    let mut commands = menu(config.native_commands_list.iter().chain(&config.custom_commands));
    if commands.is_empty() {
        if let Err(failure) = account.api.ask::<Value>("deleteMyCommands", &json!({})).await {
            tracing::debug!(account = account.id, error = %Error::from(failure), "the menu could not be cleared");
        }
        return;
    }
    loop {
        match account
            .api
            .ask::<Value>("setMyCommands", &json!({ "commands": commands }))
            .await
        {
            Ok(_) => return,
            Err(failure) if failure.says(&["bot_commands_too_much"]) && commands.len() > 1 => {
                commands.truncate(commands.len() * 4 / 5);
            }
            Err(failure) => {
                tracing::warn!(account = account.id, error = %Error::from(failure), "the menu could not be set");
                return;
            }
        }
    }
}

fn menu<'a>(wanted: impl Iterator<Item = &'a CustomCommand>) -> Vec<Value> {
    let (mut known, mut commands, mut size) = (HashSet::new(), Vec::new(), 0);
    for CustomCommand { command, description } in wanted {
        let Some(name) = normal(command) else {
            tracing::warn!(command, "skipped: a command has 1 to 32 of a-z, 0-9 and _");
            continue;
        };
        let description: String = description.trim().chars().take(MAX_DESCRIPTION).collect();
        let description = if description.is_empty() {
            name.clone()
        } else {
            description
        };
        size += name.chars().count() + description.chars().count();
        if size > MAX_TEXT || commands.len() == MAX_COMMANDS {
            tracing::warn!(command, "skipped, with all that follow: the menu is full");
            break;
        }
        if !known.insert(name.clone()) {
            tracing::warn!(command, "skipped: there is a command of that name already");
            continue;
        }
        commands.push(json!({ "command": name, "description": description }));
    }
    commands
}

fn normal(command: &str) -> Option<String> {
    let name = command
        .trim()
        .trim_start_matches('/')
        .to_lowercase()
        .replace('-', "_");
    let fine = (1..=32).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    fine.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(command: &str, description: &str) -> CustomCommand {
        CustomCommand {
            command: command.into(),
            description: description.into(),
        }
    }

    #[test]
    fn names_are_made_to_fit_and_the_first_of_a_name_wins() {
        let wanted = [
            command("/New-Chat", " begin "),
            command("new_chat", "again"),
            command("ö", "no"),
            command("a", ""),
        ];
        let menu = menu(wanted.iter());
        assert_eq!(
            json!(menu),
            json!([{ "command": "new_chat", "description": "begin" }, { "command": "a", "description": "a" }])
        );
    }

    #[test]
    fn a_menu_has_bounds() {
        let wanted: Vec<_> = (0..200).map(|n| command(&format!("c{n}"), "x")).collect();
        assert_eq!(menu(wanted.iter()).len(), MAX_COMMANDS);
        let wanted: Vec<_> = (0..200)
            .map(|n| command(&format!("c{n}"), &"x".repeat(300)))
            .collect();
        assert_eq!(menu(wanted.iter()).len(), 22);
    }
}
