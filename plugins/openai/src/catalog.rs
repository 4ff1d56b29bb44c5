//! The models that are known by name, and how a service's own list is read.
//!
//! The table is of OpenAI's models only: other services carry hundreds that change weekly, and most say in their list
//! what a model can do. Prices are list prices for a million tokens, good for an estimate and not for a bill.
use openclaw_plugin_api::{ModelInfo, Usage};
use serde_json::Value;

/// Longest list that is taken from a service.
const MAX_MODELS: usize = 5_000;
/// Tokens that a price is for.
const PRICED: f64 = 1e6;

/// One model of the table.
#[derive(Debug)]
pub struct Known {
    id: &'static str,
    name: &'static str,
    window: u32,
    max_tokens: u32,
    /// Efforts it takes, the least first; none: it doesn't think.
    pub efforts: &'static [&'static str],
    /// Takes pictures.
    pub images: bool,
    /// Keeps a prefix for a day when asked to.
    pub long_cache: bool,
    input: f64,
    cached: f64,
    written: f64,
    output: f64,
}

const NONE: &[&str] = &[];
/// Thinks as much as it wants; takes no effort below medium.
const FROM_MEDIUM: &[&str] = &["medium", "high", "xhigh"];
const HIGH: &[&str] = &["high"];
const CLASSIC: &[&str] = &["low", "medium", "high"];
const FROM_MINIMAL: &[&str] = &["minimal", "low", "medium", "high"];
const FROM_NONE: &[&str] = &["none", "low", "medium", "high"];
const CODEX: &[&str] = &["low", "medium", "high", "xhigh"];
const FULL: &[&str] = &["none", "low", "medium", "high", "xhigh"];

#[expect(clippy::too_many_arguments, reason = "one row of a table")]
const fn model(
    id: &'static str,
    name: &'static str,
    window: u32,
    max_tokens: u32,
    efforts: &'static [&'static str],
    [input, cached, output]: [f64; 3],
    written: f64,
    long_cache: bool,
) -> Known {
    Known {
        id,
        name,
        window,
        max_tokens,
        efforts,
        images: true,
        long_cache,
        input,
        cached,
        written,
        output,
    }
}

const fn text_only(known: Known) -> Known {
    Known {
        images: false,
        ..known
    }
}

