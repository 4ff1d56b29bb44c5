//! What a turn is begun with, and what comes of it.
use crate::{
    agent::{
        about::About,
        compaction::{Policy, Pruning, Summariser},
        policy::Permits,
    },
    journal::Entry,
};
use openclaw_plugin_api::{Message, StopReason, Thinking, ToolOrigin, ToolSpec, Usage};
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

/// What a turn is about.
#[derive(Debug, Clone, Default)]
pub struct Turn {
    /// Id of this turn; a second run with it goes on where the first one ended.
    pub id: String,
    /// An earlier process began it.
    pub resumed: bool,
    /// Transcript that it belongs to.
    pub session_id: String,
    /// Models to ask, the best first, `provider/model`.
    pub models: Vec<String>,
    /// Auth profile that the person chose; empty for none.
    pub profile: String,
    /// System prompt, what changes seldom first.
    pub system: Vec<String>,
    /// What is said, in one or more messages.
    pub input: Vec<Message>,
    /// Tools that the caller runs itself: a turn ends when its model asks for one.
    pub callers_tools: Vec<Arc<ToolSpec>>,
    /// What is known of each of them beside its words; none where there are fewer.
    pub about: Vec<About>,
    /// How hard to think.
    pub thinking: Thinking,
    /// Longest answer, tokens. None: the model's own.
    pub max_tokens: Option<u32>,
    /// How much of the conversation is read, tokens.
    pub history: u64,
    /// `contextTokens`: most of the window that is used. None: all of it.
    pub context_cap: Option<u64>,
    /// `compaction.reserveTokensFloor`. None: the usual.
    pub reserve_floor: Option<u64>,
    /// What stays when the conversation has to become shorter.
    pub shortening: Policy,
    /// Who makes it shorter, and how long that may take.
    pub summariser: Summariser,
    /// How old answers of tools are made shorter for a request. None: they are not.
    pub pruning: Option<Pruning>,
    /// How long ago the last request of the conversation was.
    pub idle: Duration,
    /// On whose behalf tools run.
    pub origin: ToolOrigin,
    /// How long it may take. None: as long as it likes.
    pub limit: Option<Duration>,
    /// When it ends, once it has begun and if it has a limit.
    pub ends: Option<Instant>,
    /// The same call again and again ends it.
    pub watches_loops: bool,
    /// Which tools its model may use.
    pub permits: Permits,
}

/// How a turn ended.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TurnOutcome {
    /// The whole answer.
    pub text: String,
    /// What it cost, over all requests.
    pub usage: Usage,
    /// What the last request had in it, tokens.
    pub context: u64,
    /// Model that answered, `provider/model`.
    pub model: String,
    /// Why it stopped.
    pub stop: StopReason,
    /// What to tell the person beside the answer: another model had to answer, a conversation was shortened.
    pub notices: Vec<String>,
    /// The last message, to be written with the reply.
    pub entries: Vec<Entry>,
}
