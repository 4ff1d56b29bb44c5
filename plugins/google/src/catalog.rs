//! What is known of the vendor's models: windows, limits, prices, and how each is told to think.
use openclaw_plugin_api::{ModelInfo, Thinking, Usage};
use serde_json::{Value, json};

/// Prices are for so many tokens.
const PRICED: f64 = 1e6;
/// Most models that a list may hold.
const MAX_LISTED: usize = 1_000;
/// Every listed model's window and limit, tokens.
const CONTEXT_WINDOW: u32 = 1_048_576;
const MAX_TOKENS: u32 = 65_536;

/// One model.
#[derive(Debug, Clone, Copy)]
struct Known {
    id: &'static str,
    name: &'static str,
    /// US dollars for a million tokens: input, output, input from the cache.
    price: (f64, f64, f64),
}

const fn known(id: &'static str, name: &'static str, price: (f64, f64, f64)) -> Known {
    Known { id, name, price }
}

/// Prices are those of prompts up to 200,000 tokens.
const MODELS: &[Known] = &[
    known("gemini-3-pro-preview", "Gemini 3 Pro", (2.0, 12.0, 0.2)),
    known("gemini-3-flash-preview", "Gemini 3 Flash", (0.5, 3.0, 0.05)),
    known("gemini-2.5-pro", "Gemini 2.5 Pro", (1.25, 10.0, 0.125)),
    known("gemini-2.5-flash", "Gemini 2.5 Flash", (0.3, 2.5, 0.03)),
    known("gemini-2.5-flash-lite", "Gemini 2.5 Flash-Lite", (0.1, 0.4, 0.01)),
];

/// The whole table.
pub fn table() -> Vec<ModelInfo> {
    MODELS.iter().map(Known::info).collect()
}

/// Does the model want each call's proof back? Without it such a model refuses the request.
pub fn needs_proofs(model: &str) -> bool {
    model.starts_with("gemini-3")
}

/// `generationConfig.thinkingConfig`; `None`: the model has no such setting.
pub fn thinking(model: &str, thinking: Thinking) -> Option<Value> {
    if model.starts_with("gemini-3") {
        // It can't be turned off. What Pro doesn't know is its next higher level.
        let pro = model.contains("pro");
        let level = match thinking {
            Thinking::Off | Thinking::Minimal if !pro => "MINIMAL",
            Thinking::Off | Thinking::Minimal | Thinking::Low => "LOW",
            Thinking::Medium if !pro => "MEDIUM",
            Thinking::Medium | Thinking::High | Thinking::Xhigh => "HIGH",
        };
        return Some(json!({ "includeThoughts": thinking != Thinking::Off, "thinkingLevel": level }));
    }
    if !model.starts_with("gemini-2.5") {
        return None;
    }
    let pro = model.contains("pro");
    let budget = match thinking {
        // Pro can't be stopped from thinking; this is its least.
        Thinking::Off if pro => 128,
        Thinking::Off => 0,
        Thinking::Minimal => 512,
        Thinking::Low => 2_048,
        Thinking::Medium => 8_192,
        Thinking::High => 24_576,
        Thinking::Xhigh if pro => 32_768,
        Thinking::Xhigh => 24_576,
    };
    Some(json!({ "includeThoughts": thinking != Thinking::Off, "thinkingBudget": budget }))
}

/// What this use costs, US dollars; 0 for strangers.
pub fn cost(model: &str, usage: &Usage) -> f64 {
    let Some(known) = MODELS.iter().find(|known| known.id == model) else {
        return 0.0;
    };
    let (input, output, cached) = known.price;
    // A count of tokens is far below 2^53, where every integer has its float.
    let parts = [
        (usage.input, input),
        (usage.output, output),
        (usage.cache_read, cached),
    ];
    parts
        .iter()
        .map(|(tokens, price)| *tokens as f64 * price / PRICED)
        .sum()
}

/// Models out of the vendor's own list that can hold a conversation; `None`: it is none.
pub fn read_list(list: &Value) -> Option<Vec<ModelInfo>> {
    let listed = list["models"].as_array()?.iter().take(MAX_LISTED);
    let models = listed.filter_map(|model| {
        let id = model["name"].as_str()?.trim_start_matches("models/");
        let methods = model["supportedGenerationMethods"].as_array();
        if methods.is_some_and(|methods| !methods.contains(&"generateContent".into())) {
            return None;
        }
        let count = |name: &str| {
            model[name]
                .as_u64()
                .and_then(|n| u32::try_from(n).ok())
                .unwrap_or_default()
        };
        let known = MODELS.iter().find(|known| known.id == id).map(Known::info);
        let info = known.unwrap_or_else(|| ModelInfo {
            id: id.to_owned(),
            reasoning: model["thinking"].as_bool().unwrap_or_default(),
            input: vec!["text".into(), "image".into()],
            ..ModelInfo::default()
        });
        Some(ModelInfo {
            name: model["displayName"].as_str().unwrap_or(id).to_owned(),
            context_window: count("inputTokenLimit"),
            max_tokens: count("outputTokenLimit"),
            ..info
        })
    });
    Some(models.collect())
}

impl Known {
    fn info(&self) -> ModelInfo {
        let (input, output, cached) = self.price;
        ModelInfo {
            id: self.id.into(),
            name: self.name.into(),
            context_window: CONTEXT_WINDOW,
            max_tokens: MAX_TOKENS,
            reasoning: true,
            input: vec!["text".into(), "image".into()],
            cost_input: input,
            cost_output: output,
            cost_cache_read: cached,
            cost_cache_write: 0.0,
        }
    }
}
