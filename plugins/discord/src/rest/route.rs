//! Paths of the API, and what Discord counts requests by: the template of a path and its major parameter.
//!
//! Invariant: an id can't change which route a request takes. Whatever is put into a path is one segment of it.
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::fmt;

/// What may stand in a segment as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'~');
/// An id that nothing has. It takes the place of one that would climb up the path.
const NOTHING: &str = "0";

/// One path of the API.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Route {
    template: &'static str,
    path: String,
    major: String,
}

impl Route {
    /// A path from its template, `channels/{}/messages/{}`, and the ids in the order of the gaps.
    pub(crate) fn new(template: &'static str, ids: &[&str]) -> Self {
        debug_assert_eq!(template.matches("{}").count(), ids.len(), "{template}");
        let (mut path, mut ids_left) = (String::with_capacity(template.len() + 20 * ids.len()), ids.iter());
        for (n, fixed) in template.split("{}").enumerate() {
            if n > 0 {
                path += &segment(ids_left.next().copied().unwrap_or_default());
            }
            path += fixed;
        }
        let first = ids.first().copied().unwrap_or_default();
        let major = match template.split('/').next() {
            Some("channels" | "guilds") => first.to_owned(),
            // Webhooks and interactions are counted by id and token.
            Some("webhooks" | "interactions") => ids.iter().take(2).copied().collect::<Vec<_>>().join("/"),
            _ => String::new(),
        };
        Self {
            template,
            path,
            major,
        }
    }

    /// The messages of a channel.
    pub(crate) fn messages(channel: &str) -> Self {
        Self::new("channels/{}/messages", &[channel])
    }

    /// One message.
    pub(crate) fn message(channel: &str, message: &str) -> Self {
        Self::new("channels/{}/messages/{}", &[channel, message])
    }

    /// A channel or thread.
    pub(crate) fn channel(channel: &str) -> Self {
        Self::new("channels/{}", &[channel])
    }

    /// The path with gaps in place of ids. It may be shown: tokens stand in gaps.
    pub(crate) fn template(&self) -> &'static str {
        self.template
    }

    /// The path, without a slash in front.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// What the limit of a route is counted by besides the route.
    pub(super) fn major(&self) -> &str {
        &self.major
    }

    /// Authorised by a token in the path and not by the bot's: such requests don't count against the bot.
    pub(super) fn is_own_authority(&self) -> bool {
        matches!(self.template.split('/').next(), Some("webhooks" | "interactions"))
    }
}

/// By its template: the path of a webhook holds its token.
impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.template)
    }
}

fn segment(id: &str) -> String {
    if id.is_empty() || id.bytes().all(|b| b == b'.') {
        return NOTHING.to_owned();
    }
    utf8_percent_encode(id, PLAIN).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_knows_its_path_and_what_it_is_counted_by() {
        let route = Route::message("1", "2");
        assert_eq!((route.path(), route.major()), ("channels/1/messages/2", "1"));
        let route = Route::new("webhooks/{}/{}", &["1", "t"]);
        assert_eq!((route.path(), route.major()), ("webhooks/1/t", "1/t"));
        assert!(route.is_own_authority());
        assert_eq!(format!("{route:?}"), "webhooks/{}/{}");
        assert_eq!(Route::new("users/{}", &["1"]).major(), "");
    }

    #[test]
    fn an_id_stays_in_its_place() {
        for (id, path) in [
            (
                "../../users/@me",
                "channels/%2E%2E%2F%2E%2E%2Fusers%2F%40me/messages",
            ),
            ("..", "channels/0/messages"),
            ("", "channels/0/messages"),
            ("1?x=1#y", "channels/1%3Fx%3D1%23y/messages"),
        ] {
            assert_eq!(Route::messages(id).path(), path);
        }
        let emoji = Route::new("channels/{}/messages/{}/reactions/{}/@me", &["1", "2", "👍"]);
        assert_eq!(emoji.path(), "channels/1/messages/2/reactions/%F0%9F%91%8D/@me");
    }
}
