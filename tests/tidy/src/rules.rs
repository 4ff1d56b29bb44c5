//! The rules. Each takes the tree and returns what breaks it, so each is tried on made-up trees that break it below.
//!
//! A rule has no exceptions but those written here with their reasons, and an exception that is no longer needed is
//! itself a finding: the lists can't rot.
use crate::{Finding, Tree, absolute_path, any_case, word};

/// The longest that a source file may be, in lines.
const LONGEST_FILE: usize = 400;

/// Files that may be longer, each with its reason.
const LONG_FILES: &[(&str, &str)] = &[];

/// Where `unsafe` lives.
const UNSAFE: &[&str] = &["plugin-api/src/abi/", "host/src/plugins/load.rs"];

/// Plugins that are broken on purpose.
const BAD_PLUGINS: &str = "tests/bad-plugins/";

/// Platforms and vendors that come as plugins, whether or not their folder is there yet.
const VENDORS: &[&str] = &[
    "anthropic",
    "discord",
    "gemini",
    "openai",
    "slack",
    "telegram",
    "twilio",
    "whatsapp",
];

/// Folders in `plugins/` whose names are words that the host needs for other things.
const COMMON_WORDS: &[&str] = &[
    "control-ui",
    "demo",
    "files",
    "google",
    "hooks",
    "mcp",
    "shell",
    "signal",
    "voice-call",
    "web",
];

/// Where the host has its one outbound client.
const CLIENT: &str = "host/src/http/";

/// Where the environment may be read: the configuration, the command line, and what cargo talks to by variables.
const ENVIRONMENT: &[&str] = &[
    "host/src/config/",
    "host/src/cli/",
    // the few variables that a plugin's process inherits, by name
    "host/src/plugins/isolate/process.rs",
    "plugin-api/build.rs",
    // cargo tells a build script by a variable where it may write
    "plugins/control-ui/build.rs",
    "plugin-api/src/build.rs",
    "plugin-api/src/testing/",
];

/// Package registries: the tree says what it depends on, and nobody's address.
const REGISTRIES: &[&str] = &[
    concat!("crates", ".io"),
    concat!("npm", "js.org"),
    concat!("npm", "js.com"),
    concat!("pypi", ".org"),
    concat!("proxy.", "golang.org"),
    concat!("ruby", "gems.org"),
];

/// Folders of somebody's machine.
const MACHINES: &[&str] = &[
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/Us", "ers/"),
];

/// Documents that the architecture names; each is checked once it is there.
const DOCUMENTS: &[&str] = &["ARCHITECTURE.md", "CHANGELOG.md", "README.md"];

/// No channel, provider or tool is named in the host: not in code, and not in words.
#[must_use]
pub fn host_names_no_plugin(tree: &Tree) -> Vec<Finding> {
    let mut names: Vec<_> = tree.folders("plugins");
    names.retain(|name| !COMMON_WORDS.contains(name));
    names.extend(VENDORS);
    let wrong = |line: &str| {
        let name = names.iter().find(|name| any_case(line, name))?;
        Some(format!(
            "`{name}` is the name of a plugin or of what one speaks to"
        ))
    };
    tree.files()
        .filter(|file| file.path.starts_with("host/src/"))
        .flat_map(|file| file.lines(wrong))
        .collect()
}

/// `unsafe` is written in two places only.
#[must_use]
pub fn unsafe_has_two_places(tree: &Tree) -> Vec<Finding> {
    let except = [UNSAFE, &[BAD_PLUGINS]].concat();
    let wrong = |line: &str| word(line, "unsafe").then(|| "`unsafe` in code".to_owned());
    tree.rust(&[""], &except)
        .flat_map(|file| file.code_lines(wrong))
        .collect()
}

/// Each source file opens with what it is for.
#[must_use]
pub fn files_say_what_they_are_for(tree: &Tree) -> Vec<Finding> {
    let without = tree
        .rust(&[""], &[])
        .filter(|file| !file.text.starts_with("//! "));
    without
        .map(|file| Finding::new(&file.path, 1, "the first line is no `//!` line".into()))
        .collect()
}

/// Source files are short; files of tests may be longer.
#[must_use]
pub fn files_are_short(tree: &Tree) -> Vec<Finding> {
    files_are_short_except(tree, LONG_FILES)
}