#[rustfmt::skip]
static MODELS: &[Known] = &[
    model("gpt-6-astra", "GPT-6 Astra", 1_050_000, 128_000, FULL, [10.0, 1.0, 50.0], 12.5, true),
    model("gpt-6-sol", "GPT-6 Sol", 1_050_000, 128_000, FULL, [2.0, 0.2, 10.0], 2.5, true),
    model("gpt-6-luna", "GPT-6 Luna", 1_050_000, 128_000, FULL, [0.1, 0.01, 0.5], 0.125, true),
    model("gpt-5.6-sol", "GPT-5.6 Sol", 1_050_000, 128_000, FULL, [4.0, 0.4, 20.0], 5.0, true),
    model("gpt-5.6-terra", "GPT-5.6 Terra", 1_050_000, 128_000, FULL, [2.0, 0.2, 12.0], 2.5, true),
    model("gpt-5.6-luna", "GPT-5.6 Luna", 1_050_000, 128_000, FULL, [0.2, 0.02, 1.2], 0.25, true),
    model("gpt-5.5", "GPT-5.5", 1_050_000, 128_000, FULL, [5.0, 0.5, 30.0], 0.0, true),
    model("gpt-5.5-pro", "GPT-5.5 Pro", 1_050_000, 128_000, FROM_MEDIUM, [30.0, 30.0, 180.0], 0.0, false),
    model("gpt-5.4", "GPT-5.4", 1_050_000, 128_000, FULL, [2.5, 0.25, 15.0], 0.0, true),
    model("gpt-5.4-mini", "GPT-5.4 mini", 400_000, 128_000, FULL, [0.75, 0.075, 4.5], 0.0, true),
    model("gpt-5.4-nano", "GPT-5.4 nano", 400_000, 128_000, FULL, [0.2, 0.02, 1.25], 0.0, true),
    model("gpt-5.3-codex", "GPT-5.3 Codex", 400_000, 128_000, CODEX, [1.75, 0.175, 14.0], 0.0, true),
    model("gpt-5.2", "GPT-5.2", 400_000, 128_000, FULL, [1.75, 0.175, 14.0], 0.0, true),
    model("gpt-5.2-pro", "GPT-5.2 Pro", 400_000, 128_000, FROM_MEDIUM, [21.0, 21.0, 168.0], 0.0, false),
    model("gpt-5.2-codex", "GPT-5.2 Codex", 400_000, 128_000, CODEX, [1.75, 0.175, 14.0], 0.0, true),
    model("gpt-5.1", "GPT-5.1", 400_000, 128_000, FROM_NONE, [1.25, 0.125, 10.0], 0.0, true),
    model("gpt-5.1-codex", "GPT-5.1 Codex", 400_000, 128_000, CLASSIC, [1.25, 0.125, 10.0], 0.0, true),
    model("gpt-5.1-codex-max", "GPT-5.1 Codex Max", 400_000, 128_000, CODEX, [1.25, 0.125, 10.0], 0.0, true),
    model("gpt-5.1-codex-mini", "GPT-5.1 Codex mini", 400_000, 128_000, CLASSIC, [0.25, 0.025, 2.0], 0.0, true),
    model("gpt-5", "GPT-5", 400_000, 128_000, FROM_MINIMAL, [1.25, 0.125, 10.0], 0.0, true),
    model("gpt-5-mini", "GPT-5 mini", 400_000, 128_000, FROM_MINIMAL, [0.25, 0.025, 2.0], 0.0, false),
    model("gpt-5-nano", "GPT-5 nano", 400_000, 128_000, FROM_MINIMAL, [0.05, 0.005, 0.4], 0.0, false),
    model("gpt-5-codex", "GPT-5 Codex", 400_000, 128_000, CLASSIC, [1.25, 0.125, 10.0], 0.0, true),
    model("gpt-5-pro", "GPT-5 Pro", 400_000, 272_000, HIGH, [15.0, 15.0, 120.0], 0.0, false),
    model("gpt-4.1", "GPT-4.1", 1_047_576, 32_768, NONE, [2.0, 0.5, 8.0], 0.0, true),
    model("gpt-4.1-mini", "GPT-4.1 mini", 1_047_576, 32_768, NONE, [0.4, 0.1, 1.6], 0.0, false),
    model("gpt-4.1-nano", "GPT-4.1 nano", 1_047_576, 32_768, NONE, [0.1, 0.025, 0.4], 0.0, false),
    model("gpt-4o", "GPT-4o", 128_000, 16_384, NONE, [2.5, 1.25, 10.0], 0.0, false),
    model("gpt-4o-mini", "GPT-4o mini", 128_000, 16_384, NONE, [0.15, 0.075, 0.6], 0.0, false),
    model("gpt-4-turbo", "GPT-4 Turbo", 128_000, 4_096, NONE, [10.0, 10.0, 30.0], 0.0, false),
    model("o4-mini", "o4-mini", 200_000, 100_000, CLASSIC, [1.1, 0.275, 4.4], 0.0, false),
    model("o3", "o3", 200_000, 100_000, CLASSIC, [2.0, 0.5, 8.0], 0.0, false),
    model("o3-pro", "o3-pro", 200_000, 100_000, CLASSIC, [20.0, 20.0, 80.0], 0.0, false),
    text_only(model("o3-mini", "o3-mini", 200_000, 100_000, CLASSIC, [1.1, 0.55, 4.4], 0.0, false)),
    model("o1", "o1", 200_000, 100_000, CLASSIC, [15.0, 7.5, 60.0], 0.0, false),
    model("o1-pro", "o1-pro", 200_000, 100_000, CLASSIC, [150.0, 150.0, 600.0], 0.0, false),
];

