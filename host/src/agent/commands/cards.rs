//! What commands show. It changes nothing.
use super::{CommandContext, PluginCommand, SessionSettings, table, thinking_word};
use std::fmt::Write as _;

/// Most models that one list shows.
const MAX_MODELS: usize = 100;
/// Most entries of an allowlist that are shown.
const MAX_ALLOWED: usize = 20;

pub fn help() -> String {
    let mut out = "ℹ️ Help\n".to_owned();
    let sections = [
        ("Session", "/new · /reset · /stop · /compact [instructions]"),
        (
            "Options",
            "/model <name> · /think <level> · /verbose on|off · /reasoning on|off · /usage off|tokens|full",
        ),
        ("Queue", "/queue <mode>"),
        ("About", "/status · /whoami · /context"),
    ];
    for (title, line) in sections {
        let _ = writeln!(out, "\n{title}\n  {line}");
    }
    out + "\nAll of them: /commands"
}

pub fn commands(context: &CommandContext<'_>) -> String {
    let mut out = "ℹ️ Commands\n".to_owned();
    for entry in table::TABLE {
        let others = entry.names[1..]
            .iter()
            .map(|name| format!(", /{name}"))
            .collect::<String>();
        let usage = if entry.usage.is_empty() {
            String::new()
        } else {
            format!(" {}", entry.usage)
        };
        let _ = write!(
            out,
            "\n/{}{others}{usage} - {}",
            entry.names[0], entry.description
        );
    }
    let own = |plugin: &&PluginCommand| table::find(&plugin.name).is_none();
    for (n, plugin) in context.plugins.iter().filter(own).enumerate() {
        let gap = if n == 0 { "\n" } else { "" };
        let _ = write!(out, "{gap}\n/{} - {}", plugin.name, plugin.description);
    }
    out
}

pub fn status(context: &CommandContext<'_>, settings: &SessionSettings) -> String {
    let CommandContext {
        version,
        commit,
        tokens,
        ..
    } = context;
    let commit = if commit.is_empty() {
        String::new()
    } else {
        format!(" ({commit})")
    };
    let model = settings
        .model()
        .unwrap_or_else(|| context.default_model.to_owned());
    let auth = if context.auth.is_empty() {
        String::new()
    } else {
        format!(" · 🔑 {}", context.auth)
    };
    let updated = if context.updated.is_empty() {
        String::new()
    } else {
        format!(" • updated {}", context.updated)
    };
    let think = thinking_word(settings.thinking_level.unwrap_or(context.thinking));
    let verbose = settings.verbose_level.unwrap_or(context.verbose);
    let reasoning = settings.reasoning_level.unwrap_or(context.reasoning);
    let mut runtime = format!("direct · Think: {think}");
    if verbose != super::Verbose::Off {
        let _ = write!(runtime, " · verbose {verbose}");
    }
    if reasoning != super::Reasoning::Off {
        let _ = write!(runtime, " · reasoning {reasoning}");
    }
    [
        format!("🦞 OpenClaw {version}{commit}"),
        format!("🧠 Model: {model}{auth}"),
        format!(
            "🧮 Tokens: {} in / {} out",
            count(tokens.input),
            count(tokens.output)
        ),
        format!(
            "📚 Context: {} · 🧹 Compactions: {}",
            window(tokens.context, tokens.window),
            tokens.compactions
        ),
        format!("🧵 Session: {}{updated}", context.session_key),
        format!("⚙️ Runtime: {runtime}"),
        format!(
            "🪢 Queue: {} (depth {})",
            settings.queue(context.queue).mode,
            context.queue_depth
        ),
    ]
    .join("\n")
}

pub fn whoami(context: &CommandContext<'_>) -> String {
    let mut lines = vec!["🧭 Identity".to_owned(), format!("Channel: {}", context.channel)];
    let sender = &context.sender;
    if !sender.id.is_empty() {
        lines.push(format!("User id: {}", sender.id));
    }
    if !sender.username.is_empty() {
        lines.push(format!("Username: @{}", sender.username.trim_start_matches('@')));
    }
    if context.chat.kind != openclaw_plugin_api::ChatKind::Direct && !context.chat.id.is_empty() {
        lines.push(format!("Chat id: {}", context.chat.id));
    }
    if !context.chat.thread_id.is_empty() {
        lines.push(format!("Thread: {}", context.chat.thread_id));
    }
    let allowed = context
        .allow_from
        .iter()
        .take(MAX_ALLOWED)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    let more = context.allow_from.len().saturating_sub(MAX_ALLOWED);
    if more > 0 {
        lines.push(format!("AllowFrom: {allowed} (+{more})"));
    } else if !allowed.is_empty() {
        lines.push(format!("AllowFrom: {allowed}"));
    }
    lines.join("\n")
}

