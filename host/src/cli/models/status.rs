//! `openclaw models status`.
use super::super::{Failure, connect::Target, output, setting::Setting};
use crate::{config::Env, gateway::Scope};
use serde_json::{Value, json};
use std::time::Duration;

/// How long the gateway may take.
const ASK: Duration = Duration::from_secs(10);

/// Shows which model is asked first, and how the gateway proves to providers who asks
#[derive(Debug, clap::Args)]
pub struct Args {
    /// End with exit code 1 if the default model or a fallback can't be asked
    #[arg(long)]
    check: bool,
    /// Print the default model and nothing else
    #[arg(long, conflicts_with = "json")]
    plain: bool,
    /// Show vendors too that are not in use and have no key
    #[arg(long)]
    all: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

/// Runs the command.
pub fn run(args: &Args, env: &Env) -> Result<(), Failure> {
    let setting = Setting::for_client(env)?;
    let answer = args
        .target
        .ask(env, &setting, Scope::Read, "models.authStatus", json!({}), ASK)?;
    if args.json {
        output::json(&answer)?;
    } else if args.plain {
        let resolved = &answer["resolvedDefault"];
        let shown = if resolved.is_null() {
            &answer["defaultModel"]
        } else {
            resolved
        };
        anstream::println!("{}", output::text(shown));
    } else {
        show(&answer, args.all);
    }
    if args.check && is_missing(&answer) {
        return Err(Failure::silent());
    }
    Ok(())
}

fn show(answer: &Value, all: bool) {
    let joined = |key: &str| {
        output::list(&answer[key])
            .map(output::text)
            .collect::<Vec<_>>()
            .join(", ")
    };
    let or_dash = |text: String| if text.is_empty() { "–".to_owned() } else { text };
    let aliases = answer["aliases"].as_object().into_iter().flatten();
    let aliases: Vec<_> = aliases
        .map(|(alias, model)| format!("{alias} → {}", output::text(model)))
        .collect();
    let rows = [
        ("Config", output::text(&answer["configPath"])),
        ("Agent dir", output::text(&answer["agentDir"])),
        ("Default", output::text(&answer["defaultModel"])),
        ("Fallbacks", or_dash(joined("fallbacks"))),
        ("Aliases", or_dash(aliases.join(", "))),
        (
            "Allowed",
            if answer["allowed"].is_null() {
                "all".to_owned()
            } else {
                joined("allowed")
            },
        ),
    ];
    for (name, value) in rows {
        anstream::println!("{name:<10} {value}");
    }
    if let Some(problem) = answer["problem"].as_str() {
        anstream::println!("\nproblem: {problem}");
    }
    let mut table = output::table(&["PROVIDER", "PLUGIN", "AUTH", "KEYS", "PROBLEM"]);
    let used = in_use(answer);
    let mut hidden = 0;
    for provider in output::list(&answer["providers"]) {
        let idle = provider["status"] != "ok" && !used.contains(&output::text(&provider["provider"]));
        if idle && !all {
            hidden += 1;
            continue;
        }
        let has_keys = matches!(provider["auth"].as_str(), Some("profile" | "env" | "config"));
        let keys: Vec<_> = output::list(&provider["credentials"])
            .filter(|_| has_keys)
            .map(output::text)
            .collect();
        table.add_row([
            output::text(&provider["provider"]),
            output::text(&provider["plugin"]),
            output::text(&provider["auth"]),
            keys.join(" "),
            output::text(&provider["problem"]),
        ]);
    }
    anstream::println!("\n{table}");
    if hidden > 0 {
        anstream::println!("{hidden} more vendors have no key and are not in use; --all shows them.");
    }
}

/// The providers of the default model and of the fallbacks.
fn in_use(answer: &Value) -> Vec<String> {
    let aliases = &answer["aliases"];
    let meant = |written: &Value| match aliases.get(written.as_str().unwrap_or_default()) {
        Some(model) => output::text(model),
        None => output::text(written),
    };
    let used = std::iter::once(&answer["defaultModel"]).chain(output::list(&answer["fallbacks"]));
    used.map(meant)
        .filter_map(|model| Some(crate::config::provider_id(model.split_once('/')?.0)))
        .collect()
}

/// Nothing can be asked of the default model or of a fallback.
fn is_missing(answer: &Value) -> bool {
    let mut providers = in_use(answer).into_iter();
    let missing = |id: String| {
        let mut rows = output::list(&answer["providers"]);
        rows.any(|row| row["provider"] == *id && row["status"] != "ok")
    };
    !answer["problem"].is_null() || providers.any(missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_models_in_use_are_missed() {
        let mut answer = json!({
            "defaultModel": "best", "aliases": { "best": "a/x" }, "fallbacks": ["b/y"], "problem": null,
            "providers": [{ "provider": "a", "status": "ok" }, { "provider": "b", "status": "ok" },
                          { "provider": "c", "status": "missing" }],
        });
        assert!(!is_missing(&answer));
        answer["providers"][1]["status"] = json!("missing");
        assert!(is_missing(&answer));
        answer["fallbacks"] = json!([]);
        assert!(!is_missing(&answer));
        answer["problem"] = json!("no such model");
        assert!(is_missing(&answer));
    }
}
