//! Commands that change a setting of the conversation, and what they answer.
use super::{
    Activation, CommandContext, QueueDrop, QueueMode, Reasoning, SendPolicy, SessionSettings, UsageFooter,
    Verbose, pick, thinking_from_word, thinking_word,
};
use openclaw_plugin_api::ChatKind;

/// Longest wait for further messages.
const MAX_DEBOUNCE_MS: u64 = 10 * 60 * 1000;
/// Most messages that may wait.
const MAX_CAP: u32 = 1000;
const THINKING: &[&str] = &["off", "minimal", "low", "medium", "high", "xhigh"];

pub fn think(args: &str, context: &CommandContext<'_>, settings: &mut SessionSettings) -> String {
    if args.is_empty() {
        let level = thinking_word(settings.thinking_level.unwrap_or(context.thinking));
        return now("thinking level", level, THINKING);
    }
    let Some(level) = thinking_from_word(args) else {
        return unknown("thinking level", args, THINKING);
    };
    settings.thinking_level = Some(level);
    match thinking_word(level) {
        "off" => "Thinking disabled.".to_owned(),
        word => format!("Thinking level set to {word}."),
    }
}

pub fn verbose(args: &str, context: &CommandContext<'_>, settings: &mut SessionSettings) -> String {
    if args.is_empty() {
        let level = settings.verbose_level.unwrap_or(context.verbose);
        return now("verbose level", level, Verbose::WORDS);
    }
    let Some(level) = Verbose::from_word(args) else {
        return unknown("verbose level", args, Verbose::WORDS);
    };
    settings.verbose_level = Some(level);
    let said = match level {
        Verbose::Off => "disabled",
        Verbose::On => "enabled",
        Verbose::Full => "set to full",
    };
    format!("⚙️ Verbose logging {said}.")
}

pub fn reasoning(args: &str, context: &CommandContext<'_>, settings: &mut SessionSettings) -> String {
    if args.is_empty() {
        let level = settings.reasoning_level.unwrap_or(context.reasoning);
        return now("reasoning level", level, Reasoning::WORDS);
    }
    let Some(level) = Reasoning::from_word(args) else {
        return unknown("reasoning level", args, Reasoning::WORDS);
    };
    settings.reasoning_level = Some(level);
    let said = match level {
        Reasoning::Off => "hidden",
        Reasoning::On => "shown",
        Reasoning::Stream => "shown while it comes",
    };
    format!("⚙️ Reasoning is {said}.")
}

/// Without an argument it goes to the next kind.
pub fn usage(args: &str, context: &CommandContext<'_>, settings: &mut SessionSettings) -> String {
    let footer = match args {
        "" => match settings.response_usage.unwrap_or_default() {
            UsageFooter::Off => UsageFooter::Tokens,
            UsageFooter::Tokens => UsageFooter::Full,
            UsageFooter::Full => UsageFooter::Off,
        },
        cost if cost.eq_ignore_ascii_case("cost") => {
            let tokens = &context.tokens;
            return format!(
                "💸 This session: ${:.4} · {} in / {} out",
                tokens.cost, tokens.input, tokens.output
            );
        }
        word => match UsageFooter::from_word(word) {
            Some(footer) => footer,
            None => return unknown("usage footer", word, &["off", "tokens", "full", "cost"]),
        },
    };
    settings.response_usage = Some(footer);
    format!("⚙️ Usage footer: {footer}.")
}

pub fn queue(args: &str, context: &CommandContext<'_>, settings: &mut SessionSettings) -> String {
    let show = |settings: &SessionSettings| {
        let queue = settings.queue(context.queue);
        format!(
            "mode={}, debounce={}ms, cap={}, drop={}",
            queue.mode, queue.debounce_ms, queue.cap, queue.drop
        )
    };
    if args.is_empty() {
        return format!(
            "🪢 Queue: {}\nOptions: {}, debounce:<500ms|2s>, cap:<n>, drop:<{}>, default.",
            show(settings),
            QueueMode::WORDS.join(", "),
            QueueDrop::WORDS.join("|")
        );
    }
    let mut next = settings.clone();
    for word in args.split_whitespace() {
        if let Err(text) = queue_word(word, &mut next) {
            return text;
        }
    }
    *settings = next;
    format!("⚙️ Queue set: {}.", show(settings))
}

fn queue_word(word: &str, settings: &mut SessionSettings) -> Result<(), String> {
    let Some((key, value)) = word.split_once([':', '=']) else {
        if matches!(word.to_ascii_lowercase().as_str(), "default" | "reset") {
            settings.queue_mode = None;
            settings.queue_debounce_ms = None;
            settings.queue_cap = None;
            settings.queue_drop = None;
            return Ok(());
        }
        let mode = QueueMode::from_word(word).ok_or_else(|| unknown("queue mode", word, QueueMode::WORDS))?;
        settings.queue_mode = Some(mode);
        return Ok(());
    };
    match key.to_ascii_lowercase().as_str() {
        "debounce" => {
            let ms = milliseconds(value).filter(|ms| *ms <= MAX_DEBOUNCE_MS);
            let ms =
                ms.ok_or_else(|| format!("\"{value}\" is no debounce; write 500ms, 2s or 1m, up to 10m."))?;
            settings.queue_debounce_ms = Some(ms);
        }
        "cap" => {
            let cap = value.parse().ok().filter(|cap| (1..=MAX_CAP).contains(cap));
            let cap =
                cap.ok_or_else(|| format!("\"{value}\" is no cap; write a number from 1 to {MAX_CAP}."))?;
            settings.queue_cap = Some(cap);
        }
        "drop" => {
            let drop = QueueDrop::from_word(value);
            settings.queue_drop = Some(drop.ok_or_else(|| unknown("drop policy", value, QueueDrop::WORDS))?);
        }
        _ => return Err(unknown("queue option", key, &["debounce", "cap", "drop"])),
    }
    Ok(())
}

