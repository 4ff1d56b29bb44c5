//! Lists of ids that an operator writes: who may write, who owns the gateway, and groups of people by name.
//!
//! Ids are text here, whatever they were in the file. Nothing is matched against anybody here: `access` does that.
use super::{Config, PeerId};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;

/// What an entry begins with that names a group of `accessGroups`.
const GROUP: &str = "accessGroup:";
/// The type of group that lists people.
const SENDERS: &str = "message.senders";

/// Ids, as text. Numbers are taken for ids too.
#[derive(Debug, Clone, Default, PartialEq, Eq, JsonSchema)]
#[schemars(transparent)]
pub struct IdList(#[schemars(with = "Vec<PeerId>")] Vec<String>);

/// `accessGroups`: groups of people by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct AccessGroups(BTreeMap<String, AccessGroup>);

/// `accessGroups.<name>`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct AccessGroup {
    /// `message.senders`: the group is the people in `members`. A group of another type has nobody.
    pub r#type: String,
    /// Their ids by channel; `*` is every channel.
    pub members: BTreeMap<String, IdList>,
}

/// Who may give commands, with access groups replaced by their members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandAccess {
    /// The owners of this gateway: `<channel>:<id>`, or an id that holds on every channel. `*` has no effect.
    pub owner_allow_from: IdList,
    /// Who may give commands, by channel or `*`. Where it is set it alone decides.
    pub allow_from: BTreeMap<String, IdList>,
    /// False: where no list names anybody, everybody who may write may give commands.
    pub use_access_groups: bool,
}

impl IdList {
    /// The list of nobody.
    pub const NOBODY: &Self = &Self(Vec::new());

    /// A list of these ids.
    pub fn new<S: Into<String>>(ids: impl IntoIterator<Item = S>) -> Self {
        Self(ids.into_iter().map(Into::into).collect())
    }

    /// The ids, trimmed; none is empty.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|id| id.trim()).filter(|id| !id.is_empty())
    }

    /// Whether it names nobody.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// Whether it has `*`.
    pub fn has_wildcard(&self) -> bool {
        self.iter().any(|id| id == "*")
    }

    /// Puts the members of groups in the place of the groups' names. A name that is no group stays, and matches nobody.
    pub(super) fn expand(&mut self, groups: &AccessGroups, channel: &str) {
        if !self.0.iter().any(|id| id.trim().starts_with(GROUP)) {
            return;
        }
        let mut expanded = Vec::with_capacity(self.0.len());
        for id in self.0.drain(..) {
            match id
                .trim()
                .strip_prefix(GROUP)
                .and_then(|name| groups.0.get(name.trim()))
            {
                Some(group) => expanded.extend(group.members(channel)),
                None => expanded.push(id),
            }
        }
        self.0 = expanded;
    }
}

impl<'de> Deserialize<'de> for IdList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let ids = Option::<Vec<PeerId>>::deserialize(deserializer)?.unwrap_or_default();
        Ok(Self(ids.into_iter().map(|PeerId(id)| id).collect()))
    }
}

impl AccessGroup {
    fn members<'a>(&'a self, channel: &str) -> impl Iterator<Item = String> + 'a {
        let lists = [self.members.get(channel), self.members.get("*")];
        let known = self.r#type == SENDERS;
        lists
            .into_iter()
            .flatten()
            .filter(move |_| known)
            // a group is of people: it never opens a door to everybody
            .flat_map(|list| list.iter().filter(|id| *id != "*").map(str::to_owned))
    }
}

impl CommandAccess {
    /// `commands` of a configuration.
    pub fn of(config: &Config) -> Self {
        let groups = &config.access_groups;
        let list = |ids: &[PeerId], channel: &str| {
            let mut list = IdList::new(ids.iter().map(|id| id.0.clone()));
            list.expand(groups, channel);
            list
        };
        let commands = &config.commands;
        let by_channel = commands.allow_from.iter();
        Self {
            owner_allow_from: list(commands.owner_allow_from.as_deref().unwrap_or_default(), "*"),
            allow_from: by_channel
                .map(|(channel, ids)| (channel.clone(), list(ids, channel)))
                .collect(),
            use_access_groups: commands.use_access_groups.unwrap_or(true),
        }
    }
}

impl Default for CommandAccess {
    fn default() -> Self {
        Self {
            owner_allow_from: IdList::default(),
            allow_from: BTreeMap::new(),
            use_access_groups: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn ids_may_be_numbers_and_groups_are_replaced_by_their_people() {
        let groups = AccessGroups::deserialize(json!({
            "family": {"type": "message.senders", "members": {"*": ["1", "*"], "chat": [2], "other": ["3"]}},
            "audience": {"type": "chat.audience", "members": {"*": ["9"]}, "channel": "x"},
        }));
        let groups = groups.expect("groups");
        for (written, expected) in [
            (json!([5, "x", " y "]), vec!["5", "x", "y"]),
            (json!(null), vec![]),
            (json!(["accessGroup:family", "z"]), vec!["2", "1", "z"]),
            (json!(["accessGroup:audience"]), vec![]),
            (json!(["accessGroup:nobody"]), vec!["accessGroup:nobody"]),
        ] {
            let mut list = IdList::deserialize(&written).expect("a list");
            list.expand(&groups, "chat");
            assert_eq!(list.iter().collect::<Vec<_>>(), expected, "{written}");
        }
        assert!(IdList::deserialize(json!("5")).is_err() && IdList::deserialize(json!([{}])).is_err());
    }
}
