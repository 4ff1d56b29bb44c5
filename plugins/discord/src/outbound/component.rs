//! Buttons, menus and forms under a message, and what they carry.
//!
//! A short value goes along in the component itself, so that it works after a restart without anything being kept. A
//! long one, a form, or one that only some people may use is kept in the host's store until its time is over.
use crate::account::Connection;
use openclaw_plugin_api::{Button, Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::time::Duration;

/// What a component can carry, characters.
const MAX_ID: usize = 100;
/// In front of a value that goes along.
const PLAIN: &str = "v:";
/// In front of the name under which a value is kept.
const KEPT: &str = "k:";
/// Where kept values are in the store.
const STORE: &str = "component/";
/// Components of a row.
const ROW: usize = 5;
/// Rows of a message.
const ROWS: usize = 5;
/// Longest words on a button, characters.
const MAX_LABEL: usize = 80;
/// Choices of a menu.
const MAX_CHOICES: usize = 25;
/// Longest words of a choice, of its value and of a placeholder, characters.
const MAX_CHOICE: usize = 100;
/// Fields of a form.
const MAX_FIELDS: usize = 5;
/// Longest title of a form and of a field, characters.
const MAX_TITLE: usize = 45;
/// How long components can be used, and at most.
const TTL: (Duration, Duration) = (Duration::from_secs(1_800), Duration::from_secs(86_400));

/// What a component stands for.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Carried {
    /// What the agent gets.
    pub(crate) value: String,
    /// Only these people; empty means all that the host admits.
    pub(crate) users: Vec<String>,
    /// A form to be filled in first.
    pub(crate) form: Option<Form>,
}

/// A form.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Form {
    /// Its title.
    pub(crate) title: String,
    /// The words on the button that opens it.
    pub(crate) label: String,
    /// Its fields.
    pub(crate) fields: Vec<Field>,
}

/// A field of a form.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Field {
    /// What the agent knows it by.
    pub(crate) name: String,
    /// What people read.
    pub(crate) label: String,
    /// Room for several lines.
    pub(crate) long: bool,
    /// Must be filled in.
    pub(crate) required: bool,
    /// Shown while it is empty.
    pub(crate) placeholder: String,
}

/// A menu.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Menu {
    placeholder: String,
    options: Vec<Choice>,
    min: Option<u8>,
    max: Option<u8>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Choice {
    label: String,
    value: String,
    description: String,
}

/// The components of a message; none if it has none, or if the operator switched them off.
pub(super) async fn components(
    connection: &Connection,
    buttons: &[Vec<Button>],
    extra: &Map<String, Value>,
) -> Result<Option<Value>> {
    let users: Vec<String> = list(extra, "allowedUsers");
    let mut rows = Vec::new();
    for row in buttons.iter().filter(|row| !row.is_empty()) {
        for part in row.chunks(ROW) {
            let mut made = Vec::new();
            for button in part {
                made.push(self::button(connection, button, &users).await?);
            }
            rows.push(json!({ "type": 1, "components": made }));
        }
    }
    if let Some(menu) = extra.get("select") {
        rows.push(select(connection, menu, &users).await?);
    }
    if let Some(form) = extra.get("modal") {
        rows.push(form_button(connection, form, &users).await?);
    }
    if rows.is_empty() {
        return Ok(None);
    }
    if !is_on(connection) {
        return Err(Error::unsupported(
            "discord: buttons, menus and forms are switched off (agentComponents.enabled)",
        ));
    }
    distinct(&rows)?;
    if rows.len() > ROWS {
        return Err(Error::invalid(format_args!(
            "discord: a message has at most {ROWS} rows of components; leave some out"
        )));
    }
    Ok(Some(Value::Array(rows)))
}

/// Discord takes no two components with one id, and tells it in a way that nobody understands.
fn distinct(rows: &[Value]) -> Result<()> {
    let mut seen = std::collections::HashSet::new();
    let all = rows
        .iter()
        .flat_map(|row| row["components"].as_array().into_iter().flatten());
    let mut ids = all.filter_map(|component| component["custom_id"].as_str());
    match ids.find(|id| !seen.insert(*id)) {
        None => Ok(()),
        Some(_) => Err(Error::invalid(
            "discord: two buttons of a message carry the same value; give them different ones",
        )),
    }
}

/// What a component stands for that somebody used. None: its time is over, or it never was one of ours.
pub(crate) async fn carried(connection: &Connection, id: &str, age: Duration) -> Result<Option<Carried>> {
    if age > ttl(connection) || !is_on(connection) {
        return Ok(None);
    }
    if let Some(value) = id.strip_prefix(PLAIN) {
        return Ok(Some(Carried {
            value: value.to_owned(),
            ..Carried::default()
        }));
    }
    match id.strip_prefix(KEPT) {
        Some(name) => {
            connection
                .host()
                .store()
                .get_json(&format!("{STORE}{name}"))
                .await
        }
        None => Ok(None),
    }
}

/// The form as Discord shows it. It comes back with the same id.
pub(crate) fn modal(id: &str, form: &Form) -> Value {
    let field = |(n, field): (usize, &Field)| {
        let mut input = json!({
            "type": 4, "custom_id": n.to_string(), "style": if field.long { 2 } else { 1 },
            "label": short(or(&field.label, &field.name), MAX_TITLE), "required": field.required,
        });
        if !field.placeholder.is_empty() {
            input["placeholder"] = short(&field.placeholder, MAX_CHOICE).into();
        }
        json!({ "type": 1, "components": [input] })
    };
    let fields: Vec<_> = form
        .fields
        .iter()
        .take(MAX_FIELDS)
        .enumerate()
        .map(field)
        .collect();
    json!({ "custom_id": id, "title": short(or(&form.title, "Form"), MAX_TITLE), "components": fields })
}