/// `500`, `500ms`, `2s`, `1.5s`, `1m`.
fn milliseconds(text: &str) -> Option<u64> {
    let text = text.to_ascii_lowercase();
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let factor = match &text[end..] {
        "" | "ms" => 1.0,
        "s" => 1000.0,
        "m" => 60_000.0,
        _ => return None,
    };
    let duration = text[..end].parse::<f64>().ok()? * factor / 1000.0;
    let duration = std::time::Duration::try_from_secs_f64(duration).ok()?;
    u64::try_from(duration.as_millis()).ok()
}

pub fn activation(args: &str, context: &CommandContext<'_>, settings: &mut SessionSettings) -> String {
    if context.chat.kind == ChatKind::Direct {
        return "⚙️ Activation is for groups; here I answer always.".to_owned();
    }
    if args.is_empty() {
        return now(
            "activation",
            settings.group_activation.unwrap_or_default(),
            Activation::WORDS,
        );
    }
    let Some(activation) = Activation::from_word(args) else {
        return unknown("activation", args, Activation::WORDS);
    };
    settings.group_activation = Some(activation);
    format!("⚙️ Group activation set to {activation}.")
}

pub fn send(args: &str, settings: &mut SessionSettings) -> String {
    let words = &["on", "off", "inherit"];
    let said = |policy: Option<SendPolicy>| match policy {
        Some(SendPolicy::Allow) => "on",
        Some(SendPolicy::Deny) => "off",
        None => "inherit",
    };
    if args.is_empty() {
        return now("send policy", said(settings.send_policy), words);
    }
    let policy = match args.to_ascii_lowercase().as_str() {
        "inherit" | "default" | "reset" => None,
        word => match SendPolicy::from_word(word) {
            Some(policy) => Some(policy),
            None => return unknown("send policy", args, words),
        },
    };
    settings.send_policy = policy;
    format!("⚙️ Send policy set to {}.", said(policy))
}

pub fn model(args: &str, context: &CommandContext<'_>, settings: &mut SessionSettings) -> String {
    let current = settings
        .model()
        .unwrap_or_else(|| context.default_model.to_owned());
    match args.to_ascii_lowercase().as_str() {
        "" | "status" => {
            let profile = settings.auth_profile_override.as_ref();
            let profile = profile.map(|profile| format!(" @ {profile}")).unwrap_or_default();
            return format!(
                "🧠 Model: {current}{profile} (default: {})\nChange it with /model <name>; /models lists them.",
                context.default_model
            );
        }
        "list" => return super::cards::models("", context),
        "default" | "reset" => {
            set_model(context.default_model, None, context, settings);
            return format!("Model reset to default ({}).", context.default_model);
        }
        _ => {}
    }
    let (name, profile) = match args.rsplit_once('@') {
        Some((name, profile)) if !name.is_empty() && !profile.is_empty() => (name, Some(profile)),
        _ => (args, None),
    };
    let reference = match resolve(name, context) {
        Ok(reference) => reference,
        Err(error) => return format!("Model \"{name}\" not set: {error}."),
    };
    set_model(&reference, profile, context, settings);
    let with = profile
        .map(|profile| format!(" with {profile}"))
        .unwrap_or_default();
    format!("Model set to {reference}{with}.")
}

/// The model's reference: by its number in the list, by name, or as it is written if the operator allows any.
fn resolve(name: &str, context: &CommandContext<'_>) -> Result<String, pick::PickError> {
    let number = name.trim_start_matches('#').parse::<usize>().ok();
    let listed = number.and_then(|number| context.models.get(number.checked_sub(1)?));
    if let Some(model) = listed {
        return Ok(model.reference.clone());
    }
    // A vendor may have models that its catalogue doesn't list.
    let known = |provider: &str| context.models.iter().any(|model| model.provider() == provider);
    let written = name
        .split_once('/')
        .is_some_and(|(provider, id)| known(provider) && !id.is_empty());
    match pick::exact(name, context.models) {
        Some(model) => Ok(model.reference.clone()),
        None if written && !context.models_only => Ok(name.to_owned()),
        None => pick::fuzzy(name, context.models).map(|model| model.reference.clone()),
    }
}

/// Chooses a model. The default is chosen by choosing none, so that it follows the configuration.
pub fn set_model(
    reference: &str,
    profile: Option<&str>,
    context: &CommandContext<'_>,
    settings: &mut SessionSettings,
) {
    let chosen = reference
        .split_once('/')
        .filter(|_| reference != context.default_model);
    settings.provider_override = chosen.map(|(provider, _)| provider.to_owned());
    settings.model_override = chosen.map(|(_, model)| model.to_owned());
    settings.auth_profile_override = profile.map(str::to_owned);
    settings.auth_profile_override_source = profile.map(|_| "user".to_owned());
}

fn now(what: &str, value: impl std::fmt::Display, words: &[&str]) -> String {
    format!("Current {what}: {value}.\nOptions: {}.", words.join(", "))
}

fn unknown(what: &str, word: &str, words: &[&str]) -> String {
    let word: String = word.chars().take(40).collect();
    format!("Unrecognized {what} \"{word}\". Valid: {}.", words.join(", "))
}
