//! Places of a value that a plugin's schema marks.
//!
//! Invariant: a schema that refers to itself is followed to a bounded depth.
use super::JsonPath;
use serde_json::{Map, Value};

/// The mark of a property that is accepted and has no effect.
const NO_EFFECT: &str = "x-no-effect";
/// How deep a value and its schema are followed.
const MAX_DEPTH: usize = 32;
/// Places that are looked at: a schema may lead to itself in many ways at once.
const MAX_STEPS: usize = 1 << 18;

/// Where in a value stands what has no effect: it is set, to something else than its default. `at` is where the value
/// stands.
pub(super) fn without_effect(schema: &Value, value: &Value, at: &JsonPath) -> Vec<JsonPath> {
    let mut walk = Walk {
        root: schema,
        found: Vec::new(),
        left: MAX_STEPS,
    };
    walk.visit(schema, value, at, 0);
    walk.found
}

struct Walk<'a> {
    root: &'a Value,
    found: Vec<JsonPath>,
    left: usize,
}

// === impl Walk ===

impl Walk<'_> {
    fn visit(&mut self, schema: &Value, value: &Value, at: &JsonPath, depth: usize) {
        self.left = self.left.saturating_sub(1);
        let goes_on = depth < MAX_DEPTH && self.left > 0;
        let Some(schema) = schema.as_object().filter(|_| goes_on) else {
            return;
        };
        if schema.get(NO_EFFECT) == Some(&Value::Bool(true)) {
            if !says_nothing(schema, value) {
                self.found.push(at.clone());
            }
            return;
        }
        if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
            let target = target.strip_prefix('#').and_then(|path| self.root.pointer(path));
            if let Some(target) = target {
                self.visit(target, value, at, depth + 1);
            }
        }
        for key in ["anyOf", "oneOf", "allOf"] {
            for branch in schema.get(key).and_then(Value::as_array).into_iter().flatten() {
                self.visit(branch, value, at, depth + 1);
            }
        }
        match value {
            Value::Object(object) => self.visit_object(schema, object, at, depth),
            Value::Array(items) => {
                if let Some(of_items) = schema.get("items") {
                    for (index, item) in items.iter().enumerate() {
                        self.visit(of_items, item, &at.index(index), depth + 1);
                    }
                }
            }
            _ => {}
        }
    }

    fn visit_object(
        &mut self,
        schema: &Map<String, Value>,
        object: &Map<String, Value>,
        at: &JsonPath,
        depth: usize,
    ) {
        let known = schema.get("properties").and_then(Value::as_object);
        let patterns = schema.get("patternProperties").and_then(Value::as_object);
        for (key, value) in object {
            let at = at.key(key);
            if let Some(own) = known.and_then(|known| known.get(key)) {
                self.visit(own, value, &at, depth + 1);
                continue;
            }
            // whichever of them the key fits, the mark means it
            let others = patterns.into_iter().flat_map(Map::values);
            for schema in others.chain(schema.get("additionalProperties")) {
                self.visit(schema, value, &at, depth + 1);
            }
        }
    }
}

/// Is a value the same as if it were not there? An object that is switched off is, too.
fn says_nothing(schema: &Map<String, Value>, value: &Value) -> bool {
    let off = value.get("enabled") == Some(&Value::Bool(false));
    value.is_null() || off || schema.get("default") == Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_schema_that_leads_to_itself_in_many_ways_is_given_up() {
        let again = json!({"$ref": "#"});
        let schema = json!({"anyOf": [again, again, again, again]});
        assert!(without_effect(&schema, &json!({}), &JsonPath::root()).is_empty());
    }

    #[test]
    fn what_is_marked_and_set_is_found_through_maps_and_references() {
        let schema = json!({
            "properties": {
                "store": {"type": "string", "x-no-effect": true},
                "fast": {"$ref": "#/$defs/Fast", "x-no-effect": true},
                "mode": {"type": "boolean", "default": false, "x-no-effect": true},
                "numbers": {"type": "object", "additionalProperties": {"$ref": "#/$defs/Number"}},
                "phones": {"patternProperties": {"^[+]": {"$ref": "#/$defs/Number"}}, "additionalProperties": false},
                "rows": {"type": "array", "items": {"$ref": "#/$defs/Number"}},
                "maybe": {"anyOf": [{"$ref": "#/$defs/Number"}, {"type": "null"}]},
                "used": {"type": "string"},
            },
            "$defs": {
                "Number": {"properties": {"label": {"x-no-effect": true}, "self": {"$ref": "#/$defs/Number"}}},
                "Fast": {"properties": {"enabled": {}}},
            },
        });
        let found = |value: Value| -> Vec<String> {
            let at = JsonPath::root().key("p");
            let found = without_effect(&schema, &value, &at);
            found.iter().map(ToString::to_string).collect()
        };
        let set = json!({
            "store": "/x", "used": "y", "fast": {"enabled": true}, "mode": true, "numbers": {"n": {"label": "l"}},
            "phones": {"one": {"label": "l"}}, "rows": [{}, {"label": 1}], "maybe": {"self": {"label": 1}},
        });
        let mut places = found(set);
        places.sort();
        assert_eq!(
            places,
            [
                "p.fast",
                "p.maybe.self.label",
                "p.mode",
                "p.numbers.n.label",
                "p.phones.one.label",
                "p.rows[1].label",
                "p.store"
            ]
        );
        let unset = json!({"store": null, "used": "y", "fast": {"enabled": false}, "mode": false, "numbers": {"n": {}}});
        assert_eq!(found(unset), [""; 0]);
    }
}
