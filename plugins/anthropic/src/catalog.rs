//! What is known of the vendor's models: windows, limits, prices. And what a name tells of a model that is not listed.
use openclaw_plugin_api::{ModelInfo, Usage};
use serde_json::Value;

/// Limit of an answer where a model is not known and nobody asks for more. Every model takes it.
const UNKNOWN_MAX_TOKENS: u32 = 8_192;
/// Limit of an answer of a model of the vendor that came after this table.
const NEW_MAX_TOKENS: u32 = 64_000;
/// Prices of the cache, as a part of the price of input.
const CACHE_READ: f64 = 0.1;
const CACHE_WRITE: f64 = 1.25;
const CACHE_WRITE_LONG: f64 = 2.0;
/// Prices are for so many tokens.
const PRICED: f64 = 1e6;
/// Most models that a list may hold.
const MAX_LISTED: usize = 1_000;

/// One model.
#[derive(Debug, Clone, Copy)]
struct Known {
    id: &'static str,
    name: &'static str,
    max_tokens: u32,
    reasoning: bool,
    /// US dollars for a million tokens: input, output.
    price: (f64, f64),
}

const fn known(
    id: &'static str,
    name: &'static str,
    max_tokens: u32,
    reasoning: bool,
    price: (f64, f64),
) -> Known {
    Known {
        id,
        name,
        max_tokens,
        reasoning,
        price,
    }
}

/// Every one takes pictures and has a window of 200,000 tokens.
const MODELS: &[Known] = &[
    known("claude-opus-4-6", "Claude Opus 4.6", 128_000, true, (5.0, 25.0)),
    known(
        "claude-sonnet-4-6",
        "Claude Sonnet 4.6",
        64_000,
        true,
        (3.0, 15.0),
    ),
    known("claude-opus-4-5", "Claude Opus 4.5", 64_000, true, (5.0, 25.0)),
    known(
        "claude-sonnet-4-5",
        "Claude Sonnet 4.5",
        64_000,
        true,
        (3.0, 15.0),
    ),
    known("claude-haiku-4-5", "Claude Haiku 4.5", 64_000, true, (1.0, 5.0)),
    known("claude-opus-4-1", "Claude Opus 4.1", 32_000, true, (15.0, 75.0)),
    known("claude-opus-4-0", "Claude Opus 4", 32_000, true, (15.0, 75.0)),
    known("claude-sonnet-4-0", "Claude Sonnet 4", 64_000, true, (3.0, 15.0)),
    known(
        "claude-3-7-sonnet",
        "Claude Sonnet 3.7",
        64_000,
        true,
        (3.0, 15.0),
    ),
    known("claude-3-5-haiku", "Claude Haiku 3.5", 8_192, false, (0.8, 4.0)),
    known("claude-3-haiku", "Claude Haiku 3", 4_096, false, (0.25, 1.25)),
];
const CONTEXT_WINDOW: u32 = 200_000;

/// The whole table.
pub fn table() -> Vec<ModelInfo> {
    MODELS.iter().map(Known::info).collect()
}

/// Most tokens of one answer of a model. Of one that is not listed whoever `asked` for more knows better.
pub fn max_tokens(model: &str, asked: Option<u32>) -> u32 {
    let guess = match find(model) {
        Some(known) => return known.max_tokens,
        None if version(model).is_some_and(|version| version >= (4, 0)) => NEW_MAX_TOKENS,
        None => UNKNOWN_MAX_TOKENS,
    };
    guess.max(asked.unwrap_or_default())
}

/// Does the model decide by itself how long it thinks? Those before got a budget.
pub fn thinks_adaptively(model: &str) -> bool {
    version(model).is_some_and(|version| version >= (4, 6))
}

/// Can the model think at all? Strangers are asked to.
pub fn can_think(model: &str) -> bool {
    find(model).is_none_or(|known| known.reasoning)
}

/// What this use costs, US dollars; 0 for strangers. `long` is the part of the cache's writes that is kept for an hour.
pub fn cost(model: &str, usage: &Usage, long: u64) -> f64 {
    let Some(known) = find(model) else { return 0.0 };
    let (input, output) = known.price;
    let short = usage.cache_write.saturating_sub(long);
    // A count of tokens is far below 2^53, where every integer has its float.
    let parts = [
        (usage.input, input),
        (usage.output, output),
        (usage.cache_read, input * CACHE_READ),
        (short, input * CACHE_WRITE),
        (long, input * CACHE_WRITE_LONG),
    ];
    parts
        .iter()
        .map(|(tokens, price)| *tokens as f64 * price / PRICED)
        .sum()
}

