//! The head of a `SKILL.md`: what the skill is called, what it is for and what it needs.
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Longest name, characters.
const MAX_NAME: usize = 64;
/// Longest description, characters.
const MAX_DESCRIPTION: usize = 1_024;

/// The head.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Front {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Where more is known of it.
    pub homepage: Option<String>,
    /// People may ask for it.
    pub user_invocable: bool,
    /// Models are told of it.
    pub model_visible: bool,
    /// What OpenClaw knows of it beside that.
    pub extra: Extra,
}

/// `metadata.openclaw`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Extra {
    /// It needs nothing, whatever it says.
    pub always: bool,
    /// Its sign.
    pub emoji: Option<String>,
    /// Where more is known of it.
    pub homepage: Option<String>,
    /// Systems that it is for: `linux`, `darwin`, `win32`.
    pub os: Vec<String>,
    /// What it needs.
    pub requires: Needs,
    /// The variable that `apiKey` is the value of.
    pub primary_env: Option<String>,
    /// Its name in `skills.entries`.
    pub skill_key: Option<String>,
}

/// What a skill needs, or lacks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Needs {
    /// Programs, all of them.
    pub bins: Vec<String>,
    /// Programs, one of them.
    pub any_bins: Vec<String>,
    /// Variables.
    pub env: Vec<String>,
    /// Keys of the configuration that are set and not false.
    pub config: Vec<String>,
    /// Systems.
    pub os: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Head {
    name: Option<Value>,
    description: Option<Value>,
    homepage: Option<Value>,
    user_invocable: Option<Value>,
    disable_model_invocation: Option<Value>,
    metadata: Option<Value>,
}

/// Reads the head of a file. The error says what is wrong with it.
pub fn parse(text: &str) -> Result<Front, String> {
    let head = head(text).ok_or("there is no head between two lines of ---")?;
    let head: Head = serde_saphyr::from_str(head).map_err(|error| {
        let text = error.to_string();
        format!("the head is no YAML: {}", text.lines().next().unwrap_or_default())
    })?;
    let text = |value: Option<Value>, max: usize| -> Option<String> {
        let value = value?;
        let text = match value {
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            _ => return None,
        };
        let words: Vec<_> = text.split_whitespace().collect();
        let short: String = words.join(" ").chars().take(max).collect();
        Some(short).filter(|short| !short.is_empty())
    };
    let name = text(head.name, MAX_NAME).ok_or("the head has no name")?;
    let description = text(head.description, MAX_DESCRIPTION).ok_or("the head has no description")?;
    let extra = extra(head.metadata);
    Ok(Front {
        name,
        description,
        homepage: text(head.homepage, MAX_DESCRIPTION).or_else(|| extra.homepage.clone()),
        user_invocable: is(head.user_invocable.as_ref(), true),
        model_visible: !is(head.disable_model_invocation.as_ref(), false),
        extra,
    })
}

fn head(text: &str) -> Option<&str> {
    let text = text.trim_start_matches('\u{feff}');
    let rest = text
        .strip_prefix("---")?
        .trim_start_matches([' ', '\t', '\r'])
        .strip_prefix('\n')?;
    let end = rest.match_indices("\n---").map(|(at, _)| at).find(|at| {
        let after = &rest[at + 4..];
        after.is_empty() || after.starts_with(['\n', '\r', ' '])
    })?;
    Some(&rest[..end])
}

fn is(value: Option<&Value>, usual: bool) -> bool {
    match value {
        Some(Value::Bool(is)) => *is,
        Some(Value::String(text)) => match text.trim().to_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => true,
            "false" | "no" | "off" | "0" => false,
            _ => usual,
        },
        _ => usual,
    }
}

/// The part for OpenClaw; some write the whole as a text of JSON.
fn extra(metadata: Option<Value>) -> Extra {
    let metadata = match metadata {
        Some(Value::String(text)) => serde_saphyr::from_str(&text).unwrap_or(Value::Null),
        Some(value) => value,
        None => Value::Null,
    };
    let part = ["openclaw", "clawdbot", "clawdis"]
        .iter()
        .map(|name| &metadata[*name]);
    let part = part.into_iter().find(|part| part.is_object());
    part.and_then(|part| Extra::deserialize(part).ok())
        .unwrap_or_default()
}
