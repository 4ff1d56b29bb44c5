//! Secrets in plain text, and a log that does not hide them.
use super::{FileKind, Finding, Ground, Mend, Severity};
use crate::config::{Edit, JsonPath, has_secret_name, names_a_variable};
use serde_json::{Value, json};

/// Keys that are named one by one.
const SHOWN: usize = 8;
/// Deepest key that is looked at.
const MAX_DEPTH: usize = 64;

/// Judges where secrets stand.
pub(super) fn secrets(ground: &Ground) -> Vec<Finding> {
    let mut findings = Vec::new();
    let plain = written_secrets(&ground.written.0);
    let readable = ground
        .files
        .iter()
        .find(|file| matches!(file.kind, FileKind::Config | FileKind::Include) && file.mode & 0o044 != 0);
    if !plain.is_empty() {
        let shown: Vec<_> = plain.iter().take(SHOWN).map(ToString::to_string).collect();
        let more = plain.len().saturating_sub(SHOWN);
        let more = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        let (severity, who) = match readable {
            Some(file) => (
                Severity::Critical,
                format!(", and other users can read {}", file.path.display()),
            ),
            None => (Severity::Info, String::new()),
        };
        findings.push(
            Finding::new(severity, "config.secrets.plain_text", "secrets stand in the configuration itself")
                .because(format!("{}{more}{who}", shown.join(", ")))
                .remedy("put them into the environment and write ${NAME}, or refer to them: {source: \"file\", …}; `openclaw secrets` helps"),
        );
    }
    for (path, id) in [
        (
            "gateway.auth.password",
            "config.secrets.gateway_password_in_config",
        ),
        ("hooks.token", "config.secrets.hooks_token_in_config"),
    ] {
        if plain.iter().any(|found| found.to_string() == path) {
            let severity = if path.starts_with("gateway") {
                Severity::Warn
            } else {
                Severity::Info
            };
            findings.push(
                Finding::new(severity, id, format!("{path} stands in the configuration"))
                    .because("it goes wherever the file goes: backups, repositories, screens")
                    .remedy(format!(
                        "put it into the environment and write ${{NAME}} in {path}"
                    )),
            );
        }
    }
    if ground.value()["logging"]["redactSensitive"] == "off" {
        let path = JsonPath::root().key("logging").key("redactSensitive");
        findings.push(
            Finding::warn("logging.redact_off", "the log hides less than it could")
                .because("logging.redactSensitive is \"off\": what looks like a secret in the output of tools is logged")
                .remedy("openclaw config set logging.redactSensitive tools")
                .mended_by(Mend::Edits(vec![Edit::Set {
                    path,
                    value: json!("tools"),
                }])),
        );
    }
    findings
}

/// Where secrets are written out.
pub fn written_secrets(written: &Value) -> Vec<JsonPath> {
    let mut found = Vec::new();
    walk(written, &JsonPath::root(), false, MAX_DEPTH, &mut found);
    found
}

fn walk(value: &Value, at: &JsonPath, secret: bool, depth: usize, found: &mut Vec<JsonPath>) {
    if depth == 0 {
        return;
    }
    match value {
        // a reference says where the secret is
        Value::Object(map) if map.contains_key("source") && map.contains_key("id") => {}
        Value::Object(map) => {
            for (key, inner) in map {
                let named = has_secret_name(key) && !inner.is_object();
                walk(inner, &at.key(key), named, depth - 1, found);
            }
        }
        Value::Array(items) => {
            for (n, inner) in items.iter().enumerate() {
                walk(inner, &at.index(n), secret, depth - 1, found);
            }
        }
        // a variable says where it is; a dollar sign alone is part of a secret
        Value::String(text)
            if secret && !text.is_empty() && !text.contains("${") && !names_a_variable(text) =>
        {
            found.push(at.clone());
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dollar_sign_makes_no_secret_a_variable() {
        let value = json!({"a": {"token": "pa$$word", "botToken": "${A}", "password": "$B", "apiKey": "Bearer ${C}"}});
        let found: Vec<_> = written_secrets(&value).iter().map(ToString::to_string).collect();
        assert_eq!(found, ["a.token"]);
    }
}
