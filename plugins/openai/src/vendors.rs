//! The services that are known by name: address, key variables, and in what they differ from OpenAI.
//!
//! A service becomes known by one row here; the manifest's providers, hosts and secrets are computed from the rows, so
//! they can't disagree. Everything else that speaks the same wire needs no row: an address in the configuration will do.
use crate::compat::{MaxTokens, Quirks, ThinkingFormat};

/// One service.
#[derive(Debug)]
pub struct Vendor {
    /// The provider id.
    pub id: &'static str,
    /// Address without a slash at the end.
    pub base_url: &'static str,
    /// The address's host, as the manifest declares it.
    pub host: &'static str,
    /// Variables that may hold the key; the first that is set wins.
    pub keys: &'static [&'static str],
    /// Runs on the operator's own machines, so a key is not a must.
    pub local: bool,
    /// In what it differs.
    pub quirks: Quirks,
}

/// Ids of all services, for the manifest.
pub const IDS: &[&str] = &ID_TABLE;
/// Hosts of all services, for the manifest.
pub const HOSTS: &[&str] = &HOST_TABLE;
/// Key variables of all services, for the manifest.
pub const KEYS: &[&str] = &KEY_TABLE;

/// The first row: what a service is taken for unless it is known.
pub const OPENAI: &Vendor = &ROWS[0];

const fn cloud(
    id: &'static str,
    base_url: &'static str,
    host: &'static str,
    keys: &'static [&'static str],
    quirks: Quirks,
) -> Vendor {
    Vendor {
        id,
        base_url,
        host,
        keys,
        local: false,
        quirks,
    }
}

const fn local(
    id: &'static str,
    base_url: &'static str,
    host: &'static str,
    keys: &'static [&'static str],
) -> Vendor {
    Vendor {
        id,
        base_url,
        host,
        keys,
        local: true,
        quirks: Quirks::PLAIN,
    }
}

const fn thinking(thinking: ThinkingFormat) -> Quirks {
    Quirks {
        thinking,
        ..Quirks::PLAIN
    }
}

/// Takes `max_completion_tokens`, as OpenAI does.
const COMPLETION_TOKENS: Quirks = Quirks {
    max_tokens: MaxTokens::Completion,
    ..Quirks::PLAIN
};

/// Refuses fields that it doesn't know, wants ids of nine characters and no user after a tool.
const MISTRAL: Quirks = Quirks {
    reasoning_effort: false,
    usage_in_stream: false,
    tool_result_name: true,
    assistant_after_tool: true,
    short_call_ids: true,
    ..Quirks::PLAIN
};

/// Its thinking models refuse the effort.
const NO_EFFORT: Quirks = Quirks {
    reasoning_effort: false,
    ..Quirks::PLAIN
};

/// Every known service. OpenAI is first.
#[rustfmt::skip]
pub static VENDORS: &[Vendor] = ROWS;

