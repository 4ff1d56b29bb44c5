//! How a command ends when it can't do its work: a text for people, and an exit code for scripts.
use std::fmt;

/// Why a command failed.
#[derive(Debug)]
pub struct Failure {
    code: u8,
    text: String,
}

impl Failure {
    /// Something did not work. Exit code 1.
    pub fn new(text: impl fmt::Display) -> Self {
        Self {
            code: 1,
            text: text.to_string(),
        }
    }

    /// The command line is wrong. Exit code 2.
    pub fn usage(text: impl fmt::Display) -> Self {
        Self {
            code: 2,
            text: text.to_string(),
        }
    }

    /// The configuration is wrong. Exit code 78.
    pub fn config(text: impl fmt::Display) -> Self {
        Self {
            code: 78,
            text: text.to_string(),
        }
    }

    /// The command did its work and what it found is bad; it has said so itself. Exit code 1.
    pub fn silent() -> Self {
        Self {
            code: 1,
            text: String::new(),
        }
    }

    /// The command did its work and what it found will be bad soon; it has said so itself. Exit code 2.
    pub fn warned() -> Self {
        Self {
            code: 2,
            text: String::new(),
        }
    }

    /// The same without words: somebody has said them.
    #[must_use]
    pub fn quiet(self) -> Self {
        Self {
            text: String::new(),
            ..self
        }
    }

    /// The system said no.
    pub fn io(what: impl fmt::Display, error: std::io::Error) -> Self {
        Self::new(format_args!("can't {what}: {error}"))
    }

    /// Says it on standard error and gives the exit code.
    pub fn report(&self) -> u8 {
        if !self.text.is_empty() {
            anstream::eprintln!("error: {}", self.text);
        }
        self.code
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