/// Models out of the vendor's own list; `None`: it is none.
pub fn read_list(list: &Value) -> Option<Vec<ModelInfo>> {
    let listed = list["data"].as_array()?.iter().take(MAX_LISTED);
    let models = listed.filter_map(|model| {
        let id = model["id"].as_str()?;
        let mut info = find(id).map(Known::info).unwrap_or_else(|| ModelInfo {
            max_tokens: max_tokens(id, None),
            reasoning: version(id).is_some_and(|version| version >= (4, 0)),
            input: vec!["text".into(), "image".into()],
            ..ModelInfo::default()
        });
        info.id = id.to_owned();
        info.name = model["display_name"].as_str().unwrap_or(id).to_owned();
        Some(info)
    });
    Some(models.collect())
}

impl Known {
    fn info(&self) -> ModelInfo {
        let (input, output) = self.price;
        ModelInfo {
            id: self.id.into(),
            name: self.name.into(),
            context_window: CONTEXT_WINDOW,
            max_tokens: self.max_tokens,
            reasoning: self.reasoning,
            input: vec!["text".into(), "image".into()],
            cost_input: input,
            cost_output: output,
            cost_cache_read: input * CACHE_READ,
            cost_cache_write: input * CACHE_WRITE,
        }
    }
}

/// The row of a model: by its id, or by its id and the date of its release behind it.
fn find(model: &str) -> Option<&'static Known> {
    let (id, suffix) = match model.rsplit_once('-') {
        Some((id, suffix)) if suffix == "latest" || is_date(suffix) => (id, suffix),
        _ => (model, ""),
    };
    // The first models of a generation are dated right behind its number: `claude-opus-4-20250514`.
    let first = if suffix.is_empty() {
        String::new()
    } else {
        format!("{id}-0")
    };
    MODELS.iter().find(|known| known.id == id || known.id == first)
}

fn is_date(text: &str) -> bool {
    text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Generation and step of a model of the vendor: `claude-opus-4-6` is (4, 6). Both orders of the name's parts are read.
fn version(model: &str) -> Option<(u32, u32)> {
    let rest = model.strip_prefix("claude-")?;
    let mut numbers = rest
        .split('-')
        .filter(|part| !is_date(part))
        .filter_map(|part| part.parse().ok());
    Some((numbers.next()?, numbers.next().unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_with_dates_are_the_same_models() {
        for (name, expected) in [
            ("claude-opus-4-5-20251101", Some("claude-opus-4-5")),
            ("claude-opus-4-20250514", Some("claude-opus-4-0")),
            ("claude-3-7-sonnet-latest", Some("claude-3-7-sonnet")),
            ("claude-opus-4", None),
            ("claude-opus-4-5-mini", None),
            ("kimi-k2", None),
        ] {
            assert_eq!(find(name).map(|known| known.id), expected, "{name}");
        }
    }

    #[test]
    fn a_name_tells_how_the_model_thinks() {
        let cases = [
            ("claude-opus-4-6", true),
            ("claude-sonnet-4-6-20260301", true),
            ("claude-next-5", true),
            ("claude-opus-4-5-20251101", false),
            ("claude-opus-4-20250514", false),
            ("claude-3-7-sonnet-20250219", false),
            ("MiniMax-M2", false),
        ];
        for (name, expected) in cases {
            assert_eq!(thinks_adaptively(name), expected, "{name}");
        }
        assert!(!can_think("claude-3-haiku-20240307") && can_think("MiniMax-M2"));
        assert_eq!(max_tokens("claude-next-5", None), NEW_MAX_TOKENS);
        assert_eq!(max_tokens("MiniMax-M2", None), UNKNOWN_MAX_TOKENS);
    }

    #[test]
    fn cost_counts_each_kind_of_token_at_its_price() {
        let usage = Usage {
            input: 1_000_000,
            output: 100_000,
            cache_read: 2_000_000,
            cache_write: 2_000_000,
            cost: 0.0,
        };
        let cost = cost("claude-opus-4-6", &usage, 1_000_000);
        assert!((cost - (5.0 + 2.5 + 1.0 + 6.25 + 10.0)).abs() < 1e-9, "{cost}");
        assert_eq!(super::cost("kimi-k2", &usage, 0), 0.0);
    }

    #[test]
    fn the_vendors_list_is_joined_with_the_table() {
        let list = json!({"data": [
            {"id": "claude-haiku-4-5-20251001", "display_name": "Claude Haiku 4.5", "type": "model"},
            {"id": "claude-next-5"}, {"no": "id"},
        ]});
        let models = read_list(&list).expect("a list");
        assert_eq!(models.len(), 2);
        assert_eq!(
            (models[0].id.as_str(), models[0].cost_input),
            ("claude-haiku-4-5-20251001", 1.0)
        );
        assert_eq!(
            (models[1].name.as_str(), models[1].reasoning),
            ("claude-next-5", true)
        );
        assert!(read_list(&json!({"error": {}})).is_none());
    }
}
