//! Whether rules allow a command: each of its programs, by the file that would be run.
//!
//! Invariant: a program that runs whatever its arguments name (a shell, `env`, `sudo`, an interpreter) is allowed by no
//! glob, and no answer of a person makes a rule of it: such a rule would allow everything.
use super::file::Rule;
use openclaw_confine::programs;
use openclaw_plugin_api::CommandSegment;
use regex::RegexBuilder;
use std::path::Path;

/// Memory that one pattern may take, compiled.
const MAX_SIZE: usize = 1 << 18;

/// Does this program run others, or code, that its arguments name?
pub fn is_carrier(path: &str) -> bool {
    let name = Path::new(path).file_name().and_then(|name| name.to_str());
    programs::may_run_others(name.unwrap_or_default())
}

/// Does a rule mean this file?
pub fn means(pattern: &str, path: &str, home: Option<&Path>) -> bool {
    let path_of_home = pattern
        .strip_prefix("~/")
        .and_then(|rest| Some(home?.join(rest).to_string_lossy().into_owned()));
    let pattern = path_of_home.as_deref().unwrap_or(pattern);
    if pattern == path {
        return pattern.starts_with('/');
    }
    let is_glob = pattern.contains(['*', '?']);
    pattern.starts_with('/') && is_glob && !is_carrier(path) && globbed(pattern, path)
}

/// Which rules allow a command: for each program that needs one, its place in the list. None: something is not allowed.
/// `known`: files that are allowed without a rule.
pub fn allows(
    rules: &[Rule],
    segments: &[CommandSegment],
    known: &[String],
    home: Option<&Path>,
) -> Option<Vec<(usize, String)>> {
    if segments.is_empty() {
        return None;
    }
    let mut used = Vec::new();
    for segment in segments.iter().filter(|segment| !segment.safe) {
        let path = &segment.resolved_path;
        if path.is_empty() {
            return None;
        }
        if known.contains(path) && !is_carrier(path) {
            continue;
        }
        let found = rules.iter().position(|rule| means(&rule.pattern, path, home))?;
        used.push((found, path.clone()));
    }
    Some(used)
}

/// What rules an answer for ever would make. None: it can't be one.
pub fn lasting(segments: &[CommandSegment]) -> Option<Vec<String>> {
    let mut paths: Vec<_> = segments
        .iter()
        .filter(|segment| !segment.safe)
        .map(|segment| segment.resolved_path.clone())
        .collect();
    paths.dedup();
    let fit = |path: &String| path.starts_with('/') && !path.contains(['*', '?']) && !is_carrier(path);
    (!paths.is_empty() && paths.iter().all(fit)).then_some(paths)
}

/// `*` is any part of a name, `**` any part of a path, `?` one character of a name.
fn globbed(pattern: &str, path: &str) -> bool {
    let mut regex = String::from("^");
    let mut rest = pattern.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '*' if rest.next_if_eq(&'*').is_some() => regex.push_str(".*"),
            '*' => regex.push_str("[^/]*"),
            '?' => regex.push_str("[^/]"),
            other => regex.push_str(&regex::escape(other.encode_utf8(&mut [0; 4]))),
        }
    }
    regex.push('$');
    let built = RegexBuilder::new(&regex)
        .size_limit(MAX_SIZE)
        .dot_matches_new_line(true)
        .build();
    built.is_ok_and(|regex| regex.is_match(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(path: &str) -> CommandSegment {
        CommandSegment {
            argv: vec![path.into()],
            resolved_path: path.into(),
            safe: false,
        }
    }

    fn rules(patterns: &[&str]) -> Vec<Rule> {
        let rule = |pattern: &&str| Rule {
            pattern: (*pattern).into(),
            ..Rule::default()
        };
        patterns.iter().map(rule).collect()
    }

    #[test]
    fn globs_follow_the_parts_of_a_path() {
        let home = Path::new("/home/ada");
        for (pattern, path, expected) in [
            ("/usr/bin/rg", "/usr/bin/rg", true),
            ("/usr/bin/*", "/usr/bin/rg", true),
            ("/usr/*", "/usr/bin/rg", false),
            ("/usr/**", "/usr/bin/rg", true),
            ("/usr/bin/r?", "/usr/bin/rg", true),
            ("/usr/bin/r?", "/usr/bin/r/", false),
            ("~/bin/tool", "/home/ada/bin/tool", true),
            ("/usr/bin/rg", "/usr/bin/rg2", false),
            ("/usr/bin/a.b", "/usr/bin/aXb", false),
            ("rg", "/usr/bin/rg", false),
            ("rg", "rg", false),
            ("*", "/usr/bin/rg", false),
            ("/usr/bin/*", "/usr/bin/rg\n/bin/sh", false),
            ("/opt/x", "/opt/x\n", false),
        ] {
            assert_eq!(means(pattern, path, Some(home)), expected, "{pattern} {path:?}");
        }
    }

    #[test]
    fn what_runs_anything_is_allowed_by_its_own_name_only() {
        for path in [
            "/usr/bin/env",
            "/usr/bin/dash",
            "/usr/bin/python3.13",
            "/usr/bin/node",
            "/usr/bin/perl5.40.1",
        ] {
            assert!(is_carrier(path), "{path}");
            assert!(!means("/usr/bin/*", path, None), "{path}");
            assert!(!means("/usr/**", path, None), "{path}");
            assert!(means(path, path, None), "{path}");
            assert_eq!(lasting(&[segment("/usr/bin/rg"), segment(path)]), None, "{path}");
        }
        for path in [
            "/usr/bin/rg",
            "/usr/bin/nodeinfo",
            "/usr/bin/cat",
            "/opt/shell-tool",
        ] {
            assert!(!is_carrier(path), "{path}");
        }
    }

    #[test]
    fn each_program_needs_a_rule() {
        let list = rules(&["/usr/bin/rg", "/opt/tools/*"]);
        let of = |paths: &[&str]| {
            let segments: Vec<_> = paths.iter().map(|path| segment(path)).collect();
            allows(&list, &segments, &["/usr/bin/skilled".into()], None)
        };
        assert_eq!(of(&["/usr/bin/rg"]).expect("allowed").len(), 1);
        assert_eq!(of(&["/usr/bin/rg", "/opt/tools/x"]).expect("allowed").len(), 2);
        assert!(of(&["/usr/bin/rg", "/usr/bin/rm"]).is_none());
        assert!(of(&["/usr/bin/skilled"]).expect("allowed").is_empty());
        assert!(of(&[]).is_none(), "nobody knows what would run");
        assert!(of(&[""]).is_none());
        let safe = CommandSegment {
            safe: true,
            ..segment("/usr/bin/head")
        };
        assert!(allows(&list, &[segment("/usr/bin/rg"), safe.clone()], &[], None).is_some());
        assert!(allows(&list, &[segment("/usr/bin/rm"), safe], &[], None).is_none());
    }

    #[test]
    fn a_lasting_answer_is_a_plain_path() {
        assert_eq!(
            lasting(&[segment("/usr/bin/rg")]),
            Some(vec!["/usr/bin/rg".to_owned()])
        );
        for path in ["", "rg", "/tmp/a*", "/tmp/b?"] {
            assert_eq!(lasting(&[segment(path)]), None, "{path}");
        }
        assert_eq!(lasting(&[]), None);
    }
}
