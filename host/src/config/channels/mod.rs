//! The keys of `channels.<id>` that mean the same on every channel: who may write, and how replies look.
//!
//! Tolerant of every other key: those are the channel's own, and the schema of its plugin judges them. Reads the forms
//! of February and September 2026; where both are present the newer wins. Decides nothing: `access` does.
mod check;
mod memo;
mod read;

pub(in crate::config) use memo::Policies;

use super::{agents::Coalesce, ids::IdList, tools::ToolRules};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Who may write in private.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DmPolicy {
    /// Who is listed or paired; a stranger gets a code. The default.
    #[default]
    Pairing,
    /// Who is listed.
    Allowlist,
    /// Everybody, if `allowFrom` has `*`.
    Open,
    /// Nobody.
    Disabled,
}

/// In which groups, and there from whom, messages are taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum GroupPolicy {
    /// All groups.
    Open,
    /// Listed groups and people. The default.
    #[default]
    Allowlist,
    /// None.
    Disabled,
}

/// How a reply is shown while it is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StreamMode {
    /// Only when it is finished.
    #[default]
    Off,
    /// One message that grows.
    Partial,
    /// In pieces.
    Block,
    /// One message that tells what is being done.
    Progress,
}

/// Which messages of a reply refer to the message that is answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReplyToMode {
    /// None. The default.
    #[default]
    Off,
    /// The first.
    First,
    /// All.
    All,
    /// The first, if several messages are answered together.
    Batched,
}

/// Whether programs may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum AllowBots {
    /// Always or never.
    Flag(bool),
    /// When they address the agent.
    Mentions(MentionsWord),
}

/// The word `mentions`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MentionsWord {
    /// When the agent is mentioned.
    Mentions,
}

/// What counts as a mention without being written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ImplicitMentions {
    /// A reply to a message of the agent. True by default.
    pub reply_to_bot: bool,
    /// Accepted, without effect: a quotation counts as a reply does.
    pub quoted_bot: bool,
}

/// Where mention patterns count.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct MentionScope {
    /// `allow`: in all chats but those of `denyIn`. `deny`: only in those of `allowIn`. Default: `allow`.
    pub mode: MentionMode,
    /// Chats in which patterns count, where the mode is `deny`.
    pub allow_in: IdList,
    /// Chats in which patterns don't count, where the mode is `allow`.
    pub deny_in: IdList,
}

/// Whether mention patterns count where nothing else is said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MentionMode {
    /// They count.
    #[default]
    Allow,
    /// They don't.
    Deny,
}

/// The shared keys of one account of a channel.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ChannelPolicy {
    /// There is a block for the channel. Without one, groups are closed whatever the defaults say.
    #[serde(skip)]
    pub configured: bool,
    /// Who may write in private. Default: `pairing`.
    pub dm_policy: Option<DmPolicy>,
    /// Ids that may write in private.
    pub allow_from: Option<IdList>,
    /// Private messages, in the form of February 2026.
    pub dm: Option<DmBlock>,
    /// Private messages of single people, by id or `*`.
    pub direct: BTreeMap<String, DirectRule>,
    /// In which groups messages are taken. Default: `allowlist`.
    pub group_policy: Option<GroupPolicy>,
    /// Ids that may write in groups; where it is not set `allowFrom` counts. Paired people are never meant.
    pub group_allow_from: Option<IdList>,
    /// Groups by id or `*`. If there are any, there are no others.
    pub groups: BTreeMap<String, ChatRule>,
    /// Spaces by id or `*`. If there are any, there are no others.
    pub guilds: BTreeMap<String, SpaceRule>,
    /// Spaces by id or `*`, as some platforms call them.
    pub teams: BTreeMap<String, SpaceRule>,
    /// Programs may write. Default: false.
    pub allow_bots: Option<AllowBots>,
    /// What counts as a mention.
    pub implicit_mentions: Option<ImplicitMentions>,
    /// Where an agent's mention patterns count. Default: everywhere.
    pub mention_patterns: Option<MentionScope>,
    /// Lists of people may have user names. They change hands, so this is dangerous. False by default.
    pub dangerously_allow_name_matching: bool,
    /// Skipped messages of a group that are kept for its next answer, 500 at most. Default: 50.
    pub history_limit: Option<usize>,
    /// Accepted, without effect: the model sees as much of a private chat as fits.
    pub dm_history_limit: Option<usize>,
    /// Accepted, without effect: settings of private chats by id.
    pub dms: BTreeMap<String, DmSettings>,
    /// Longest text of one message, characters. Default: what the platform takes.
    pub text_chunk_limit: Option<usize>,
    /// Most lines of one message. Default: as the channel says.
    pub max_lines_per_message: Option<usize>,
    /// Where a long text is split. Default: `length`.
    pub chunk_mode: Option<ChunkMode>,
    /// Which messages of a reply refer to the one that is answered. Default: `off`.
    pub reply_to_mode: Option<ReplyToMode>,
    /// Emoji that says a message was seen; empty for none. Default: `messages.ackReaction`.
    pub ack_reaction: Option<String>,
    /// What each reply begins with. Default: `messages.responsePrefix`.
    pub response_prefix: Option<String>,
    /// How a reply is shown while it is written. Default: `off`.
    pub streaming: Option<Streaming>,
    /// The same, in an older form.
    pub stream_mode: Option<StreamMode>,
    /// Replies go out in blocks as they are written. Default: `agents.defaults.blockStreamingDefault`.
    pub block_streaming: Option<bool>,
    /// When small blocks are sent as one; what it leaves out is the agent's.
    pub block_streaming_coalesce: Option<Coalesce>,
    /// Largest file, megabytes.
    pub media_max_mb: Option<f64>,
    /// Accepted, without effect: events of a channel never change the configuration.
    pub config_writes: Option<bool>,
    /// Where messages go that name no chat, if the channel can.
    pub default_to: Option<String>,
}

