//! From the configuration to the policy of one account: accounts inherit, defaults fill in, both forms become one.
use super::{
    ChannelPolicy, ChunkMode, DmPolicy, GroupPolicy, ImplicitMentions, MentionMode, SpaceRule, StreamMode,
    Streaming,
};
use crate::config::{
    Coalesce, Config, Fault, IdList, JsonPath,
    schema::{Schema, type_name},
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

/// Skipped messages that are kept where nobody says otherwise.
const HISTORY: usize = 50;
/// Most skipped messages that are kept of one chat, whatever the configuration says.
const MAX_HISTORY: usize = 500;

/// `channels.defaults`: what holds where a channel says nothing.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
struct Defaults {
    /// See [`ChannelPolicy::group_policy`].
    group_policy: Option<GroupPolicy>,
    /// See [`ChannelPolicy::implicit_mentions`].
    implicit_mentions: Option<ImplicitMentions>,
}

impl ChannelPolicy {
    /// The policy of one account: the channel's block with the account's keys on top, `channels.defaults` below, access
    /// groups replaced by their members. Or all that is wrong with it.
    pub fn of(config: &Config, channel: &str, account: &str) -> Result<Self, Vec<Fault>> {
        let path = JsonPath::root().key("channels").key(channel);
        let mut policy = match &config.value()["channels"][channel] {
            Value::Null => Self::default(),
            Value::Object(block) => {
                let block = Value::Object(merged(block, account));
                let mut policy = Self::deserialize(&block).map_err(|_| faults(&block, &path))?;
                policy.configured = true;
                policy
            }
            other => {
                let message = format!("is of type {}, but must be of type object", type_name(other));
                return Err(vec![Fault { path, message }]);
            }
        };
        policy.inherit(config);
        let groups = &config.access_groups;
        policy.for_each_list(|list| list.expand(groups, channel));
        Ok(policy)
    }

    /// Who may write in private.
    pub fn dm_policy(&self) -> DmPolicy {
        let older = self.dm.as_ref().and_then(|dm| dm.policy);
        self.dm_policy.or(older).unwrap_or_default()
    }

    /// Ids that may write in private.
    pub fn allow_from(&self) -> &IdList {
        let older = self.dm.as_ref().and_then(|dm| dm.allow_from.as_ref());
        self.allow_from.as_ref().or(older).unwrap_or(IdList::NOBODY)
    }

    /// In which groups messages are taken.
    pub fn group_policy(&self) -> GroupPolicy {
        self.group_policy.unwrap_or_default()
    }

    /// Ids that may write in groups.
    pub fn group_allow_from(&self) -> &IdList {
        self.group_allow_from
            .as_ref()
            .unwrap_or_else(|| self.allow_from())
    }

    /// Whether the channel's chats are sorted by spaces in the configuration.
    pub fn has_spaces(&self) -> bool {
        !self.guilds.is_empty() || !self.teams.is_empty()
    }

    /// The rule of a space, and the key that it stands under: by its id, else the first that `is_named` says is meant by
    /// its name, else `*`.
    pub fn space(&self, id: &str, is_named: impl Fn(&str, &SpaceRule) -> bool) -> Option<(&str, &SpaceRule)> {
        let maps = [&self.guilds, &self.teams];
        let find = |id: &str| maps.iter().find_map(|map| map.get_key_value(id));
        let named = || {
            maps.iter()
                .flat_map(|map| map.iter())
                .find(|(key, rule)| is_named(key, rule))
        };
        let (key, rule) = find(id).or_else(named).or_else(|| find("*"))?;
        Some((key, rule))
    }

    /// Skipped messages that are kept of a chat; 0 keeps none.
    pub fn history_limit(&self) -> usize {
        self.history_limit.unwrap_or(HISTORY).min(MAX_HISTORY)
    }

    /// What counts as a mention.
    pub fn implicit_mentions(&self) -> ImplicitMentions {
        self.implicit_mentions.unwrap_or_default()
    }

    /// Whether an agent's mention patterns count in a chat.
    pub fn patterns_count_in(&self, chat: &str) -> bool {
        let Some(scope) = &self.mention_patterns else {
            return true;
        };
        let named = |list: &IdList| list.has_wildcard() || list.iter().any(|id| id == chat);
        match scope.mode {
            MentionMode::Allow => !named(&scope.deny_in),
            MentionMode::Deny => named(&scope.allow_in),
        }
    }

    /// Turns of the private chat with this person that the model sees; `None`: as many as fit.
    pub fn dm_history_limit(&self, person: &str) -> Option<usize> {
        let own = self.dms.get(person).and_then(|dm| dm.history_limit);
        own.or(self.dm_history_limit)
    }

    /// How a reply is shown while it is written; `None`: nothing is said, so the channel's own default counts.
    pub fn stream_mode(&self) -> Option<StreamMode> {
        match &self.streaming {
            Some(Streaming::Detailed(details)) => details.mode.or(self.stream_mode),
            Some(Streaming::Mode(mode)) => Some(*mode),
            Some(Streaming::Flag(true)) => Some(self.stream_mode.unwrap_or(StreamMode::Partial)),
            Some(Streaming::Flag(false)) => Some(StreamMode::Off),
            None => self.stream_mode,
        }
    }

    /// Where a long text is split.
    pub fn chunk_mode(&self) -> ChunkMode {
        let newer = match &self.streaming {
            Some(Streaming::Detailed(details)) => details.chunk_mode,
            _ => None,
        };
        newer.or(self.chunk_mode).unwrap_or_default()
    }

    /// Whether replies go out in blocks; `None`: `agents.defaults.blockStreamingDefault` decides.
    pub fn block_streaming(&self) -> Option<bool> {
        let newer = match &self.streaming {
            Some(Streaming::Detailed(details)) => details.block.enabled,
            _ => None,
        };
        newer.or(self.block_streaming)
    }

    /// When small blocks are sent as one, as far as the channel says.
    pub fn block_streaming_coalesce(&self) -> Option<&Coalesce> {
        let newer = match &self.streaming {
            Some(Streaming::Detailed(details)) => details.block.coalesce.as_ref(),
            _ => None,
        };
        newer.or(self.block_streaming_coalesce.as_ref())
    }

    fn inherit(&mut self, config: &Config) {
        // what can't be read there is absent, and absent means closed
        let defaults = Defaults::deserialize(&config.value()["channels"]["defaults"]).unwrap_or_default();
        if self.configured {
            self.group_policy = self.group_policy.or(defaults.group_policy);
        }
        self.implicit_mentions = self.implicit_mentions.or(defaults.implicit_mentions);
        self.history_limit = self.history_limit.or(config.messages.group_chat.history_limit);
    }

    fn for_each_list(&mut self, mut change: impl FnMut(&mut IdList)) {
        let Self {
            allow_from,
            group_allow_from,
            dm,
            direct,
            groups,
            guilds,
            teams,
            ..
        } = self;
        let dm = dm.iter_mut().filter_map(|dm| dm.allow_from.as_mut());
        let direct = direct.values_mut().filter_map(|rule| rule.allow_from.as_mut());
        let tops = allow_from.iter_mut().chain(group_allow_from);
        tops.chain(dm).chain(direct).for_each(&mut change);
        for group in groups.values_mut() {
            let topics = group
                .topics
                .values_mut()
                .filter_map(|topic| topic.allow_from.as_mut());
            group.allow_from.iter_mut().chain(topics).for_each(&mut change);
        }
        for space in guilds.values_mut().chain(teams.values_mut()) {
            let places = space
                .channels
                .values_mut()
                .filter_map(|place| place.users.as_mut());
            std::iter::once(&mut space.users)
                .chain(places)
                .for_each(&mut change);
        }
    }
}

impl Default for ImplicitMentions {
    fn default() -> Self {
        Self {
            reply_to_bot: true,
            quoted_bot: true,
        }
    }
}

/// The block with the account's own keys on top, without the other accounts.
fn merged(block: &Map<String, Value>, account: &str) -> Map<String, Value> {
    let mut merged = block.clone();
    merged.remove("accounts");
    let own = block
        .get("accounts")
        .and_then(|accounts| accounts.get(account)?.as_object());
    merged.extend(own.cloned().unwrap_or_default());
    merged
}

/// What is wrong in words, without a word of what was written.
fn faults(block: &Value, path: &JsonPath) -> Vec<Fault> {
    let mut faults = Schema::of::<ChannelPolicy>().check(block, path);
    if faults.is_empty() {
        faults.push(Fault {
            path: path.clone(),
            message: "has a number that is not a whole number".into(),
        });
    }
    faults
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
