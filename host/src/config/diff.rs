//! What is different between two configurations.
use super::location::JsonPath;
use serde_json::{Map, Value};

/// The paths at which two values differ, as deep as they lead: a value that changed, came or went, and a list whose
/// length changed.
pub fn diff(before: &Value, after: &Value) -> Vec<JsonPath> {
    let mut paths = Vec::new();
    walk(Some(before), Some(after), &JsonPath::root(), &mut paths);
    paths
}

fn walk(before: Option<&Value>, after: Option<&Value>, path: &JsonPath, paths: &mut Vec<JsonPath>) {
    let fields = |value: Option<&Value>| {
        value
            .and_then(Value::as_object)
            .is_some_and(|map| !map.is_empty())
    };
    match (before, after) {
        (before, after) if before == after => {}
        (Some(Value::Object(_)), Some(Value::Object(_))) => objects(before, after, path, paths),
        // an object that came or went is told by what is in it
        (None, after) if fields(after) => objects(None, after, path, paths),
        (before, None) if fields(before) => objects(before, None, path, paths),
        (Some(Value::Array(old)), Some(Value::Array(new))) if old.len() == new.len() => {
            for (index, (value, other)) in old.iter().zip(new).enumerate() {
                walk(Some(value), Some(other), &path.index(index), paths);
            }
        }
        _ => paths.push(path.clone()),
    }
}

fn objects(before: Option<&Value>, after: Option<&Value>, path: &JsonPath, paths: &mut Vec<JsonPath>) {
    let nothing = Map::new();
    let old = before.and_then(Value::as_object).unwrap_or(&nothing);
    let new = after.and_then(Value::as_object).unwrap_or(&nothing);
    let came = new.keys().filter(|key| !old.contains_key(*key));
    for key in old.keys().chain(came) {
        walk(old.get(key), new.get(key), &path.key(key), paths);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn names_the_innermost_of_each_difference() {
        let before =
            json!({"a": {"b": 1, "c": {"d": 1}}, "l": [1, {"x": 1}], "m": [1], "same": [null, true]});
        let after =
            json!({"a": {"b": 2, "e": {"f": 1}}, "l": [1, {"x": 2}], "m": [], "same": [null, true], "n": 1});
        let paths: Vec<_> = diff(&before, &after).iter().map(ToString::to_string).collect();
        assert_eq!(paths, ["a.b", "a.c.d", "a.e.f", "l[1].x", "m", "n"]);
        assert_eq!(diff(&json!(1), &json!("1")), [JsonPath::root()]);
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(json!(null)),
            any::<bool>().prop_map(Value::from),
            (0..3).prop_map(Value::from)
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-c]", inner, 0..4).prop_map(|map| json!(map)),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn is_empty_for_equal_values_only_and_its_paths_differ(before in values(), after in values()) {
            let paths = diff(&before, &after);
            prop_assert_eq!(paths.is_empty(), before == after);
            for path in paths {
                prop_assert_ne!(path.of(&before), path.of(&after));
            }
        }
    }
}
