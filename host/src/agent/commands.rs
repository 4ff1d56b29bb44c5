//! Commands that people give in a chat: finding them, running them, and what they change of a conversation.
//!
//! Pure: what has to happen outside (stopping, compacting, a plugin's command) is returned as an [`Effect`]. An
//! unauthorised person's commands are never run, and never answered.
mod cards;
mod choose;
mod parse;
mod pick;
mod settings;
mod table;

use super::prompt::PromptReport;
pub use cards::compacted;
use openclaw_plugin_api::{Chat, Inbound, Sender, Thinking};
pub use parse::{Command, CommandName, ParseContext, Parsed, parse, stops};
pub use pick::{ModelChoice, PickError, exact, fuzzy};
pub use settings::{
    Activation, QueueDrop, QueueMode, QueueSettings, Reasoning, SendPolicy, SessionSettings, UsageFooter,
    Verbose, thinking_from_word, thinking_word, wished_thinking,
};
pub use table::{Builtin, Entry, Form, TABLE, find};

/// A command that a plugin brings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PluginCommand {
    /// Its name.
    pub name: String,
    /// One line for people.
    pub description: String,
    /// Only people that the operator admitted may use it.
    pub require_auth: bool,
}

/// What commands need to know.
#[derive(Debug, Clone, Default)]
pub struct CommandContext<'a> {
    /// Version of the gateway, and its commit if known.
    pub version: &'a str,
    /// Commit it was built from; may be empty.
    pub commit: &'a str,
    /// Channel name for people.
    pub channel: &'a str,
    /// Where the command was given.
    pub chat: Chat,
    /// By whom.
    pub sender: Sender,
    /// Who is admitted on this channel.
    pub allow_from: &'a [String],
    /// The conversation.
    pub session_key: &'a str,
    /// How long ago it was used, `just now`; empty if unknown.
    pub updated: &'a str,
    /// The model as the configuration says, `provider/model`.
    pub default_model: &'a str,
    /// How the provider is paid, such as `api-key (default)`; empty if unknown. Never a key.
    pub auth: &'a str,
    /// Models that may be chosen.
    pub models: &'a [ModelChoice],
    /// Only these may be chosen: the operator restricted them.
    pub models_only: bool,
    /// Commands that plugins bring.
    pub plugins: &'a [PluginCommand],
    /// What the conversation cost and how full it is.
    pub tokens: Tokens,
    /// The configuration's level of thinking.
    pub thinking: Thinking,
    /// The configuration's verbosity.
    pub verbose: Verbose,
    /// The configuration's way with thoughts.
    pub reasoning: Reasoning,
    /// The configuration's queue.
    pub queue: QueueSettings,
    /// How many messages wait.
    pub queue_depth: usize,
    /// Does a turn run?
    pub running: bool,
    /// What the last prompt was made of.
    pub prompt: Option<&'a PromptReport>,
}

/// What a conversation used.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Tokens {
    /// Input so far.
    pub input: u64,
    /// Output so far.
    pub output: u64,
    /// In the window now.
    pub context: u64,
    /// The window. 0: unknown.
    pub window: u64,
    /// How often it was shortened.
    pub compactions: u32,
    /// US dollars so far.
    pub cost: f64,
}

/// What a command did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// For the person, Markdown.
    pub reply: Option<String>,
    /// What is left to do.
    pub effect: Effect,
}

/// What is left to do after a command.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    #[default]
    None,
    /// Begin a new conversation under the same key. The settings are already as the new one shall have them.
    Reset {
        /// The model that was chosen with it, `provider/model`.
        model: Option<String>,
        /// The new conversation's first message; may be empty.
        rest: String,
    },
    /// End the running turn and drop what waits.
    Stop,
    /// Shorten the conversation, then answer with [`compacted`].
    Compact {
        /// What to keep in mind; may be empty.
        instructions: String,
    },
    /// Tell which tools there are and why others are off.
    Tools {
        /// The one that is asked about; may be empty.
        name: String,
    },
    /// Run a plugin's command and send what it answers.
    Plugin {
        /// Its name.
        name: String,
        /// What follows it.
        args: String,
    },
}

/// A command for a platform's own menu.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NativeCommand {
    /// Its name.
    pub name: String,
    /// One line for people.
    pub description: String,
    /// How its arguments look; empty if it takes none.
    pub usage: String,
}

