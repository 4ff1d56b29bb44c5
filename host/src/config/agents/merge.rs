//! An agent's own settings before the default's, key by key.
use super::{
    ModelChoice,
    heartbeat::Heartbeat,
    pruning::{ContextPruning, HardClear, SoftTrim},
    settings::{AgentSettings, Chunk, Coalesce, Compaction, HumanDelay, MemoryFlush, Subagents},
};

/// Implements `or` for records of options: a key that is set wins over the same key of `usual`.
macro_rules! merge {
    ($($type:ident { $($key:ident),* $(; $($nested:ident),*)? })+) => {$(
        impl $type {
            /// These settings, and those of `usual` that are not set here.
            #[must_use]
            pub fn or(&self, usual: &Self) -> Self {
                Self {
                    $($key: self.$key.clone().or_else(|| usual.$key.clone()),)*
                    $($($nested: self.$nested.or(&usual.$nested),)*)?
                }
            }
        }
    )+};
}

merge! {
    Compaction {
        enabled, mode, model, reserve_tokens_floor, max_history_share, keep_recent_tokens, recent_turns_preserve,
        timeout_seconds, notify_user; memory_flush
    }
    MemoryFlush { enabled, soft_threshold_tokens, prompt, system_prompt, model }
    ContextPruning {
        mode, ttl, keep_last_assistants, soft_trim_ratio, hard_clear_ratio, min_prunable_tool_chars; soft_trim, hard_clear,
        tools
    }
    Heartbeat {
        every, active_hours, model, session, target, to, account_id, prompt, ack_max_chars, timeout_seconds
    }
    SoftTrim { max_chars, head_chars, tail_chars }
    HardClear { enabled, placeholder }
    Chunk { min_chars, max_chars, break_preference }
    Coalesce { min_chars, max_chars, idle_ms }
    HumanDelay { mode, min_ms, max_ms }
    Subagents {
        allow_agents, max_concurrent, max_spawn_depth, max_children_per_agent, archive_after_minutes, model, thinking,
        run_timeout_seconds
    }
}

// === impl AgentSettings ===

impl AgentSettings {
    /// These settings, and those of `usual` that are not set here.
    #[must_use]
    pub fn or(&self, usual: &Self) -> Self {
        let mut models = usual.models.clone();
        for (reference, own) in &self.models {
            let entry = models.entry(reference.clone()).or_default();
            entry.params = own.params.or(&entry.params);
            entry.alias = own.alias.clone().or_else(|| entry.alias.take());
            entry.streaming = own.streaming.or(entry.streaming);
        }
        let mut merged = self.clone();
        merged.models = models;
        merged.params = self.params.or(&usual.params);
        merged.compaction = self.compaction.or(&usual.compaction);
        merged.context_pruning = self.context_pruning.or(&usual.context_pruning);
        merged.subagents = self.subagents.or(&usual.subagents);
        merged.model = choice(&self.model, &usual.model);
        merged.image_model = choice(&self.image_model, &usual.image_model);
        merged.utility_model = choice(&self.utility_model, &usual.utility_model);
        merged.block_streaming_chunk = nested(
            &self.block_streaming_chunk,
            &usual.block_streaming_chunk,
            Chunk::or,
        );
        merged.block_streaming_coalesce = nested(
            &self.block_streaming_coalesce,
            &usual.block_streaming_coalesce,
            Coalesce::or,
        );
        merged.heartbeat = nested(&self.heartbeat, &usual.heartbeat, Heartbeat::or);
        merged.human_delay = nested(&self.human_delay, &usual.human_delay, HumanDelay::or);
        merged.fill_simple(usual);
        merged
    }

    fn fill_simple(&mut self, usual: &Self) {
        macro_rules! fill {
            ($($key:ident),+ $(,)?) => {$(
                if self.$key.is_none() {
                    self.$key.clone_from(&usual.$key);
                }
            )+};
        }
        fill!(
            workspace,
            repo_root,
            skills,
            skip_bootstrap,
            bootstrap_max_chars,
            bootstrap_total_max_chars,
            context_injection,
            user_timezone,
            time_format,
            envelope_timezone,
            envelope_timestamp,
            envelope_elapsed,
            context_tokens,
            thinking_default,
            verbose_default,
            reasoning_default,
            block_streaming_default,
            block_streaming_break,
            timeout_seconds,
            media_max_mb,
            typing_interval_seconds,
            typing_mode,
        );
        if self.model_policy.allow.is_none() {
            self.model_policy.clone_from(&usual.model_policy);
        }
    }
}

fn choice(own: &Option<ModelChoice>, usual: &Option<ModelChoice>) -> Option<ModelChoice> {
    nested(own, usual, ModelChoice::or)
}

fn nested<T: Clone>(own: &Option<T>, usual: &Option<T>, or: impl Fn(&T, &T) -> T) -> Option<T> {
    match (own, usual) {
        (Some(own), Some(usual)) => Some(or(own, usual)),
        (own, usual) => own.clone().or_else(|| usual.clone()),
    }
}
