//! Programs that need no rule where they only read what is piped into them: for each, the arguments that keep it so.
//!
//! A long option has to be written out: what is cut short may stand for another one in another version.
use std::path::Path;

/// OpenClaw's own list.
pub const DEFAULT: &[&str] = &["jq", "grep", "cut", "sort", "uniq", "head", "tail", "tr", "wc"];
/// Where the system's own programs are: whoever can change them needs no command.
const SYSTEM: &[&str] = &[
    "/bin/",
    "/usr/bin/",
    "/usr/local/bin/",
    "/opt/homebrew/bin/",
    "/nix/store/",
];

/// Words with which a filter of `jq` reads files and the environment.
const JQ_READS: &[&str] = &["import", "include", "modulemeta", "env", "ENV"];

/// What a program may be told.
struct Grammar {
    name: &'static str,
    /// Letters that stand alone.
    flags: &'static str,
    /// Letters that are followed by a value.
    values: &'static str,
    /// Long options, those with a value ending in `=`.
    long: &'static [&'static str],
    /// Most arguments that are no options.
    operands: usize,
}

const GRAMMARS: &[Grammar] = &[
    Grammar {
        name: "jq",
        flags: "cCMrjaSes",
        values: "",
        long: &[
            "--compact-output",
            "--raw-output",
            "--sort-keys",
            "--slurp",
            "--tab",
            "--exit-status",
            "--join-output",
        ],
        operands: 1,
    },
    Grammar {
        name: "grep",
        flags: "EFGPciLlnoqsvwxhHz",
        values: "eABCm",
        long: &[
            "--ignore-case",
            "--invert-match",
            "--count",
            "--only-matching",
            "--line-number",
            "--extended-regexp",
            "--fixed-strings",
            "--regexp=",
            "--max-count=",
            "--after-context=",
            "--before-context=",
            "--context=",
        ],
        operands: 1,
    },
    Grammar {
        name: "cut",
        flags: "sz",
        values: "bcdf",
        long: &[
            "--bytes=",
            "--characters=",
            "--delimiter=",
            "--fields=",
            "--only-delimited",
            "--complement",
            "--output-delimiter=",
        ],
        operands: 0,
    },
    Grammar {
        name: "sort",
        flags: "bdfgiMhnRrVcCsuz",
        values: "kt",
        long: &[
            "--numeric-sort",
            "--reverse",
            "--unique",
            "--key=",
            "--field-separator=",
            "--human-numeric-sort",
            "--version-sort",
            "--ignore-case",
            "--stable",
        ],
        operands: 0,
    },
    Grammar {
        name: "uniq",
        flags: "cdDiuz",
        values: "fsw",
        long: &["--count", "--repeated", "--unique", "--ignore-case"],
        operands: 0,
    },
    Grammar {
        name: "head",
        flags: "qvz0123456789",
        values: "cn",
        long: &["--bytes=", "--lines=", "--quiet", "--verbose"],
        operands: 0,
    },
    Grammar {
        name: "tail",
        flags: "qvz0123456789",
        values: "cn",
        long: &["--bytes=", "--lines=", "--quiet", "--verbose"],
        operands: 0,
    },
    Grammar {
        name: "tr",
        flags: "cCdst",
        values: "",
        long: &["--complement", "--delete", "--squeeze-repeats", "--truncate-set1"],
        operands: 2,
    },
    Grammar {
        name: "wc",
        flags: "clLmw",
        values: "",
        long: &["--bytes", "--chars", "--lines", "--words", "--max-line-length"],
        operands: 0,
    },
];

/// Does this command only work on its input? `listed` are the operator's safe programs. One whose arguments are not known
/// here is safe without any.
pub fn is_safe(words: &[String], real: &Path, listed: &[String]) -> bool {
    let Some(name) = words.first() else { return false };
    let in_system = SYSTEM.iter().any(|folder| real.starts_with(folder));
    if !in_system || name.contains('/') || !listed.iter().any(|listed| listed == name) {
        return false;
    }
    match GRAMMARS.iter().find(|grammar| grammar.name == name) {
        Some(grammar) => grammar.allows(&words[1..]),
        None => words.len() == 1,
    }
}