fn files_are_short_except(tree: &Tree, exceptions: &[(&str, &str)]) -> Vec<Finding> {
    let places = [
        "host/",
        "plugin-api/",
        "plugins/",
        "xtask/",
        "tests/kit/",
        "tests/tidy/",
    ];
    let long: Vec<_> = tree
        .rust(&places, &[])
        .filter(|file| !file.is_test() && file.text.lines().count() > LONGEST_FILE)
        .collect();
    let excepted = |path: &str| exceptions.iter().any(|(file, _)| *file == path);
    let found = long.iter().filter(|file| !excepted(&file.path)).map(|file| {
        let what = format!(
            "{} lines, the longest is {LONGEST_FILE}: split the file",
            file.text.lines().count()
        );
        Finding::new(&file.path, LONGEST_FILE + 1, what)
    });
    let idle = exceptions
        .iter()
        .filter(|(path, _)| !long.iter().any(|file| file.path == *path));
    let idle =
        idle.map(|(path, _)| Finding::new(path, 1, "is not long: take it off the list of long files".into()));
    found.chain(idle).collect()
}

/// Every queue of the gateway and of the boundary is bounded.
#[must_use]
pub fn queues_are_bounded(tree: &Tree) -> Vec<Finding> {
    let wrong = |line: &str| {
        let hit = ["unbounded_channel", "unbounded("]
            .into_iter()
            .find(|text| line.contains(text))?;
        Some(format!("`{hit}` makes a queue without a bound"))
    };
    tree.rust(&["host/", "plugin-api/"], &[])
        .flat_map(|file| file.code_lines(wrong))
        .collect()
}

/// Nothing in the tree names a package registry's host or a folder of somebody's machine.
#[must_use]
pub fn tree_names_no_machine(tree: &Tree) -> Vec<Finding> {
    let wrong = |line: &str| {
        let registry = REGISTRIES.iter().find(|host| any_case(line, host));
        let found = registry.or_else(|| MACHINES.iter().find(|folder| absolute_path(line, folder)))?;
        Some(format!("`{found}`"))
    };
    // Cargo writes its lock files itself, registry and all.
    let files = tree.files().filter(|file| !file.path.ends_with("Cargo.lock"));
    files.flat_map(|file| file.lines(wrong)).collect()
}

/// The documents have a title, and what they link to in the tree is there.
#[must_use]
pub fn documents_hold_together(tree: &Tree) -> Vec<Finding> {
    let files = DOCUMENTS.iter().filter_map(|path| tree.get(path));
    files
        .flat_map(|file| {
            let untitled = !file.text.starts_with("# ");
            let title =
                untitled.then(|| Finding::new(&file.path, 1, "the first line is no `# title`".into()));
            let dead = |line: &str| {
                let link = local_links(line).find(|link| !tree.has(link.trim_end_matches('/')))?;
                Some(format!("`{link}` is not in the tree"))
            };
            title.into_iter().chain(file.lines(dead))
        })
        .collect()
}

/// The targets of a line's Markdown links into the tree, without `./` and `#anchor`.
fn local_links(line: &str) -> impl Iterator<Item = &str> {
    let targets = line
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target);
    targets
        .filter(|target| !target.contains(':') && !target.starts_with("../"))
        .filter_map(|target| target.split('#').next())
        .map(|target| target.strip_prefix("./").unwrap_or(target))
        .filter(|target| !target.is_empty())
}

/// The host speaks HTTP and WebSocket to the world in one folder.
#[must_use]
pub fn host_has_one_client(tree: &Tree) -> Vec<Finding> {
    let wrong = |line: &str| {
        // Serving a WebSocket is no outbound connection; opening one is.
        let name = ["reqwest", "connect_async", "client_async", "tungstenite::connect"]
            .into_iter()
            .find(|name| line.contains(name))?;
        Some(format!("`{name}` is used outside {CLIENT}"))
    };
    tree.rust(&["host/src/"], &[CLIENT])
        .filter(|file| !file.is_test())
        .flat_map(|file| file.code_lines(wrong))
        .collect()
}

