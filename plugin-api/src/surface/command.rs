//! `command/1`: commands that people give, in a chat (`/name`) or on the command line (`openclaw name`).
use crate::{Registrar, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{future::Future, sync::Arc};

/// Method ids. Target: name of the command.
pub mod ids {
    /// Body: [`super::CommandCall`]; reply: [`super::CommandReply`].
    pub const RUN: &str = "command/1/run";
}

/// Commands that people give.
pub trait Commands: Send + Sync + 'static {
    /// The commands. Each name is declared in the manifest too.
    fn commands(&self) -> Vec<CommandSpec>;

    /// Runs one.
    fn run(&self, call: CommandCall) -> impl Future<Output = Result<CommandReply>> + Send;
}

/// One command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct CommandSpec {
    /// Lower-case letters, digits, `-` and `_`, beginning with a letter.
    pub name: String,
    /// One line for `/help` and `--help`.
    pub description: String,
    /// How its arguments look, `<number> [--now]`; empty if it takes none.
    pub usage: String,
    /// Only people that the operator admitted may use it. True by default.
    pub require_auth: bool,
    /// Offered in chats. True by default.
    pub chat: bool,
    /// Offered on the command line. False by default.
    pub cli: bool,
}

/// One use of a command.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct CommandCall {
    /// Its name.
    pub name: String,
    /// Its arguments: words as the shell split them, or as spaces do in a chat.
    pub args: Vec<String>,
    /// Everything after the name, as it was written.
    pub text: String,
    /// Channel of the chat; empty on the command line.
    pub channel: String,
    /// Account of that channel.
    pub account_id: String,
    /// The chat.
    pub chat_id: String,
    /// Who gave it.
    pub sender_id: String,
    /// The conversation; empty on the command line.
    pub session_key: String,
    /// Asked for JSON (`--json`).
    pub json: bool,
    /// No gateway runs: the plugin was started for this command, and ends with it.
    pub alone: bool,
}

/// What a command answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct CommandReply {
    /// For people, Markdown.
    pub text: String,
    /// For machines; null if there is nothing.
    pub data: Value,
    /// Exit code on the command line.
    pub exit_code: u8,
    /// Changes of `openclaw.json` that the command asks for, on the command line only. The host makes them all or none,
    /// below the plugin's own sections and its own configuration and nowhere else, and judges the result first.
    pub edits: Vec<ConfigEdit>,
    /// On the command line: once this is shown the command is given again with these arguments, until somebody stops it.
    /// It may wait until there is something to say; an empty text is not shown.
    pub again: Option<Vec<String>>,
}

/// One change of `openclaw.json`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ConfigEdit {
    /// Where: keys from the outside in.
    pub path: Vec<String>,
    /// What stands there afterwards; null: nothing.
    pub value: Value,
}

impl Default for CommandSpec {
    fn default() -> Self {
        Self {
            name: String::new(),
            description: String::new(),
            usage: String::new(),
            require_auth: true,
            chat: true,
            cli: false,
        }
    }
}

impl<T: Into<String>> From<T> for CommandReply {
    fn from(text: T) -> Self {
        Self {
            text: text.into(),
            ..Self::default()
        }
    }
}

pub(crate) fn command_register<C: Commands>(api: &mut Registrar, commands: C) {
    let table = commands.commands();
    let commands = Arc::new(commands);
    for spec in table {
        api.declare("command/1", &spec.name, &spec);
        let commands = commands.clone();
        api.unary(ids::RUN, &spec.name, move |call| {
            let commands = commands.clone();
            async move { commands.run(call).await }
        });
    }
}
