//! A JSON Schema as something to walk through: what it says of the value at a path, references and alternatives included.
use super::{JsonPath, location::Step};
use serde_json::{Map, Value};

/// Longest chain of references inside a schema.
const MAX_REFERENCES: usize = 16;

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
        let mut found = Vec::new();
        for node in nodes {
            let schema = match step {
                Step::Key(key) => node
                    .get("properties")
                    .and_then(|properties| properties.get(key))
                    .or_else(|| node.get("additionalProperties")),
                Step::Index(_) => node.get("items"),
            };
            found.extend(schema.into_iter().flat_map(|schema| self.alternatives(schema)));
        }
        found
    }

    /// A schema and all that it refers to or is made of.
    pub fn alternatives<'s>(&'s self, schema: &'s Value) -> Vec<&'s Map<String, Value>> {
        let mut found = Vec::new();
        let mut open = vec![(schema, 0)];
        while let Some((schema, depth)) = open.pop() {
            let Some(map) = schema.as_object().filter(|_| depth < MAX_REFERENCES) else {
                continue;
            };
            found.push(map);
            let target = map.get("$ref").and_then(Value::as_str);
            let target = target.and_then(|target| self.0.pointer(target.strip_prefix('#')?));
            open.extend(target.map(|target| (target, depth + 1)));
            for key in ["anyOf", "oneOf", "allOf"] {
                let parts = map.get(key).and_then(Value::as_array).into_iter().flatten();
                open.extend(parts.map(|part| (part, depth + 1)));
            }
        }
        found
    }
}
