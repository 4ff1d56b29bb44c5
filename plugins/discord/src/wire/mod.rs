//! What Discord says, as far as it is used here. Every type is tolerant: see [`tolerant`].
mod message;
mod place;
pub(crate) mod tolerant;

pub(crate) use message::{Attachment, Embed, Emoji, Message, Poll, Reaction, Sticker};
pub(crate) use place::{Application, Channel, Guild, Member, Role, User};
pub(crate) use tolerant::Read;

/// Types of channels.
pub(crate) mod channel_kind {
    /// A chat of several people.
    pub(crate) const GROUP_DM: u64 = 3;
    /// A thread of an announcement channel.
    pub(crate) const NEWS_THREAD: u64 = 10;
    /// A thread that all of its channel see.
    pub(crate) const PUBLIC_THREAD: u64 = 11;
    /// A thread of those who were asked.
    pub(crate) const PRIVATE_THREAD: u64 = 12;
    /// Where every post is a thread.
    pub(crate) const FORUM: u64 = 15;
    /// The same for pictures.
    pub(crate) const MEDIA: u64 = 16;
}

/// The beginning of snowflakes, milliseconds since 1970.
const EPOCH_MS: u64 = 1_420_070_400_000;
/// A snowflake's time is above these bits.
const TIME_BITS: u32 = 22;

/// Milliseconds since 1970 of a snowflake; 0 if it is none.
pub(crate) fn timestamp_ms(id: &str) -> u64 {
    id.parse::<u64>().map_or(0, |id| (id >> TIME_BITS) + EPOCH_MS)
}

/// The first snowflake of a time, milliseconds since 1970.
pub(crate) fn snowflake(ms: u64) -> u64 {
    ms.saturating_sub(EPOCH_MS) << TIME_BITS
}
