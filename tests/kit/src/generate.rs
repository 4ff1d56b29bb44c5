//! Values from a JSON Schema: such as fit, and such as do not.
//!
//! It understands what `schemars` writes and a little more. What it makes is checked with a real validator before it is
//! used, so that a keyword it does not know costs a test and never makes one wrong.
use crate::rng::Rng;
use jsonschema::Validator;
use serde_json::{Map, Value, json};

/// How deep a value is built; recursive schemas would never end.
const MAX_DEPTH: usize = 8;
/// Tries to hit a value that fits.
const TRIES: usize = 16;
/// Wrong values of one schema.
const MAX_WRONG: usize = 64;

/// A wrong value: which property is wrong, and the whole.
#[derive(Debug, PartialEq)]
pub(crate) struct Wrong {
    pub(crate) path: String,
    pub(crate) value: Value,
}

/// What can be wrong in a configuration.
#[derive(Debug, Default)]
pub(crate) struct Wrongs {
    /// Values that the schema refuses.
    pub(crate) refused: Vec<Wrong>,
    /// Properties for which the schema takes anything.
    pub(crate) takes_anything: Vec<String>,
}

struct Generator<'a> {
    root: &'a Value,
    rng: &'a mut Rng,
    /// Only what is required.
    minimal: bool,
}

/// A validator, or why the schema is none.
pub(crate) fn validator(schema: &Value) -> Result<Validator, String> {
    jsonschema::validator_for(schema).map_err(|e| e.to_string())
}

/// The smallest value that fits.
pub(crate) fn smallest(schema: &Value, rng: &mut Rng) -> Option<Value> {
    fitting(schema, rng, true)
}

/// Some value that fits.
pub(crate) fn valid(schema: &Value, rng: &mut Rng) -> Option<Value> {
    fitting(schema, rng, false)
}

fn fitting(schema: &Value, rng: &mut Rng, minimal: bool) -> Option<Value> {
    let validator = validator(schema).ok()?;
    let mut generator = Generator {
        root: schema,
        rng,
        minimal,
    };
    (0..TRIES)
        .map(|_| generator.value(schema, 0))
        .find(|value| validator.is_valid(value))
}

/// Values with one property of a wrong type each.
pub(crate) fn wrong(schema: &Value, rng: &mut Rng) -> Wrongs {
    let mut wrongs = Wrongs::default();
    let (Some(base), Ok(validator)) = (valid(schema, rng), validator(schema)) else {
        return wrongs;
    };
    for path in paths(&base, "") {
        let others = [
            json!(null),
            json!(true),
            json!(-1.5),
            json!("kit"),
            json!([]),
            json!({"kit": [1]}),
        ];
        let before = wrongs.refused.len();
        for other in others {
            let mut value = base.clone();
            if let Some(place) = value.pointer_mut(&path) {
                *place = other;
            }
            if !validator.is_valid(&value) && wrongs.refused.len() < MAX_WRONG {
                wrongs.refused.push(Wrong {
                    path: path.clone(),
                    value,
                });
            }
        }
        if wrongs.refused.len() == before && before < MAX_WRONG {
            wrongs.takes_anything.push(path);
        }
    }
    wrongs
}

/// The pointers of all properties, outer ones first.
fn paths(value: &Value, prefix: &str) -> Vec<String> {
    let Some(object) = value.as_object() else {
        return Vec::new();
    };
    let mut all = Vec::new();
    for (key, value) in object {
        let path = format!("{prefix}/{}", key.replace('~', "~0").replace('/', "~1"));
        all.push(path.clone());
        all.extend(paths(value, &path));
    }
    all
}

