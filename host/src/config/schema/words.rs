//! What a fault of a configuration says: the type that was found and what is allowed, and never the value.
use jsonschema::{
    JsonType, ValidationError,
    error::{TypeKind, ValidationErrorKind as Kind},
};
use serde_json::Value;

/// Most known keys that are listed beside an unknown one.
const MAX_LISTED: usize = 24;
/// Largest edit distance at which a known key is suggested for an unknown one.
const MAX_DISTANCE: usize = 3;

/// The JSON name of the value's type.
pub fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// What to say about a key that nobody knows, with the nearest one that somebody does.
pub fn unknown_key(key: &str, known: &[&str]) -> String {
    let near = known.iter().map(|name| {
        (
            strsim::osa_distance(&key.to_lowercase(), &name.to_lowercase()),
            name,
        )
    });
    match near
        .min()
        .filter(|(distance, name)| *distance <= MAX_DISTANCE.min(name.len() / 2))
    {
        Some((_, name)) => format!("is an unknown key; did you mean `{name}`?"),
        None if known.is_empty() => "is an unknown key; no key is allowed here".into(),
        None if known.len() > MAX_LISTED => {
            "is an unknown key; `openclaw config schema` shows what is known here".into()
        }
        None => format!("is an unknown key; known here: {}", known.join(", ")),
    }
}

/// What to say about a value that a keyword does not allow.
pub(super) fn message(error: &ValidationError<'_>) -> String {
    format!(
        "is {}, but {}{}",
        type_name_with_article(error.instance()),
        allowed(error.kind()),
        advice(error)
    )
}

fn type_name_with_article(value: &Value) -> String {
    match type_name(value) {
        "null" => "null".into(),
        name if name.starts_with(['a', 'o']) => format!("an {name}"),
        name => format!("a {name}"),
    }
}

/// Ids look like numbers and are texts: some are too large for a number.
fn advice(error: &ValidationError<'_>) -> &'static str {
    let text_wanted = match error.kind() {
        Kind::Type {
            kind: TypeKind::Single(one),
        } => *one == JsonType::String,
        Kind::Type {
            kind: TypeKind::Multiple(many),
        } => many.iter().any(|one| one == JsonType::String),
        _ => false,
    };
    if text_wanted && error.instance().is_number() {
        "; write it in quotes"
    } else {
        ""
    }
}

/// What a keyword allows. Shows the schema's side only.
fn allowed(kind: &Kind) -> String {
    match kind {
        Kind::Type {
            kind: TypeKind::Single(one),
        } => format!("must be of type {one}"),
        Kind::Type {
            kind: TypeKind::Multiple(many),
        } => {
            format!(
                "must be of type {}",
                many.iter()
                    .filter(|one| *one != JsonType::Null)
                    .map(|one| one.to_string())
                    .collect::<Vec<_>>()
                    .join(" or ")
            )
        }
        Kind::Enum { options } => format!(
            "must be one of {}",
            one_of(
                options
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter(|value| !value.is_null())
            )
        ),
        Kind::Constant { expected_value } => format!("must be {expected_value}"),
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } => alternatives(context),
        Kind::Required { property } => format!("lacks the key {property}"),
        Kind::Minimum { limit } => format!("must be at least {limit}"),
        Kind::Maximum { limit } => format!("must be at most {limit}"),
        Kind::ExclusiveMinimum { limit } => format!("must be greater than {limit}"),
        Kind::ExclusiveMaximum { limit } => format!("must be less than {limit}"),
        Kind::MinLength { limit } => format!("must have at least {limit} characters"),
        Kind::MaxLength { limit } => format!("must have at most {limit} characters"),
        Kind::MinItems { limit } => format!("must have at least {limit} elements"),
        Kind::MaxItems { limit } => format!("must have at most {limit} elements"),
        Kind::MinProperties { limit } => format!("must have at least {limit} keys"),
        Kind::MaxProperties { limit } => format!("must have at most {limit} keys"),
        Kind::UniqueItems => "must not have the same element twice".into(),
        Kind::Pattern { pattern } => format!("must match the pattern {pattern}"),
        Kind::Format { format } => format!("must have the format {format}"),
        Kind::PropertyNames { error } => format!("has a key that {}", allowed(error.kind())),
        other => format!("must satisfy `{}` of its schema", other.keyword()),
    }
}

fn alternatives(context: &[Vec<ValidationError<'_>>]) -> String {
    let kinds = || context.iter().flatten().map(ValidationError::kind);
    let constants: Vec<_> = kinds()
        .filter_map(|kind| match kind {
            Kind::Constant { expected_value } => Some(&**expected_value),
            _ => None,
        })
        .collect();
    if !constants.is_empty() && constants.len() == kinds().count() {
        return format!("must be one of {}", one_of(constants.into_iter()));
    }
    let mut parts: Vec<_> = kinds().map(allowed).collect();
    parts.dedup();
    parts.join(", or ")
}

fn one_of<'v>(values: impl Iterator<Item = &'v Value>) -> String {
    values.map(Value::to_string).collect::<Vec<_>>().join(", ")
}
