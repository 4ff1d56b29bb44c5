//! `themes.list`: how pages are to look. Pages bring their themes along, and no plugin adds one; which of them is wished
//! for stands in the configuration, `ui.prefs`.
use super::{config::Nothing, params};
use crate::{
    app::Gateway,
    gateway::{Failure, Method, Scope},
};
use serde_json::{Value, json};

/// The theme of whoever wishes none.
const DEFAULT: &str = "claw";
/// Light, dark, or what the device says.
const MODES: [&str; 3] = ["light", "dark", "system"];

pub(super) fn methods() -> Vec<Method> {
    vec![Method::new("themes.list", Scope::Read).with::<Nothing>()]
}

pub(super) fn list(gateway: &Gateway, given: Value) -> Result<Value, Failure> {
    let Nothing {} = params("themes.list", given)?;
    let config = gateway.desk().config();
    Ok(wished(&config.value()["ui"]["prefs"]))
}

fn wished(prefs: &Value) -> Value {
    let id = prefs["theme"].as_str().filter(|id| !id.is_empty());
    let mode = prefs["themeMode"].as_str().filter(|mode| MODES.contains(mode));
    let theme = named(id.unwrap_or(DEFAULT));
    let mut themes = vec![theme.clone()];
    if id.is_some_and(|id| id != DEFAULT) {
        themes.insert(0, named(DEFAULT));
    }
    json!({
        "current": {
            "id": theme["id"], "mode": mode.unwrap_or("system"), "scope": "gateway", "overrides": {},
        },
        "theme": theme, "themes": themes,
    })
}

/// A theme that pages know by its id.
fn named(id: &str) -> Value {
    let mut letters = id.chars();
    let name = letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect::<String>());
    json!({
        "id": id, "name": name, "description": "Comes with the page that shows it.", "source": "builtin",
        "modes": ["light", "dark"],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wished_for_is_what_the_configuration_says() {
        let usual = wished(&Value::Null);
        assert_eq!(
            (&usual["current"]["id"], &usual["current"]["mode"]),
            (&json!("claw"), &json!("system"))
        );
        let own = wished(&json!({ "theme": "tide", "themeMode": "dark" }));
        assert_eq!(
            (&own["current"]["id"], &own["current"]["mode"]),
            (&json!("tide"), &json!("dark"))
        );
        assert_eq!(own["theme"]["name"], "Tide");
        assert_eq!(own["themes"].as_array().map(Vec::len), Some(2));
    }
}