impl Grammar {
    fn allows(&self, words: &[String]) -> bool {
        let (mut operands, mut words) = (0, words.iter());
        let mut pattern_given = false;
        while let Some(word) = words.next() {
            if let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.is_empty()) {
                if word.starts_with("--") {
                    if !self.is_long(word) {
                        return false;
                    }
                    pattern_given |= word.starts_with("--regexp=");
                    continue;
                }
                match self.short(letters) {
                    None => return false,
                    Some((letter, true)) => {
                        pattern_given |= self.name == "grep" && letter == 'e';
                        if words.next().is_none() {
                            return false;
                        }
                    }
                    Some((letter, false)) => pattern_given |= self.name == "grep" && letter == 'e',
                }
            } else {
                if self.name == "jq" && JQ_READS.iter().any(|reads| word.contains(reads)) {
                    return false;
                }
                operands += 1;
            }
        }
        // with -e the first operand is a file already
        operands <= if pattern_given { 0 } else { self.operands }
    }

    fn is_long(&self, word: &str) -> bool {
        let (name, value) = match word.split_once('=') {
            Some((name, _)) => (name, true),
            None => (word, false),
        };
        self.long.iter().any(|option| match option.strip_suffix('=') {
            Some(option) => value && option == name,
            None => !value && *option == name,
        })
    }

    /// The last letter, and whether its value is the next word. None: a letter that is not known.
    fn short(&self, letters: &str) -> Option<(char, bool)> {
        let mut last = None;
        let mut rest = letters.chars();
        while let Some(letter) = rest.next() {
            if self.values.contains(letter) {
                return Some((letter, rest.as_str().is_empty()));
            }
            if !self.flags.contains(letter) {
                return None;
            }
            last = Some((letter, false));
        }
        last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn safe(command: &str) -> bool {
        let words: Vec<_> = command.split(' ').map(str::to_owned).collect();
        let mut listed: Vec<_> = DEFAULT.iter().map(|&name| name.to_owned()).collect();
        listed.push("rev".to_owned());
        is_safe(&words, &Path::new("/usr/bin").join(&words[0]), &listed)
    }

    #[test]
    fn filters_are_safe() {
        for command in [
            "jq .a",
            "jq -r .a",
            "grep -in x",
            "grep -e x",
            "grep -A2 x",
            "grep --max-count=2 x",
            "cut -d: -f1",
            "cut -d : -f 1",
            "sort -rn",
            "sort -k2 -t ,",
            "uniq -c",
            "head -5",
            "head -n 5",
            "tail -n+2",
            "tr a b",
            "tr -d a",
            "wc -l",
            "rev",
        ] {
            assert!(safe(command), "{command}");
        }
    }

    #[test]
    fn what_touches_files_or_runs_something_is_not() {
        for command in [
            "jq . /etc/passwd",
            "jq -f x",
            "jq --from-file x",
            "jq --args . x",
            "jq -n env f",
            "jq import\"a\"as$a{search:\"~\"};$a",
            "jq include\"a\";.",
            "jq \"a\"|modulemeta",
            "jq env",
            "jq $ENV.HOME",
            "grep x /etc/passwd",
            "grep -r x",
            "grep -f /etc/passwd x",
            "grep -e x /etc/passwd",
            "grep --file=x y",
            "grep --regexp=x f",
            "grep -ex f",
            "cut -f1 f",
            "sort -o f",
            "sort --output=f",
            "sort --compress-program=sh",
            "sort --compress-prog=sh",
            "sort --co=sh",
            "sort -T d",
            "sort f",
            "sort --files0-from=f",
            "uniq a b",
            "head f",
            "head -f",
            "tail -f",
            "tail -F",
            "tail --follow",
            "tail --pid=1",
            "wc f",
            "wc --files0-from=f",
            "tr a b c",
            "rev f",
            "rev -x",
            "grep",
            "grep --",
            "cat",
            "ls",
        ] {
            assert!(!safe(command) || command == "grep", "{command}");
        }
        assert!(!safe("/tmp/grep x"));
        let words = ["grep".to_owned(), "x".to_owned()];
        assert!(!is_safe(
            &words,
            Path::new("/home/ada/grep"),
            &["grep".to_owned()]
        ));
        assert!(!is_safe(&words, Path::new("/usr/bin/grep"), &[]));
    }
}
