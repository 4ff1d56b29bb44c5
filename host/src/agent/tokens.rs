//! How many tokens things are, roughly, and how much of a model's window there is for what.
//!
//! Vendors count exactly, but only afterwards; before a call a quarter of the bytes is close enough, and it costs nothing.
//! Where it is not, the vendor says that the conversation is too long, and it is summarised then.
use openclaw_plugin_api::{Content, Error, ErrorKind, Message, ModelInfo, Result, ToolSpec};
use std::{fmt, sync::Arc};

/// Bytes of a token in usual text.
const BYTES_PER_TOKEN: u64 = 4;
/// What an image costs, whatever its size: vendors scale large ones down.
const IMAGE: u64 = 1_600;
/// What a message costs beside its content.
const FRAME: u64 = 4;
/// What stays free for the answer, if the window is large enough.
const RESERVE: u64 = 20_000;
/// A smaller window is worth a warning.
const SMALL: u64 = 32_000;
/// A conversation does not fit into a smaller window.
const TOO_SMALL: u64 = 16_000;
/// Longest answer of a tool that a model sees, characters.
const TOOL_RESULT: usize = 400_000;

/// A model's window and what of it may be filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The whole, tokens.
    pub total: u64,
    /// What stays free for the answer, tokens.
    pub reserve: u64,
}

/// Is a window large enough?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// It is.
    Fine,
    /// It works, but little of a conversation fits.
    Small,
    /// It does not work.
    TooSmall,
}

// === impl Window ===

impl Window {
    /// The window of a model. `cap` is `contextTokens`, `floor` is `compaction.reserveTokensFloor`.
    pub fn new(info: &ModelInfo, cap: Option<u64>, floor: Option<u64>) -> Self {
        let whole = u64::from(info.context_window);
        let total = cap.map_or(whole, |cap| cap.min(whole));
        Self {
            total,
            reserve: floor.unwrap_or(RESERVE).min(total / 4),
        }
    }

    /// Tokens that the request may have.
    pub fn usable(self) -> u64 {
        self.total - self.reserve
    }

    /// Must the conversation be summarised before a request of this size?
    pub fn is_full(self, tokens: u64) -> bool {
        tokens > self.usable()
    }

    /// Is it large enough?
    pub fn guard(self) -> Guard {
        match self.total {
            0..TOO_SMALL => Guard::TooSmall,
            TOO_SMALL..SMALL => Guard::Small,
            _ => Guard::Fine,
        }
    }

    /// A window in which no conversation fits is an error that says so; one in which little does is worth a line.
    pub fn check(self, model: impl fmt::Display) -> Result<()> {
        let total = self.total;
        match self.guard() {
            Guard::Fine => Ok(()),
            Guard::Small => {
                tracing::warn!(target: "openclaw::models", %model, total, "the window is small: little of a conversation fits");
                Ok(())
            }
            Guard::TooSmall => {
                let text = format!(
                    "the window of {model} has {total} tokens, too few for a conversation; choose another model, or correct \
                     contextWindow or contextTokens"
                );
                Err(Error::new(ErrorKind::Config, text))
            }
        }
    }

    /// Most characters of one tool's answer: three tenths of the window.
    pub fn tool_result_chars(self) -> usize {
        let share = self.total * 3 / 10 * BYTES_PER_TOKEN;
        usize::try_from(share).unwrap_or(usize::MAX).min(TOOL_RESULT)
    }
}

/// Tokens of a text.
pub fn of_text(text: &str) -> u64 {
    of_bytes(text.len())
}

/// Tokens of a message.
pub fn of_message(message: &Message) -> u64 {
    FRAME + message.content.iter().map(of_content).sum::<u64>()
}

/// Tokens of several messages.
pub fn of_messages<'a>(messages: impl IntoIterator<Item = &'a Message>) -> u64 {
    messages.into_iter().map(of_message).sum()
}

/// Tokens of what goes ahead of a conversation: the prompt and the tools.
pub fn of_prefix(system: &[String], tools: &[Arc<ToolSpec>]) -> u64 {
    let prompt: u64 = system.iter().map(|block| of_text(block)).sum();
    let tools: u64 = tools.iter().map(|tool| of_bytes(json_bytes(&**tool))).sum();
    prompt + tools
}

