//! What has passed the gate. The type is the proof: nothing but [`Access::admit`](super::Access::admit) makes one, and
//! routing takes nothing else.
use openclaw_plugin_api::{ChatKind, Inbound};

/// Something that may reach an agent, with what its sender may do. It can't be made outside of `access`:
///
/// ```compile_fail
/// use openclaw_host::access::Admitted;
/// let forged = Admitted { inner: (), channel: String::new(), rights: todo!(), mentioned: true };
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Admitted<T> {
    inner: T,
    channel: String,
    rights: Rights,
    mentioned: bool,
}

/// What the sender of an event may do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rights {
    /// May give commands.
    pub commands: bool,
    /// Owns the gateway: may give the commands that change it.
    pub owner: bool,
    /// The operator knows him: a list has his own id, or he is paired. `*` makes nobody known.
    pub known: bool,
}

impl<T> Admitted<T> {
    pub(super) fn new(inner: T, channel: &str, rights: Rights, mentioned: bool) -> Self {
        Self {
            inner,
            channel: channel.to_owned(),
            rights,
            mentioned,
        }
    }

    /// What was admitted.
    pub fn inner(&self) -> &T {
        &self.inner
    }

    /// What was admitted, without the proof.
    pub fn into_inner(self) -> T {
        self.inner
    }

    /// The channel that it came from.
    pub fn channel(&self) -> &str {
        &self.channel
    }

    /// What its sender may do.
    pub fn rights(&self) -> Rights {
        self.rights
    }

    /// The agent was addressed, in any way that counts.
    pub fn mentioned(&self) -> bool {
        self.mentioned
    }
}

impl Admitted<Inbound> {
    /// The account that received it.
    pub fn account(&self) -> &str {
        super::account(&self.inner)
    }

    /// Whether it is a private message.
    pub fn is_direct(&self) -> bool {
        self.inner.chat.kind == ChatKind::Direct
    }
}
