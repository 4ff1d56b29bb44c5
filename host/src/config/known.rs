//! The keys that OpenClaw knows: how a key without effect here is told from a mistyped one, and how a change of a key
//! takes effect.
//!
//! The list is a file of facts, read when the first key is looked up: a configuration whose keys all have an effect
//! never pays for it. See the file's head for its form.
use super::{
    location::{JsonPath, Step},
    schema::unknown_key,
};
use std::{collections::HashMap, sync::OnceLock};

const LIST: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/data/known-keys.txt"));
/// Stands for any key of a map.
const ANY_KEY: &str = "*";
/// Stands for any element of a list.
const ANY_ELEMENT: &str = "[]";

/// How a change of a key takes effect.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReloadKind {
    /// Nothing has to be done: whoever needs the value reads it anew.
    #[default]
    None,
    /// While the gateway runs.
    Hot,
    /// When the gateway is started again.
    Restart,
}

/// The keys as a tree; the first node is the root.
struct Tree(Vec<Node>);

struct Node {
    name: &'static str,
    reload: ReloadKind,
    children: Vec<usize>,
}

/// Does OpenClaw know the key at `path`?
pub fn is_known(path: &JsonPath) -> bool {
    tree().follow(path).0 == path.steps().len()
}

/// How a change of the value at `path` takes effect. A key that is not listed goes with the nearest one around it.
pub fn reload_kind(path: &JsonPath) -> ReloadKind {
    let (_, node) = tree().follow(path);
    tree().0[node].reload
}

/// What to say about a key that nobody knows. What is listed has an effect here (`typed`); what is suggested may be any
/// key.
pub(super) fn strange(path: &JsonPath, typed: &[&str]) -> String {
    let key = match path.steps().last() {
        Some(Step::Key(key)) => key.as_str(),
        _ => "",
    };
    let near = unknown_key(key, &[typed, &beside(path)].concat());
    if near.contains("did you mean") {
        near
    } else {
        unknown_key(key, typed)
    }
}

/// The keys that OpenClaw knows in the object that holds `path`.
fn beside(path: &JsonPath) -> Vec<&'static str> {
    let Some((_, parents)) = path.steps().split_last() else {
        return Vec::new();
    };
    match tree().follow(&path.prefix(parents.len())) {
        (depth, node) if depth == parents.len() => tree().names(node).collect(),
        _ => Vec::new(),
    }
}

fn tree() -> &'static Tree {
    static TREE: OnceLock<Tree> = OnceLock::new();
    TREE.get_or_init(|| Tree::parse(LIST))
}

// === impl Tree ===

