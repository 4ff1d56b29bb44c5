//! A command line taken apart, as far as that can be done for certain.
//!
//! Only what every shell reads the same way is understood: words, quotes, and commands joined by `|`, `&&`, `||`, `;`.
//! Whatever makes a shell do more (expansion, redirection, substitution, globs, assignments, keywords, new lines) makes
//! the line unreadable here, and no rule can allow it.

/// Most commands of a line.
const MAX_SEGMENTS: usize = 32;
/// Longest line that is taken apart, bytes.
const MAX_BYTES: usize = 16 << 10;
/// Words that begin something else than a command.
const KEYWORDS: &[&str] = &[
    "!", "{", "}", "[[", "]]", "case", "coproc", "do", "done", "elif", "else", "esac", "fi", "for",
    "function", "if", "in", "select", "then", "time", "until", "while",
];

/// A line of commands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The words of each command.
    pub commands: Vec<Vec<String>>,
    /// What stands between them.
    pub joins: Vec<Join>,
}

/// What stands between two commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Join {
    /// `|`
    Pipe,
    /// `&&`
    And,
    /// `||`
    Or,
    /// `;`
    Then,
}

/// What is being read.
#[derive(Default)]
struct Reader {
    commands: Vec<Vec<String>>,
    joins: Vec<Join>,
    words: Vec<String>,
    word: Option<String>,
}

// === impl Line ===

impl Line {
    /// A text that every shell reads as these very words: each in single quotes, programs as `paths` name them.
    pub fn quoted(&self, paths: &[String]) -> String {
        let mut text = String::new();
        for (n, (words, path)) in self.commands.iter().zip(paths).enumerate() {
            if n > 0 {
                text.push_str(match self.joins[n - 1] {
                    Join::Pipe => " | ",
                    Join::And => " && ",
                    Join::Or => " || ",
                    Join::Then => "; ",
                });
            }
            text.push_str(&quote(path));
            for word in &words[1..] {
                text.push(' ');
                text.push_str(&quote(word));
            }
        }
        text
    }
}

fn quote(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Takes a line apart, or says what about it can't be told for certain.
pub fn parse(text: &str) -> Result<Line, &'static str> {
    if text.len() > MAX_BYTES {
        return Err("it is too long");
    }
    if text.contains(|c: char| c.is_control() && c != '\t') {
        return Err("it has several lines or control characters");
    }
    let mut reader = Reader::default();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' => reader.end_word()?,
            '\'' => reader.single(&mut chars)?,
            '"' => reader.double(&mut chars)?,
            '\\' => {
                let next = chars.next().ok_or("it ends with a backslash")?;
                reader.push(next);
            }
            '|' if chars.next_if_eq(&'|').is_some() => reader.join(Join::Or)?,
            '|' if chars.peek() == Some(&'&') => return Err("it redirects output"),
            '|' => reader.join(Join::Pipe)?,
            '&' if chars.next_if_eq(&'&').is_some() => reader.join(Join::And)?,
            '&' => return Err("it starts something in the background"),
            ';' if chars.peek() == Some(&';') => return Err("it is not a plain command"),
            ';' => reader.join(Join::Then)?,
            '<' | '>' => return Err("it redirects input or output"),
            '$' | '`' => return Err("it has variables or substitutions"),
            '(' | ')' => return Err("it has a subshell"),
            '*' | '?' | '[' | ']' => return Err("it has patterns that stand for file names"),
            '{' | '}' => return Err("it has braces"),
            '~' if reader.word.as_ref().is_none_or(|word| word.ends_with(['=', ':'])) => {
                return Err("it has a `~` that stands for a folder");
            }
            '#' if reader.word.is_none() => return Err("it has a comment"),
            '=' if reader.words.is_empty() => return Err("it sets a variable"),
            _ => reader.push(c),
        }
    }
    reader.end()
}

impl Reader {
    fn push(&mut self, c: char) {
        self.word.get_or_insert_default().push(c);
    }

