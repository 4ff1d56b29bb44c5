//! What a message says, in words that a model and a person can read. Pure.
use crate::{
    cache::Cache,
    wire::{Embed, Message, Poll, User},
};

/// Longest text that is made of a message, bytes. A message has at most 4,000 characters; embeds have more.
const MAX: usize = 32 << 10;
/// What a mention begins with, and what stands for it.
const MENTIONS: [(&str, Mention); 6] = [
    ("@!", Mention::User),
    ("@&", Mention::Role),
    ("@", Mention::User),
    ("#", Mention::Channel),
    ("a:", Mention::Emoji),
    (":", Mention::Emoji),
];

/// What stands between `<` and `>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mention {
    User,
    Role,
    Channel,
    Emoji,
}

/// What the text is read with.
pub(super) struct Reader<'a> {
    pub(super) cache: &'a Cache,
    pub(super) me: &'a str,
    /// The bot's own role; empty if it has none.
    pub(super) my_role: &'a str,
    pub(super) guild_id: &'a str,
}

impl Reader<'_> {
    /// What the message says, without its files: its text, what it forwards, its poll, or else what is embedded.
    pub(super) fn words(&self, message: &Message) -> String {
        let mut parts = vec![self.readable(self.after_address(&message.content), &message.mentions)];
        for snapshot in message
            .message_snapshots
            .iter()
            .filter_map(|snapshot| snapshot.message.as_deref())
        {
            parts.push(match snapshot.content.is_empty() {
                true => snapshot.embeds.iter().map(embed).collect::<Vec<_>>().join("\n"),
                false => self.readable(&snapshot.content, &snapshot.mentions),
            });
        }
        parts.extend(message.poll.as_ref().map(poll));
        if parts.iter().all(String::is_empty) {
            parts.extend(message.embeds.iter().map(embed));
        }
        parts.retain(|part| !part.is_empty());
        let mut words = parts.join("\n");
        words.truncate(words.floor_char_boundary(MAX));
        words
    }

    /// `@bot /new` is `/new`.
    fn after_address<'b>(&self, content: &'b str) -> &'b str {
        let trimmed = content.trim_start();
        let Some((inside, rest)) = trimmed.strip_prefix('<').and_then(|rest| rest.split_once('>')) else {
            return content;
        };
        let is_me = match inside.strip_prefix("@&") {
            Some(role) => !self.my_role.is_empty() && role == self.my_role,
            None => {
                let user = inside.strip_prefix("@!").or_else(|| inside.strip_prefix('@'));
                user.is_some_and(|user| !user.is_empty() && user == self.me)
            }
        };
        let rest = rest.trim_start();
        if is_me && rest.starts_with('/') {
            rest
        } else {
            content
        }
    }

    /// Mentions by name, in place of numbers.
    pub(super) fn readable(&self, content: &str, people: &[User]) -> String {
        let mut text = String::with_capacity(content.len());
        let mut rest = content;
        while let Some((before, after)) = rest.split_once('<') {
            text += before;
            match after
                .split_once('>')
                .and_then(|(inside, rest)| Some((self.name(inside, people)?, rest)))
            {
                Some((name, behind)) => {
                    text += &name;
                    rest = behind;
                }
                None => {
                    text.push('<');
                    rest = after;
                }
            }
        }
        text + rest
    }

    fn name(&self, inside: &str, people: &[User]) -> Option<String> {
        let (kind, id) = MENTIONS
            .iter()
            .find_map(|(start, kind)| Some((*kind, inside.strip_prefix(start)?)))?;
        if kind == Mention::Emoji {
            let (name, id) = id.split_once(':')?;
            let is_emoji =
                is_id(id) && !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            return is_emoji.then(|| format!(":{name}:"));
        }
        if !is_id(id) {
            return None;
        }
        match kind {
            Mention::User => people
                .iter()
                .find(|user| user.id == id)
                .map(|user| format!("@{}", user.display())),
            Mention::Role => self
                .cache
                .role_name(self.guild_id, id)
                .map(|name| format!("@{name}")),
            _ => self
                .cache
                .channel(id)
                .and_then(|channel| channel.name)
                .map(|name| format!("#{name}")),
        }
    }
}

/// Title and description of an embed.
pub(super) fn embed(embed: &Embed) -> String {
    let parts = [&embed.title, &embed.description];
    let parts: Vec<_> = parts.into_iter().flatten().map(String::as_str).collect();
    parts.join("\n")
}

fn poll(poll: &Poll) -> String {
    let answers: Vec<_> = poll
        .answers
        .iter()
        .map(|answer| answer.poll_media.text.as_str())
        .collect();
    format!("[Poll: {} ({})]", poll.question.text, answers.join(" / "))
}

fn is_id(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Guild, Read};
    use serde_json::{Value, json};

    fn words(message: Value) -> String {
        let cache = Cache::default();
        let guild = Guild::read(json!({
            "id": "1", "roles": [{ "id": "5", "name": "Staff" }], "channels": [{ "id": "10", "name": "general" }]
        }));
        cache.put_guild(guild.expect("a guild"));
        let reader = Reader {
            cache: &cache,
            me: "99",
            my_role: "98",
            guild_id: "1",
        };
        reader.words(&Message::read(message).expect("a message"))
    }

    #[test]
    fn mentions_are_names_and_what_is_unknown_stays() {
        for (content, expected) in [
            ("hey <@7> and <@!7>", "hey @Ada and @Ada"),
            (
                "<@&5> in <#10> <:wave:123> <a:dance:9>",
                "@Staff in #general :wave: :dance:",
            ),
            ("<@8> <@&6> <#11> <t:1:R>", "<@8> <@&6> <#11> <t:1:R>"),
            ("a < b > c <<@7>>", "a < b > c <@Ada>"),
            ("<@", "<@"),
            ("<@99> /new now", "/new now"),
            ("<@&98>   /status", "/status"),
            ("<@99> hello", "<@99> hello"),
            ("<@7> /new", "@Ada /new"),
        ] {
            let mentions = json!([{ "id": "7", "username": "ada", "global_name": "Ada" }]);
            assert_eq!(
                words(json!({ "content": content, "mentions": mentions })),
                expected
            );
        }
    }

    #[test]
    fn forwards_polls_and_embeds_are_words_too() {
        let forwarded =
            json!({ "content": "", "message_snapshots": [{ "message": { "content": "from elsewhere" } }] });
        assert_eq!(words(forwarded), "from elsewhere");
        let poll = json!({ "content": "vote!", "poll": {
            "question": { "text": "Tea?" }, "answers": [{ "poll_media": { "text": "yes" } }, { "poll_media": { "text": "no" } }]
        }});
        assert_eq!(words(poll), "vote!\n[Poll: Tea? (yes / no)]");
        let embeds = json!([{ "title": "News", "description": "All is well." }]);
        assert_eq!(
            words(json!({ "content": "", "embeds": embeds })),
            "News\nAll is well."
        );
        assert_eq!(
            words(json!({ "content": "see this", "embeds": embeds })),
            "see this"
        );
    }
}
