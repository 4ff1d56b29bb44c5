//! Bodies of calls: JSON, or a form with `payload_json` and files.
use serde_json::Value;

/// The files of a form: field, name, content.
type Files = Vec<(String, String, Vec<u8>)>;

/// The body and the files. Errors are told in words.
pub(super) fn parse(content_type: &str, body: &[u8]) -> Result<(Value, Files), String> {
    let Some((_, boundary)) = content_type.split_once("boundary=") else {
        if body.is_empty() {
            return Ok((Value::Null, Files::new()));
        }
        if !content_type.starts_with("application/json") {
            return Err(format!("the content type of a body is {content_type:?}"));
        }
        let body = serde_json::from_slice(body).map_err(|error| format!("the body is no JSON: {error}"))?;
        return Ok((body, Files::new()));
    };
    let mark = format!("--{}", boundary.trim_matches('"'));
    let (mut json, mut files) = (Value::Object(serde_json::Map::new()), Files::new());
    for part in split(body, mark.as_bytes()) {
        let Some(end) = find(part, b"\r\n\r\n") else {
            continue;
        };
        let head = String::from_utf8_lossy(&part[..end]).into_owned();
        let content = &part[end + 4..];
        let content = content.strip_suffix(b"\r\n").unwrap_or(content);
        let Some(name) = quoted(&head, "name=\"") else {
            continue;
        };
        if let Some(file) = quoted(&head, "filename=\"") {
            files.push((name, file, content.to_vec()));
        } else if name == "payload_json" {
            json = serde_json::from_slice(content)
                .map_err(|error| format!("payload_json is no JSON: {error}"))?;
        } else {
            json[name] = String::from_utf8_lossy(content).into_owned().into();
        }
    }
    Ok((json, files))
}

fn split<'a>(body: &'a [u8], mark: &[u8]) -> Vec<&'a [u8]> {
    let (mut parts, mut rest) = (Vec::new(), body);
    while let Some(place) = find(rest, mark) {
        parts.push(&rest[..place]);
        rest = &rest[place + mark.len()..];
    }
    parts
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

fn quoted(head: &str, before: &str) -> Option<String> {
    // `filename="` ends with `name="` too: a name is what stands behind a space
    let place = head.find(&format!(" {before}"))? + before.len() + 1;
    let rest = &head[place..];
    Some(rest[..rest.find('"')?].to_owned())
}
