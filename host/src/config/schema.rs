//! Checks a value against a JSON Schema and says what is wrong in words for people.
//!
//! The one validator for our own keys and for plugins' configurations. A fault names the path, the type that was found
//! and what is allowed; it never shows the value, which may be a secret.

mod words;

use std::fmt;

use jsonschema::{
    ValidationError, Validator, error::ValidationErrorKind as Kind, paths::Location as JsonPointer,
};
use serde_json::Value;

use super::location::{JsonPath, Step};
pub use words::{type_name, unknown_key};

/// Most faults that one check reports.
pub const MAX_FAULTS: usize = 50;

/// A compiled schema.
pub struct Schema {
    source: Value,
    validator: Validator,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The value.
    pub path: JsonPath,
    /// What is wrong with it and what is allowed.
    pub message: String,
}

/// What a check finds.
pub(super) enum Finding {
    /// A value that can not be.
    Fault(Fault),
    /// A key that the schema does not have.
    Unknown {
        /// The key.
        path: JsonPath,
        /// The keys that the schema has there.
        known: Vec<String>,
    },
}

/// A schema that is none.
#[derive(Debug, thiserror::Error)]
#[error("the JSON schema is not valid: {0}; correct the schema")]
pub struct InvalidSchema(String);

// === impl Schema ===

impl Schema {
    /// Compiles `schema`. References to other documents are not followed.
    pub fn new(schema: Value) -> Result<Self, InvalidSchema> {
        let validator = jsonschema::options()
            .with_retriever(NoRetrieval)
            .build(&schema)
            .map_err(|error| InvalidSchema(error.to_string()))?;
        Ok(Self {
            source: schema,
            validator,
        })
    }

    /// The schema of a type of ours.
    pub fn of<T: schemars::JsonSchema>() -> Self {
        Self::new(schemars::schema_for!(T).to_value()).expect("a derived schema is valid")
    }

    /// What is wrong with `value`, which stands at `at`. Empty if nothing is.
    pub fn check(&self, value: &Value, at: &JsonPath) -> Vec<Fault> {
        let findings = self.examine(value, at).into_iter();
        findings.map(Finding::into_fault).collect()
    }

    /// The same, with keys that the schema does not have told apart.
    pub(super) fn examine(&self, value: &Value, at: &JsonPath) -> Vec<Finding> {
        let mut findings = Vec::new();
        for error in self.validator.iter_errors(value) {
            self.report(&error, value, at, &mut findings);
            if findings.len() >= MAX_FAULTS {
                break;
            }
        }
        findings
    }

    fn report(&self, error: &ValidationError<'_>, root: &Value, at: &JsonPath, findings: &mut Vec<Finding>) {
        let path = at.pointer(error.instance_path().as_str(), root);
        if let Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } =
            error.kind()
        {
            let known = self.known_keys(error);
            findings.extend(unexpected.iter().map(|key| Finding::Unknown {
                path: path.key(key),
                known: known.iter().map(|name| (*name).to_owned()).collect(),
            }));
            return;
        }
        if let Kind::AnyOf { context } | Kind::OneOfNotValid { context } = error.kind()
            && let Some(branch) = meant(context, error.instance_path())
        {
            return branch
                .iter()
                .for_each(|inner| self.report(inner, root, at, findings));
        }
        let message = words::message(error);
        findings.push(Finding::Fault(Fault { path, message }));
    }

    fn known_keys(&self, error: &ValidationError<'_>) -> Vec<&str> {
        let pointer = error.schema_path().as_str();
        let object = pointer.rsplit_once('/').map_or("", |(object, _)| object);
        let properties = self
            .source
            .pointer(object)
            .and_then(|schema| schema.get("properties")?.as_object());
        properties
            .into_iter()
            .flat_map(|map| map.keys().map(String::as_str))
            .collect()
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Schema").field(&self.source).finish()
    }
}

impl Finding {
    fn into_fault(self) -> Fault {
        match self {
            Self::Fault(fault) => fault,
            Self::Unknown { path, known } => {
                let known: Vec<_> = known.iter().map(String::as_str).collect();
                Fault::unknown(path, &known)
            }
        }
    }
}

