//! A JSON Schema as something to walk through: what it says of the value at a path, references and alternatives included.
use super::{JsonPath, location::Step};
use serde_json::{Map, Value};
use std::{collections::HashSet, ptr};

/// The schema of a whole document.
#[derive(Debug)]
pub struct Outline(Value);

// === impl Outline ===

impl Outline {
    /// Of this schema.
    pub fn new(schema: Value) -> Self {
        Self(schema)
    }

    /// The schema.
    pub fn schema(&self) -> &Value {
        &self.0
    }

    /// The schemas of the whole.
    pub fn root(&self) -> Vec<&Map<String, Value>> {
        self.alternatives(&self.0)
    }

    /// The schemas of the value at `path`; none if there can't be one.
    pub fn at(&self, path: &JsonPath) -> Vec<&Map<String, Value>> {
        path.steps()
            .iter()
            .fold(self.root(), |nodes, step| self.inner(&nodes, step))
    }

    /// The schemas of what `step` leads to.
    pub fn inner<'s>(&'s self, nodes: &[&'s Map<String, Value>], step: &Step) -> Vec<&'s Map<String, Value>> {
        let schemas = nodes.iter().filter_map(|node| match step {
            Step::Key(key) => node
                .get("properties")
                .and_then(|properties| properties.get(key))
                .or_else(|| node.get("additionalProperties")),
            Step::Index(_) => node.get("items"),
        });
        self.closure(schemas)
    }

    /// A schema and all that it refers to or is made of.
    pub fn alternatives<'s>(&'s self, schema: &'s Value) -> Vec<&'s Map<String, Value>> {
        self.closure([schema])
    }

    /// These schemas and all that they refer to or are made of, each once: plugins bring schemas, and one of them may lead
    /// to itself in many ways.
    fn closure<'s>(&'s self, schemas: impl IntoIterator<Item = &'s Value>) -> Vec<&'s Map<String, Value>> {
        let (mut found, mut seen) = (Vec::new(), HashSet::new());
        for schema in schemas {
            let mut open = vec![schema];
            while let Some(schema) = open.pop() {
                let Some(map) = schema.as_object().filter(|map| seen.insert(ptr::from_ref(*map))) else {
                    continue;
                };
                found.push(map);
                let target = map.get("$ref").and_then(Value::as_str);
                let target = target.and_then(|target| self.0.pointer(target.strip_prefix('#')?));
                open.extend(target);
                for key in ["anyOf", "oneOf", "allOf"] {
                    open.extend(map.get(key).and_then(Value::as_array).into_iter().flatten());
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_schema_that_leads_to_itself_in_many_ways_is_looked_at_once() {
        let again = json!({ "$ref": "#/$defs/a" });
        let ways: Vec<_> = (0..64).map(|_| again.clone()).collect();
        let outline = Outline::new(json!({
            "$ref": "#/$defs/a",
            "$defs": { "a": { "anyOf": ways, "properties": { "x": again, "n": { "type": "integer" } } } },
        }));
        let mut path = JsonPath::root();
        for _ in 0..20 {
            path = path.key("x");
        }
        assert!(outline.at(&path).len() < 100);
        let number = outline.at(&path.key("n"));
        assert!(number.iter().any(|schema| schema["type"] == "integer"));
    }
}