/// What OpenAI's list has beside models to talk to; parts of ids.
const NO_CHAT: &[&str] = &[
    "audio",
    "babbage",
    "computer-use",
    "dall-e",
    "davinci",
    "embedding",
    "image",
    "instruct",
    "moderation",
    "realtime",
    "search",
    "sora",
    "transcribe",
    "tts",
    "whisper",
];

/// The model of that id, or the one that it is a dated copy of (`gpt-4o-2024-08-06`).
pub fn known(id: &str) -> Option<&'static Known> {
    let dated = |of: &Known| {
        id.strip_prefix(of.id)
            .is_some_and(|rest| rest.starts_with("-20") && rest.len() == "-2025-01-01".len())
    };
    MODELS.iter().find(|known| known.id == id || dated(known))
}

/// The whole table.
pub fn table() -> Vec<ModelInfo> {
    MODELS.iter().map(Known::info).collect()
}

// === impl Known ===

impl Known {
    fn info(&self) -> ModelInfo {
        ModelInfo {
            id: self.id.into(),
            name: self.name.into(),
            context_window: self.window,
            max_tokens: self.max_tokens,
            reasoning: !self.efforts.is_empty(),
            input: inputs(self.images),
            cost_input: self.input,
            cost_output: self.output,
            cost_cache_read: self.cached,
            cost_cache_write: self.written,
        }
    }

    /// What this use costs, US dollars.
    pub fn cost(&self, usage: &Usage) -> f64 {
        let priced = [
            (usage.input, self.input),
            (usage.cache_read, self.cached),
            (usage.cache_write, self.written),
            (usage.output, self.output),
        ];
        priced
            .iter()
            .map(|(tokens, price)| *tokens as f64 * price)
            .sum::<f64>()
            / PRICED
    }
}

fn inputs(images: bool) -> Vec<String> {
    let all = ["text", "image"];
    all[..1 + usize::from(images)]
        .iter()
        .map(|&kind| kind.to_owned())
        .collect()
}

/// Reads a service's list, `{"data": […]}` or a bare array. With `table`, models of the table are told by it, and what
/// one can't talk to is left out.
pub fn read_list(list: &Value, table: bool) -> Option<Vec<ModelInfo>> {
    let models = list.as_array().or_else(|| list.get("data")?.as_array())?;
    let talks = |id: &str| !table || !NO_CHAT.iter().any(|part| id.contains(part));
    let read = |model: &Value| {
        let id = model["id"].as_str().filter(|id| talks(id))?;
        let known = if table { known(id) } else { None };
        Some(match known {
            Some(known) => ModelInfo {
                id: id.to_owned(),
                ..known.info()
            },
            None => told(id, model),
        })
    };
    Some(models.iter().take(MAX_MODELS).filter_map(read).collect())
}

