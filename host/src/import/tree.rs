//! Which rows of a transcript are the conversation: rows form a tree, and the way from its root to the leaf that was
//! chosen last is what the agent knows.
//!
//! Pure, and small: a row is a few numbers here, whatever is said in it.
use serde::{Deserialize, Deserializer};
use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
};

/// Rows of one transcript.
pub(super) const MAX_ROWS: u32 = 4_000_000;

const NONE: u32 = u32::MAX;

/// What a row says about its place.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Head {
    #[serde(rename = "type")]
    pub(super) kind: String,
    id: Option<String>,
    #[serde(deserialize_with = "present")]
    parent_id: Option<Option<String>>,
    target_id: Option<String>,
    append_mode: Option<String>,
    first_kept_entry_id: Option<String>,
}

/// A row that stands for what was before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Boundary {
    /// Which row.
    pub(super) at: u32,
    /// The first row before it that the agent still knows; none if it is none.
    pub(super) kept_from: Option<u32>,
    /// The conversation begins anew, instead of being shortened.
    pub(super) reset: bool,
}

/// The rows of the conversation.
#[derive(Debug, Default)]
pub(super) struct Path {
    on: Vec<bool>,
    /// In order.
    pub(super) boundaries: Vec<Boundary>,
}

/// The rows so far.
#[derive(Debug)]
pub(super) struct Tree {
    hasher: RandomState,
    ids: HashMap<u64, u32>,
    nodes: Vec<Node>,
    boundaries: Vec<Boundary>,
    leaf: u32,
    append: u32,
    resets: u32,
    /// Some row says where it belongs.
    linked: bool,
}

#[derive(Debug, Clone, Copy)]
struct Node {
    parent: u32,
    /// The reset that it comes behind; 0 for none.
    behind: u32,
}

fn present<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<String>>, D::Error> {
    Option::<String>::deserialize(from).map(Some)
}

/// Rows that are part of a conversation.
fn counts(kind: &str) -> bool {
    matches!(
        kind,
        "message"
            | "thinking_level_change"
            | "model_change"
            | "compaction"
            | "reset"
            | "branch_summary"
            | "custom"
            | "custom_message"
            | "label"
            | "session_info"
    )
}

// === impl Tree ===

impl Tree {
    pub(super) fn new() -> Self {
        Self {
            hasher: RandomState::new(),
            ids: HashMap::new(),
            nodes: Vec::new(),
            boundaries: Vec::new(),
            leaf: NONE,
            append: NONE,
            resets: 0,
            linked: false,
        }
    }

    /// Takes the next row. False: there are too many.
    pub(super) fn add(&mut self, head: &Head) -> bool {
        let at = u32::try_from(self.nodes.len()).unwrap_or(NONE);
        if at >= MAX_ROWS {
            return false;
        }
        self.nodes.push(Node {
            parent: NONE,
            behind: 0,
        });
        match head.kind.as_str() {
            "leaf" => self.choose(head),
            kind if counts(kind) => self.grow(at, head),
            _ => {}
        }
        true
    }

    /// A row that chooses another leaf: what follows goes on from there.
    fn choose(&mut self, head: &Head) {
        let target = match &head.target_id {
            None => NONE,
            Some(id) => match self.find(id) {
                Some(target) => target,
                None => return,
            },
        };
        let target = if self.is_behind_reset(target) {
            target
        } else {
            self.leaf
        };
        if let Some(id) = &head.id {
            let id = self.hash(id);
            self.ids.insert(id, target);
        }
        (self.leaf, self.append, self.linked) = (target, target, true);
    }

    fn grow(&mut self, at: u32, head: &Head) {
        let side = head.append_mode.as_deref() == Some("side");
        let named = match &head.parent_id {
            None => self.leaf,
            Some(None) => NONE,
            Some(Some(id)) => self.find(id).unwrap_or(self.leaf),
        };
        let parent = match side {
            true => named,
            // behind what was said aside, and behind a reset, the conversation itself goes on
            false if named == self.append || !self.is_behind_reset(named) => self.leaf,
            false => named,
        };
        self.linked |= head.parent_id.is_some();
        let behind = if parent == NONE {
            0
        } else {
            self.nodes[parent as usize].behind
        };
        let kept_from = head.first_kept_entry_id.as_deref().and_then(|id| self.find(id));
        let reset = head.kind == "reset";
        if reset {
            self.resets += 1;
        }
        if reset || head.kind == "compaction" {
            self.boundaries.push(Boundary { at, kept_from, reset });
        }
        self.nodes[at as usize] = Node {
            parent,
            behind: if reset { self.resets } else { behind },
        };
        if let Some(id) = &head.id {
            let id = self.hash(id);
            self.ids.insert(id, at);
        }
        self.append = at;
        if !side {
            self.leaf = at;
        }
    }

