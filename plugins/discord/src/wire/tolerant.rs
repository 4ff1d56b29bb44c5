//! Reading JSON that somebody else changes at will: what is missing, of another type or unknown is as if it were not
//! there, and never costs the event that it is in.
use serde_json::{Map, Value};

/// A value that can be read from any JSON, or not.
pub(crate) trait Read: Sized {
    /// The value, if there is one of this type.
    fn read(value: Value) -> Option<Self>;
}

/// The field of an object, or nothing.
pub(crate) fn take<T: Read + Default>(map: &mut Map<String, Value>, key: &str) -> T {
    map.remove(key).and_then(T::read).unwrap_or_default()
}

/// The name on the wire of a field. Only one can't be written in Rust.
pub(crate) const fn key(field: &'static str) -> &'static str {
    match field.as_bytes() {
        b"kind" => "type",
        _ => field,
    }
}

/// A record of the wire. Each field has a default, and `kind` is `type`.
macro_rules! record {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default, PartialEq)]
        pub(crate) struct $name { $($(#[$field_doc])* pub(crate) $field: $type,)* }

        impl $crate::wire::tolerant::Read for $name {
            fn read(value: serde_json::Value) -> Option<Self> {
                let serde_json::Value::Object(mut map) = value else { return None };
                Some(Self { $($field: $crate::wire::tolerant::take(
                    &mut map, $crate::wire::tolerant::key(stringify!($field))),)* })
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let value = serde_json::Value::deserialize(deserializer)?;
                $crate::wire::tolerant::Read::read(value)
                    .ok_or_else(|| serde::de::Error::custom("not an object"))
            }
        }
    };
}
pub(crate) use record;

impl Read for Value {
    fn read(value: Value) -> Option<Self> {
        Some(value)
    }
}

impl Read for String {
    fn read(value: Value) -> Option<Self> {
        match value {
            Value::String(text) => Some(text),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }
}

impl Read for bool {
    fn read(value: Value) -> Option<Self> {
        value.as_bool()
    }
}

impl Read for u64 {
    fn read(value: Value) -> Option<Self> {
        value
            .as_u64()
            .or_else(|| value.as_str().and_then(|text| text.parse().ok()))
    }
}

impl Read for f64 {
    fn read(value: Value) -> Option<Self> {
        value.as_f64()
    }
}

impl<T: Read> Read for Option<T> {
    fn read(value: Value) -> Option<Self> {
        Some(T::read(value))
    }
}

impl<T: Read> Read for Box<T> {
    fn read(value: Value) -> Option<Self> {
        T::read(value).map(Box::new)
    }
}

/// What can't be read is left out.
impl<T: Read> Read for Vec<T> {
    fn read(value: Value) -> Option<Self> {
        match value {
            Value::Array(items) => Some(items.into_iter().filter_map(T::read).collect()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    record! {
        Thing { id: String, kind: u64, parts: Vec<Thing>, inner: Option<Box<Thing>>, on: bool, }
    }

    #[test]
    fn a_strange_field_costs_only_itself() {
        let value = json!({
            "id": 7, "type": "3", "on": "yes", "new": [1], "inner": [],
            "parts": [{ "id": "a" }, null, 5, { "id": "b", "type": {} }]
        });
        let thing = Thing::read(value).expect("an object");
        assert_eq!((thing.id.as_str(), thing.kind, thing.on), ("7", 3, false));
        assert_eq!(
            thing
                .parts
                .iter()
                .map(|part| part.id.as_str())
                .collect::<Vec<_>>(),
            ["a", "b"]
        );
        assert_eq!(thing.inner, None);
        assert_eq!(Thing::read(json!([])), None);
        assert!(serde_json::from_value::<Thing>(json!("text")).is_err());
    }
}
