//! The commands that the gateway itself knows: names, synonyms, and what people read about them.

/// A command of the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Builtin {
    /// `/help`
    Help,
    /// `/commands`
    Commands,
    /// `/status`
    Status,
    /// `/whoami`
    Whoami,
    /// `/new`
    New,
    /// `/reset`
    Reset,
    /// `/stop`
    Stop,
    /// `/model`
    Model,
    /// `/models`
    Models,
    /// `/think`
    Think,
    /// `/verbose`
    Verbose,
    /// `/reasoning`
    Reasoning,
    /// `/usage`
    Usage,
    /// `/compact`
    Compact,
    /// `/queue`
    Queue,
    /// `/context`
    Context,
    /// `/tools`
    Tools,
    /// `/activation`
    Activation,
    /// `/send`
    Send,
    /// `/approve`
    Approve,
}

/// How a command may be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Alone; also in a text, from which it is taken.
    Shortcut,
    /// Alone, with whatever follows as its arguments.
    Standalone,
    /// Alone, and then it lasts; in a text, and then it holds for that message.
    Directive,
}

/// What is known about a command.
#[derive(Debug)]
pub struct Entry {
    /// Which.
    pub command: Builtin,
    /// Its name and its synonyms.
    pub names: &'static [&'static str],
    /// How its arguments look.
    pub usage: &'static str,
    /// One line for people.
    pub description: &'static str,
    /// How it may be written.
    pub form: Form,
}

const fn entry(
    command: Builtin,
    names: &'static [&'static str],
    usage: &'static str,
    description: &'static str,
    form: Form,
) -> Entry {
    Entry {
        command,
        names,
        usage,
        description,
        form,
    }
}

/// All of them, in the order in which people see them.
pub const TABLE: &[Entry] = &[
    entry(
        Builtin::Help,
        &["help"],
        "",
        "What you can do here.",
        Form::Shortcut,
    ),
    entry(
        Builtin::Commands,
        &["commands"],
        "",
        "List all commands.",
        Form::Shortcut,
    ),
    entry(
        Builtin::Status,
        &["status"],
        "",
        "Show model, tokens and settings.",
        Form::Shortcut,
    ),
    entry(
        Builtin::Whoami,
        &["whoami", "id"],
        "",
        "Show your id on this channel.",
        Form::Shortcut,
    ),
    entry(
        Builtin::New,
        &["new"],
        "[model] [message]",
        "Start a new conversation.",
        Form::Standalone,
    ),
    entry(
        Builtin::Reset,
        &["reset"],
        "[model] [message]",
        "Start over.",
        Form::Standalone,
    ),
    entry(
        Builtin::Stop,
        &["stop", "abort"],
        "",
        "Stop the running answer.",
        Form::Standalone,
    ),
    entry(
        Builtin::Model,
        &["model"],
        "[name|status|list|default]",
        "Show or choose the model.",
        Form::Directive,
    ),
    entry(
        Builtin::Models,
        &["models"],
        "[provider]",
        "List the models.",
        Form::Standalone,
    ),
    entry(
        Builtin::Think,
        &["think", "thinking", "t"],
        "<off|minimal|low|medium|high|xhigh>",
        "How hard to think.",
        Form::Directive,
    ),
    entry(
        Builtin::Verbose,
        &["verbose", "v"],
        "<on|full|off>",
        "Tell which tools run.",
        Form::Directive,
    ),
    entry(
        Builtin::Reasoning,
        &["reasoning", "reason"],
        "<on|off|stream>",
        "Show thoughts.",
        Form::Directive,
    ),
    entry(
        Builtin::Usage,
        &["usage"],
        "<off|tokens|full|cost>",
        "Show tokens under answers.",
        Form::Standalone,
    ),
    entry(
        Builtin::Compact,
        &["compact"],
        "[instructions]",
        "Shorten the conversation.",
        Form::Standalone,
    ),
    entry(
        Builtin::Queue,
        &["queue"],
        "<steer|followup|collect|interrupt> [debounce:2s] [cap:25] [drop:summarize]",
        "What happens to messages during an answer.",
        Form::Directive,
    ),
    entry(
        Builtin::Context,
        &["context"],
        "[list|json]",
        "Show what the model is told.",
        Form::Standalone,
    ),
    entry(
        Builtin::Tools,
        &["tools"],
        "[tool]",
        "Show which tools are on, and why others are off.",
        Form::Standalone,
    ),
    entry(
        Builtin::Activation,
        &["activation"],
        "<mention|always>",
        "When to answer in this group.",
        Form::Standalone,
    ),
    entry(
        Builtin::Send,
        &["send"],
        "<on|off|inherit>",
        "May answers be sent here?",
        Form::Standalone,
    ),
    entry(
        Builtin::Approve,
        &["approve"],
        "<id> <allow-once|allow-always|deny>",
        "Answer whether a command may run.",
        Form::Standalone,
    ),
];

/// The entry of a name or synonym.
pub fn find(name: &str) -> Option<&'static Entry> {
    TABLE
        .iter()
        .find(|entry| entry.names.iter().any(|known| known.eq_ignore_ascii_case(name)))
}
