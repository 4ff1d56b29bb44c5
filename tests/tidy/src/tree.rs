//! The repository's files, by `git`: those that are tracked and those that would be with the next commit. What git
//! ignores is nobody's business here.
use crate::{Finding, code};
use std::{fs, path::Path, process::Command};

/// The files of a repository.
#[derive(Debug, Default)]
pub struct Tree {
    files: Vec<File>,
}

/// A text file.
#[derive(Debug)]
pub struct File {
    /// From the repository's root, with forward slashes.
    pub path: String,
    /// Its content.
    pub text: String,
}

impl Tree {
    /// A tree of these files.
    #[must_use]
    pub fn new(mut files: Vec<File>) -> Self {
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Self { files }
    }

    /// Reads this repository. Files that are no UTF-8 text have no lines.
    ///
    /// # Panics
    /// If it is no clone: the rules are about what git has.
    #[must_use]
    pub fn read() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let list = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
        let output = Command::new("git").args(list).current_dir(&root).output();
        let output = output.expect("git can be run: the rules are about the files that it has");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let names = String::from_utf8(output.stdout).expect("the repository's file names are UTF-8");
        let read = |path: &str| {
            Some(File {
                path: path.to_owned(),
                text: String::from_utf8(fs::read(root.join(path)).ok()?).unwrap_or_default(),
            })
        };
        let tree = Self::new(names.split_terminator('\0').filter_map(read).collect());
        // A rule over no files at all holds always.
        assert!(
            tree.get("Cargo.toml").is_some(),
            "the repository's root was not found"
        );
        tree
    }

    /// All files.
    pub fn files(&self) -> impl Iterator<Item = &File> {
        self.files.iter()
    }

    /// The Rust files below one of these folders (`""` is the root), but not below one of those.
    pub fn rust<'a>(&'a self, below: &'a [&str], except: &'a [&str]) -> impl Iterator<Item = &'a File> {
        let within = |file: &File, places: &[&str]| places.iter().any(|place| file.path.starts_with(place));
        self.files
            .iter()
            .filter(move |file| file.path.ends_with(".rs") && within(file, below) && !within(file, except))
    }

    /// The file of exactly this path.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }

    /// Whether a file or a folder has this path.
    #[must_use]
    pub fn has(&self, path: &str) -> bool {
        self.files.iter().any(|file| {
            file.path
                .strip_prefix(path)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }

    /// The names of the folders directly in this one.
    #[must_use]
    pub fn folders(&self, of: &str) -> Vec<&str> {
        let inner = |file: &'_ File| {
            file.path
                .strip_prefix(of)
                .is_some_and(|rest| rest.starts_with('/'))
        };
        let names = self.files.iter().filter(|file| inner(file));
        let mut names: Vec<_> = names
            .filter_map(|file| file.path[of.len() + 1..].split_once('/'))
            .map(|(name, _)| name)
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

impl File {
    /// A file that is made up, for tests of rules.
    #[must_use]
    pub fn new(path: &str, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    /// The lines of the text that break a rule: the test returns what is wrong with one.
    pub fn lines(&self, wrong: impl Fn(&str) -> Option<String>) -> Vec<Finding> {
        self.find(&self.text, wrong)
    }

    /// The lines of the code that break a rule: comments and literals are blanked.
    pub fn code_lines(&self, wrong: impl Fn(&str) -> Option<String>) -> Vec<Finding> {
        self.find(&code(&self.text), wrong)
    }

    /// Whether the file holds tests only: `tests.rs`, or anything in a folder `tests` inside a crate.
    #[must_use]
    pub fn is_test(&self) -> bool {
        self.path.ends_with("/tests.rs") || self.path.contains("/tests/")
    }

    fn find(&self, text: &str, wrong: impl Fn(&str) -> Option<String>) -> Vec<Finding> {
        let lines = text.lines().enumerate();
        let finding = |(at, line)| wrong(line).map(|what| Finding::new(&self.path, at + 1, what));
        lines.filter_map(finding).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(paths: &[&str]) -> Tree {
        Tree::new(paths.iter().map(|path| File::new(path, "")).collect())
    }

    #[test]
    fn files_are_chosen_by_their_place() {
        let tree = tree(&[
            "host/src/a.rs",
            "host/src/http/b.rs",
            "host/Cargo.toml",
            "hosting/c.rs",
        ]);
        let paths: Vec<_> = tree
            .rust(&["host/"], &["host/src/http/"])
            .map(|file| file.path.as_str())
            .collect();
        assert_eq!(paths, ["host/src/a.rs"]);
    }

    #[test]
    fn folders_and_existence() {
        let tree = tree(&[
            "plugins/b/x/y.rs",
            "plugins/a/z.rs",
            "plugins/README.md",
            "README.md",
        ]);
        assert_eq!(tree.folders("plugins"), ["a", "b"]);
        assert!(tree.has("plugins/b") && tree.has("README.md") && !tree.has("plug"));
    }

    #[test]
    fn lines_are_counted_from_one_and_code_has_no_comments() {
        let file = File::new("a.rs", "// bad\nbad // bad\n\"bad\"\n");
        let wrong = |line: &str| line.contains("bad").then(|| "bad".to_owned());
        let lines = |found: Vec<Finding>| found.into_iter().map(|finding| finding.line).collect::<Vec<_>>();
        assert_eq!(lines(file.lines(wrong)), [1, 2, 3]);
        assert_eq!(lines(file.code_lines(wrong)), [2]);
    }

    #[test]
    fn tests_are_known_by_their_place() {
        assert!(File::new("host/src/http/tests/a.rs", "").is_test());
        assert!(File::new("host/src/a/tests.rs", "").is_test());
        assert!(!File::new("tests/kit/src/a.rs", "").is_test());
    }
}