impl Generator<'_> {
    fn value(&mut self, schema: &Value, depth: usize) -> Value {
        let Some(keywords) = schema.as_object() else {
            return json!("kit");
        };
        if depth > MAX_DEPTH {
            return Value::Null;
        }
        if let Some(fixed) = keywords.get("const") {
            return fixed.clone();
        }
        for list in ["enum", "examples"] {
            if let Some(choice) = keywords
                .get(list)
                .and_then(Value::as_array)
                .and_then(|all| self.rng.pick(all))
            {
                return choice.clone();
            }
        }
        if let Some(usual) = keywords.get("default")
            && (self.minimal || self.rng.coin())
        {
            return usual.clone();
        }
        if let Some(target) = keywords.get("$ref").and_then(Value::as_str) {
            let root = self.root;
            let target = target.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
            return target.map_or(Value::Null, |target| self.value(target, depth + 1));
        }
        for choice in ["oneOf", "anyOf"] {
            if let Some(chosen) = keywords
                .get(choice)
                .and_then(Value::as_array)
                .and_then(|all| self.rng.pick(all))
            {
                return self.merged(keywords, &[chosen], depth);
            }
        }
        if let Some(all) = keywords.get("allOf").and_then(Value::as_array) {
            return self.merged(keywords, &all.iter().collect::<Vec<_>>(), depth);
        }
        self.typed(keywords, depth)
    }

    /// A value for a schema that is given in parts: objects are put together, anything else is the first part's.
    fn merged(&mut self, outer: &Map<String, Value>, parts: &[&Value], depth: usize) -> Value {
        let mut values: Vec<_> = parts.iter().map(|part| self.value(part, depth + 1)).collect();
        if outer.contains_key("properties") {
            values.push(self.typed(outer, depth));
        }
        let mut values = values.into_iter();
        let Some(first) = values.next() else {
            return Value::Null;
        };
        let Value::Object(mut whole) = first else {
            return first;
        };
        for value in values {
            if let Value::Object(more) = value {
                whole.extend(more);
            }
        }
        Value::Object(whole)
    }

    fn typed(&mut self, keywords: &Map<String, Value>, depth: usize) -> Value {
        let names = match keywords.get("type") {
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
            Some(Value::String(name)) => vec![name.as_str()],
            _ if keywords.contains_key("properties") => vec!["object"],
            _ => vec!["string"],
        };
        match self.rng.pick(&names).copied().unwrap_or("null") {
            "object" => self.object(keywords, depth),
            "array" => self.array(keywords, depth),
            "string" => json!(self.string(keywords)),
            "integer" => json!(self.number(keywords).0),
            "number" => json!(self.number(keywords).1),
            "boolean" => json!(self.rng.coin()),
            _ => Value::Null,
        }
    }

    fn object(&mut self, keywords: &Map<String, Value>, depth: usize) -> Value {
        let required: Vec<_> = keywords
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .collect();
        let mut object = Map::new();
        for (name, schema) in keywords
            .get("properties")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            let wanted = required.iter().any(|key| *key == name);
            if wanted || (!self.minimal && depth < MAX_DEPTH / 2) {
                object.insert(name.clone(), self.value(schema, depth + 1));
            }
        }
        Value::Object(object)
    }

    fn array(&mut self, keywords: &Map<String, Value>, depth: usize) -> Value {
        let least = keywords.get("minItems").and_then(Value::as_u64).unwrap_or(0);
        let count = if self.minimal {
            least
        } else {
            least.max(u64::from(self.rng.coin()))
        };
        let item = keywords
            .get("items")
            .cloned()
            .unwrap_or_else(|| json!({"type": "string"}));
        (0..count.min(8)).map(|_| self.value(&item, depth + 1)).collect()
    }

    fn string(&mut self, keywords: &Map<String, Value>) -> String {
        let bound = |key| {
            keywords
                .get(key)
                .and_then(Value::as_u64)
                .and_then(|n| usize::try_from(n).ok())
        };
        let fixed = match keywords.get("format").and_then(Value::as_str) {
            Some("uri" | "url" | "iri") => Some("https://kit.invalid/path"),
            Some("email") => Some("somebody@kit.invalid"),
            Some("date-time") => Some("2020-02-29T12:00:00Z"),
            Some("date") => Some("2020-02-29"),
            Some("ipv4" | "ip") => Some("192.0.2.1"),
            Some("uuid") => Some("00000000-0000-4000-8000-000000000000"),
            _ => None,
        };
        if let Some(text) = fixed {
            return text.to_owned();
        }
        let most = bound("maxLength").unwrap_or(24).min(4_096);
        let mut text = self.rng.text(most);
        let short = bound("minLength")
            .unwrap_or(1)
            .saturating_sub(text.chars().count());
        text.extend(std::iter::repeat_n('x', short.min(4_096)));
        text
    }

    /// The same number as an integer and not as one.
    fn number(&mut self, keywords: &Map<String, Value>) -> (i64, f64) {
        let bound = |key| keywords.get(key).and_then(Value::as_f64);
        let least = bound("minimum").or_else(|| bound("exclusiveMinimum").map(|n| n + 1.0));
        let most = bound("maximum").or_else(|| bound("exclusiveMaximum").map(|n| n - 1.0));
        let step = i64::try_from(self.rng.below(10)).unwrap_or(0) as f64;
        let number = match (least, most) {
            (Some(least), Some(most)) => (least + step).min(most),
            (Some(least), None) => least + step,
            (None, Some(most)) => most - step,
            (None, None) => step,
        };
        // Schemas of this kind hold sizes and times, far from where an f64 loses whole numbers.
        (number as i64, number)
    }
}