impl Tree {
    fn parse(text: &'static str) -> Self {
        let root = Node {
            name: "",
            reload: ReloadKind::None,
            children: Vec::new(),
        };
        let mut tree = Self(vec![root]);
        let mut labels = HashMap::new();
        // the node that deeper lines belong to, by depth
        let mut open = vec![0];
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let body = line.trim_start();
            open.truncate(line.len() - body.len() + 1);
            let parent = *open.last().expect("the root is never closed");
            let mut words = body.split(' ');
            let reload = match words.next() {
                Some("h") => ReloadKind::Hot,
                Some("r") => ReloadKind::Restart,
                _ => ReloadKind::None,
            };
            let mut last = parent;
            for word in words {
                if let Some(label) = word.strip_prefix('@') {
                    labels.insert(label, last);
                } else if let Some(label) = word.strip_prefix('=') {
                    tree.0[last].children = tree.0[labels[label]].children.clone();
                } else {
                    last = tree.add(parent, reload, word);
                }
            }
            open.push(last);
        }
        tree
    }

    /// Adds `name`, `name.*` or `name[]`.
    fn add(&mut self, parent: usize, reload: ReloadKind, word: &'static str) -> usize {
        let (name, inner) = match (word.strip_suffix(".*"), word.strip_suffix(ANY_ELEMENT)) {
            (Some(name), _) => (name, Some(ANY_KEY)),
            (_, Some(name)) if !name.is_empty() => (name, Some(ANY_ELEMENT)),
            _ => (word, None),
        };
        let node = self.push(parent, reload, name);
        if let Some(inner) = inner {
            self.push(node, reload, inner);
        }
        node
    }

    fn push(&mut self, parent: usize, reload: ReloadKind, name: &'static str) -> usize {
        let children = Vec::new();
        self.0.push(Node {
            name,
            reload,
            children,
        });
        let node = self.0.len() - 1;
        self.0[parent].children.push(node);
        node
    }

    /// How many steps of `path` are known, and the last node that is.
    fn follow(&self, path: &JsonPath) -> (usize, usize) {
        let mut here = 0;
        for (depth, step) in path.steps().iter().enumerate() {
            let next = match step {
                Step::Key(key) => self.child(here, key).or_else(|| self.child(here, ANY_KEY)),
                Step::Index(_) => self.child(here, ANY_ELEMENT),
            };
            match next {
                Some(next) => here = next,
                None => return (depth, here),
            }
        }
        (path.steps().len(), here)
    }

    fn child(&self, node: usize, name: &str) -> Option<usize> {
        let mut children = self.0[node].children.iter().copied();
        children.find(|child| self.0[*child].name == name)
    }

    fn names(&self, node: usize) -> impl Iterator<Item = &'static str> {
        let children = self.0[node].children.iter();
        children
            .map(|child| self.0[*child].name)
            .filter(|name| ![ANY_KEY, ANY_ELEMENT].contains(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> JsonPath {
        text.parse().expect("a path")
    }

    #[test]
    fn keys_are_found_through_maps_lists_and_shared_parts() {
        for known in [
            "browser",
            "agents.defaults.heartbeat.every",
            "agents.list[3].heartbeat.activeHours.start",
            "agents.entries.anyone.heartbeat.activeHours.start",
            "agents.defaults.contextPruning.softTrim",
            "models.providers.mine.models[0].compat.zaiToolStream",
            "plugins.slots.memory",
            "commands.bash",
            // had and given up between the two forms that are read
            "tui",
            "cron.webhook",
            "agents.defaults.embeddedPi",
            "gateway.nodes.skills",
        ] {
            assert!(is_known(&path(known)), "{known}");
        }
        for unknown in [
            "agentss",
            "agents.defaults.heartbeet",
            "agents.list.heartbeat",
            "models.providers.mine.models[0].compt",
            "gateway.port[0]",
        ] {
            assert!(!is_known(&path(unknown)), "{unknown}");
        }
    }

    #[test]
    fn reload_kinds_go_with_the_nearest_key() {
        for (key, kind) in [
            ("gateway.port", ReloadKind::Restart),
            ("gateway.auth.token", ReloadKind::Restart),
            ("gateway.trustedProxies[0]", ReloadKind::Hot),
            ("agents.defaults.model.primary", ReloadKind::Hot),
            ("messages.queue.debounceMs", ReloadKind::None),
            ("gateway.http.nothing.of.it", ReloadKind::Restart),
        ] {
            assert_eq!(reload_kind(&path(key)), kind, "{key}");
        }
    }

    #[test]
    fn neighbours_are_names_only() {
        assert!(beside(&path("logging.levl")).contains(&"level"));
        assert!(beside(&path("models.providers.x")).is_empty());
    }

    #[test]
    fn the_list_is_whole() {
        let tree = tree();
        let lines = LIST.lines().filter(|line| !line.starts_with('#')).count();
        assert!(tree.0.len() > lines, "{} keys in {lines} lines", tree.0.len());
        let odd = tree
            .0
            .iter()
            .skip(1)
            .find(|node| node.name.is_empty() || node.name.contains([' ', '@', '=']));
        assert!(odd.is_none(), "{:?}", odd.map(|node| node.name));
    }
}