    fn is_behind_reset(&self, at: u32) -> bool {
        self.resets == 0 || (at != NONE && self.nodes[at as usize].behind == self.resets)
    }

    fn hash(&self, id: &str) -> u64 {
        self.hasher.hash_one(id)
    }

    fn find(&self, id: &str) -> Option<u32> {
        self.ids.get(&self.hash(id)).copied().filter(|at| *at != NONE)
    }

    /// The way to the leaf.
    pub(super) fn path(self) -> Path {
        let mut on = vec![!self.linked; self.nodes.len()];
        let mut at = self.leaf;
        while at != NONE && !on[at as usize] {
            on[at as usize] = true;
            at = self.nodes[at as usize].parent;
        }
        let mut boundaries = self.boundaries;
        boundaries.retain(|boundary| on[boundary.at as usize]);
        Path { on, boundaries }
    }
}

impl Path {
    pub(super) fn has(&self, at: u32) -> bool {
        self.on.get(at as usize).copied().unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(rows: &[&str]) -> Path {
        let mut tree = Tree::new();
        for row in rows {
            assert!(tree.add(&serde_json::from_str(row).expect("a row")));
        }
        tree.path()
    }

    fn on(rows: &[&str]) -> Vec<usize> {
        let path = path(rows);
        (0..rows.len())
            .filter(|at| path.has(u32::try_from(*at).expect("few")))
            .collect()
    }

    #[test]
    fn the_last_branch_is_the_conversation() {
        let rows = [
            r#"{"type":"session","id":"s"}"#,
            r#"{"type":"message","id":"a","parentId":null}"#,
            r#"{"type":"message","id":"b","parentId":"a"}"#,
            r#"{"type":"message","id":"c","parentId":"a"}"#,
            r#"{"type":"message","id":"d","parentId":"gone"}"#,
        ];
        assert_eq!(on(&rows[..4]), [1, 3]);
        assert_eq!(on(&rows), [1, 3, 4], "a parent that is not there is the leaf");
        assert_eq!(
            on(&[r#"{"type":"message"}"#, r#"{"type":"message"}"#]),
            [0, 1],
            "without links: all"
        );
    }

    #[test]
    fn a_leaf_is_chosen_and_what_is_said_aside_is_not_the_conversation() {
        let rows = [
            r#"{"type":"message","id":"a","parentId":null}"#,
            r#"{"type":"message","id":"b","parentId":"a"}"#,
            r#"{"type":"leaf","id":"l","parentId":"b","targetId":"a"}"#,
            r#"{"type":"message","id":"c","parentId":"l"}"#,
            r#"{"type":"message","id":"x","parentId":"c","appendMode":"side"}"#,
            r#"{"type":"message","id":"d","parentId":"x"}"#,
        ];
        assert_eq!(on(&rows), [0, 3, 5]);
    }

    #[test]
    fn boundaries_know_what_is_kept() {
        let rows = [
            r#"{"type":"message","id":"a","parentId":null}"#,
            r#"{"type":"message","id":"b","parentId":"a"}"#,
            r#"{"type":"compaction","id":"c","parentId":"b","firstKeptEntryId":"b"}"#,
            r#"{"type":"reset","id":"r","parentId":"c"}"#,
            r#"{"type":"message","id":"d","parentId":"a"}"#,
            r#"{"type":"message","id":"e","parentId":"d"}"#,
        ];
        assert_eq!(on(&rows), [0, 1, 2, 3, 4, 5], "nothing goes back behind a reset");
        let boundary = |at, kept_from, reset| Boundary { at, kept_from, reset };
        assert_eq!(
            path(&rows).boundaries,
            [boundary(2, Some(1), false), boundary(3, None, true)]
        );
    }
}
