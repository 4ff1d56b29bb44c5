//! Puts stored secrets back where a value that was shown comes back with placeholders.
//!
//! Invariant: what is left of placeholders afterwards is told, so that none is ever written in the place of a secret.
use super::{JsonPath, redact::PLACEHOLDER, schema::Fault};
use serde_json::Value;

/// Replaces in `given` what is as `shown` by what is `stored` there. Elements of lists that have an id are found by it.
/// The error names the placeholders that stand for nothing.
pub fn restore(given: &mut Value, shown: &Value, stored: &Value) -> Result<(), Vec<Fault>> {
    put_back(given, shown, stored);
    let mut left = Vec::new();
    find(given, &JsonPath::root(), &mut left);
    if left.is_empty() { Ok(()) } else { Err(left) }
}

/// Has the value a placeholder somewhere?
pub fn has_placeholder(value: &Value) -> bool {
    let mut left = Vec::new();
    find(value, &JsonPath::root(), &mut left);
    !left.is_empty()
}

fn put_back(given: &mut Value, shown: &Value, stored: &Value) {
    match (given, shown, stored) {
        (Value::Object(given), Value::Object(shown), Value::Object(stored)) => {
            for (key, value) in given {
                if let (Some(shown), Some(stored)) = (shown.get(key), stored.get(key)) {
                    put_back(value, shown, stored);
                }
            }
        }
        (Value::Array(given), Value::Array(shown), Value::Array(stored)) => {
            for (position, value) in given.iter_mut().enumerate() {
                let of = |list: &[Value]| match id_of(value) {
                    Some(id) => list.iter().position(|other| id_of(other) == Some(id)),
                    None => (position < list.len()).then_some(position),
                };
                if let (Some(at), true) = (of(stored), shown.len() == stored.len()) {
                    put_back(value, &shown[at], &stored[at]);
                }
            }
        }
        (Value::String(given), Value::String(shown), Value::String(stored))
            if given == shown && given.contains(PLACEHOLDER) =>
        {
            stored.clone_into(given);
        }
        _ => {}
    }
}

/// What an element of a list is known by.
pub(super) fn id_of(value: &Value) -> Option<&str> {
    value.get("id").and_then(Value::as_str)
}

fn find(value: &Value, path: &JsonPath, left: &mut Vec<Fault>) {
    match value {
        Value::Object(map) => map
            .iter()
            .for_each(|(key, inner)| find(inner, &path.key(key), left)),
        Value::Array(items) => {
            let items = items.iter().enumerate();
            items.for_each(|(index, inner)| find(inner, &path.index(index), left));
        }
        Value::String(text) if text.contains(PLACEHOLDER) => left.push(Fault {
            path: path.clone(),
            message: "is a placeholder, and no secret is stored here; write the secret itself".into(),
        }),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn secrets_come_back_where_they_were_and_nowhere_else() {
        let stored = json!({"a": {"token": "s1", "url": "https://u:s2@h"}, "list": [{"id": "x", "key": "s3"}, {"id": "y", "key": "s4"}], "plain": ["s5"]});
        let url = format!("https://u:{PLACEHOLDER}@h");
        let shown = json!({"a": {"token": PLACEHOLDER, "url": url}, "list": [{"id": "x", "key": PLACEHOLDER}, {"id": "y", "key": PLACEHOLDER}], "plain": [PLACEHOLDER]});
        let mut whole = shown.clone();
        restore(&mut whole, &shown, &stored).expect("everything is known");
        assert_eq!(whole, stored);
        let mut moved = json!({"list": [{"id": "y", "key": PLACEHOLDER}], "a": {"token": "new", "url": url}});
        restore(&mut moved, &shown, &stored).expect("everything is known");
        assert_eq!(
            moved,
            json!({"list": [{"id": "y", "key": "s4"}], "a": {"token": "new", "url": "https://u:s2@h"}})
        );
        let mut odd =
            json!({"b": PLACEHOLDER, "list": [{"id": "z", "key": PLACEHOLDER}], "plain": ["x", PLACEHOLDER]});
        let left = restore(&mut odd, &shown, &stored).expect_err("nothing is stored there");
        let paths: Vec<_> = left.iter().map(|fault| fault.path.to_string()).collect();
        assert_eq!(paths, ["b", "list[0].key", "plain[1]"]);
    }
}