/// The environment comes in through one place.
#[must_use]
pub fn environment_has_one_door(tree: &Tree) -> Vec<Finding> {
    let wrong = |line: &str| line.contains("env::var").then(|| format!("`{}`", line.trim()));
    let files = tree
        .rust(&["host/src/", "plugin-api/", "plugins/"], ENVIRONMENT)
        .filter(|file| !file.is_test());
    files.flat_map(|file| file.code_lines(wrong)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::File;

    /// Where a rule finds something in these files.
    fn places(rule: impl Fn(&Tree) -> Vec<Finding>, files: &[(&str, &str)]) -> Vec<String> {
        let tree = Tree::new(files.iter().map(|(path, text)| File::new(path, text)).collect());
        rule(&tree)
            .into_iter()
            .map(|finding| format!("{}:{}", finding.file, finding.line))
            .collect()
    }

    #[test]
    fn names_of_plugins() {
        let files = [
            ("plugins/pager/src/lib.rs", "Telegram"),
            ("plugins/files/src/lib.rs", ""),
            (
                "host/src/a.rs",
                "files, openclaw, demo\nlet x = TelegramBot;\n// for the pager",
            ),
            ("host/tests/a.rs", "telegram"),
        ];
        assert_eq!(
            places(host_names_no_plugin, &files),
            ["host/src/a.rs:2", "host/src/a.rs:3"]
        );
    }

    #[test]
    fn unsafe_code() {
        let files = [
            ("plugin-api/src/abi/a.rs", "unsafe {}"),
            ("host/src/plugins/load.rs", "unsafe {}"),
            ("tests/bad-plugins/examples/a.rs", "unsafe {}"),
            (
                "host/src/plugins/pool.rs",
                "// unsafe\n#![forbid(unsafe_code)]\nlet x = \"unsafe\";\nunsafe { x }",
            ),
            ("examples/a/src/lib.rs", "unsafe fn f() {}"),
        ];
        assert_eq!(
            places(unsafe_has_two_places, &files),
            ["examples/a/src/lib.rs:1", "host/src/plugins/pool.rs:4"]
        );
    }

    #[test]
    fn headers() {
        let files = [
            ("a.rs", "//! For b.\n"),
            ("b.rs", "use c;\n"),
            ("c.rs", ""),
            ("d.md", "d"),
        ];
        assert_eq!(places(files_say_what_they_are_for, &files), ["b.rs:1", "c.rs:1"]);
    }

    #[test]
    fn lengths() {
        let (fits, long) = ("x\n".repeat(400), "x\n".repeat(401));
        let files = [
            ("host/src/a.rs", fits.as_str()),
            ("host/src/b.rs", &long),
            ("host/src/b/tests.rs", &long),
            ("plugins/x/src/table.rs", &long),
            ("tests/e2e/src/a.rs", &long),
        ];
        let table = ("plugins/x/src/table.rs", "a table");
        assert_eq!(
            places(files_are_short, &files),
            ["host/src/b.rs:401", "plugins/x/src/table.rs:401"]
        );
        let excepted = |tree: &Tree| files_are_short_except(tree, &[table, ("host/src/a.rs", "was long")]);
        assert_eq!(places(excepted, &files), ["host/src/b.rs:401", "host/src/a.rs:1"]);
    }

    #[test]
    fn queues() {
        let files = [
            ("host/src/a.rs", "// unbounded(\nmpsc::unbounded_channel::<u8>()"),
            ("plugin-api/src/a.rs", "let x = unbounded();"),
            ("tests/kit/src/a.rs", "unbounded()"),
        ];
        assert_eq!(
            places(queues_are_bounded, &files),
            ["host/src/a.rs:2", "plugin-api/src/a.rs:1"]
        );
    }

    #[test]
    fn machines() {
        let path = format!("cd {}main", MACHINES[0]);
        let host = format!("https://index.{}/", REGISTRIES[0]);
        let files = [
            ("a.sh", path.as_str()),
            ("b/c.md", &host),
            ("Cargo.lock", &host),
            ("d.rs", "src/root/x"),
        ];
        assert_eq!(places(tree_names_no_machine, &files), ["a.sh:1", "b/c.md:1"]);
    }

    #[test]
    fn documents() {
        let good =
            "# A\n[b](docs/b.md) [c](docs/) [d](https://x.y/z) [e](#a) [f](./docs/b.md#g) [h](../shared/x)";
        let files = [
            ("README.md", good),
            ("docs/b.md", ""),
            ("CHANGELOG.md", "no title"),
            ("ARCHITECTURE.md", "# A\n\n[b](docs/b.md) [c](docs/gone.md)"),
        ];
        assert_eq!(
            places(documents_hold_together, &files),
            ["ARCHITECTURE.md:3", "CHANGELOG.md:1"]
        );
        assert!(
            places(documents_hold_together, &[("a.rs", "")]).is_empty(),
            "none is there yet"
        );
    }

    #[test]
    fn clients() {
        let files = [
            ("host/src/http/client.rs", "use reqwest::Client;"),
            (
                "host/src/agent/a.rs",
                "// reqwest\nuse tokio_tungstenite::connect;",
            ),
        ];
        assert_eq!(places(host_has_one_client, &files), ["host/src/agent/a.rs:2"]);
    }

    #[test]
    fn environment() {
        let files = [
            ("host/src/config/env.rs", "std::env::vars_os()"),
            ("host/src/agent/a.rs", "\n  env::var_os(\"X\")"),
            ("host/src/agent/tests.rs", "env::var(\"X\")"),
            ("plugins/x/src/lib.rs", "std::env::var(\"X\")"),
            ("xtask/src/a.rs", "env::var(\"X\")"),
        ];
        assert_eq!(
            places(environment_has_one_door, &files),
            ["host/src/agent/a.rs:2", "plugins/x/src/lib.rs:1"]
        );
    }
}
