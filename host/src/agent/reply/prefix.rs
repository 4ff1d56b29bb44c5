//! The prefix that an operator may put before every answer.

/// What may stand in a prefix. An empty value is an unknown one.
#[derive(Debug, Clone, Copy, Default)]
pub struct PrefixVars<'a> {
    /// Model without its provider.
    pub model: &'a str,
    /// Provider id.
    pub provider: &'a str,
    /// Such as `low`.
    pub thinking_level: &'a str,
    /// The agent's name.
    pub identity_name: &'a str,
}

/// What a setting of `responsePrefix` says: `auto` is the agent's name in brackets, and variables that are unknown
/// stay as they are written. `None`: no prefix.
pub fn response_prefix(setting: &str, vars: &PrefixVars<'_>) -> Option<String> {
    if setting.trim() == "auto" {
        return (!vars.identity_name.is_empty()).then(|| format!("[{}]", vars.identity_name));
    }
    let (mut out, mut rest) = (String::with_capacity(setting.len()), setting);
    while let Some((text, from)) = rest.split_once('{') {
        out.push_str(text);
        let value = from
            .split_once('}')
            .and_then(|(name, after)| Some((vars.value(name)?, after)));
        rest = match value {
            Some((value, after)) => {
                out.push_str(&value);
                after
            }
            None => {
                out.push('{');
                from
            }
        };
    }
    out.push_str(rest);
    (!out.trim().is_empty()).then_some(out)
}

/// The text behind the prefix, unless the model wrote it there itself.
pub fn with_prefix(text: &str, prefix: Option<&str>) -> String {
    match prefix {
        Some(prefix) if !text.is_empty() && !text.starts_with(prefix) => {
            format!("{} {text}", prefix.trim_end())
        }
        _ => text.to_owned(),
    }
}

impl PrefixVars<'_> {
    fn value(&self, name: &str) -> Option<String> {
        let value = match name.to_ascii_lowercase().as_str() {
            "model" => self.model.to_owned(),
            "provider" => self.provider.to_owned(),
            "modelfull" if !self.provider.is_empty() && !self.model.is_empty() => {
                format!("{}/{}", self.provider, self.model)
            }
            "thinkinglevel" | "think" => self.thinking_level.to_owned(),
            "identity.name" | "identityname" => self.identity_name.to_owned(),
            _ => return None,
        };
        (!value.is_empty()).then_some(value)
    }
}
