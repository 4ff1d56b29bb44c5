//! Which tools are on and why others are off, in words.
use super::{Decision, Verdict};
use std::fmt::Write as _;

/// Most tools of one kind that are listed.
const MAX_LISTED: usize = 200;

/// The tools for somebody in a chat; of one tool alone if it is named.
pub fn card(decisions: &[Decision], name: &str) -> String {
    if !name.is_empty() {
        return one(decisions, name);
    }
    let on: Vec<_> = decisions
        .iter()
        .filter(|decision| decision.verdict.is_on())
        .collect();
    let mut out = format!("🧰 Tools: {} on, {} off", on.len(), decisions.len() - on.len());
    if !on.is_empty() {
        let names: Vec<_> = on
            .iter()
            .take(MAX_LISTED)
            .map(|decision| decision.tool.spec.name.as_str())
            .collect();
        let _ = write!(out, "\n\nOn: {}", names.join(", "));
    }
    let off = decisions.iter().filter_map(|decision| match &decision.verdict {
        Verdict::Off(why) => Some((&decision.tool.spec.name, why)),
        Verdict::On => None,
    });
    for (n, (name, why)) in off.take(MAX_LISTED).enumerate() {
        let head = if n == 0 { "\n\nOff:" } else { "" };
        let _ = write!(out, "{head}\n- {name}: {why}");
    }
    out
}

fn one(decisions: &[Decision], name: &str) -> String {
    let name = crate::config::tool_names::canonical(name);
    let Some(decision) = decisions.iter().find(|decision| decision.tool.spec.name == name) else {
        let near = decisions.iter().map(|decision| decision.tool.spec.name.as_str());
        let near = near.min_by_key(|known| strsim::osa_distance(known, &name));
        let hint = near.map_or(String::new(), |near| format!(" Did you mean {near}?"));
        return format!("🧰 No tool here is named {name}.{hint}");
    };
    let from = match &decision.tool.plugin {
        Some(plugin) => format!("of the plugin {plugin}"),
        None => "of the gateway".to_owned(),
    };
    match &decision.verdict {
        Verdict::On => format!("🧰 {name} ({from}) is on."),
        Verdict::Off(why) => format!("🧰 {name} ({from}) is off: {why}."),
    }
}
