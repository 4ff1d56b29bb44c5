//! Puts stored secrets back where a value that was shown comes back with placeholders.
//!
//! Invariant: what is left of placeholders afterwards is told, so that none is ever written in the place of a secret.
use super::{JsonPath, redact::PLACEHOLDER, schema::Fault};
use serde_json::Value;

/// Replaces in `given` what is as `shown` by what is `stored` there. Elements of lists that have an id are found by it, and
/// others as what they are; where elements went, none is taken for what stood in its place before. The error names the placeholders that stand for nothing.
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
        (Value::Array(given), Value::Array(shown), Value::Array(stored)) if shown.len() == stored.len() => {
            let is_whole = given.len() >= stored.len();
            for (position, value) in given.iter_mut().enumerate() {
                let at = match id_of(value) {
                    Some(id) => stored.iter().position(|other| id_of(other) == Some(id)),
                    None => only(shown, value).or((is_whole && position < stored.len()).then_some(position)),
                };
                if let Some(at) = at {
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

/// Where a value stands in a list, if that is one place.
fn only(list: &[Value], value: &Value) -> Option<usize> {
    let mut places = list.iter().enumerate().filter(|(_, other)| *other == value);
    let (at, _) = places.next()?;
    places.next().is_none().then_some(at)
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
        // the one secret of `plain` is known wherever it stands now
        assert_eq!(paths, ["b", "list[0].key"]);
    }

    #[test]
    fn an_element_that_went_leaves_its_secret_to_no_other() {
        let stored =
            json!({"keys": ["s1", "s2"], "all": [{"url": "a", "token": "sa"}, {"url": "b", "token": "sb"}]});
        let shown_all = json!([{"url": "a", "token": PLACEHOLDER}, {"url": "b", "token": PLACEHOLDER}]);
        let shown = json!({"keys": [PLACEHOLDER, PLACEHOLDER], "all": shown_all});
        let mut second = json!({"all": [shown_all[1]]});
        restore(&mut second, &shown, &stored).expect("it is known as what it is");
        assert_eq!(second["all"], json!([{"url": "b", "token": "sb"}]));
        let mut turned = json!({"all": [shown_all[1], shown_all[0]]});
        restore(&mut turned, &shown, &stored).expect("they are known");
        assert_eq!(turned["all"][0]["token"], "sb");
        let mut one = json!({"keys": [PLACEHOLDER]});
        restore(&mut one, &shown, &stored).expect_err("nobody knows which of them it is");
        let mut more = json!({"keys": [PLACEHOLDER, PLACEHOLDER, "s3"]});
        restore(&mut more, &shown, &stored).expect("nothing went");
        assert_eq!(more["keys"], json!(["s1", "s2", "s3"]));
    }
}