#[rustfmt::skip]
const ROWS: &[Vendor] = &[
    cloud("openai", "https://api.openai.com/v1", "api.openai.com", &["OPENAI_API_KEY"], Quirks::OPENAI),
    cloud("openrouter", "https://openrouter.ai/api/v1", "openrouter.ai", &["OPENROUTER_API_KEY"], thinking(ThinkingFormat::OpenRouter)),
    cloud("groq", "https://api.groq.com/openai/v1", "api.groq.com", &["GROQ_API_KEY"], COMPLETION_TOKENS),
    cloud("xai", "https://api.x.ai/v1", "api.x.ai", &["XAI_API_KEY"], NO_EFFORT),
    cloud("mistral", "https://api.mistral.ai/v1", "api.mistral.ai", &["MISTRAL_API_KEY"], MISTRAL),
    cloud("cerebras", "https://api.cerebras.ai/v1", "api.cerebras.ai", &["CEREBRAS_API_KEY"], COMPLETION_TOKENS),
    cloud("deepseek", "https://api.deepseek.com/v1", "api.deepseek.com", &["DEEPSEEK_API_KEY"], thinking(ThinkingFormat::DeepSeek)),
    cloud("moonshot", "https://api.moonshot.ai/v1", "api.moonshot.ai", &["MOONSHOT_API_KEY"], NO_EFFORT),
    cloud("zai", "https://api.z.ai/api/paas/v4", "api.z.ai", &["ZAI_API_KEY", "Z_AI_API_KEY"], thinking(ThinkingFormat::Zai)),
    cloud("minimax", "https://api.minimax.io/v1", "api.minimax.io", &["MINIMAX_API_KEY"], NO_EFFORT),
    cloud("alibaba", "https://dashscope-intl.aliyuncs.com/compatible-mode/v1", "dashscope-intl.aliyuncs.com", &["MODELSTUDIO_API_KEY", "DASHSCOPE_API_KEY", "QWEN_API_KEY"], thinking(ThinkingFormat::Qwen)),
    cloud("qianfan", "https://qianfan.baidubce.com/v2", "qianfan.baidubce.com", &["QIANFAN_API_KEY"], NO_EFFORT),
    cloud("together", "https://api.together.xyz/v1", "api.together.xyz", &["TOGETHER_API_KEY"], thinking(ThinkingFormat::Together)),
    cloud("fireworks", "https://api.fireworks.ai/inference/v1", "api.fireworks.ai", &["FIREWORKS_API_KEY"], Quirks::PLAIN),
    cloud("nvidia", "https://integrate.api.nvidia.com/v1", "integrate.api.nvidia.com", &["NVIDIA_API_KEY"], Quirks::PLAIN),
    cloud("huggingface", "https://router.huggingface.co/v1", "router.huggingface.co", &["HUGGINGFACE_HUB_TOKEN", "HF_TOKEN"], Quirks::PLAIN),
    cloud("venice", "https://api.venice.ai/api/v1", "api.venice.ai", &["VENICE_API_KEY"], Quirks::PLAIN),
    cloud("chutes", "https://llm.chutes.ai/v1", "llm.chutes.ai", &["CHUTES_OAUTH_TOKEN", "CHUTES_API_KEY"], NO_EFFORT),
    cloud("opencode", "https://opencode.ai/zen/v1", "opencode.ai", &["OPENCODE_API_KEY", "OPENCODE_ZEN_API_KEY"], Quirks::PLAIN),
    cloud("vercel-ai-gateway", "https://ai-gateway.vercel.sh/v1", "ai-gateway.vercel.sh", &["AI_GATEWAY_API_KEY"], thinking(ThinkingFormat::OpenRouter)),
    local("litellm", "http://127.0.0.1:4000/v1", "127.0.0.1:4000", &["LITELLM_API_KEY"]),
    local("lmstudio", "http://127.0.0.1:1234/v1", "127.0.0.1:1234", &["LM_API_TOKEN"]),
    local("vllm", "http://127.0.0.1:8000/v1", "127.0.0.1:8000", &["VLLM_API_KEY"]),
    local("sglang", "http://127.0.0.1:30000/v1", "127.0.0.1:30000", &["SGLANG_API_KEY"]),
    local("ollama", "http://127.0.0.1:11434/v1", "127.0.0.1:11434", &["OLLAMA_API_KEY"]),
];

const ID_TABLE: [&str; ROWS.len()] = {
    let mut ids = [""; ROWS.len()];
    let mut row = 0;
    while row < ROWS.len() {
        ids[row] = ROWS[row].id;
        row += 1;
    }
    ids
};

const HOST_TABLE: [&str; ROWS.len()] = {
    let mut hosts = [""; ROWS.len()];
    let mut row = 0;
    while row < ROWS.len() {
        hosts[row] = ROWS[row].host;
        row += 1;
    }
    hosts
};

const KEY_COUNT: usize = {
    let (mut row, mut count) = (0, 0);
    while row < ROWS.len() {
        count += ROWS[row].keys.len();
        row += 1;
    }
    count
};

const KEY_TABLE: [&str; KEY_COUNT] = {
    let mut keys = [""; KEY_COUNT];
    let (mut row, mut next) = (0, 0);
    while row < ROWS.len() {
        let mut key = 0;
        while key < ROWS[row].keys.len() {
            keys[next] = ROWS[row].keys[key];
            next += 1;
            key += 1;
        }
        row += 1;
    }
    keys
};

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_rows_are_sound() {
        let ids: BTreeSet<_> = IDS.iter().collect();
        assert_eq!(ids.len(), VENDORS.len(), "an id occurs twice");
        for vendor in VENDORS {
            let after_scheme = vendor.base_url.split_once("://").expect("a scheme").1;
            let host = after_scheme.split('/').next();
            assert_eq!(host, Some(vendor.host), "{}", vendor.id);
            assert!(!vendor.base_url.ends_with('/'), "{}", vendor.id);
            assert!(!vendor.keys.is_empty(), "{}", vendor.id);
            assert_eq!(
                vendor.local,
                vendor.base_url.starts_with("http://"),
                "{}",
                vendor.id
            );
        }
        assert_eq!(OPENAI.id, "openai");
    }

    #[test]
    fn the_manifest_tables_follow_the_rows() {
        assert!(KEYS.contains(&"Z_AI_API_KEY") && HOSTS.contains(&"127.0.0.1:11434"));
        assert!(!KEYS.contains(&""));
    }
}