impl Fault {
    /// A key that nobody knows.
    pub(super) fn unknown(path: JsonPath, known: &[&str]) -> Self {
        let key = match path.steps().last() {
            Some(Step::Key(key)) => key.as_str(),
            _ => "",
        };
        Self {
            message: unknown_key(key, known),
            path,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}

struct NoRetrieval;

impl jsonschema::Retrieve for NoRetrieval {
    fn retrieve(
        &self,
        uri: &jsonschema::Uri<String>,
    ) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        Err(format!("`{uri}` is another document").into())
    }
}

/// The alternative that was meant: the one that fits at this level, so that what is wrong is inside of it; else the only
/// one that would fit if something were added.
fn meant<'c, 'e>(
    context: &'c [Vec<ValidationError<'e>>],
    here: &JsonPointer,
) -> Option<&'c [ValidationError<'e>]> {
    let other_kind = |inner: &ValidationError<'_>| {
        let at = inner.instance_path();
        let tag = matches!(inner.kind(), Kind::Constant { .. })
            && at
                .as_str()
                .rsplit_once('/')
                .is_some_and(|(holder, _)| holder == here.as_str());
        tag || at == here
            && matches!(
                inner.kind(),
                Kind::Type { .. } | Kind::Constant { .. } | Kind::Enum { .. }
            )
    };
    let incomplete = |inner: &ValidationError<'_>| {
        inner.instance_path() == here && matches!(inner.kind(), Kind::Required { .. })
    };
    let mut possible = context.iter().filter(|branch| !branch.iter().any(other_kind));
    let whole = possible.clone().find(|branch| !branch.iter().any(incomplete));
    let only = possible.next().filter(|_| possible.next().is_none());
    whole.or(only).map(Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn faults(schema: Value, value: Value) -> Vec<String> {
        Schema::new(schema)
            .unwrap()
            .check(&value, &JsonPath::root().key("x"))
            .iter()
            .map(Fault::to_string)
            .collect()
    }

    #[test]
    fn names_path_type_and_what_is_allowed() {
        let schema = json!({
            "type": "object", "additionalProperties": false,
            "properties": {
                "count": {"type": "integer", "minimum": 1},
                "mode": {"oneOf": [{"const": "a"}, {"const": "b"}]},
                "list": {"type": "array", "items": {"type": ["string", "null"]}},
                "nested": {"anyOf": [{"$ref": "#/$defs/Nested"}, {"type": "null"}]},
            },
            "$defs": {"Nested": {"type": "object", "additionalProperties": false, "properties": {"timeout": {}}, }},
        });
        for (value, expected) in [
            (
                json!({"count": "secret"}),
                "x.count: is a string, but must be of type integer",
            ),
            (
                json!({"count": 0}),
                "x.count: is a number, but must be at least 1",
            ),
            (
                json!({"mode": "secret"}),
                "x.mode: is a string, but must be one of \"a\", \"b\"",
            ),
            (
                json!({"list": ["a", 1]}),
                "x.list[1]: is a number, but must be of type string; write it in quotes",
            ),
            (
                json!({"cuont": 1}),
                "x.cuont: is an unknown key; did you mean `count`?",
            ),
            (
                json!({"zzzzzz": 1}),
                "x.zzzzzz: is an unknown key; known here: count, mode, list, nested",
            ),
            (
                json!({"nested": {"timout": 1}}),
                "x.nested.timout: is an unknown key; did you mean `timeout`?",
            ),
            (
                json!({"nested": 1}),
                "x.nested: is a number, but must be of type object, or must be of type null",
            ),
            (json!([]), "x: is an array, but must be of type object"),
        ] {
            assert_eq!(faults(schema.clone(), value), [expected]);
        }
        assert!(faults(schema, json!({"count": 1, "nested": null, "mode": "a"})).is_empty());
    }

    #[test]
    fn other_documents_are_not_fetched() {
        let error = Schema::new(json!({"$ref": "http://localhost:1/x"})).unwrap_err();
        assert!(error.to_string().contains("not valid"), "{error}");
    }
}
