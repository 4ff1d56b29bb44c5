//! The environment of commands, made from nothing.
//!
//! Invariant: of the gateway's own variables a command gets those of [`GIVEN`] and no others, so no key of anything.
use crate::run::TEMPORARY;
use openclaw_plugin_api::{Secret, Variables};
use std::collections::BTreeMap;

/// What a command gets of the gateway's environment.
pub const GIVEN: &[&str] = &[
    "HOME", "LANG", "LC_ALL", "LC_CTYPE", "LOGNAME", "PATH", "SHELL", "TZ", "USER",
];
/// Where programs are if the gateway's environment doesn't say.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Most variables of one call, and most bytes of one of them.
const MAX_COUNT: usize = 64;
const MAX_BYTES: usize = 32 << 10;

/// Decides which code any program loads, the keeper of commands among them.
const LOADER: &[&str] = &["GCONV_PATH", "GLIBC_TUNABLES", "LOCPATH", "NLSPATH", "PATH"];
/// The same, for families of names.
const LOADER_PREFIXES: &[&str] = &["BASH_FUNC_", "DYLD_", "LD_", "MALLOC_"];
/// Makes programs load or run something else than what is on the command line.
const CODE: &[&str] = &[
    "BASHOPTS",
    "BASH_ENV",
    "BROWSER",
    "CDPATH",
    "CLASSPATH",
    "EDITOR",
    "ENV",
    "GLOBIGNORE",
    "HOME",
    "HOSTALIASES",
    "IFS",
    "INPUTRC",
    "JAVA_TOOL_OPTIONS",
    "JDK_JAVA_OPTIONS",
    "LESSCLOSE",
    "LESSOPEN",
    "MANPAGER",
    "PAGER",
    "PROMPT_COMMAND",
    "PS4",
    "RES_OPTIONS",
    "RUSTC_WRAPPER",
    "SHELLOPTS",
    "SSH_ASKPASS",
    "TERMCAP",
    "TERMINFO",
    "TMPDIR",
    "VISUAL",
    "ZDOTDIR",
    "_JAVA_OPTIONS",
];
/// The same, for families of names.
const CODE_PREFIXES: &[&str] = &[
    "CARGO_", "GIT_", "NODE_", "NPM_", "PERL", "PYTHON", "RUBY", "SUDO_",
];

/// What commands inherit.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    base: BTreeMap<String, String>,
    /// The operator's for skills.
    skills: Variables,
    set: BTreeMap<String, String>,
    prepend: Vec<String>,
}

/// A name that decides which code a program loads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoaderName(pub String);

// === impl Environment ===

impl Environment {
    /// `base` are the gateway's own, `set` the operator's, `prepend` folders for programs.
    pub fn new(base: BTreeMap<String, String>, set: BTreeMap<String, String>, prepend: &[String]) -> Self {
        let mut base = base;
        base.retain(|name, value| GIVEN.contains(&name.as_str()) && !value.is_empty());
        let set = set.into_iter().filter(|(name, _)| !is_loader(name)).collect();
        let prepend = prepend
            .iter()
            .filter(|folder| folder.starts_with('/') && !folder.contains(':'));
        Self {
            base,
            skills: Variables::default(),
            set,
            prepend: prepend.cloned().collect(),
        }
    }

    /// With the operator's variables for skills. They set what nothing else does.
    pub fn with_skills(mut self, skills: Variables) -> Self {
        self.skills = skills;
        self.skills.values.retain(|name, value| {
            is_name(name)
                && !is_loader(name)
                && value.expose().len() <= MAX_BYTES
                && !value.expose().contains('\0')
        });
        self
    }

    /// Secrets among it.
    pub fn secrets(&self) -> Vec<Secret> {
        let all = self.skills.values.iter();
        let secret = all.filter(|(name, _)| !self.skills.plain.contains(*name));
        secret.map(|(_, value)| value.clone()).collect()
    }

    /// For a container's engine: what is inside gets what is told there.
    pub fn of_engine(&self) -> BTreeMap<String, String> {
        let plain = Self {
            skills: Variables::default(),
            ..self.clone()
        };
        plain.of(&BTreeMap::new(), None)
    }

    /// Folders where programs are looked for. What is not absolute would depend on where a command runs.
    pub fn path(&self) -> Vec<String> {
        let usual = self.base.get("PATH").map_or(PATH, String::as_str);
        let usual = usual.split(':').filter(|folder| folder.starts_with('/'));
        self.prepend
            .iter()
            .cloned()
            .chain(usual.map(str::to_owned))
            .collect()
    }