/// What a service says of a model. Each has other names for the same things.
fn told(id: &str, model: &Value) -> ModelInfo {
    let count = |paths: &[&str]| {
        let found = paths.iter().find_map(|path| model.pointer(path)?.as_u64());
        found.and_then(|count| u32::try_from(count).ok()).unwrap_or(0)
    };
    // Prices for one token come as texts, prices for a million as numbers.
    let price = |paths: &[&str]| {
        let found = paths.iter().find_map(|path| match model.pointer(path)? {
            Value::String(text) => text.parse().ok().map(|price: f64| price * PRICED),
            number => number.as_f64(),
        });
        found
            .filter(|price| price.is_finite() && *price >= 0.0)
            .unwrap_or(0.0)
    };
    let lists = |path: &str, words: &[&str]| {
        let list = model.pointer(path).and_then(Value::as_array);
        list.is_some_and(|list| {
            list.iter()
                .any(|item| item.as_str().is_some_and(|item| words.contains(&item)))
        })
    };
    let images = lists("/architecture/input_modalities", &["image"])
        || lists("/tags", &["vision"])
        || model.pointer("/capabilities/vision") == Some(&Value::Bool(true));
    ModelInfo {
        id: id.to_owned(),
        name: model["name"].as_str().unwrap_or(id).to_owned(),
        context_window: count(&[
            "/context_length",
            "/context_window",
            "/max_context_length",
            "/max_model_len",
        ]),
        max_tokens: count(&[
            "/top_provider/max_completion_tokens",
            "/max_completion_tokens",
            "/max_tokens",
        ]),
        reasoning: lists("/supported_parameters", &["reasoning", "reasoning_effort"])
            || lists("/tags", &["reasoning"])
            || model.pointer("/capabilities/reasoning") == Some(&Value::Bool(true)),
        input: inputs(images),
        cost_input: price(&["/pricing/prompt", "/pricing/input"]),
        cost_output: price(&["/pricing/completion", "/pricing/output"]),
        cost_cache_read: price(&["/pricing/input_cache_read", "/pricing/cached_input"]),
        cost_cache_write: price(&["/pricing/input_cache_write"]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::collections::BTreeSet;

    #[test]
    fn the_table_is_sound() {
        let ids: BTreeSet<_> = MODELS.iter().map(|model| model.id).collect();
        assert_eq!(ids.len(), MODELS.len(), "an id occurs twice");
        for model in MODELS {
            assert!(
                model.cached <= model.input && model.input < model.output,
                "{}",
                model.id
            );
            assert!(model.max_tokens < model.window, "{}", model.id);
        }
    }

    #[test]
    fn a_dated_copy_is_its_model_and_a_sibling_is_not() {
        assert_eq!(known("gpt-4o-2024-08-06").map(|known| known.id), Some("gpt-4o"));
        assert_eq!(known("gpt-5-mini").map(|known| known.id), Some("gpt-5-mini"));
        assert!(known("gpt-4o-audio-preview").is_none());
    }

    #[test]
    fn cost_counts_each_kind_of_token_at_its_price() {
        let usage = Usage {
            input: 1_000_000,
            cache_read: 2_000_000,
            output: 100_000,
            ..Usage::default()
        };
        let cost = known("gpt-4o").expect("in the table").cost(&usage);
        assert!((cost - (2.5 + 2.5 + 1.0)).abs() < 1e-9, "{cost}");
    }

    #[test]
    fn lists_of_several_services_are_read() {
        let openai = json!({"object": "list", "data": [
            {"id": "gpt-4o-2024-08-06"}, {"id": "text-embedding-3-small"}, {"id": "gpt-9"},
        ]});
        let models = read_list(&openai, true).expect("a list");
        let ids: Vec<_> = models.iter().map(|m| (m.id.as_str(), m.context_window)).collect();
        assert_eq!(ids, [("gpt-4o-2024-08-06", 128_000), ("gpt-9", 0)]);

        let router = json!({"data": [{
            "id": "vendor/model", "name": "Model", "context_length": 131_072,
            "architecture": {"input_modalities": ["text", "image"]}, "supported_parameters": ["reasoning"],
            "pricing": {"prompt": "0.000003", "completion": "0.000015"},
            "top_provider": {"max_completion_tokens": 8192},
        }]});
        let [model] = &read_list(&router, false).expect("a list")[..] else {
            panic!()
        };
        assert_eq!((model.context_window, model.max_tokens), (131_072, 8_192));
        assert!(model.reasoning && model.input == ["text", "image"]);
        assert!((model.cost_input - 3.0).abs() < 1e-9 && (model.cost_output - 15.0).abs() < 1e-9);

        let bare = json!([{"id": "a", "context_length": 8192, "pricing": {"input": 0.2, "output": 0.6}}]);
        let [model] = &read_list(&bare, false).expect("a list")[..] else {
            panic!()
        };
        assert!((model.cost_input - 0.2).abs() < 1e-9);
        assert!(read_list(&json!({"error": "no"}), false).is_none());
    }
}
