//! Whether a list names a person. Stable ids count, and nothing that a person can choose.
use crate::config::IdList;
use openclaw_plugin_api::{ChannelInfo, Sender};

/// Compares entries of lists with senders of one channel.
#[derive(Debug, Clone, Copy)]
pub(super) struct People<'a> {
    pub(super) channel: &'a str,
    pub(super) info: &'a ChannelInfo,
    /// `dangerouslyAllowNameMatching`
    pub(super) names: bool,
}

/// Whether a list names the sender of an event by a stable id. `*` names nobody.
pub fn is_named(channel: &str, info: &ChannelInfo, list: &IdList, sender: &Sender) -> bool {
    let people = People {
        channel,
        info,
        names: false,
    };
    people.names(list, sender)
}

impl People<'_> {
    /// Whether the list names the sender or everybody. An unknown sender is never meant.
    pub(super) fn admits(&self, list: &IdList, sender: &Sender) -> bool {
        !sender.id.trim().is_empty() && (list.has_wildcard() || self.names(list, sender))
    }

    /// Whether the list names the sender; `*` names nobody.
    pub(super) fn names(&self, list: &IdList, sender: &Sender) -> bool {
        let id = sender.id.trim();
        !id.is_empty()
            && id != "*"
            && list
                .iter()
                .any(|entry| self.is(entry, id) || self.names && is_called(entry, sender))
    }

    /// Whether the list names one of the sender's roles.
    pub(super) fn has_role(&self, list: &IdList, sender: &Sender) -> bool {
        let role = |entry: &str| {
            let mention = entry.strip_prefix("<@&").and_then(|rest| rest.strip_suffix('>'));
            let id = mention.or_else(|| entry.strip_prefix("role:")).unwrap_or(entry);
            sender.roles.iter().any(|role| !role.is_empty() && role == id)
        };
        !sender.id.trim().is_empty() && list.iter().any(role)
    }

    /// Whether an entry is this id: as it is, as a mention, or behind a prefix that means this channel.
    fn is(&self, entry: &str, id: &str) -> bool {
        if entry == id {
            return true;
        }
        let mention = entry.strip_prefix("<@").and_then(|rest| rest.strip_suffix('>'));
        if let Some(inside) = mention {
            return inside.strip_prefix('!').unwrap_or(inside) == id;
        }
        let Some((prefix, rest)) = entry.split_once(':') else {
            return false;
        };
        let prefixes = self.info.id_prefixes.iter().map(String::as_str);
        let known = prefixes
            .chain([self.channel])
            .any(|known| known.eq_ignore_ascii_case(prefix.trim()));
        // once more for the second of two prefixes; the text gets shorter each time
        known && self.is(rest.trim(), id)
    }
}

fn is_called(entry: &str, sender: &Sender) -> bool {
    let entry = slug(entry.strip_prefix('@').unwrap_or(entry));
    !entry.is_empty()
        && [&sender.username, &sender.name]
            .iter()
            .any(|name| slug(name) == entry)
}

/// A name as it is written in lists: lower case, everything but letters and digits one dash.
pub(super) fn slug(name: &str) -> String {
    let lower = name.trim().trim_start_matches('#').to_lowercase();
    let words = lower.split(|c: char| !c.is_alphanumeric());
    words
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join("-")
}