async fn button(connection: &Connection, button: &Button, users: &[String]) -> Result<Value> {
    let Button { label, value, style } = button;
    if label.trim().is_empty() || value.is_empty() {
        return Err(Error::invalid(
            "discord: a button has a label and a value; give it both",
        ));
    }
    let mut made = json!({ "type": 2, "label": short(label, MAX_LABEL) });
    if value.starts_with("https://") || value.starts_with("http://") {
        made["style"] = 5.into();
        made["url"] = value.as_str().into();
        return Ok(made);
    }
    made["style"] = match style.as_str() {
        "primary" => 1,
        "success" => 3,
        "danger" => 4,
        _ => 2,
    }
    .into();
    let carried = Carried {
        value: value.clone(),
        users: users.to_vec(),
        form: None,
    };
    made["custom_id"] = keep(connection, carried, "").await?.into();
    Ok(made)
}

async fn select(connection: &Connection, menu: &Value, users: &[String]) -> Result<Value> {
    let menu: Menu = serde_json::from_value(menu.clone()).map_err(|e| {
        Error::invalid(format_args!(
            "discord: the menu is wrong: {e}; give it options with label and value"
        ))
    })?;
    if menu.options.is_empty() || menu.options.len() > MAX_CHOICES {
        return Err(Error::invalid(format_args!(
            "discord: a menu has 1 to {MAX_CHOICES} options; change their number"
        )));
    }
    let mut options = Vec::new();
    for choice in &menu.options {
        let value = or(&choice.value, &choice.label);
        if value.is_empty() || value.chars().count() > MAX_CHOICE {
            return Err(Error::invalid(format_args!(
                "discord: the value of an option has 1 to {MAX_CHOICE} characters; shorten it"
            )));
        }
        let mut option = json!({ "label": short(or(&choice.label, value), MAX_CHOICE), "value": value });
        if !choice.description.is_empty() {
            option["description"] = short(&choice.description, MAX_CHOICE).into();
        }
        options.push(option);
    }
    let most = u8::try_from(options.len()).unwrap_or(1);
    let max = menu.max.unwrap_or(1).clamp(1, most);
    let carried = Carried {
        users: users.to_vec(),
        ..Carried::default()
    };
    let mut made = json!({
        "type": 3, "custom_id": keep(connection, carried, "menu").await?, "options": options,
        "min_values": menu.min.unwrap_or(1).min(max), "max_values": max,
    });
    if !menu.placeholder.is_empty() {
        made["placeholder"] = short(&menu.placeholder, MAX_CHOICE).into();
    }
    Ok(json!({ "type": 1, "components": [made] }))
}

async fn form_button(connection: &Connection, form: &Value, users: &[String]) -> Result<Value> {
    let form: Form = serde_json::from_value(form.clone()).map_err(|e| {
        Error::invalid(format_args!(
            "discord: the form is wrong: {e}; give it a title and fields"
        ))
    })?;
    if form.fields.is_empty() || form.fields.len() > MAX_FIELDS {
        return Err(Error::invalid(format_args!(
            "discord: a form has 1 to {MAX_FIELDS} fields; change their number"
        )));
    }
    let label = short(or(&form.label, or(&form.title, "Open")), MAX_LABEL);
    let carried = Carried {
        value: or(&form.title, "form").to_owned(),
        users: users.to_vec(),
        form: Some(form),
    };
    let id = keep(connection, carried, "form").await?;
    let button = json!({ "type": 2, "style": 1, "label": label, "custom_id": id });
    Ok(json!({ "type": 1, "components": [button] }))
}

/// The id of a component that carries this. What goes along is told apart from its neighbours by itself.
async fn keep(connection: &Connection, carried: Carried, kind: &str) -> Result<String> {
    let id = format!("{PLAIN}{}", carried.value);
    if carried.users.is_empty()
        && carried.form.is_none()
        && kind.is_empty()
        && id.encode_utf16().count() <= MAX_ID
    {
        return Ok(id);
    }
    let bytes = serde_json::to_vec(&carried)?;
    let hash = Sha256::new().chain_update(kind).chain_update(&bytes).finalize();
    let name: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    // Kept as long as the longest-lived message with it may be used; the age of the message decides.
    let store = connection.host().store();
    store.add(&format!("{STORE}{name}"), bytes, Some(TTL.1)).await?;
    Ok(format!("{KEPT}{name}"))
}

fn ttl(connection: &Connection) -> Duration {
    let set = connection
        .config
        .agent_components
        .as_ref()
        .and_then(|set| set.ttl_ms);
    set.map_or(TTL.0, |ms| Duration::from_millis(ms).min(TTL.1))
}

fn is_on(connection: &Connection) -> bool {
    let set = connection.config.agent_components.as_ref();
    set.and_then(|set| set.enabled) != Some(false)
}

/// The strings of a list in `extra`.
pub(super) fn list(extra: &Map<String, Value>, key: &str) -> Vec<String> {
    let list = extra.get(key).and_then(Value::as_array);
    list.into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

fn or<'a>(text: &'a str, other: &'a str) -> &'a str {
    if text.trim().is_empty() { other } else { text }
}

fn short(text: &str, limit: usize) -> String {
    text.trim().chars().take(limit).collect()
}