#[cfg(test)]
mod unit {
    use super::*;

    fn schema() -> Value {
        json!({
            "type": "object",
            "additionalProperties": false,
            "required": ["token", "mode", "nested"],
            "properties": {
                "token": {"type": "string", "minLength": 3},
                "mode": {"$ref": "#/$defs/Mode"},
                "port": {"type": ["integer", "null"], "minimum": 1, "maximum": 65535},
                "nested": {"type": "object", "required": ["urls"], "properties": {
                    "urls": {"type": "array", "minItems": 1, "items": {"type": "string", "format": "uri"}}}},
                "free": {}
            },
            "$defs": {"Mode": {"oneOf": [{"const": "a"}, {"enum": ["b", "c"]}]}}
        })
    }

    #[test]
    fn every_seed_gives_values_that_fit() {
        let schema = schema();
        let validator = validator(&schema).expect("a schema");
        for seed in 0..50 {
            let value = valid(&schema, &mut Rng::new(seed)).expect("a value");
            assert!(validator.is_valid(&value), "{value}");
        }
    }

    #[test]
    fn the_smallest_has_only_what_is_required() {
        let value = smallest(&schema(), &mut Rng::new(1)).expect("a value");
        let keys: Vec<_> = value
            .as_object()
            .expect("an object")
            .keys()
            .map(String::as_str)
            .collect();
        assert_eq!(keys, ["token", "mode", "nested"]);
    }

    #[test]
    fn wrong_values_are_refused_and_free_ones_are_named() {
        let schema = schema();
        let wrongs = wrong(&schema, &mut Rng::new(3));
        let validator = validator(&schema).expect("a schema");
        assert!(
            wrongs.refused.iter().any(|wrong| wrong.path == "/nested/urls"),
            "{wrongs:?}"
        );
        assert!(
            wrongs
                .refused
                .iter()
                .all(|wrong| !validator.is_valid(&wrong.value))
        );
        assert!(wrongs.takes_anything.contains(&"/free".to_owned()), "{wrongs:?}");
    }

    #[test]
    fn a_schema_that_refers_to_itself_ends() {
        let schema = json!({"$ref": "#/$defs/T", "$defs": {"T": {"type": "object", "properties": {"t": {"$ref": "#/$defs/T"}}}}});
        assert!(valid(&schema, &mut Rng::new(1)).is_some());
    }
}