    fn single(&mut self, chars: &mut impl Iterator<Item = char>) -> Result<(), &'static str> {
        let word = self.word.get_or_insert_default();
        loop {
            match chars.next().ok_or("a quotation mark is missing")? {
                '\'' => return Ok(()),
                c => word.push(c),
            }
        }
    }

    fn double(&mut self, chars: &mut impl Iterator<Item = char>) -> Result<(), &'static str> {
        let word = self.word.get_or_insert_default();
        loop {
            match chars.next().ok_or("a quotation mark is missing")? {
                '"' => return Ok(()),
                '$' | '`' => return Err("it has variables or substitutions"),
                // history of interactive shells
                '!' => return Err("it has a `!` in double quotes"),
                '\\' => match chars.next().ok_or("a quotation mark is missing")? {
                    c @ ('"' | '\\' | '$' | '`') => word.push(c),
                    c => word.extend(['\\', c]),
                },
                c => word.push(c),
            }
        }
    }

    fn end_word(&mut self) -> Result<(), &'static str> {
        let Some(word) = self.word.take() else {
            return Ok(());
        };
        if self.words.is_empty() && (word.is_empty() || KEYWORDS.contains(&word.as_str())) {
            return Err("it is not a plain command");
        }
        self.words.push(word);
        Ok(())
    }

    fn join(&mut self, join: Join) -> Result<(), &'static str> {
        self.end_word()?;
        if self.words.is_empty() {
            return Err("a command is missing");
        }
        if self.joins.len() + 1 >= MAX_SEGMENTS {
            return Err("it has too many commands");
        }
        self.commands.push(std::mem::take(&mut self.words));
        self.joins.push(join);
        Ok(())
    }

    fn end(mut self) -> Result<Line, &'static str> {
        self.end_word()?;
        if self.words.is_empty() {
            // `a;` is whole, `a |` is not
            match self.joins.pop() {
                Some(Join::Then) => {}
                _ => return Err("a command is missing"),
            }
        } else {
            self.commands.push(self.words);
        }
        Ok(Line {
            commands: self.commands,
            joins: self.joins,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn plain_lines_are_read() {
        let line =
            parse(r#"grep -n 'a b' "c \"d" e\ f | wc -l && echo ok || echo "it's"; pwd;"#).expect("plain");
        assert_eq!(
            line.commands,
            [
                vec!["grep", "-n", "a b", "c \"d", "e f"],
                vec!["wc", "-l"],
                vec!["echo", "ok"],
                vec!["echo", "it's"],
                vec!["pwd"],
            ]
        );
        assert_eq!(line.joins, [Join::Pipe, Join::And, Join::Or, Join::Then]);
        let paths = ["/bin/grep", "/bin/wc", "/bin/echo", "/bin/echo", "/bin/pwd"].map(str::to_owned);
        assert!(
            line.quoted(&paths)
                .ends_with(r"|| '/bin/echo' 'it'\''s'; '/bin/pwd'")
        );
    }

    #[test]
    fn whatever_a_shell_would_do_more_with_is_refused() {
        for text in [
            "",
            ";",
            "| a",
            "a |",
            "a && ",
            "a & b",
            "a > f",
            "a < f",
            "a 2>&1",
            "a >| f",
            "a |& b",
            "$a",
            "a $(b)",
            "a `b`",
            "a \"$b\"",
            "a \"`b`\"",
            "(a)",
            "{ a; }",
            "a *",
            "a ?",
            "a [x]",
            "a {b,c}",
            "~/a",
            "a ~",
            "# a",
            "a # b",
            "A=b c",
            "PATH=. a",
            "if a",
            "! a",
            "time a",
            "a\nb",
            "a\rb",
            "a 'b",
            "a \"b",
            "a \\",
            "a ;; b",
            "while a",
            "a <<< b",
            "a\0b",
            "a\x1b[2K",
            "\"\" a",
            "a \"!b\"",
            "a $'\\n'",
            "coproc a",
            "function f",
            "a;\nb",
        ] {
            assert!(parse(text).is_err(), "{text:?} was read as {:?}", parse(text));
        }
        assert!(parse(&"a;".repeat(MAX_SEGMENTS + 1)).is_err());
        assert!(parse(&"a".repeat(MAX_BYTES + 1)).is_err());
        assert!(
            parse("a '$b' '`c`' '*' b=c").is_ok(),
            "single quotes keep everything"
        );
    }

    proptest! {
        /// What is read is what a real shell reads.
        #[test]
        fn a_shell_agrees(words in proptest::collection::vec("[a-z'\"\\\\ =!|;&é-]{0,8}", 1..5)) {
            let line = Line { commands: vec![[vec!["printf".to_owned(), "%s\\0".to_owned()], words.clone()].concat()], joins: Vec::new() };
            let text = line.quoted(&["printf".to_owned()]);
            let out = std::process::Command::new("/bin/sh").args(["-c", &text]).output().expect("a shell");
            let heard: Vec<_> = out.stdout.split(|b| *b == 0).map(|w| String::from_utf8_lossy(w).into_owned()).collect();
            prop_assert_eq!(&heard[..words.len()], words.as_slice());
        }

        /// A line that is read means the same to a real shell.
        #[test]
        fn what_is_read_is_meant(text in "[a-z'\"\\\\ $|;&*<>(~#=-]{0,24}") {
            let text = format!("printf '%s\\0' {text}");
            let Ok(line) = parse(&text) else { return Ok(()) };
            if line.commands.len() > 1 { return Ok(()) }
            let out = std::process::Command::new("/bin/sh").args(["-c", &text]).output().expect("a shell");
            let mut words = line.commands[0][2..].to_vec();
            if words.is_empty() { words.push(String::new()); }
            let heard: Vec<_> = out.stdout.split(|b| *b == 0).map(|w| String::from_utf8_lossy(w).into_owned()).collect();
            prop_assert_eq!(&heard[..words.len()], words.as_slice());
        }
    }
}
