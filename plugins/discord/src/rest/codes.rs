//! Discord's error codes: what each means for the host, and what a person can do about it.
use openclaw_plugin_api::ErrorKind;

/// What a refusal means.
pub(super) fn kind(status: u16, code: u32) -> ErrorKind {
    match (code, status) {
        (10_000..=10_999, _) | (_, 404 | 410) => ErrorKind::NotFound,
        (40_001 | 50_014, 401) | (_, 401) => ErrorKind::Auth,
        (50_035 | 50_109, _) => ErrorKind::InvalidInput,
        (_, 429) => ErrorKind::RateLimited,
        (_, 400..=499) => ErrorKind::Rejected,
        (_, 503) => ErrorKind::Overloaded,
        _ => ErrorKind::Server,
    }
}

/// What to do about a refusal.
pub(super) fn remedy(status: u16, code: u32) -> &'static str {
    match code {
        10_003 => "check the channel id; the bot has to be in its server and may see it",
        10_004 => "check the server id; the bot has to be invited to it",
        10_005 | 10_062 | 10_015 | 50_027 => {
            "the interaction is over: its token is good for 15 minutes and an answer is due within 3 seconds"
        }
        10_007 | 10_013 => "check the user id; the person has to be in the server",
        10_008 => "the message is gone",
        10_011 => "check the role id",
        10_014 => {
            "check the emoji; a custom one is written name:id and has to be of a server that the bot is in"
        }
        10_070 => "check the id of the event",
        20_016 => "the channel is in slow mode: wait, or give the bot the permission Manage Messages",
        20_028 => "too many messages in this channel: wait",
        30_001..=30_999 => limit_remedy(code),
        40_001 | 50_014 => {
            "the bot token is wrong or revoked: get a new one in the developer portal (Bot, Reset Token)"
        }
        40_002 => "the bot's account has to be verified",
        40_005 => "the file is too large for this server: make it smaller",
        40_007 => "the person is banned from the server",
        40_060 => "the interaction was answered already",
        50_001 => "the bot can't see this: give its role the permission View Channel there",
        50_005 => "only the bot's own messages can be changed",
        50_006 => "a message has a text, a file, a sticker or a poll",
        50_007 => {
            "the person takes no direct messages from the bot: they have to allow those of server members, or unblock it"
        }
        50_008 => "this channel takes no messages: name a text channel or a thread",
        50_013 => {
            "the bot's role lacks a permission: for messages View Channel and Send Messages (in threads Send Messages in \
             Threads), for files Attach Files, for reactions Add Reactions and Read Message History, for others' messages \
             Manage Messages, for people a role above theirs"
        }
        50_021 => "messages of the system can't be changed",
        50_024 => "this doesn't work in a channel of this type",
        50_034 => "messages older than two weeks can't be deleted together: delete them one by one",
        50_035 => "change what it names",
        50_083 => "the thread is archived: unarchive it, or begin a new one",
        160_002 => "replies need the permission Read Message History",
        160_004 => "the message has a thread already: write there",
        160_005 => "the thread is locked: only moderators can write there",
        160_006 => "too many active threads: archive some",
        200_000 | 200_001 => "a rule of the server's AutoMod stopped it: change the text",
        _ => by_status(status),
    }
}

fn limit_remedy(code: u32) -> &'static str {
    match code {
        30_003 => "the channel has as many pins as it can have: unpin something",
        30_010 => "the message has 20 different reactions already",
        30_032 => "commands were changed too often today: they stay as they are until tomorrow",
        30_046 => "a message older than an hour was edited too often: send a new one",
        _ => "one of Discord's maximums is reached: remove something first",
    }
}

fn by_status(status: u16) -> &'static str {
    match status {
        401 => "the bot token is wrong or revoked: get a new one in the developer portal (Bot, Reset Token)",
        403 => "the bot lacks a permission for this: look at its role and at the channel's permissions",
        404 => "check the id",
        413 => "the file is too large: make it smaller",
        429 => "wait",
        400..=499 => "change what is sent",
        _ => "try again later",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_mean_something() {
        for (status, code, expected) in [
            (404, 10_003, ErrorKind::NotFound),
            (401, 0, ErrorKind::Auth),
            (401, 40_001, ErrorKind::Auth),
            (403, 50_001, ErrorKind::Rejected),
            (403, 50_013, ErrorKind::Rejected),
            (400, 50_035, ErrorKind::InvalidInput),
            (400, 50_006, ErrorKind::Rejected),
            (502, 0, ErrorKind::Server),
        ] {
            assert_eq!(kind(status, code), expected, "{status} {code}");
            assert!(!remedy(status, code).is_empty());
        }
        assert!(remedy(403, 50_013).contains("Send Messages"));
        assert_ne!(remedy(401, 0), remedy(403, 0));
    }
}