/// `channels.<id>.dm`
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct DmBlock {
    /// Private messages are taken. True by default.
    pub enabled: Option<bool>,
    /// Who may write.
    pub policy: Option<DmPolicy>,
    /// Ids that may write.
    pub allow_from: Option<IdList>,
    /// Messages to several people are taken. False by default.
    pub group_enabled: bool,
    /// Only those of these chats; empty means all.
    pub group_channels: IdList,
}

/// `channels.<id>.direct.<person>`
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct DirectRule {
    /// Messages are taken. True by default.
    pub enabled: Option<bool>,
    /// Who may write.
    pub dm_policy: Option<DmPolicy>,
    /// Ids that may write.
    pub allow_from: Option<IdList>,
    /// What the agent is told of this place, by the operator.
    pub system_prompt: Option<String>,
    /// Which tools agents may use here.
    pub tools: Option<ToolRules>,
    /// Which tools they may use here for one person, by id or `*`.
    pub tools_by_sender: BTreeMap<String, ToolRules>,
}

/// `channels.<id>.dms.<person>`
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct DmSettings {
    /// Turns that the model sees.
    pub history_limit: Option<usize>,
}

/// `channels.<id>.groups.<chat>`
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ChatRule {
    /// Messages are taken. True by default.
    pub enabled: Option<bool>,
    /// Only messages that address the agent are answered. True by default.
    pub require_mention: Option<bool>,
    /// Overrides the channel's.
    pub group_policy: Option<GroupPolicy>,
    /// Ids that may write here, under every policy.
    pub allow_from: Option<IdList>,
    /// Topics by id or `*`; what they do not set is the group's.
    pub topics: BTreeMap<String, TopicRule>,
    /// What the agent is told of this place, by the operator.
    pub system_prompt: Option<String>,
    /// Which tools agents may use here.
    pub tools: Option<ToolRules>,
    /// Which tools they may use here for one person, by id or `*`.
    pub tools_by_sender: BTreeMap<String, ToolRules>,
}

/// `channels.<id>.groups.<chat>.topics.<thread>`
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct TopicRule {
    /// Messages are taken. True by default.
    pub enabled: Option<bool>,
    /// Only messages that address the agent are answered.
    pub require_mention: Option<bool>,
    /// Overrides the group's.
    pub group_policy: Option<GroupPolicy>,
    /// Ids that may write here, under every policy.
    pub allow_from: Option<IdList>,
    /// What the agent is told of this place, by the operator.
    pub system_prompt: Option<String>,
    /// Which tools agents may use here.
    pub tools: Option<ToolRules>,
    /// Which tools they may use here for one person, by id or `*`.
    pub tools_by_sender: BTreeMap<String, ToolRules>,
}

/// `channels.<id>.guilds.<space>`
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct SpaceRule {
    /// Its name; counts only with `dangerouslyAllowNameMatching`.
    pub slug: Option<String>,
    /// Messages that address somebody else and not the agent are not answered. False by default.
    pub ignore_other_mentions: Option<bool>,
    /// Only messages that address the agent are answered. True by default.
    pub require_mention: Option<bool>,
    /// Ids that may write; with `roles` empty, means everybody.
    pub users: IdList,
    /// Ids of roles that may write.
    pub roles: IdList,
    /// Chats by id, name or `*`. If there are any, there are no others.
    pub channels: BTreeMap<String, PlaceRule>,
    /// Which tools agents may use here.
    pub tools: Option<ToolRules>,
    /// Which tools they may use here for one person, by id or `*`.
    pub tools_by_sender: BTreeMap<String, ToolRules>,
}

/// `channels.<id>.guilds.<space>.channels.<chat>`
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct PlaceRule {
    /// Messages that address somebody else and not the agent are not answered.
    pub ignore_other_mentions: Option<bool>,
    /// Messages are taken, in the form of February 2026.
    pub allow: Option<bool>,
    /// Messages are taken. True by default.
    pub enabled: Option<bool>,
    /// Only messages that address the agent are answered.
    pub require_mention: Option<bool>,
    /// Ids that may write; replaces the space's.
    pub users: Option<IdList>,
    /// Ids of roles that may write; replaces the space's.
    pub roles: Option<IdList>,
    /// What the agent is told of this place, by the operator.
    pub system_prompt: Option<String>,
    /// Which tools agents may use here.
    pub tools: Option<ToolRules>,
    /// Which tools they may use here for one person, by id or `*`.
    pub tools_by_sender: BTreeMap<String, ToolRules>,
}

/// Where a long text is split.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ChunkMode {
    /// Where it is too long. The default.
    #[default]
    Length,
    /// At empty lines, and where it is too long.
    Newline,
}

/// `channels.<id>.streaming`, in each of its forms.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Streaming {
    /// On (partial) or off.
    Flag(bool),
    /// By name.
    Mode(StreamMode),
    /// In detail.
    Detailed(Box<StreamingDetails>),
}

/// `channels.<id>.streaming` in detail
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct StreamingDetails {
    /// How a reply is shown while it is written.
    pub mode: Option<StreamMode>,
    /// Where a long text is split.
    pub chunk_mode: Option<ChunkMode>,
    /// Replies in blocks.
    pub block: BlockDetails,
}

/// `channels.<id>.streaming.block`
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct BlockDetails {
    /// Replies go out in blocks as they are written.
    pub enabled: Option<bool>,
    /// When small blocks are sent as one.
    pub coalesce: Option<Coalesce>,
}
