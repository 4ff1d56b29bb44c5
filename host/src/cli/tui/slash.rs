//! What begins with a slash. Commands of this program are few; all others are the gateway's own and are sent as they are.

/// A command of this program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Slash {
    /// Shows what there is.
    Help,
    /// Chooses a conversation, by its key or from the list.
    Session(Option<String>),
    /// Chooses a model, by its name or from the list.
    Model(Option<String>),
    /// Begins a new conversation.
    New,
    /// Empties this conversation.
    Reset,
    /// Ends what runs.
    Abort,
    /// Answers go to the chat of the conversation as well, or not.
    Deliver(bool),
    /// How hard to think.
    Think(String),
    /// Ends the program.
    Quit,
    /// The command is known and what stands behind it is not.
    Wrong(&'static str),
}

/// What is shown for `/help`.
pub(super) const HELP: &str = "\
/session [key]   another conversation (Ctrl+P)      /model [name]   another model (Ctrl+L)
/new             a new conversation                 /think <level>  off, minimal, low, medium, high, xhigh
/reset           empty this conversation            /deliver on|off answers go to its chat as well
/abort           stop the answer (Esc)              /quit           leave (Ctrl+D)
Other commands are the gateway's: /commands lists them.
Enter sends, Alt+Enter begins a line, PageUp and PageDown scroll, Ctrl+T shows thoughts, Up brings back what was typed.";

/// Reads a line. None: it is not a command of this program.
pub(super) fn parse(text: &str) -> Option<Slash> {
    let line = text.trim().strip_prefix('/')?;
    if line.contains('\n') {
        return None;
    }
    let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let rest = rest.trim();
    let given = (!rest.is_empty()).then(|| rest.to_owned());
    Some(match name.to_ascii_lowercase().as_str() {
        "help" | "?" => Slash::Help,
        "session" | "sessions" => Slash::Session(given),
        "model" | "models" => Slash::Model(given),
        "new" => Slash::New,
        "reset" => Slash::Reset,
        "abort" | "stop" => Slash::Abort,
        "quit" | "exit" | "q" => Slash::Quit,
        "think" | "thinking" => match given {
            Some(level) => Slash::Think(level),
            None => Slash::Wrong("/think needs a level: off, minimal, low, medium, high or xhigh"),
        },
        "deliver" => match rest {
            "on" => Slash::Deliver(true),
            "off" => Slash::Deliver(false),
            _ => Slash::Wrong("/deliver needs on or off"),
        },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_are_few() {
        for (text, command) in [
            ("/help", Some(Slash::Help)),
            (" /Session ", Some(Slash::Session(None))),
            (
                "/session agent:main:x",
                Some(Slash::Session(Some("agent:main:x".into()))),
            ),
            ("/model a/b", Some(Slash::Model(Some("a/b".into())))),
            ("/think high", Some(Slash::Think("high".into()))),
            ("/deliver on", Some(Slash::Deliver(true))),
            ("/q", Some(Slash::Quit)),
            ("/status", None),
            ("/compact now", None),
            ("/etc/passwd is a file", None),
            ("say /help", None),
            ("/help\nmore", None),
        ] {
            assert_eq!(parse(text), command, "{text}");
        }
        assert!(matches!(parse("/deliver"), Some(Slash::Wrong(_))));
        assert!(matches!(parse("/think"), Some(Slash::Wrong(_))));
    }
}
