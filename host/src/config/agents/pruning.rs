//! `agents.defaults.contextPruning`: old answers of tools are made shorter once the vendor's cache has run out anyway.
use super::settings::words;
use schemars::JsonSchema;
use serde::Deserialize;
use std::time::Duration;

/// `agents.defaults.contextPruning`
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct ContextPruning {
    /// Is it done? Default: `off`.
    pub mode: Option<PruningMode>,
    /// The pause after which it is done, such as `5m`; a number alone means minutes. Default: `5m`.
    pub ttl: Option<String>,
    /// Newest answers with whose tools nothing is done. Default: 3.
    pub keep_last_assistants: Option<usize>,
    /// Share of the window from which long answers of tools lose their middle. Default: 0.3.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub soft_trim_ratio: Option<f64>,
    /// Share of the window from which answers of tools are taken away. Default: 0.5.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub hard_clear_ratio: Option<f64>,
    /// Nothing is taken away unless this many characters can be. Default: 50,000.
    pub min_prunable_tool_chars: Option<usize>,
    /// How long answers lose their middle.
    pub soft_trim: SoftTrim,
    /// How answers are taken away.
    pub hard_clear: HardClear,
    /// With which tools it is done. Default: all.
    pub tools: PruningTools,
}

/// `agents.defaults.contextPruning.softTrim`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct SoftTrim {
    /// Longer answers lose their middle, characters. Default: 4,000.
    pub max_chars: Option<usize>,
    /// What stays of their beginning, characters. Default: 1,500.
    pub head_chars: Option<usize>,
    /// What stays of their end, characters. Default: 1,500.
    pub tail_chars: Option<usize>,
}

/// `agents.defaults.contextPruning.hardClear`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct HardClear {
    /// Are answers taken away? Default: true.
    pub enabled: Option<bool>,
    /// What stands in their place.
    pub placeholder: Option<String>,
}

/// `agents.defaults.contextPruning.tools`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct PruningTools {
    /// Names of tools, with `*`; empty means all.
    pub allow: Vec<String>,
    /// Names of tools with which it is not done, with `*`.
    pub deny: Vec<String>,
}

words! {
    /// When answers of tools are made shorter.
    PruningMode {
        /// Never.
        Off = "off",
        /// When the vendor's cache has run out.
        CacheTtl = "cache-ttl",
    }
}

// === impl PruningTools ===

impl PruningTools {
    /// These lists, or those of `usual` if there are none here.
    #[must_use]
    pub fn or(&self, usual: &Self) -> Self {
        if *self == Self::default() {
            usual.clone()
        } else {
            self.clone()
        }
    }

    /// Is it done with this tool?
    pub fn admits(&self, tool: &str) -> bool {
        let named = |list: &[String]| list.iter().any(|pattern| matches(pattern, tool));
        (self.allow.is_empty() || named(&self.allow)) && !named(&self.deny)
    }
}

/// Does a name fit a pattern with `*`? Case does not matter.
fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.to_ascii_lowercase(), name.to_ascii_lowercase());
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<_> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

// === impl ContextPruning ===

impl ContextPruning {
    /// The pause after which it is done. None: it never is.
    pub fn pause(&self) -> Option<Duration> {
        if self.mode != Some(PruningMode::CacheTtl) {
            return None;
        }
        Some(
            self.ttl
                .as_deref()
                .and_then(duration)
                .unwrap_or(Duration::from_secs(300)),
        )
    }
}

/// `90s`, `5m`, `1h`, `500ms`; a number alone means minutes.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let digits = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let seconds = match unit.trim() {
        "ms" => 0.001,
        "s" => 1.0,
        "" | "m" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(number.parse::<f64>().ok()? * seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_are_named_by_patterns() {
        let tools = |allow: &[&str], deny: &[&str]| PruningTools {
            allow: allow.iter().map(|&name| name.to_owned()).collect(),
            deny: deny.iter().map(|&name| name.to_owned()).collect(),
        };
        assert!(tools(&[], &[]).admits("exec"));
        assert!(tools(&["web_*"], &[]).admits("web_fetch") && !tools(&["web_*"], &[]).admits("exec"));
        assert!(
            !tools(&["*"], &["*_FETCH"]).admits("web_fetch") && tools(&["*"], &["exec"]).admits("execute")
        );
        assert!(tools(&["a*b*c"], &[]).admits("a-b-c") && !tools(&["a*b*c"], &[]).admits("a-c-b"));
    }

    #[test]
    fn a_pause_is_written_in_several_ways() {
        for (text, seconds) in [
            ("5m", 300),
            ("90s", 90),
            ("1h", 3600),
            ("2", 120),
            ("nonsense", 300),
        ] {
            let pruning = ContextPruning {
                mode: Some(PruningMode::CacheTtl),
                ttl: Some(text.into()),
                ..ContextPruning::default()
            };
            assert_eq!(pruning.pause(), Some(Duration::from_secs(seconds)), "{text}");
        }
        assert_eq!(ContextPruning::default().pause(), None);
    }
}
