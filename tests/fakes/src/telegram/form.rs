//! Bodies of calls: JSON, or a form with files.
use serde_json::{Map, Value};
use std::collections::HashMap;

/// The fields as JSON, and the files.
pub(super) fn parse(content_type: &str, body: &[u8]) -> (Value, HashMap<String, Vec<u8>>) {
    let Some((_, boundary)) = content_type.split_once("boundary=") else {
        let body = if body.is_empty() { b"{}" } else { body };
        return (
            serde_json::from_slice(body).unwrap_or(Value::Null),
            HashMap::new(),
        );
    };
    let mark = format!("--{}", boundary.trim_matches('"'));
    let (mut fields, mut files) = (Map::new(), HashMap::new());
    for part in split(body, mark.as_bytes()) {
        let Some(end) = find(part, b"\r\n\r\n") else {
            continue;
        };
        let head = String::from_utf8_lossy(&part[..end]).into_owned();
        let content = part[end + 4..].strip_suffix(b"\r\n").unwrap_or(&part[end + 4..]);
        let Some(name) = quoted(&head, "name=\"") else {
            continue;
        };
        if head.contains("filename=\"") {
            fields.insert(
                name.clone(),
                Value::String(format!("a file of {} bytes", content.len())),
            );
            files.insert(name, content.to_vec());
        } else {
            let text = String::from_utf8_lossy(content).into_owned();
            // Forms know only texts; what is JSON was meant as such, but for what people read.
            let value = match name.as_str() {
                "caption" | "text" => Value::String(text),
                _ => serde_json::from_str(&text).unwrap_or(Value::String(text)),
            };
            fields.insert(name, value);
        }
    }
    // Files of an album are named from within it.
    fields.retain(|name, _| !(name.starts_with("file") && files.contains_key(name)));
    (Value::Object(fields), files)
}

fn quoted(head: &str, key: &str) -> Option<String> {
    // ` name="` and not the end of `filename="`.
    let begin = head.find(&format!(" {key}"))? + key.len() + 1;
    head[begin..].split('"').next().map(str::to_owned)
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

fn split<'a>(mut body: &'a [u8], mark: &[u8]) -> Vec<&'a [u8]> {
    let mut parts = Vec::new();
    while let Some(at) = find(body, mark) {
        parts.push(&body[..at]);
        body = &body[at + mark.len()..];
    }
    parts
}