/// Runs a command. The settings are changed in place; whoever calls stores them.
pub fn run(command: &Command, context: &CommandContext<'_>, settings: &mut SessionSettings) -> Outcome {
    let args = command.args.as_str();
    let builtin = match &command.name {
        CommandName::Builtin(builtin) => *builtin,
        CommandName::Plugin(name) => {
            return Outcome::effect(Effect::Plugin {
                name: name.clone(),
                args: args.to_owned(),
            });
        }
    };
    match builtin {
        Builtin::Help => Outcome::say(cards::help()),
        Builtin::Commands => Outcome::say(cards::commands(context)),
        Builtin::Status => Outcome::say(cards::status(context, settings)),
        Builtin::Whoami => Outcome::say(cards::whoami(context)),
        Builtin::Tools => Outcome::effect(Effect::Tools {
            name: args.trim().to_owned(),
        }),
        Builtin::Context => Outcome::say(cards::context(args, context)),
        Builtin::Models => Outcome::say(cards::models(args, context)),
        Builtin::New | Builtin::Reset => reset(args, context, settings),
        Builtin::Stop => Outcome {
            reply: Some(
                if context.running {
                    "⚙️ Stopped."
                } else {
                    "⚙️ Nothing is running."
                }
                .to_owned(),
            ),
            effect: Effect::Stop,
        },
        Builtin::Compact => Outcome::effect(Effect::Compact {
            instructions: args.to_owned(),
        }),
        Builtin::Model => Outcome::say(choose::model(args, context, settings)),
        Builtin::Think => Outcome::say(choose::think(args, context, settings)),
        Builtin::Verbose => Outcome::say(choose::verbose(args, context, settings)),
        Builtin::Reasoning => Outcome::say(choose::reasoning(args, context, settings)),
        Builtin::Usage => Outcome::say(choose::usage(args, context, settings)),
        Builtin::Queue => Outcome::say(choose::queue(args, context, settings)),
        Builtin::Activation => Outcome::say(choose::activation(args, context, settings)),
        Builtin::Send => Outcome::say(choose::send(args, settings)),
        // who may answer is another question than who may give commands: see `approvals`
        Builtin::Approve => Outcome::default(),
    }
}

/// The settings of one message: those of the conversation, changed by the directives in it.
pub fn for_this_message(
    directives: &[Command],
    context: &CommandContext<'_>,
    settings: &SessionSettings,
) -> SessionSettings {
    let mut settings = settings.clone();
    for directive in directives {
        // Its acknowledgement is for commands that stand alone.
        let _ = run(directive, context, &mut settings);
    }
    settings
}

/// What to offer in a platform's own menu.
pub fn native(plugins: &[PluginCommand]) -> Vec<NativeCommand> {
    let own = table::TABLE.iter().map(|entry| NativeCommand {
        name: entry.names[0].to_owned(),
        description: entry.description.to_owned(),
        usage: entry.usage.to_owned(),
    });
    let brought = plugins
        .iter()
        .filter(|plugin| find(&plugin.name).is_none())
        .map(|plugin| NativeCommand {
            name: plugin.name.clone(),
            description: plugin.description.clone(),
            // what a plugin takes is its own matter
            usage: "[args]".to_owned(),
        });
    own.chain(brought).collect()
}

/// A command of the platform's own interface, as the text that means the same.
pub fn native_text(inbound: &Inbound) -> String {
    let mut text = format!("/{}", inbound.value.trim_start_matches('/'));
    for value in inbound.options.values() {
        text.push(' ');
        match value.as_str() {
            Some(value) => text.push_str(value),
            None => text.push_str(&value.to_string()),
        }
    }
    text
}

// === impl Outcome ===

impl Outcome {
    fn say(text: impl Into<String>) -> Self {
        Self {
            reply: Some(text.into()),
            effect: Effect::None,
        }
    }

    fn effect(effect: Effect) -> Self {
        Self { reply: None, effect }
    }
}

/// `/new [model] [message]`: the first word is a model only if one begins like it.
fn reset(args: &str, context: &CommandContext<'_>, settings: &mut SessionSettings) -> Outcome {
    let (word, rest) = args.split_once(char::is_whitespace).unwrap_or((args, ""));
    let model = pick::by_words(word, context.models);
    let rest = if model.is_some() { rest.trim() } else { args };
    if let Some(model) = model {
        choose::set_model(&model.reference, None, context, settings);
    }
    let reply = match (model, rest.is_empty()) {
        (_, false) => None,
        (Some(model), true) => Some(format!("✅ New session started with {}.", model.reference)),
        (None, true) => Some("✅ New session started.".to_owned()),
    };
    Outcome {
        reply,
        effect: Effect::Reset {
            model: model.map(|model| model.reference.clone()),
            rest: rest.to_owned(),
        },
    }
}

#[cfg(test)]
mod tests;
