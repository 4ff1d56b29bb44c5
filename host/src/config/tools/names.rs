//! What may be written in a policy for tools: the names of usual tools, groups of them, profiles, synonyms. Tables only.
use super::ToolProfile;

/// What the name of a group begins with.
pub const GROUP: &str = "group:";
/// The group of all tools of plugins that are not among the usual ones.
pub const PLUGINS: &str = "plugins";

/// Tools that may be named by another name.
const SYNONYMS: &[(&str, &str)] = &[
    ("bash", "exec"),
    ("apply-patch", "apply_patch"),
    ("automations", "cron"),
];

/// The usual tools by group, whoever brings them.
pub const GROUPS: &[(&str, &[&str])] = &[
    ("fs", &["read", "write", "edit", "apply_patch"]),
    ("runtime", &["exec", "process"]),
    ("web", &["web_search", "web_fetch"]),
    ("memory", &["memory_search", "memory_get"]),
    (
        "sessions",
        &[
            "sessions_list",
            "sessions_history",
            "sessions_send",
            "sessions_spawn",
            "session_status",
        ],
    ),
    ("ui", &["browser", "canvas"]),
    ("automation", &["cron", "gateway"]),
    ("messaging", &["message"]),
    ("nodes", &["nodes"]),
    (
        "openclaw",
        &[
            "agents_list",
            "browser",
            "canvas",
            "cron",
            "gateway",
            "image",
            "memory_get",
            "memory_search",
            "message",
            "nodes",
            "session_status",
            "sessions_history",
            "sessions_list",
            "sessions_send",
            "sessions_spawn",
            "tts",
            "web_fetch",
            "web_search",
        ],
    ),
];

/// Usual tools that are in no group of their own kind.
const OTHERS: &[&str] = &["agents_list", "image", "tts"];

/// What a profile allows, as a policy would write it. None: everything.
pub const fn profile(profile: ToolProfile) -> Option<&'static [&'static str]> {
    match profile {
        ToolProfile::Minimal => Some(&["session_status"]),
        ToolProfile::Coding => Some(&[
            "group:fs",
            "group:runtime",
            "group:web",
            "group:sessions",
            "group:memory",
            "image",
            "cron",
        ]),
        ToolProfile::Messaging => Some(&[
            "group:messaging",
            "sessions_list",
            "sessions_history",
            "sessions_send",
            "session_status",
        ]),
        ToolProfile::Full => None,
    }
}

/// A name as tools have it: lower case, its synonym in its place.
pub fn canonical(written: &str) -> String {
    let name = written.trim().to_lowercase();
    let known = SYNONYMS.iter().find(|(synonym, _)| *synonym == name);
    known.map_or(name, |(_, tool)| (*tool).to_owned())
}

/// The tools of a group, if there is such a group and it is a list.
pub fn group(name: &str) -> Option<&'static [&'static str]> {
    let found = GROUPS.iter().find(|(group, _)| *group == name);
    found.map(|(_, tools)| *tools)
}

/// Whether a tool is a usual one: what such a name means does not depend on the plugins that are there.
pub fn is_usual(tool: &str) -> bool {
    OTHERS.contains(&tool) || GROUPS.iter().any(|(_, tools)| tools.contains(&tool))
}

/// Every usual name: tools, and groups with their prefix.
pub fn usual() -> impl Iterator<Item = String> {
    let tools = GROUPS.iter().flat_map(|(_, tools)| tools.iter()).chain(OTHERS);
    let groups = GROUPS.iter().map(|(group, _)| group).chain([&PLUGINS]);
    tools
        .map(|tool| (*tool).to_owned())
        .chain(groups.map(|group| format!("{GROUP}{group}")))
}

/// Whether `name` fits `pattern`, in which `*` stands for any text.
pub fn fits(pattern: &str, name: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else {
        return pattern == name;
    };
    let Some(mut left) = name.strip_prefix(first) else {
        return false;
    };
    let mut parts = rest.split('*').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return left.ends_with(part);
        }
        match left.find(part) {
            Some(at) => left = &left[at + part.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_any_text() {
        for (pattern, name, fit) in [
            ("read", "read", true),
            ("read", "reader", false),
            ("*", "", true),
            ("web_*", "web_fetch", true),
            ("web_*", "my_web_fetch", false),
            ("*_fetch", "web_fetch", true),
            ("a*b*c", "abc", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "acb", false),
            ("a*a", "a", false),
        ] {
            assert_eq!(fits(pattern, name), fit, "{pattern} {name}");
        }
    }

    #[test]
    fn synonyms_and_case_make_no_difference() {
        for (written, tool) in [
            (" Bash ", "exec"),
            ("APPLY-patch", "apply_patch"),
            ("Read", "read"),
        ] {
            assert_eq!(canonical(written), tool);
        }
        assert!(is_usual("exec") && is_usual("tts") && !is_usual("lobster"));
        assert!(group("fs").is_some() && group("plugins").is_none());
    }
}
