//! Answers of servers as answers of tools.
//!
//! Invariant: bounded, and marked as words of the server.
use openclaw_plugin_api::{prelude::*, untrusted};
use rmcp::model::{CallToolResult, ContentBlock, GetPromptResult, ReadResourceResult, ResourceContents};

/// Bytes of all texts of one answer.
const MAX_TEXT: usize = 256 << 10;
/// Pictures of one answer.
const MAX_IMAGES: usize = 4;
/// Bytes of one picture, as base64.
const MAX_IMAGE: usize = 8 << 20;

/// What an answer is made of so far.
#[derive(Debug, Default)]
struct Parts {
    text: String,
    images: Vec<Content>,
}

/// The answer of a tool.
pub fn of_tool(server: &str, result: CallToolResult) -> ToolOutput {
    let mut parts = Parts::default();
    for block in result.content {
        parts.block(block);
    }
    let structured = result
        .structured_content
        .filter(|value| value.to_string().len() <= MAX_TEXT);
    if let (true, true, Some(value)) = (parts.text.is_empty(), parts.images.is_empty(), &structured) {
        parts.say(&value.to_string());
    }
    parts.output(
        server,
        structured.unwrap_or_default(),
        result.is_error == Some(true),
    )
}

/// A resource.
pub fn of_resource(server: &str, result: ReadResourceResult) -> ToolOutput {
    let mut parts = Parts::default();
    result
        .contents
        .into_iter()
        .for_each(|contents| parts.resource(contents));
    parts.output(server, Value::Null, false)
}

/// A prompt.
pub fn of_prompt(server: &str, result: GetPromptResult) -> ToolOutput {
    let mut parts = Parts::default();
    parts.say(&result.description.unwrap_or_default());
    for message in result.messages {
        parts.say(&format!("{:?}:", message.role).to_lowercase());
        parts.block(message.content);
    }
    parts.output(server, Value::Null, false)
}

/// A text of ours about what a server said.
pub fn listing(server: &str, text: &str) -> String {
    untrusted(&format!("the MCP server {server}"), cut(text))
}

// === impl Parts ===

impl Parts {
    fn block(&mut self, block: ContentBlock) {
        match block {
            ContentBlock::Text(text) => self.say(&text.text),
            ContentBlock::Image(image) => self.image(image.mime_type, image.data),
            ContentBlock::Audio(audio) => self.say(&format!(
                "(a sound of the type {}, which is left out)",
                audio.mime_type
            )),
            ContentBlock::Resource(resource) => self.resource(resource.resource),
            ContentBlock::ResourceLink(link) => {
                self.say(&format!("(a resource: {} {})", link.name, link.uri))
            }
            _ => self.say("(something that is left out)"),
        }
    }

    fn resource(&mut self, contents: ResourceContents) {
        match contents {
            ResourceContents::TextResourceContents { uri, text, .. } => self.say(&format!("{uri}\n{text}")),
            ResourceContents::BlobResourceContents {
                uri, mime_type, blob, ..
            } => {
                let kind = mime_type.unwrap_or_default();
                match kind.starts_with("image/") {
                    true => self.image(kind, blob),
                    false => self.say(&format!("({uri}: data of the type {kind:?}, which is left out)")),
                }
            }
            _ => self.say("(something that is left out)"),
        }
    }

    fn say(&mut self, text: &str) {
        if self.text.len() > MAX_TEXT || text.is_empty() {
            return;
        }
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(text);
    }

    fn image(&mut self, mime_type: String, data: String) {
        if self.images.len() < MAX_IMAGES && data.len() <= MAX_IMAGE && mime_type.starts_with("image/") {
            self.images.push(Content::Image { mime_type, data });
        } else {
            self.say("(a picture that is left out: it is too large, or one too many)");
        }
    }

    fn output(self, server: &str, details: Value, is_error: bool) -> ToolOutput {
        let text = match (self.text.is_empty(), self.images.is_empty()) {
            (true, true) => format!("the MCP server {server} answered with nothing"),
            (true, false) => String::new(),
            (false, _) => listing(server, &self.text),
        };
        let text = Some(text).filter(|text| !text.is_empty()).map(Content::text);
        ToolOutput {
            content: text.into_iter().chain(self.images).collect(),
            details,
            is_error,
        }
    }
}

fn cut(text: &str) -> &str {
    let mut end = text.len().min(MAX_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(result: Value) -> ToolOutput {
        of_tool("s", serde_json::from_value(result).expect("a result"))
    }

    #[test]
    fn texts_are_marked_and_bounded() {
        let output =
            answer(json!({"content": [{"type": "text", "text": "x".repeat(MAX_TEXT * 2)}], "isError": true}));
        let text = output.content[0].as_text().expect("text");
        assert!(
            text.len() < MAX_TEXT + 200 && text.contains("the MCP server s"),
            "{}",
            &text[..80]
        );
        assert!(output.is_error);
        let output = answer(json!({"content": [], "structuredContent": {"a": 1}}));
        assert!(output.content[0].as_text().expect("text").contains("{\"a\":1}"));
        assert_eq!(output.details, json!({"a": 1}));
        let output = answer(json!({"content": []}));
        assert!(
            output.content[0]
                .as_text()
                .expect("text")
                .contains("with nothing")
        );
    }

    #[test]
    fn pictures_come_through_and_not_too_many() {
        let image = json!({"type": "image", "mimeType": "image/png", "data": "AAAA"});
        let output = answer(json!({ "content": vec![image; 6] }));
        let images = output
            .content
            .iter()
            .filter(|part| matches!(part, Content::Image { .. }));
        assert_eq!(images.count(), MAX_IMAGES);
        let odd = json!({"type": "image", "mimeType": "text/html", "data": "AAAA"});
        let output = answer(json!({"content": [odd]}));
        assert!(
            output
                .content
                .iter()
                .all(|part| !matches!(part, Content::Image { .. }))
        );
    }
}