/// Cuts texts of a tool's answer so that all of them have at most `max` characters. Pictures stay.
pub fn cap_tool_result(content: &mut [Content], max: usize) {
    let mut left = max;
    for part in content {
        let Content::Text { text } = part else {
            continue;
        };
        let count = text.chars().count();
        if count <= left {
            left -= count;
            continue;
        }
        *text = shortened(text, count, left);
        left = 0;
    }
}

/// Three quarters of the room for the beginning, one for the end, where errors and totals are.
fn shortened(text: &str, count: usize, room: usize) -> String {
    let tail = room / 4;
    let head = room - tail;
    let at = |chars: usize| text.char_indices().nth(chars).map_or(text.len(), |(at, _)| at);
    let gone = count - room;
    format!(
        "{}\n[{gone} characters are left out here]\n{}",
        &text[..at(head)],
        &text[at(count - tail)..]
    )
}

fn of_content(content: &Content) -> u64 {
    match content {
        Content::Text { text } => of_text(text),
        Content::Image { .. } => IMAGE,
        Content::Thinking { thinking, signature } => of_bytes(thinking.len() + signature.len()),
        Content::ToolCall {
            name,
            arguments,
            signature,
            ..
        } => FRAME + of_bytes(name.len() + signature.len() + json_bytes(arguments)),
        _ => 0,
    }
}

fn of_bytes(bytes: usize) -> u64 {
    (bytes as u64).div_ceil(BYTES_PER_TOKEN)
}

/// The length of a value as JSON, without writing it anywhere.
fn json_bytes(value: &impl serde::Serialize) -> usize {
    struct Count(usize);
    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    // what can't be written as JSON is not sent either
    let _ = serde_json::to_writer(&mut count, value);
    count.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use openclaw_plugin_api::Role;
    use serde_json::json;

    fn window(tokens: u32) -> Window {
        let info = ModelInfo {
            context_window: tokens,
            ..ModelInfo::default()
        };
        Window::new(&info, None, None)
    }

    #[test]
    fn the_reserve_is_a_quarter_of_a_small_window() {
        assert_eq!(window(200_000).usable(), 180_000);
        assert_eq!(window(40_000).reserve, 10_000);
        assert!(window(200_000).is_full(180_001) && !window(200_000).is_full(180_000));
        let info = ModelInfo {
            context_window: 200_000,
            ..ModelInfo::default()
        };
        let capped = Window::new(&info, Some(100_000), Some(50_000));
        assert_eq!((capped.total, capped.reserve), (100_000, 25_000));
        assert_eq!(Window::new(&info, Some(900_000), None).total, 200_000);
    }

    #[test]
    fn small_windows_are_told() {
        let guards = [15_999, 16_000, 31_999, 32_000].map(|tokens| window(tokens).guard());
        assert_eq!(guards, [Guard::TooSmall, Guard::Small, Guard::Small, Guard::Fine]);
        assert_eq!(window(100_000).tool_result_chars(), 120_000);
        assert_eq!(window(1_000_000).tool_result_chars(), TOOL_RESULT);
    }

    #[test]
    fn every_part_of_a_message_counts() {
        let mut message = Message::text(Role::Assistant, "12345");
        assert_eq!(of_message(&message), FRAME + 2);
        message.content.push(Content::Image {
            mime_type: "image/png".into(),
            data: "x".repeat(1_000_000),
        });
        message.content.push(Content::ToolCall {
            id: "1".into(),
            name: "read".into(),
            arguments: json!({"a": "bc"}),
            signature: String::new(),
        });
        assert_eq!(of_message(&message), FRAME + 2 + IMAGE + FRAME + 4);
    }

    #[test]
    fn a_long_answer_of_a_tool_keeps_its_ends() {
        let mut content = vec![
            Content::text("é".repeat(10)),
            Content::text(format!("{}END", "x".repeat(100))),
            Content::text("gone"),
        ];
        cap_tool_result(&mut content, 30);
        let texts: Vec<_> = content
            .iter()
            .map(|part| match part {
                Content::Text { text } => text.as_str(),
                _ => "",
            })
            .collect();
        assert_eq!(texts[0], "é".repeat(10));
        assert!(
            texts[1].starts_with("xxxxxxx") && texts[1].ends_with("END"),
            "{}",
            texts[1]
        );
        assert!(
            texts[1].contains("[83 characters are left out here]"),
            "{}",
            texts[1]
        );
        assert!(texts[2].contains("[4 characters"));
    }
}
