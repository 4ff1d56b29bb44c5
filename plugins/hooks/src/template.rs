//! Templates: text with `{{…}}` for values of a call. Nothing in them is run.
//!
//! `{{messages[0].from}}` and `{{payload.messages[0].from}}` are of the body; `{{headers.x-event}}`, `{{query.a}}`,
//! `{{path}}` are of the request. What is not there is empty; what is no text is JSON.
use serde_json::Value;

/// Longest result, bytes.
pub(crate) const MAX: usize = 512 * 1024;
/// Headers that no template sees.
const SECRET: [&str; 3] = ["authorization", "x-openclaw-token", "cookie"];

/// What templates see.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scope<'a> {
    /// The body.
    pub(crate) payload: &'a Value,
    /// Headers of the request.
    pub(crate) headers: &'a [(String, String)],
    /// Its query.
    pub(crate) query: &'a str,
    /// The name behind `/hooks/`.
    pub(crate) path: &'a str,
}

/// The text with everything in its place. None: it is longer than [`MAX`].
pub(crate) fn render(template: &str, scope: Scope<'_>) -> Option<String> {
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((expression, after)) = after.split_once("}}") else {
            break;
        };
        text.push_str(before);
        text.push_str(&scope.value(expression.trim()));
        if text.len() > MAX {
            return None;
        }
        rest = after;
    }
    text.push_str(rest);
    (text.len() <= MAX).then_some(text)
}

impl<'a> Scope<'a> {
    fn value(self, expression: &str) -> String {
        if expression == "path" && self.payload.get("path").is_none() {
            return self.path.to_owned();
        }
        if let Some(name) = expression.strip_prefix("headers.") {
            return self.header(name).to_owned();
        }
        if let Some(name) = expression.strip_prefix("query.") {
            return self.of_query(name);
        }
        let inner = expression.strip_prefix("payload.");
        let found = inner
            .and_then(|path| find(self.payload, path))
            .or_else(|| find(self.payload, expression));
        match found {
            None if expression == "payload" => self.payload.to_string(),
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        }
    }

    fn header(self, name: &str) -> &'a str {
        if SECRET.iter().any(|secret| name.eq_ignore_ascii_case(secret)) {
            return "";
        }
        let mut headers = self.headers.iter();
        headers
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map_or("", |(_, value)| value)
    }

    fn of_query(self, name: &str) -> String {
        let mut pairs = self.query.split('&').filter_map(|pair| pair.split_once('='));
        pairs
            .find(|(known, _)| *known == name)
            .map(|(_, value)| decoded(value))
            .unwrap_or_default()
    }
}

/// `a.b[0].c` and `a.b.0.c` in a value.
fn find<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    let steps = path.split(['.', '[']).map(|step| step.trim_end_matches(']'));
    steps.into_iter().try_fold(value, |value, step| match value {
        Value::Array(items) => items.get(step.parse::<usize>().ok()?),
        value => value.get(step),
    })
}

/// A value of a query without its escapes.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escape = tail.get(..2).filter(|_| *first == b'%');
        let escape = escape.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        bytes.push(escape.unwrap_or(if *first == b'+' { b' ' } else { *first }));
        rest = if escape.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn shown(template: &str) -> String {
        let payload = json!({"a": {"b": [{"c": "deep"}, 7]}, "n": null, "t": "{{a}}"});
        let headers = [
            ("x-event".to_owned(), "push".to_owned()),
            ("authorization".to_owned(), "Bearer secret".to_owned()),
        ];
        let scope = Scope {
            payload: &payload,
            headers: &headers,
            query: "q=a%20b+c%zz&r=1",
            path: "build",
        };
        render(template, scope).expect("short")
    }

    #[test]
    fn values_stand_in_their_places() {
        for (template, text) in [
            ("<{{a.b[0].c}}>", "<deep>"),
            ("{{ payload.a.b.0.c }}", "deep"),
            ("{{a.b[1]}} {{a.b}}", r#"7 [{"c":"deep"},7]"#),
            ("{{n}}{{x.y}}{{a.b[9]}}{{a[}}", ""),
            ("{{headers.X-Event}} {{path}}", "push build"),
            ("{{query.q}} {{query.s}}", "a b c%zz "),
            ("{{a", "{{a"),
            ("no {} values", "no {} values"),
        ] {
            assert_eq!(shown(template), text, "{template}");
        }
    }

    #[test]
    fn secrets_and_templates_in_values_stay_what_they_are() {
        assert_eq!(shown("{{headers.authorization}}|{{headers.Cookie}}"), "|");
        assert_eq!(shown("{{t}}"), "{{a}}", "a value is not a template");
    }

    #[test]
    fn a_result_is_not_endless() {
        let payload = json!({"x": "y".repeat(MAX / 2)});
        let scope = Scope {
            payload: &payload,
            headers: &[],
            query: "",
            path: "",
        };
        assert!(render("{{x}}{{x}}", scope).is_some());
        assert!(render("{{x}}{{x}}{{x}}", scope).is_none());
    }
}
