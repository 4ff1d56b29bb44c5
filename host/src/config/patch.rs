//! Merge patches of a configuration, and the edits that lead from one value to another.
use super::{Edit, JsonPath, restore::id_of};
use serde_json::{Map, Value};

/// `base` with `patch` on it: null removes a key, objects are merged, and so are lists whose elements have ids. Other
/// lists, and those at the paths in `replace`, take the place of the old ones.
pub fn merge_patch(base: &Value, patch: &Value, replace: &[JsonPath]) -> Value {
    merge(Some(base), patch, &JsonPath::root(), replace)
}

/// Edits that make `after` of `before` and touch nothing else.
pub fn edits_between(before: &Value, after: &Value) -> Vec<Edit> {
    let mut edits = Vec::new();
    compare(before, after, &JsonPath::root(), &mut edits);
    edits
}

fn merge(base: Option<&Value>, patch: &Value, path: &JsonPath, replace: &[JsonPath]) -> Value {
    if replace.contains(path) {
        return without_nulls(patch);
    }
    match (base, patch) {
        (base, Value::Object(patch)) => {
            let mut merged = base.and_then(Value::as_object).cloned().unwrap_or_default();
            for (key, value) in patch {
                if value.is_null() {
                    merged.shift_remove(key);
                } else {
                    let inner = merge(merged.get(key), value, &path.key(key), replace);
                    merged.insert(key.clone(), inner);
                }
            }
            Value::Object(merged)
        }
        (Some(Value::Array(base)), Value::Array(patch)) if keyed(base) && keyed(patch) => {
            let mut merged = base.clone();
            for value in patch {
                let at = merged.iter().position(|other| id_of(other) == id_of(value));
                let position = at.unwrap_or(merged.len());
                let inner = merge(at.map(|at| &merged[at]), value, &path.index(position), replace);
                match at {
                    Some(at) => merged[at] = inner,
                    None => merged.push(inner),
                }
            }
            Value::Array(merged)
        }
        (_, patch) => without_nulls(patch),
    }
}

/// A patch where nothing was has nothing to remove.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.iter().filter(|(_, value)| !value.is_null());
            Value::Object(
                kept.map(|(key, value)| (key.clone(), without_nulls(value)))
                    .collect(),
            )
        }
        other => other.clone(),
    }
}

fn keyed(list: &[Value]) -> bool {
    !list.is_empty() && list.iter().all(|value| id_of(value).is_some())
}

fn compare(before: &Value, after: &Value, path: &JsonPath, edits: &mut Vec<Edit>) {
    match (before, after) {
        (before, after) if before == after => {}
        (Value::Object(old), Value::Object(new)) => objects(old, new, path, edits),
        (Value::Array(old), Value::Array(new)) if old.len() <= new.len() && !old.is_empty() => {
            for (index, value) in new.iter().enumerate() {
                let path = path.index(index);
                match old.get(index) {
                    Some(before) => compare(before, value, &path, edits),
                    None => edits.push(set(path, value)),
                }
            }
        }
        _ => edits.push(set(path.clone(), after)),
    }
}

fn objects(old: &Map<String, Value>, new: &Map<String, Value>, path: &JsonPath, edits: &mut Vec<Edit>) {
    for (key, value) in old {
        let path = path.key(key);
        match new.get(key) {
            Some(after) => compare(value, after, &path, edits),
            None => edits.push(Edit::Unset { path }),
        }
    }
    let came = new.iter().filter(|(key, _)| !old.contains_key(*key));
    edits.extend(came.map(|(key, value)| set(path.key(key), value)));
}

fn set(path: JsonPath, value: &Value) -> Edit {
    let value = value.clone();
    Edit::Set { path, value }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::apply;
    use serde_json::json;

    #[test]
    fn a_patch_merges_objects_and_lists_with_ids() {
        let base =
            json!({"a": {"b": 1, "c": 2}, "list": [{"id": "x", "n": 1}, {"id": "y"}], "plain": [1, 2]});
        let patch = json!({"a": {"b": null, "d": {"e": null, "f": 1}}, "list": [{"id": "x", "n": 2}, {"id": "z"}], "plain": [3]});
        assert_eq!(
            merge_patch(&base, &patch, &[]),
            json!({"a": {"c": 2, "d": {"f": 1}}, "list": [{"id": "x", "n": 2}, {"id": "y"}, {"id": "z"}], "plain": [3]})
        );
        let replaced = merge_patch(
            &base,
            &json!({"list": [{"id": "y"}]}),
            &["list".parse().expect("a path")],
        );
        assert_eq!(replaced["list"], json!([{"id": "y"}]));
    }

    #[test]
    fn edits_lead_to_the_other_value_and_keep_comments() {
        let text = "{\n  // why\n  a: { b: 1, c: 2 },\n  list: [{ id: 'x' }],\n  gone: true,\n}\n";
        let before = json!({"a": {"b": 1, "c": 2}, "list": [{"id": "x"}], "gone": true});
        let after =
            json!({"a": {"b": 5, "c": 2, "n": null}, "list": [{"id": "x", "k": 1}, 2], "new": {"x": []}});
        let edited = apply(text, &edits_between(&before, &after)).expect("the edits fit");
        assert!(edited.contains("// why") && edited.contains("c: 2"), "{edited}");
        let read = crate::config::Document::parse(std::path::Path::new("x"), edited.into_bytes())
            .expect("it parses");
        assert_eq!(read.value(), &after);
        assert!(edits_between(&after, &after).is_empty());
    }
}
