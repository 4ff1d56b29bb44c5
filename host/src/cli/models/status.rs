//! `openclaw models status`.
use super::{
    super::{Failure, connect::Target, offline::Question, output, setting::Setting},
    probe::probe,
};
use crate::config::Env;
use serde_json::{Value, json};
use std::time::Duration;

/// How long the gateway may take.
const ASK: Duration = Duration::from_secs(10);

/// Shows which model is asked first, and how the gateway proves to providers who asks
#[derive(Debug, clap::Args)]
pub struct Status {
    /// Of this agent [default: the default agent]
    #[arg(long)]
    agent: Option<String>,
    /// End with exit code 1 if the default model or a fallback can't be asked, 2 if a login of theirs ends within a day
    #[arg(long)]
    check: bool,
    /// Print the default model and nothing else
    #[arg(long, conflicts_with = "json")]
    plain: bool,
    /// Show vendors too that are not in use and have no key
    #[arg(long)]
    all: bool,
    /// Ask each model in use for a word, with this machine's plugins and keys; it costs a few tokens
    #[arg(long)]
    probe: bool,
    /// Ask only this provider's
    #[arg(long, value_name = "NAME", requires = "probe")]
    probe_provider: Option<String>,
    /// How long each may take, milliseconds
    #[arg(long, value_name = "MS", default_value_t = 30_000)]
    probe_timeout: u32,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

// === impl Status ===

impl Status {
    /// The command line names a gateway.
    pub(super) fn names_gateway(&self) -> bool {
        self.target.is_given()
    }
}

/// How it is printed, beside what the flags say.
#[derive(Debug, Clone, Copy, Default)]
pub struct Form {
    /// As JSON.
    pub json: bool,
    /// The default model alone.
    pub plain: bool,
}

/// Runs the command.
pub fn run(args: &Status, form: Form, env: &Env) -> Result<(), Failure> {
    let (json, plain) = (args.json || form.json, args.plain || form.plain);
    let setting = Setting::for_client(env)?;
    let params = match &args.agent {
        Some(agent) => json!({ "agentId": agent }),
        None => json!({}),
    };
    let question = Question {
        method: "models.authStatus",
        params,
        limit: ASK,
        quiet: json || plain,
    };
    let mut answer = question.ask_or_read(&args.target, env, &setting)?;
    if args.probe {
        if !args.target.means_own(env, &setting) {
            return Err(Failure::usage(
                "--probe asks with the plugins and keys of this machine; run it where the gateway runs",
            ));
        }
        let limit = Duration::from_millis(args.probe_timeout.into());
        answer["auth"]["probes"] = probe(&answer, args.probe_provider.as_deref(), limit, env)?;
    }
    if json {
        output::json(&shown(answer.clone()))?;
    } else if plain {
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
    match verdict(&answer) {
        Verdict::Missing if args.check => Err(Failure::silent()),
        Verdict::Ending if args.check => Err(Failure::warned()),
        _ => Ok(()),
    }
}

/// An answer as machines see it: no list is one without entries.
fn shown(mut answer: Value) -> Value {
    if answer["allowed"].is_null() {
        answer["allowed"] = json!([]);
    }
    answer
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
        ("Images", or_dash(output::text(&answer["imageModel"]))),
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
    let missing: Vec<_> = missing(answer).collect();
    let mut hidden = 0;
    for provider in output::list(&answer["providers"]) {
        let idle = provider["status"] != "ok" && !missing.contains(&&provider["provider"]);
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
    for login in output::list(&answer["auth"]["oauth"]["profiles"]) {
        let end = match login["remainingMs"].as_i64() {
            Some(left @ 1..) => format!(" for {}", output::age(left)),
            _ => String::new(),
        };
        let (id, status) = (output::text(&login["profileId"]), output::text(&login["status"]));
        anstream::println!("login {id}: {status}{end}");
    }
    for asked in output::list(&answer["auth"]["probes"]["results"]) {
        let text = |key: &str| output::text(&asked[key]);
        let (model, status) = (text("model"), text("status"));
        anstream::println!(
            "{model}: {status} after {} ms {}",
            asked["latencyMs"],
            text("error")
        );
    }
}

/// How it stands with what is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Fine,
    /// A login ends soon.
    Ending,
    /// Nothing can be asked of the default model or of a fallback.
    Missing,
}

fn verdict(answer: &Value) -> Verdict {
    let mut asked = output::list(&answer["auth"]["probes"]["results"]);
    let refused = asked.any(|asked| asked["status"] != "ok");
    if !answer["problem"].is_null() || missing(answer).next().is_some() || refused {
        return Verdict::Missing;
    }
    let mut logins = output::list(&answer["auth"]["oauth"]["providers"]);
    if logins.any(|login| login["inUse"] == true && login["status"] == "expiring") {
        return Verdict::Ending;
    }
    Verdict::Fine
}

/// The providers in use that can't be asked.
fn missing(answer: &Value) -> impl Iterator<Item = &Value> {
    output::list(&answer["auth"]["missingProvidersInUse"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_in_use_is_missed() {
        let mut answer = json!({
            "problem": null,
            "auth": { "missingProvidersInUse": [], "oauth": { "providers": [
                { "provider": "a", "inUse": false, "status": "expiring" },
                { "provider": "b", "inUse": true, "status": "expired" },
            ] } },
        });
        // an expired login has another key beside it, or its provider would be missing
        assert_eq!(verdict(&answer), Verdict::Fine);
        answer["auth"]["oauth"]["providers"][1]["status"] = json!("expiring");
        assert_eq!(verdict(&answer), Verdict::Ending);
        answer["auth"]["missingProvidersInUse"] = json!(["c"]);
        assert_eq!(verdict(&answer), Verdict::Missing);
        answer["auth"]["missingProvidersInUse"] = json!([]);
        answer["problem"] = json!("no such model");
        assert_eq!(verdict(&answer), Verdict::Missing);
        answer["problem"] = Value::Null;
        answer["auth"]["oauth"]["providers"] = json!([]);
        answer["auth"]["probes"] = json!({ "results": [{ "status": "ok" }] });
        assert_eq!(verdict(&answer), Verdict::Fine);
        answer["auth"]["probes"]["results"][0]["status"] = json!("auth");
        assert_eq!(verdict(&answer), Verdict::Missing);
    }

    #[test]
    fn machines_see_a_list_where_every_model_is_allowed() {
        assert_eq!(shown(json!({"allowed": null}))["allowed"], json!([]));
        assert_eq!(shown(json!({"allowed": ["a/b"]}))["allowed"], json!(["a/b"]));
    }
}