    /// The whole environment of a command; `home` in place of the gateway's.
    pub fn of(&self, call: &BTreeMap<String, String>, home: Option<&str>) -> BTreeMap<String, String> {
        let mut all = self.base.clone();
        all.insert("TERM".into(), "xterm-256color".into());
        if let Some(home) = home {
            all.insert("HOME".into(), home.into());
            all.insert("TMPDIR".into(), format!("{home}/{}", TEMPORARY));
        }
        for (name, value) in &self.skills.values {
            all.entry(name.clone())
                .or_insert_with(|| value.expose().to_owned());
        }
        all.extend(self.set.clone());
        all.extend(call.clone());
        all.insert("PATH".into(), self.path().join(":"));
        all
    }
}

/// May a call set these? Those that decide what is loaded it may not; `strictly`, nor those that other programs take
/// for code.
pub fn check(call: &BTreeMap<String, String>, strictly: bool) -> Result<(), LoaderName> {
    let size = call.len() > MAX_COUNT
        || call
            .values()
            .any(|value| value.len() > MAX_BYTES || value.contains('\0'));
    if size {
        return Err(LoaderName("env".into()));
    }
    let refused = |name: &&String| !is_name(name) || is_loader(name) || strictly && is_code(name);
    match call.keys().find(refused) {
        Some(name) => Err(LoaderName(name.clone())),
        None => Ok(()),
    }
}

fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.len() <= 128 && name.chars().all(plain) && name.starts_with(|c: char| !c.is_ascii_digit())
}

fn is_loader(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    LOADER.contains(&name.as_str()) || LOADER_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

fn is_code(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    CODE.contains(&name.as_str()) || CODE_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
            .collect()
    }

    #[test]
    fn only_what_is_given_is_inherited() {
        let base = map(&[
            ("HOME", "/h"),
            ("API_KEY", "secret"),
            ("PATH", "/bin:.:rel:/usr/bin"),
            ("LANG", ""),
        ]);
        let set = map(&[("MINE", "1"), ("LD_PRELOAD", "x"), ("PATH", "/evil")]);
        let all = Environment::new(base, set, &["/opt/bin".into(), "rel".into(), "/a:/b".into()]);
        let of = all.of(&map(&[("CALL", "2")]), None);
        let names: Vec<_> = of.keys().map(String::as_str).collect();
        assert_eq!(names, ["CALL", "HOME", "MINE", "PATH", "TERM"]);
        assert_eq!(of["PATH"], "/opt/bin:/bin:/usr/bin");
        assert_eq!(all.of(&map(&[]), Some("/w"))["HOME"], "/w");
    }

    #[test]
    fn what_anybody_may_read_is_no_secret() {
        let value = |text: &str| Secret::new(text);
        let skills = Variables {
            values: [("REGION", "production"), ("KEY", "k-0123456789")]
                .map(|(name, text)| (name.to_owned(), value(text)))
                .into(),
            plain: ["REGION".to_owned()].into(),
        };
        let all = Environment::new(map(&[]), map(&[]), &[]).with_skills(skills);
        let of = all.of(&map(&[]), None);
        assert_eq!(
            (of["REGION"].as_str(), of["KEY"].as_str()),
            ("production", "k-0123456789")
        );
        let secrets: Vec<_> = all.secrets().iter().map(|s| s.expose().to_owned()).collect();
        assert_eq!(secrets, ["k-0123456789"]);
        assert!(!all.of_engine().contains_key("KEY"));
    }

    #[test]
    fn names_that_decide_what_runs_are_refused() {
        for name in [
            "PATH",
            "Path",
            "LD_PRELOAD",
            "ld_library_path",
            "DYLD_INSERT_LIBRARIES",
            "A B",
            "A=B",
            "",
            "1A",
            "é",
            "BASH_FUNC_ls",
        ] {
            assert!(check(&map(&[(name, "x")]), false).is_err(), "{name}");
        }
        for name in [
            "BASH_ENV",
            "NODE_OPTIONS",
            "PYTHONPATH",
            "GIT_SSH_COMMAND",
            "PERL5OPT",
            "IFS",
            "EDITOR",
            "HOME",
        ] {
            assert!(check(&map(&[(name, "x")]), false).is_ok(), "{name}");
            assert!(check(&map(&[(name, "x")]), true).is_err(), "{name}");
        }
        assert!(check(&map(&[("A", "x"), ("B_2", "")]), true).is_ok());
        assert!(check(&map(&[("A", "x\0")]), false).is_err());
    }
}
