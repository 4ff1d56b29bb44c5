//! Which tools a turn may use, and why the others are off. Pure: rules and names in, verdicts out.
//!
//! A policy is a list of sides: who has a say in the turn, with the rules that hold for them. A tool is on if every rule
//! of every side lets it pass; so two policies together ([`Policy::meet`]) never allow what one of them does not, and
//! what a conversation starts never has more than it has itself.
mod layer;
mod of;
mod permits;
mod tell;

pub use layer::{Layer, LayerKind, in_profile};
pub use of::{Place, Sender, Subject, is_sandboxed, subagent_depth};
pub use permits::{Decision, Permits};
pub use tell::card;

use super::tools::Offered;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Sides that are kept apart; beyond that nothing is allowed, for nobody can be left out.
const MAX_SIDES: usize = 64;

/// Which tools may be used.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Policy {
    sides: Vec<Side>,
}

/// Somebody who has a say in a turn, and the rules that hold for him.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Side {
    /// Who it is.
    pub trust: Trust,
    /// The rules, the widest first.
    pub layers: Vec<Layer>,
}

/// How far somebody is trusted whose words a turn is about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Trust {
    /// Nobody named him: he wrote where everybody may write.
    #[default]
    Stranger,
    /// The operator named him, or paired him.
    Known,
    /// The operator himself.
    Owner,
}

/// Whether a tool may be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It may.
    On,
    /// It may not.
    Off(Why),
}

/// Why a tool is off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// There is none of this name.
    Absent,
    /// It is for the owner alone.
    OwnerOnly,
    /// It changes something, and whoever asks was named by nobody.
    Stranger,
    /// A list of what is forbidden has it.
    Denied {
        /// The key in the configuration.
        key: String,
        /// The entry that means it.
        entry: String,
    },
    /// A list of what is allowed lacks it.
    NotAllowed {
        /// The key in the configuration.
        key: String,
    },
    /// Nobody can tell for whom the turn is.
    Confused,
}

// === impl Policy ===

impl Policy {
    /// Of one side.
    pub fn new(side: Side) -> Self {
        Self { sides: vec![side] }
    }

    /// These tools and no others; a list of none allows none.
    pub fn only(at: &str, trust: Trust, tools: &[String]) -> Self {
        let layer = Layer {
            at: at.to_owned(),
            // a list that comes with the gateway has no names that could be mistaken
            kind: LayerKind::Profile,
            allow: Some(tools.to_vec()),
            ..Layer::default()
        };
        Self::new(Side {
            trust,
            layers: vec![layer],
        })
    }

    /// What both allow, and nothing else. A policy of nobody allows nothing, and so does what it is brought together
    /// with.
    #[must_use]
    pub fn meet(mut self, other: &Self) -> Self {
        if self.sides.is_empty() || other.sides.is_empty() {
            return Self::default();
        }
        for side in &other.sides {
            if !self.sides.contains(side) {
                self.sides.push(side.clone());
            }
        }
        self
    }

    /// Whether a turn with a model may use a tool. The model is `provider/model`.
    pub fn judge(&self, tool: &Offered, model: &str) -> Verdict {
        if self.sides.is_empty() || self.sides.len() > MAX_SIDES {
            return Verdict::Off(Why::Confused);
        }
        let mut whys = self.sides.iter().filter_map(|side| side.forbids(tool, model));
        whys.next().map_or(Verdict::On, Verdict::Off)
    }

    /// The least trust of all sides.
    pub fn trust(&self) -> Trust {
        let trust = self.sides.iter().map(|side| side.trust);
        trust.min().unwrap_or_default()
    }

    /// The sides.
    pub fn sides(&self) -> &[Side] {
        &self.sides
    }
}

// === impl Side ===

impl Side {
    fn forbids(&self, tool: &Offered, model: &str) -> Option<Why> {
        let layers = || {
            self.layers
                .iter()
                .filter(|layer| layer.holds_for(model, &self.layers))
        };
        if tool.owner_only && self.trust < Trust::Owner {
            return Some(Why::OwnerOnly);
        }
        let denied = layers().find_map(|layer| Some((layer, layer.denies(tool)?)));
        if let Some((layer, entry)) = denied {
            return Some(Why::Denied {
                key: layer.key_of(LayerKind::DENY),
                entry: entry.to_owned(),
            });
        }
        if let Some(layer) = layers().find(|layer| !layer.allows(tool)) {
            return Some(Why::NotAllowed {
                key: layer.key_of(LayerKind::ALLOW),
            });
        }
        let opened = || layers().any(|layer| layer.opens(tool));
        (self.trust == Trust::Stranger && tool.spec.side_effects && !opened()).then_some(Why::Stranger)
    }
}

// === impl Verdict ===

impl Verdict {
    /// It may be used.
    pub fn is_on(&self) -> bool {
        *self == Self::On
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("no tool here has this name"),
            Self::OwnerOnly => f.write_str("it is for the owner alone (commands.ownerAllowFrom)"),
            Self::Stranger => f.write_str(
                "it changes something, and no list names who asks; allow it in the channel's group (tools.allow) or in \
                 toolsBySender",
            ),
            Self::Denied { key, entry } => write!(f, "{key} has \"{entry}\""),
            Self::NotAllowed { key } => write!(f, "{key} does not allow it"),
            Self::Confused => f.write_str("nobody can tell for whom the turn is"),
        }
    }
}

#[cfg(test)]
mod tests;
