//! What Discord objects to in a message is taken away, each thing once.
//!
//! Invariant: the forms of a draft are the same for every try, so a later try knows what an earlier one showed.
use super::{
    compose::{self, Draft, VOICE},
    split,
};
use crate::rest::RestError;
use serde_json::{Map, Value};

/// Discord's code for a request with too large a file.
const TOO_LARGE: u32 = 40_005;
/// Discord's code for a reply that it doesn't take in this place.
const NO_REPLY: u32 = 160_002;

/// Is there another form that may be taken? Then the draft has it.
pub(super) fn adapt(draft: &mut Draft, error: &RestError) -> bool {
    let RestError::Refused(refusal) = error else {
        return false;
    };
    let is_about = |field: &str| refusal.fields.iter().any(|told| told.starts_with(field));
    if refusal.code == NO_REPLY || is_about("message_reference") {
        return draft.body.remove("message_reference").is_some();
    }
    (refusal.code == TOO_LARGE || refusal.status == 413) && shrink(draft)
}

/// The same message without its largest file, which the text names instead. False: there is no file.
pub(super) fn shrink(draft: &mut Draft) -> bool {
    let sizes = draft.files.iter().enumerate();
    let Some((largest, _)) = sizes.max_by_key(|(_, file)| file.size) else {
        return false;
    };
    let file = draft.files.remove(largest);
    draft.left_out.push(compose::file_name(&file));
    // only a voice message describes its file, and without it it is none
    if draft.body.remove("attachments").is_some()
        && let Some(flags) = draft.body.get("flags").and_then(Value::as_u64)
    {
        draft.body.insert("flags".into(), (flags & !VOICE).into());
    }
    true
}

/// What Discord is sent of a draft, its files aside.
pub(super) fn body(draft: &Draft) -> Map<String, Value> {
    let mut body = draft.body.clone();
    if !draft.left_out.is_empty() {
        body.insert("content".into(), content(draft).into());
    }
    body
}

/// The text with a word on the files that were left out. Where there is no room for it the text comes first.
pub(super) fn content(draft: &Draft) -> String {
    let text = draft.body.get("content").and_then(Value::as_str);
    let text = text.unwrap_or_default();
    let told = match draft.left_out.len() {
        0 => return text.to_owned(),
        count => [draft.left_out.join(", "), format!("{count} files")],
    };
    let whole = told.map(|told| {
        format!("{text}\n⚠️ Too large to send here: {told}")
            .trim()
            .to_owned()
    });
    let fitting = whole
        .into_iter()
        .find(|whole| split::units(whole) <= split::LIMIT);
    fitting.unwrap_or_else(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use openclaw_plugin_api::MediaRef;
    use serde_json::json;

    fn draft(text: &str, files: &[(&str, u64)]) -> Draft {
        let file = |(name, size): &(&str, u64)| MediaRef {
            file_name: (*name).into(),
            size: *size,
            ..MediaRef::default()
        };
        let mut draft = Draft::default();
        draft.body.insert("content".into(), text.into());
        draft.files = files.iter().map(file).collect();
        draft
    }

    #[test]
    fn the_largest_file_goes_first_and_the_text_names_it() {
        let mut draft = draft("look", &[("a.png", 5), ("b.png", 9), ("c.png", 7)]);
        for told in ["b.png", "b.png, c.png", "b.png, c.png, a.png"] {
            assert!(shrink(&mut draft));
            assert_eq!(
                body(&draft)["content"],
                format!("look\n⚠️ Too large to send here: {told}")
            );
        }
        assert!(!shrink(&mut draft));
    }

    #[test]
    fn the_text_stays_whole_and_within_the_limit() {
        let name = "n".repeat(300);
        for (length, ending) in [(1900, "1 files"), (split::LIMIT, "x")] {
            let mut draft = draft(&"x".repeat(length), &[(&name, 5)]);
            assert!(shrink(&mut draft));
            let content = content(&draft);
            assert!(
                content.starts_with(&"x".repeat(length)) && content.ends_with(ending),
                "{length}"
            );
            assert!(split::units(&content) <= split::LIMIT);
        }
    }

    #[test]
    fn a_voice_message_without_its_sound_is_none() {
        let mut draft = draft("", &[("voice-message.ogg", 5)]);
        draft.body.insert("attachments".into(), json!([{ "id": "0" }]));
        draft.body.insert("flags".into(), (VOICE | 1 << 12).into());
        assert!(shrink(&mut draft));
        assert_eq!(draft.body.get("attachments"), None);
        assert_eq!(draft.body["flags"], 1 << 12);
    }
}