/// The models by number, those of one provider if it is named.
pub fn models(args: &str, context: &CommandContext<'_>) -> String {
    let wanted = args.split_whitespace().next().unwrap_or_default();
    let fits = |reference: &str| {
        wanted.is_empty()
            || reference
                .split_once('/')
                .is_some_and(|(p, _)| p.eq_ignore_ascii_case(wanted))
    };
    let listed: Vec<_> = (1..)
        .zip(context.models)
        .filter(|(_, model)| fits(&model.reference))
        .collect();
    if listed.is_empty() {
        return match wanted {
            "" => {
                "No models are known yet; see `openclaw models status` on the gateway's machine.".to_owned()
            }
            _ => format!("No models of \"{wanted}\" are known; /models lists all."),
        };
    }
    let mut out = format!("🧠 Models ({})", listed.len());
    for (number, model) in listed.iter().take(MAX_MODELS) {
        let aliases = match model.aliases.is_empty() {
            true => String::new(),
            false => format!(" ({})", model.aliases.join(", ")),
        };
        let _ = write!(out, "\n{number}. {}{aliases}", model.reference);
    }
    if listed.len() > MAX_MODELS {
        let _ = write!(
            out,
            "\n… and {} more; name a provider: /models <provider>",
            listed.len() - MAX_MODELS
        );
    }
    out + "\nChoose one with /model <name or number>."
}

pub fn context(args: &str, context: &CommandContext<'_>) -> String {
    let Some(report) = context.prompt else {
        return "🧠 No prompt was built for this session yet; send a message first.".to_owned();
    };
    let tokens = &context.tokens;
    match args
        .split_whitespace()
        .next()
        .map(str::to_ascii_lowercase)
        .as_deref()
    {
        Some("json") => {
            let json = serde_json::to_string_pretty(report).expect("a report is plain data");
            format!("```json\n{json}\n```")
        }
        Some("list" | "detail" | "show") => {
            let mut out = format!(
                "🧠 Context breakdown\nSystem prompt: {} chars (stable {}, changing {})\nTools: {}\n\nWorkspace files:",
                report.stable_chars + report.dynamic_chars,
                report.stable_chars,
                report.dynamic_chars,
                report.tools
            );
            for file in &report.files {
                let state = match (file.missing, file.truncated) {
                    (true, _) => "MISSING",
                    (false, true) => "TRUNCATED",
                    (false, false) => "OK",
                };
                let _ = write!(
                    out,
                    "\n- {}: {state} | raw {} chars | injected {} chars",
                    file.name, file.raw_chars, file.injected_chars
                );
            }
            let _ = write!(out, "\n\nSession: {}", window(tokens.context, tokens.window));
            out
        }
        _ => format!(
            "🧠 What the model is told: the system prompt ({} chars, {} workspace files), {} tools, and the \
             conversation.\nWindow: {}\nMore: /context list, /context json",
            report.stable_chars + report.dynamic_chars,
            report.files.iter().filter(|file| !file.missing).count(),
            report.tools,
            window(tokens.context, tokens.window)
        ),
    }
}

/// What to answer once a conversation was shortened.
pub fn compacted(context: u64, of: u64) -> String {
    format!("⚙️ Compacted • Context {}", window(context, of))
}

/// `12k/200k (6%)`
fn window(used: u64, of: u64) -> String {
    match used.saturating_mul(100).checked_div(of) {
        Some(percent) => format!("{}/{} ({percent}%)", count(used), count(of)),
        None => count(used),
    }
}

/// `999`, `1.2k`, `200k`, `1.5m`
fn count(n: u64) -> String {
    let (unit, letter) = match n {
        0..1000 => return n.to_string(),
        1000..1_000_000 => (1000, 'k'),
        _ => (1_000_000, 'm'),
    };
    let (whole, tenth) = (n / unit, n % unit * 10 / unit);
    match (whole, tenth) {
        (100.., _) | (_, 0) => format!("{whole}{letter}"),
        _ => format!("{whole}.{tenth}{letter}"),
    }
}
